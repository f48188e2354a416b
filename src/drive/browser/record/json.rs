//! Looking into what a browser tells. What is missing or of another kind is `None`, never an error.

use serde_json::Value;

/// A text.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

/// A text that is not empty.
pub(super) fn some_text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    text(value, name).filter(|text| !text.is_empty())
}

/// A truth.
pub(super) fn flag(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or_default()
}

/// A number.
pub(super) fn number(value: &Value, name: &str) -> Option<f64> {
    value.get(name).and_then(Value::as_f64)
}

/// A status code, when it is one.
pub(super) fn status(value: &Value, name: &str) -> Option<u16> {
    value.get(name).and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok()).filter(|status| (100..1000).contains(status))
}

/// A list; empty when there is none.
pub(super) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// At most so many bytes of a text, cut between characters.
pub(super) fn bounded(text: &str, most: usize) -> String {
    text[..text.floor_char_boundary(most)].to_owned()
}
