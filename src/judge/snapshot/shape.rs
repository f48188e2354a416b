//! The shape of a JSON answer: every path with its type, a line each.

use super::mask::Labels;
use crate::judge::text::shown;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Most paths that are listed.
const MOST_PATHS: usize = 80;
/// Deepest level that is looked into.
const DEEPEST: usize = 10;
/// Most items of a list that are looked at.
const MOST_ITEMS: usize = 100;
/// Keys whose values tell what went wrong in an answer that is no success.
const TELLING: [&str; 9] = ["code", "error", "errorCode", "error_code", "error_description", "message", "status", "statusCode", "success"];

/// The lines of `value`; `failed` when the answer is no success, whose error keys then keep their values.
pub(super) fn lines(value: &Value, failed: bool, labels: &mut Labels) -> Vec<String> {
    let mut shape = Shape { paths: BTreeMap::new(), failed, labels };
    shape.visit(String::new(), value, 0);
    let total = shape.paths.len();
    let mut lines: Vec<String> = shape.paths.into_iter().take(MOST_PATHS).map(|(path, types)| line(&path, &types)).collect();
    if total > MOST_PATHS {
        lines.push(format!("… {} more", total - MOST_PATHS));
    }
    lines
}

fn line(path: &str, types: &BTreeSet<String>) -> String {
    let types = types.iter().map(String::as_str).collect::<Vec<_>>().join(" | ");
    if path.is_empty() { types } else { format!("{path}: {types}") }
}

struct Shape<'a> {
    paths: BTreeMap<String, BTreeSet<String>>,
    failed: bool,
    labels: &'a mut Labels,
}

impl Shape<'_> {
    fn visit(&mut self, path: String, value: &Value, depth: usize) {
        // One path more than is listed is enough to know that there are more; a hostile body must not fill the memory.
        if self.paths.len() > MOST_PATHS * 4 {
            return;
        }
        match value {
            Value::Object(map) if !map.is_empty() && depth < DEEPEST => {
                for (key, value) in map {
                    let key = shown(&self.labels.text(key), 60);
                    let path = if path.is_empty() { key } else { format!("{path}.{key}") };
                    self.visit(path, value, depth + 1);
                }
            }
            Value::Array(items) if !items.is_empty() && depth < DEEPEST => {
                for item in items.iter().take(MOST_ITEMS) {
                    self.visit(format!("{path}[]"), item, depth + 1);
                }
            }
            value => {
                let text = self.leaf(&path, value);
                self.paths.entry(path).or_default().insert(text);
            }
        }
    }

    fn leaf(&mut self, path: &str, value: &Value) -> String {
        let key = path.rsplit('.').next().unwrap_or(path);
        let telling = self.failed && TELLING.contains(&key);
        match value {
            Value::Null => "null".to_owned(),
            Value::Bool(truth) if telling => truth.to_string(),
            Value::Number(number) if telling => number.to_string(),
            Value::String(text) if telling => format!("\"{}\"", self.labels.text(text)),
            Value::Bool(_) => "boolean".to_owned(),
            Value::Number(_) => "number".to_owned(),
            Value::String(_) => "string".to_owned(),
            Value::Array(items) => if items.is_empty() { "[]" } else { "[…]" }.to_owned(),
            Value::Object(map) => if map.is_empty() { "{}" } else { "{…}" }.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shape(value: &Value, failed: bool) -> Vec<String> {
        lines(value, failed, &mut Labels::numbered())
    }

    #[test]
    fn success_shows_types_never_values() {
        let body = json!({"user": {"email": "a@b", "age": 3, "ok": true}, "roles": ["x", 1, null], "none": [], "session": {}});
        let expected =
            ["none: []", "roles[]: null | number | string", "session: {}", "user.age: number", "user.email: string", "user.ok: boolean"];
        assert_eq!(shape(&body, false), expected);
        assert_eq!(shape(&Value::Null, false), ["null"]);
    }

    #[test]
    fn failure_keeps_what_tells_the_reason() {
        let body = json!({"message": "Invalid or expired session", "statusCode": 401, "success": false, "path": "/auth/session"});
        let expected = ["message: \"Invalid or expired session\"", "path: string", "statusCode: 401", "success: false"];
        assert_eq!(shape(&body, true), expected);
    }

    #[test]
    fn the_order_of_keys_does_not_show() {
        assert_eq!(shape(&json!({"a": 1, "b": "x"}), false), shape(&json!({"b": "y", "a": 2}), false));
    }

    #[test]
    fn a_huge_or_deep_answer_is_bounded() {
        let wide: serde_json::Map<_, _> = (0..5000).map(|n| (format!("k{n}\u{1b}"), json!(n))).collect();
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!([deep]);
        }
        let lines = shape(&json!({"wide": wide, "deep": deep}), false);
        assert!(lines.len() <= MOST_PATHS + 1);
        assert!(lines.iter().all(|line| !line.contains('\u{1b}')));
    }
}
