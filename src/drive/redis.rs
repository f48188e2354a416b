//! Looking into a Redis service: what a key holds, which keys there are, what a stream tells, and whether the places that
//! must agree do.

use super::RedisAt;
use super::error::StepError;
use super::steps::Session;
use crate::plan::Template;
use crate::plan::backing::{LastingPlan, RedisLookPlan, RedisView, SameAsOther, SameAsPlan, StreamPlan};
use redis::aio::MultiplexedConnection;
use redis::{Client, ConnectionAddr, IntoConnectionInfo as _, RedisConnectionInfo, RedisError, Value as Answer, cmd};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Most keys that are looked at.
const MOST_KEYS: usize = 500;
/// Most entries of a stream that are read.
const MOST_ENTRIES: usize = 5_000;
/// Takes time from what keys have to live.
const AGE: &str = "for _, key in ipairs(KEYS) do local left = redis.call('PTTL', key) if left >= 0 then \
    if left <= tonumber(ARGV[1]) then redis.call('DEL', key) else redis.call('PEXPIRE', key, left - tonumber(ARGV[1])) end end end return 1";
/// Longest text of a value, in characters.
const LONGEST: usize = 16_384;

impl Session<'_> {
    /// Leaves what a plan asks for as the step's value.
    pub(super) async fn look_into_redis(&self, step: usize, plan: &RedisLookPlan, deadline: Instant) -> Result<(), StepError> {
        if let RedisView::Traffic(name) = &plan.look {
            self.recorder.set_value(step, self.world.redis_traffic(&plan.service, name.as_deref()));
            return Ok(());
        }
        let looked = tokio::time::timeout_at(deadline, self.view_redis(plan)).await;
        let value = looked.map_err(|_| StepError::Redis(format!("the Redis service `{}` does not answer", plan.service)))??;
        self.recorder.set_value(step, value);
        Ok(())
    }

    /// Lets time pass in the run's own Redis servers, which know the real time alone: what would have expired by now is gone,
    /// and what is left has so much less to live.
    pub(super) async fn age_redis(&self, by: Duration) -> Result<(), StepError> {
        for at in self.world.own_redis() {
            let aged = tokio::time::timeout_at(self.ends, age(&at, by)).await;
            let aged = aged.map_err(|_| StepError::Clock("a Redis server does not answer".to_owned()))?;
            match aged {
                Ok(()) => {}
                // A server that is down has no clients whose keys could be too old.
                Err(error) if error.is_io_error() => {}
                Err(error) => return Err(StepError::Clock(words(&error))),
            }
        }
        Ok(())
    }

    async fn view_redis(&self, plan: &RedisLookPlan) -> Result<Value, StepError> {
        let at =
            self.world.redis(&plan.service).ok_or_else(|| StepError::Redis(format!("there is no Redis service `{}`", plan.service)))?;
        let mut redis = connect(&at, plan.db).await.map_err(|error| refused(&plan.service, &error))?;
        let told = |error: RedisError| refused(&plan.service, &error);
        let mut reply = Value::Null;
        if !plan.send.is_empty() {
            let mut command = redis::Cmd::new();
            for word in &plan.send {
                command.arg(self.recorder.render(word)?);
            }
            reply = to_json(command.query_async(&mut redis).await.map_err(told)?);
        }
        match &plan.look {
            RedisView::Reply | RedisView::Traffic(_) => Ok(json!({ "reply": reply })),
            RedisView::Key(key, same) => {
                let key = self.recorder.render(key)?;
                let mut found = entry(&mut redis, &key).await.map_err(told)?;
                if let Some(same) = same {
                    found["differs"] = self.compare(&mut redis, &found, same).await?.into();
                }
                Ok(found)
            }
            RedisView::Keys(pattern) => {
                let pattern = self.recorder.render(pattern)?;
                let names = keys(&mut redis, &pattern).await.map_err(told)?;
                let mut entries = Vec::new();
                for name in names.iter().take(MOST_KEYS) {
                    entries.push(entry(&mut redis, name).await.map_err(told)?);
                }
                Ok(json!({ "count": names.len(), "entries": entries }))
            }
            RedisView::Stream(stream, lasting) => {
                let (length, last, entries) = self.read(&mut redis, stream).await?;
                let broken = lasting.as_ref().map(|lasting| undone(&entries, lasting));
                Ok(json!({ "length": length, "count": entries.len(), "last": last, "entries": entries, "broken": broken }))
            }
        }
    }

    /// Length and last id of a stream, and the entries that are asked for.
    async fn read(&self, redis: &mut MultiplexedConnection, plan: &StreamPlan) -> Result<(u64, String, Vec<Value>), StepError> {
        let key = self.recorder.render(&plan.key)?;
        let told = |error: RedisError| StepError::Redis(format!("stream `{}`: {}", crate::base::escape::line(&key), words(&error)));
        let length: u64 = cmd("XLEN").arg(&key).query_async(redis).await.map_err(told)?;
        let newest: Answer = cmd("XREVRANGE").arg(&key).arg("+").arg("-").arg("COUNT").arg(1).query_async(redis).await.map_err(told)?;
        let last = rows(newest).pop().and_then(|row| row["id"].as_str().map(str::to_owned)).unwrap_or_else(|| "0-0".to_owned());
        let from = match &plan.since {
            None => "-".to_owned(),
            Some(since) => format!("({}", self.recorder.render(since)?),
        };
        let found: Answer =
            cmd("XRANGE").arg(&key).arg(from).arg("+").arg("COUNT").arg(MOST_ENTRIES).query_async(redis).await.map_err(told)?;
        let mut only = Vec::new();
        for (field, template) in &plan.only {
            only.push((field, self.recorder.render(template)?));
        }
        let wanted = |row: &Value| only.iter().all(|(field, value)| plain(&row["fields"][field.as_str()]) == *value);
        Ok((length, last, rows(found).into_iter().filter(wanted).collect()))
    }

    /// What a key says otherwise than the place it must agree with, a line for each.
    async fn compare(&self, redis: &mut MultiplexedConnection, found: &Value, same: &SameAsPlan) -> Result<Vec<String>, StepError> {
        let (what, other) = match &same.other {
            SameAsOther::Key(key) => {
                let key = self.recorder.render(key)?;
                let there = entry(redis, &key).await.map_err(|error| refused(&key, &error))?;
                (shape(key.as_str()), there["value"].clone())
            }
            SameAsOther::Stream(stream) => {
                let (_, _, mut entries) = self.read(redis, stream).await?;
                (Template::display(&stream.key), entries.pop().map_or(Value::Null, |row| row["fields"].clone()))
            }
        };
        Ok(differences(&found["value"], &other, &same.fields, &what))
    }
}

/// What differs, by name: values stay out of it, unless both are words such as a status.
fn differences(here: &Value, there: &Value, fields: &[(String, String)], what: &str) -> Vec<String> {
    match (here.is_null(), there.is_null()) {
        (true, true) => return Vec::new(),
        (true, false) => return vec![format!("the key is not there, and {what} is")],
        (false, true) => return vec![format!("the key is there, and {what} has nothing of it")],
        (false, false) => {}
    }
    let word = |value: &Value| {
        let text = plain(value);
        let short = text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if value.is_null() {
            "missing".to_owned()
        } else if short {
            format!("`{text}`")
        } else {
            "another value".to_owned()
        }
    };
    let mut all = Vec::new();
    for (own, other) in fields {
        let (left, right) = (&here[own.as_str()], &there[other.as_str()]);
        if plain(left) != plain(right) {
            all.push(format!("`{own}` is {}, and {} in {what}", word(left), word(right)));
        }
    }
    all
}

/// Entries after which a value that must last is another one, a line for each subject.
fn undone(entries: &[Value], lasting: &LastingPlan) -> Vec<String> {
    let mut set: BTreeMap<String, String> = BTreeMap::new();
    let mut broken = Vec::new();
    for row in entries {
        let fields = &row["fields"];
        let (subject, value) = (plain(&fields[lasting.per.as_str()]), plain(&fields[lasting.field.as_str()]));
        let id = plain(&row["id"]);
        if value == lasting.value {
            set.entry(subject).or_insert(id);
        } else if let Some(first) = set.get(&subject) {
            broken.push(format!("entry {id} says `{}` after entry {first} said `{}`", crate::base::escape::line(&value), lasting.value));
        }
    }
    broken
}

/// Shortens the time to live of every key in every database.
async fn age(at: &RedisAt, by: Duration) -> Result<(), RedisError> {
    let mut redis = connect(at, 0).await?;
    let keyspace: String = cmd("INFO").arg("keyspace").query_async(&mut redis).await?;
    let databases = keyspace.lines().filter_map(|line| line.strip_prefix("db")?.split(':').next()?.parse::<u32>().ok());
    for db in databases {
        let mut redis = connect(at, db).await?;
        let names = keys(&mut redis, "*").await?;
        for some in names.chunks(MOST_KEYS) {
            let mut command = cmd("EVAL");
            command.arg(AGE).arg(some.len()).arg(some).arg(u64::try_from(by.as_millis()).unwrap_or(u64::MAX));
            let _: i64 = command.query_async(&mut redis).await?;
        }
    }
    Ok(())
}

async fn connect(at: &RedisAt, db: u32) -> Result<MultiplexedConnection, RedisError> {
    let mut settings = RedisConnectionInfo::default().set_db(i64::from(db));
    if let Some(password) = &at.password {
        settings = settings.set_password(password.expose());
    }
    let info = ConnectionAddr::Tcp(at.host.clone(), at.port).into_connection_info()?.set_redis_settings(settings);
    Client::open(info)?.get_multiplexed_async_connection().await
}

fn refused(service: &str, error: &RedisError) -> StepError {
    StepError::Redis(format!("Redis does not say what is in `{}`: {}", crate::base::escape::line(service), words(error)))
}

fn words(error: &RedisError) -> String {
    crate::base::escape::line(&error.to_string()).into_owned()
}

async fn keys(redis: &mut MultiplexedConnection, pattern: &str) -> Result<Vec<String>, RedisError> {
    let (mut cursor, mut names) = (0_u64, Vec::new());
    loop {
        let (next, some): (u64, Vec<Vec<u8>>) =
            cmd("SCAN").arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(500).query_async(redis).await?;
        names.extend(some.into_iter().map(|name| String::from_utf8_lossy(&name).into_owned()));
        cursor = next;
        if cursor == 0 || names.len() > 100 * MOST_KEYS {
            break;
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// A key as a step sees it.
async fn entry(redis: &mut MultiplexedConnection, key: &str) -> Result<Value, RedisError> {
    let kind: String = cmd("TYPE").arg(key).query_async(redis).await?;
    if kind == "none" {
        return Ok(json!({ "key": key, "exists": false, "type": null, "ttl": null, "value": null }));
    }
    let ttl: i64 = cmd("PTTL").arg(key).query_async(redis).await?;
    let ttl = (ttl >= 0).then(|| (ttl + 999) / 1000);
    let value = match kind.as_str() {
        "string" => to_json(cmd("GET").arg(key).query_async(redis).await?),
        "hash" => {
            let fields: BTreeMap<String, Answer> = cmd("HGETALL").arg(key).query_async(redis).await?;
            fields.into_iter().map(|(name, value)| (name, to_json(value))).collect()
        }
        "list" => to_json(cmd("LRANGE").arg(key).arg(0).arg(MOST_ENTRIES - 1).query_async(redis).await?),
        "set" => {
            let mut members = to_json(cmd("SMEMBERS").arg(key).query_async(redis).await?);
            if let Some(members) = members.as_array_mut() {
                members.sort_by_key(plain);
            }
            members
        }
        "zset" => to_json(cmd("ZRANGE").arg(key).arg(0).arg(MOST_ENTRIES - 1).query_async(redis).await?),
        _ => Value::Null,
    };
    Ok(json!({ "key": key, "exists": true, "type": kind, "ttl": ttl, "value": value }))
}

/// The entries of a stream: each an id, and fields with their values by turns.
fn rows(answer: Answer) -> Vec<Value> {
    let Answer::Array(rows) = answer else { return Vec::new() };
    let row = |row| {
        let Answer::Array(parts) = row else { return None };
        let mut parts = parts.into_iter();
        let id = plain(&to_json(parts.next()?));
        let Answer::Array(words) = parts.next()? else { return None };
        let mut words = words.into_iter();
        let mut fields = Map::new();
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            fields.insert(plain(&to_json(name)), to_json(value));
        }
        Some(json!({ "id": id, "fields": fields }))
    };
    rows.into_iter().filter_map(row).collect()
}

/// An answer as JSON; text that is a JSON object or list becomes one.
fn to_json(answer: Answer) -> Value {
    match answer {
        Answer::Nil => Value::Null,
        Answer::Int(number) => number.into(),
        Answer::BulkString(bytes) => of_text(&String::from_utf8_lossy(&bytes)),
        Answer::SimpleString(text) => of_text(&text),
        Answer::Okay => "OK".into(),
        Answer::Array(items) | Answer::Set(items) => items.into_iter().map(to_json).collect(),
        Answer::Map(pairs) => pairs.into_iter().map(|(key, value)| (plain(&to_json(key)), to_json(value))).collect(),
        Answer::Double(number) => json!(number),
        Answer::Boolean(yes) => yes.into(),
        other => format!("{other:?}").into(),
    }
}

fn of_text(text: &str) -> Value {
    if text.starts_with(['{', '['])
        && let Ok(value) = serde_json::from_str(text)
    {
        return value;
    }
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

/// A value as plain text, for comparison.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A key with its last part left open: that is an id, and a message is not the place for it.
fn shape(key: &str) -> String {
    key.rsplit_once(':').map_or_else(|| format!("`{key}`"), |(prefix, _)| format!("`{prefix}:*`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, session: &str, status: &str) -> Value {
        json!({ "id": id, "fields": { "session": session, "status": status } })
    }

    #[test]
    fn a_value_that_lasts_is_undone_by_a_later_entry_about_the_same() {
        let lasting = LastingPlan { field: "status".into(), value: "revoked".into(), per: "session".into() };
        let good = [row("1-0", "a", "active"), row("2-0", "a", "revoked"), row("3-0", "b", "active"), row("4-0", "a", "revoked")];
        assert_eq!(undone(&good, &lasting), Vec::<String>::new());
        let bad = [row("1-0", "a", "revoked"), row("2-0", "a", "active")];
        assert_eq!(undone(&bad, &lasting), ["entry 2-0 says `active` after entry 1-0 said `revoked`"]);
    }

    #[test]
    fn differences_name_members_and_keep_ids_to_themselves() {
        let fields = [("status".to_owned(), "status".to_owned()), ("key".to_owned(), "key_base64".to_owned())];
        let (here, there) = (json!({ "status": "active", "key": "AAAA" }), json!({ "status": "revoked", "key_base64": "BBBB" }));
        let told = differences(&here, &there, &fields, "`session:*`");
        assert_eq!(
            told,
            ["`status` is `active`, and `revoked` in `session:*`", "`key` is another value, and another value in `session:*`"]
        );
        assert_eq!(differences(&Value::Null, &there, &fields, "x"), ["the key is not there, and x is"]);
        assert!(differences(&Value::Null, &Value::Null, &fields, "x").is_empty());
        assert!(differences(&here, &json!({ "status": "active", "key_base64": "AAAA" }), &fields, "x").is_empty());
    }
}
