//! What a step found that looked into Redis or at a process, in a few words. Values stay out of it but for words such as a
//! status: they hold codes, keys and ids.

use crate::base::escape;
use crate::trace::StepRecord;
use serde_json::Value;

/// Most entries, or differences, that are told of one look.
const TOLD: usize = 4;
/// Longest word that is told, in characters.
const LONGEST: usize = 24;

/// A line for each thing that was found; none for other steps.
pub(super) fn lines(step: &StepRecord) -> Vec<String> {
    let Some(value) = &step.value else { return Vec::new() };
    let mut lines = Vec::new();
    if value["listens"].is_object() || value["state"].is_string() {
        lines.push(process(value));
    } else if value["exists"].is_boolean() {
        lines.push(key(value));
    } else if value["connections"].is_u64() {
        let part = |name: &str| value[name].as_u64().unwrap_or_default();
        lines.push(format!("{} commands on {} connections, {} disturbed", part("count"), part("connections"), part("faulted")));
    } else if let Some(length) = value["length"].as_u64().filter(|_| value["last"].is_string()) {
        lines.push(format!("{} of {length} entries{}", value["count"], statuses(value)));
    } else if let Some(entries) = value["entries"].as_array() {
        lines.push(format!("{} keys", value["count"]));
        lines.extend(entries.iter().take(TOLD).map(key));
    }
    for (name, mark) in [("differs", "≠"), ("broken", "↯")] {
        let told = value[name].as_array().into_iter().flatten().filter_map(Value::as_str).take(TOLD);
        lines.extend(told.map(|line| format!("{mark} {}", escape::line(line))));
    }
    lines
}

fn process(value: &Value) -> String {
    let mut text = word(&value["state"]).unwrap_or_else(|| "unknown".to_owned());
    if let Some(code) = value["code"].as_i64() {
        text.push_str(&format!(", exit code {code}"));
    }
    if let Some(signal) = word(&value["signal"]) {
        text.push_str(&format!(", by SIG{signal}"));
    }
    let closed: Vec<String> = value["closed"].as_array().into_iter().flatten().filter_map(word).collect();
    if !closed.is_empty() {
        text.push_str(&format!(", closed in this order: {}", closed.join(", ")));
    }
    text
}

fn key(value: &Value) -> String {
    if value["exists"] != true {
        return "no such key".to_owned();
    }
    let mut text = word(&value["type"]).unwrap_or_default();
    if let Some(status) = word(&value["value"]["status"]) {
        text.push_str(&format!(", status {status}"));
    }
    if let Some(ttl) = value["ttl"].as_i64() {
        text.push_str(&format!(", {ttl} s to live"));
    }
    text
}

/// The statuses of a stream's entries, in order.
fn statuses(value: &Value) -> String {
    let entries = value["entries"].as_array().map_or(&[][..], Vec::as_slice);
    let words: Vec<String> = entries.iter().rev().take(2 * TOLD).rev().filter_map(|entry| word(&entry["fields"]["status"])).collect();
    if words.is_empty() { String::new() } else { format!(": {}", words.join(" → ")) }
}

/// A plain word. Anything else may be somebody's value.
fn word(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let plain =
        text.len() <= LONGEST && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-'));
    plain.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(value: Value) -> Vec<String> {
        let mut story = crate::judge::testing::Story::new();
        story.step("look").last_step().value = Some(value);
        lines(&story.chain.steps[0])
    }

    #[test]
    fn what_was_found_is_told_without_values() {
        let found = json!({ "key": "k", "exists": true, "type": "string", "ttl": 60, "value": { "status": "active", "code": "123456" } });
        assert_eq!(told(found), ["string, status active, 60 s to live"]);
        let ended = json!({ "state": "stopped", "code": 0, "signal": null, "listens": {}, "log": "x", "closed": ["main", "store"] });
        assert_eq!(told(ended), ["stopped, exit code 0, closed in this order: main, store"]);
        let stream = json!({ "length": 3, "count": 2, "last": "1-0", "entries": [{ "fields": { "status": "revoked" } }, { "fields": { "status": "active" } }], "broken": ["entry 2-0 says so"] });
        assert_eq!(told(stream), ["2 of 3 entries: revoked → active", "↯ entry 2-0 says so"]);
        assert_eq!(told(json!({ "exists": true, "type": "string", "value": { "status": "123 secret" } })), ["string"]);
        assert!(told(json!({ "code": "123456", "to": "a@x.test" })).is_empty(), "a message is told elsewhere");
    }
}
