//! The values of a run that nobody should read in a report: cookies, codes, states, tokens.

use crate::base::Redactor;
use crate::trace::{Chain, Hop, Message};
use crate::web::message;
use crate::web::volatile::{self, Kind};
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

/// Shorter values are too common to be replaced wherever they occur; cookies are masked where they stand.
const SHORTEST: usize = 8;
/// A code that was sent is taken from this length on.
const SHORTEST_CODE: usize = 4;
/// A cookie that does not look random is taken from this length on: `theme=dark` is not worth hiding.
const SHORTEST_COOKIE: usize = 12;
/// Most values that are taken from one run.
const MOST: usize = 4_000;
/// Deepest level of a JSON body that is looked into.
const DEEPEST: usize = 16;

/// `redactor` that takes such values of `chain` out as well.
pub(crate) fn without_values(redactor: &Redactor, chain: &Chain) -> Redactor {
    redactor.with_values(values(chain).iter().map(|(value, word)| (*word, value.as_str())))
}

/// Every such value with the word for its kind.
fn values(chain: &Chain) -> BTreeMap<String, &'static str> {
    let mut found = BTreeMap::new();
    for hop in &chain.hops {
        of_hop(hop, &mut found);
    }
    for message in &chain.messages {
        of_message(message, &mut found);
    }
    for value in chain.steps.iter().filter_map(|step| step.value.as_ref()) {
        if let Some(code) = value["code"].as_str() {
            add_code(code, &mut found);
        }
        if let Some(link) = value["link"].as_str().and_then(|link| Url::parse(link).ok()) {
            of_url(&link, &mut found);
        }
        // What a script returns.
        of_json(None, value, 0, &mut found);
    }
    for step in &chain.steps {
        // Scripts set cookies and keep values that no response ever carried.
        step.jar.iter().for_each(|cookie| of_cookie(&cookie.name, &cookie.value, &mut found));
        let kept = step.storage.iter().flat_map(|storage| storage.local.iter().chain(&storage.session));
        for (name, value) in kept {
            of_pair(name, value, &mut found);
            if let Ok(value) = serde_json::from_str(value) {
                of_json(Some(name), &value, 0, &mut found);
            }
        }
    }
    found
}

fn of_hop(hop: &Hop, found: &mut BTreeMap<String, &'static str>) {
    let set = hop.set.iter().map(|cookie| (&cookie.name, &cookie.value));
    for (name, value) in set.chain(hop.sent.iter().map(|cookie| (&cookie.name, &cookie.value))) {
        of_cookie(name, value, found);
    }
    of_url(&hop.request.url, found);
    if let Some(target) = hop.redirect_target().and_then(|target| Url::parse(&target).ok()) {
        of_url(&target, found);
    }
    for (name, value) in url::form_urlencoded::parse(&hop.request.body).take(64) {
        of_pair(&name, &value, found);
    }
    if let Ok(body) = serde_json::from_slice(&hop.request.body) {
        of_json(None, &body, 0, found);
    }
    if let Some(body) = hop.response().and_then(|response| response.body.json()) {
        of_json(None, &body, 0, found);
    }
}

fn of_cookie(name: &[u8], value: &[u8], found: &mut BTreeMap<String, &'static str>) {
    let (Ok(name), Ok(value)) = (std::str::from_utf8(name), std::str::from_utf8(value)) else { return };
    match volatile::kind(Some(name), value) {
        Some(kind) => add(value, kind.word(), found),
        None if value.len() >= SHORTEST_COOKIE => add(value, "value", found),
        None => {}
    }
}

fn of_message(message: &Message, found: &mut BTreeMap<String, &'static str>) {
    for text in [Some(message.text.as_str()), message.subject.as_deref()].into_iter().flatten() {
        message::codes(text).into_iter().for_each(|code| add_code(code, found));
    }
    for link in message::links(&message.text, message.html.as_deref()) {
        if let Ok(link) = Url::parse(&link) {
            of_url(&link, found);
        }
    }
}

/// A code that somebody was sent is short, and secret all the same.
fn add_code(code: &str, found: &mut BTreeMap<String, &'static str>) {
    if code.len() >= SHORTEST_CODE && found.len() < MOST {
        found.entry(code.to_owned()).or_insert(Kind::Code.word());
    }
}

fn of_url(url: &Url, found: &mut BTreeMap<String, &'static str>) {
    for (name, value) in url.query_pairs().take(64) {
        of_pair(&name, &value, found);
    }
    for (name, value) in url::form_urlencoded::parse(url.fragment().unwrap_or_default().as_bytes()).take(64) {
        of_pair(&name, &value, found);
    }
}

fn of_json(name: Option<&str>, value: &Value, depth: usize, found: &mut BTreeMap<String, &'static str>) {
    match value {
        Value::String(text) => of_pair(name.unwrap_or_default(), text, found),
        Value::Array(items) if depth < DEEPEST => items.iter().for_each(|item| of_json(name, item, depth + 1, found)),
        Value::Object(entries) if depth < DEEPEST => entries.iter().for_each(|(name, item)| of_json(Some(name), item, depth + 1, found)),
        _ => {}
    }
}

/// Ids and times are volatile as well, but no secret: reports are easier to read with them.
fn of_pair(name: &str, value: &str, found: &mut BTreeMap<String, &'static str>) {
    match volatile::kind(Some(name), value) {
        None | Some(Kind::Time | Kind::Uuid | Kind::Id) => {}
        Some(kind) => add(value, kind.word(), found),
    }
}

fn add(value: &str, word: &'static str, found: &mut BTreeMap<String, &'static str>) {
    if value.len() >= SHORTEST && found.len() < MOST {
        found.entry(value.to_owned()).or_insert(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn what_a_message_carries_is_told_nowhere() {
        let message = Message {
            channel: "mail",
            from: "no-reply@x.test".to_owned(),
            to: vec!["ada@x.test".to_owned()],
            subject: Some("4821 is your code".to_owned()),
            text: "Or type 482913, or follow https://app.test/verify?token=Zx81kqPw02LmNs45Ty67".to_owned(),
            html: None,
            at: datetime!(2026-03-01 12:00 UTC),
        };
        let chain = Chain { messages: vec![message], ..Chain::default() };
        let redactor = without_values(&Redactor::default(), &chain);
        let text = redactor.text("got 482913 and 4821 with Zx81kqPw02LmNs45Ty67 for ada@x.test").into_owned();
        assert!(text.contains("for ada@x.test") && text.matches("‹code:").count() == 2 && text.contains("‹token:"), "{text}");
        assert!(!text.contains("482913") && !text.contains("Zx81"), "{text}");
    }
}
