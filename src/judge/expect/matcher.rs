//! One matcher against one value.

use crate::judge::text::{SHOWN, quoted, shown, shown_json, where_differs};
use crate::plan::{JsonTemplate, JsonType, Matcher, Scope, TemplateError};
use serde_json::Value;

/// How much of an expectation stands in its one-line description, in characters.
const DESCRIBED: usize = 120;

/// What a matcher looks at.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Subject {
    /// There is no such value.
    Absent,
    /// Text, of which nobody said that it is JSON.
    Text(String),
    /// A JSON value; numbers of all kinds (status, milliseconds, counts) too.
    Json(Value),
    /// What a JSONPath with a wildcard, slice, filter or descent found: a list for every matcher, absent when empty.
    Nodes(Vec<Value>),
}

impl Subject {
    pub(super) fn number(number: impl Into<serde_json::Number>) -> Self {
        Self::Json(Value::Number(number.into()))
    }

    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Text, or absent.
    pub(super) fn maybe(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Absent, Self::text)
    }

    /// The value for people.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Absent => "absent".to_owned(),
            Self::Text(text) => quoted(text),
            Self::Json(value) => shown_json(value),
            Self::Nodes(nodes) => shown(&Value::Array(nodes.clone()).to_string(), SHOWN),
        }
    }

    fn is_absent(&self) -> bool {
        matches!(self, Self::Absent) || matches!(self, Self::Nodes(nodes) if nodes.is_empty())
    }

    fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Json(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    fn as_number(&self) -> Option<f64> {
        match self {
            Self::Json(Value::Number(number)) => number.as_f64(),
            // A header or cookie value is text, also when it is a number.
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::Json(Value::Array(items)) | Self::Nodes(items) => Some(items),
            _ => None,
        }
    }
}

/// How a value misses what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mismatch {
    pub(super) expected: String,
    pub(super) actual: String,
    pub(super) note: Option<String>,
}

/// Tests `subject`. `None` means that it is as asked.
///
/// # Errors
/// When the matcher holds a capture that was not made.
pub(super) fn mismatch(matcher: &Matcher, subject: &Subject, scope: &Scope) -> Result<Option<Mismatch>, TemplateError> {
    let differs = |expected: String, note: Option<String>| Some(Mismatch { expected, actual: subject.shown(), note });
    let unless = |holds: bool, expected: String| if holds { None } else { differs(expected, kind_note(matcher, subject)) };
    Ok(match matcher {
        Matcher::Equals(template) => equals(&template.render(scope)?, subject),
        Matcher::Not(inner) => match mismatch(inner, subject, scope)? {
            Some(_) => None,
            None => differs(format!("not: {}", phrase(inner)), None),
        },
        Matcher::Contains(template) => {
            let wanted = template.render(scope)?;
            unless(contains(&wanted, subject), format!("something that contains {}", shown_json(&wanted)))
        }
        Matcher::Matches(regex) => unless(
            subject_text(subject).is_some_and(|text| regex.is_match(&text)),
            format!("a match of /{}/", shown(regex.as_str(), SHOWN)),
        ),
        Matcher::StartsWith(template) => {
            let wanted = template.render(scope)?;
            unless(subject.as_text().is_some_and(|text| text.starts_with(&wanted)), format!("text that starts with {}", quoted(&wanted)))
        }
        Matcher::EndsWith(template) => {
            let wanted = template.render(scope)?;
            unless(subject.as_text().is_some_and(|text| text.ends_with(&wanted)), format!("text that ends with {}", quoted(&wanted)))
        }
        Matcher::Exists(wanted) => {
            unless(subject.is_absent() != *wanted, if *wanted { "a value, whatever it is" } else { "no value" }.to_owned())
        }
        Matcher::Type(wanted) => unless(json_type(subject) == Some(*wanted), type_phrase(*wanted).to_owned()),
        Matcher::OneOf(templates) => {
            let wanted = templates.iter().map(|template| template.render(scope)).collect::<Result<Vec<_>, _>>()?;
            let list = wanted.iter().map(shown_json).collect::<Vec<_>>().join(", ");
            unless(wanted.iter().any(|value| equals(value, subject).is_none()), format!("one of {}", shown(&list, SHOWN)))
        }
        Matcher::Above(limit) => unless(subject.as_number().is_some_and(|number| number > *limit), format!("> {limit}")),
        Matcher::AtLeast(limit) => unless(subject.as_number().is_some_and(|number| number >= *limit), format!(">= {limit}")),
        Matcher::Below(limit) => unless(subject.as_number().is_some_and(|number| number < *limit), format!("< {limit}")),
        Matcher::AtMost(limit) => unless(subject.as_number().is_some_and(|number| number <= *limit), format!("<= {limit}")),
        Matcher::Length(inner) => match length(subject) {
            Some(length) => mismatch(inner, &Subject::number(length), scope)?.map(|inner| Mismatch {
                expected: format!("length {}", inner.expected),
                actual: format!("length {length}: {}", subject.shown()),
                note: inner.note,
            }),
            None => differs(format!("a length that {}", phrase(inner)), kind_note(matcher, subject)),
        },
        Matcher::Empty(wanted) => unless(
            length_or_null(subject).is_some_and(|length| (length == 0) == *wanted),
            if *wanted { "empty" } else { "not empty" }.to_owned(),
        ),
        Matcher::Each(inner) => match subject.as_list() {
            Some(items) => each(inner, items, scope)?,
            None => differs(format!("a list in which each item {}", phrase(inner)), kind_note(matcher, subject)),
        },
        Matcher::StatusClass(class) => {
            let in_class = subject.as_number().is_some_and(|number| (number / 100.0).floor() == f64::from(*class));
            unless(in_class, format!("{class}xx"))
        }
        Matcher::All(matchers) => {
            for matcher in matchers {
                if let Some(failed) = mismatch(matcher, subject, scope)? {
                    return Ok(Some(failed));
                }
            }
            None
        }
    })
}

fn equals(wanted: &Value, subject: &Subject) -> Option<Mismatch> {
    let differs = |note| Some(Mismatch { expected: shown_json(wanted), actual: subject.shown(), note });
    match (subject, wanted) {
        (Subject::Text(text), Value::String(wanted)) => {
            if text == wanted {
                None
            } else {
                differs(where_differs(wanted, text))
            }
        }
        (Subject::Text(text), wanted) => {
            let same = serde_json::from_str::<Value>(text).is_ok_and(|value| same_json(&value, wanted));
            if same { None } else { differs(None) }
        }
        (Subject::Json(value), wanted) => {
            if same_json(value, wanted) {
                None
            } else {
                differs(json_note(wanted, value))
            }
        }
        (Subject::Nodes(nodes), Value::Array(wanted)) => {
            let same = nodes.len() == wanted.len() && nodes.iter().zip(wanted).all(|(node, wanted)| same_json(node, wanted));
            if same && !nodes.is_empty() { None } else { differs(None) }
        }
        (Subject::Nodes(nodes), wanted) => {
            if matches!(nodes.as_slice(), [only] if same_json(only, wanted)) {
                None
            } else {
                differs(None)
            }
        }
        (Subject::Absent, _) => differs(None),
    }
}

/// JSON equality in which `1` and `1.0` are the same number (RFC 8259 §6 leaves it to the reader) and the order of keys is not looked at.
pub(super) fn same_json(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || (one.is_f64() || other.is_f64()) && one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_json(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len() && one.iter().all(|(key, one)| other.get(key).is_some_and(|other| same_json(one, other)))
        }
        _ => one == other,
    }
}

/// Where two JSON values differ first, or that they are of two types.
fn json_note(wanted: &Value, value: &Value) -> Option<String> {
    match (wanted, value) {
        (Value::String(wanted), Value::String(value)) => where_differs(wanted, value),
        (Value::Object(_), Value::Object(_)) | (Value::Array(_), Value::Array(_)) => {
            first_difference(wanted, value, &mut String::new()).map(|text| shown(&text, SHOWN))
        }
        _ if type_of(wanted) != type_of(value) => {
            Some(format!("the value is {}, not {}", type_phrase(type_of(value)), type_phrase(type_of(wanted))))
        }
        _ => None,
    }
}

fn first_difference(wanted: &Value, value: &Value, path: &mut String) -> Option<String> {
    let keep = path.len();
    let found = match (wanted, value) {
        (Value::Object(wanted), Value::Object(value)) => {
            let missing = wanted.keys().find(|key| !value.contains_key(*key)).map(|key| format!("`{path}.{key}` is missing"));
            let more = || value.keys().find(|key| !wanted.contains_key(*key)).map(|key| format!("`{path}.{key}` was not expected"));
            missing.or_else(more).or_else(|| {
                wanted.iter().find_map(|(key, wanted)| {
                    path.push('.');
                    path.push_str(key);
                    let found = first_difference(wanted, value.get(key)?, path);
                    path.truncate(keep);
                    found
                })
            })
        }
        (Value::Array(wanted), Value::Array(value)) if wanted.len() == value.len() => {
            wanted.iter().zip(value).enumerate().find_map(|(index, (wanted, value))| {
                path.push_str(&format!("[{index}]"));
                let found = first_difference(wanted, value, path);
                path.truncate(keep);
                found
            })
        }
        (Value::Array(wanted), Value::Array(value)) => Some(format!("`{path}` has {} items, not {}", value.len(), wanted.len())),
        (wanted, value) if same_json(wanted, value) => None,
        (wanted, value) => Some(format!("`{path}` is {}, not {}", shown(&value.to_string(), 60), shown(&wanted.to_string(), 60))),
    };
    path.truncate(keep);
    found
}

fn contains(wanted: &Value, subject: &Subject) -> bool {
    if let Some(items) = subject.as_list() {
        return items.iter().any(|item| same_json(item, wanted));
    }
    let wanted_text = match wanted {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match subject {
        Subject::Json(Value::Object(map)) => map.contains_key(&wanted_text),
        subject => subject_text(subject).is_some_and(|text| text.contains(&wanted_text)),
    }
}

/// Text, or a number as text: `matches: ^2` on a status is meant as it reads.
fn subject_text(subject: &Subject) -> Option<String> {
    match subject {
        Subject::Json(Value::Number(number)) => Some(number.to_string()),
        Subject::Json(Value::Bool(truth)) => Some(truth.to_string()),
        subject => subject.as_text().map(str::to_owned),
    }
}

fn each(inner: &Matcher, items: &[Value], scope: &Scope) -> Result<Option<Mismatch>, TemplateError> {
    for (index, item) in items.iter().enumerate() {
        if let Some(failed) = mismatch(inner, &Subject::Json(item.clone()), scope)? {
            return Ok(Some(Mismatch {
                expected: format!("each item: {}", failed.expected),
                actual: format!("item {index} of {}: {}", items.len(), failed.actual),
                note: failed.note,
            }));
        }
    }
    Ok(None)
}

fn length(subject: &Subject) -> Option<usize> {
    match subject {
        Subject::Json(Value::Object(map)) => Some(map.len()),
        Subject::Absent | Subject::Json(Value::Null | Value::Bool(_) | Value::Number(_)) => None,
        subject => subject.as_list().map(<[Value]>::len).or_else(|| subject.as_text().map(|text| text.chars().count())),
    }
}

fn length_or_null(subject: &Subject) -> Option<usize> {
    if *subject == Subject::Json(Value::Null) { Some(0) } else { length(subject) }
}

/// Why a matcher cannot hold for this kind of value, when the kind is the reason.
fn kind_note(matcher: &Matcher, subject: &Subject) -> Option<String> {
    let fits = match matcher {
        Matcher::Above(_) | Matcher::AtLeast(_) | Matcher::Below(_) | Matcher::AtMost(_) | Matcher::StatusClass(_) => {
            subject.as_number().is_some()
        }
        Matcher::StartsWith(_) | Matcher::EndsWith(_) => subject.as_text().is_some(),
        Matcher::Matches(_) => subject_text(subject).is_some(),
        Matcher::Length(_) => length(subject).is_some(),
        Matcher::Empty(_) => length_or_null(subject).is_some(),
        Matcher::Each(_) => subject.as_list().is_some(),
        _ => true,
    };
    if fits || subject.is_absent() { None } else { Some(format!("this cannot be asked of {}", type_phrase(json_type(subject)?))) }
}

fn json_type(subject: &Subject) -> Option<JsonType> {
    match subject {
        Subject::Absent => None,
        Subject::Text(_) => Some(JsonType::String),
        Subject::Json(value) => Some(type_of(value)),
        Subject::Nodes(nodes) => {
            if nodes.is_empty() {
                None
            } else {
                Some(JsonType::Array)
            }
        }
    }
}

fn type_of(value: &Value) -> JsonType {
    match value {
        Value::Null => JsonType::Null,
        Value::Bool(_) => JsonType::Boolean,
        Value::Number(_) => JsonType::Number,
        Value::String(_) => JsonType::String,
        Value::Array(_) => JsonType::Array,
        Value::Object(_) => JsonType::Object,
    }
}

fn type_phrase(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Null => "null",
        JsonType::Boolean => "a boolean",
        JsonType::Number => "a number",
        JsonType::String => "a string",
        JsonType::Array => "a list",
        JsonType::Object => "an object",
    }
}

/// A matcher as the end of a sentence: `is 200`, `contains "x"`. Captures and secrets stand by name.
pub(super) fn phrase(matcher: &Matcher) -> String {
    let value = |template: &JsonTemplate| shown(&template_text(template), DESCRIBED);
    match matcher {
        Matcher::Equals(template) => format!("is {}", value(template)),
        Matcher::Not(inner) => match &**inner {
            Matcher::Equals(template) => format!("is not {}", value(template)),
            inner => format!("not: {}", phrase(inner)),
        },
        Matcher::Contains(template) => format!("contains {}", value(template)),
        Matcher::Matches(regex) => format!("matches /{}/", shown(regex.as_str(), DESCRIBED)),
        Matcher::StartsWith(template) => format!("starts with \"{}\"", shown(&template.display(), DESCRIBED)),
        Matcher::EndsWith(template) => format!("ends with \"{}\"", shown(&template.display(), DESCRIBED)),
        Matcher::Exists(true) => "exists".to_owned(),
        Matcher::Exists(false) => "does not exist".to_owned(),
        Matcher::Type(kind) => format!("is {}", type_phrase(*kind)),
        Matcher::OneOf(templates) => {
            format!("is one of {}", shown(&templates.iter().map(template_text).collect::<Vec<_>>().join(", "), DESCRIBED))
        }
        Matcher::Above(limit) => format!("> {limit}"),
        Matcher::AtLeast(limit) => format!(">= {limit}"),
        Matcher::Below(limit) => format!("< {limit}"),
        Matcher::AtMost(limit) => format!("<= {limit}"),
        Matcher::Length(inner) => format!("has a length that {}", phrase(inner)),
        Matcher::Empty(true) => "is empty".to_owned(),
        Matcher::Empty(false) => "is not empty".to_owned(),
        Matcher::Each(inner) => format!("has only items of which each {}", phrase(inner)),
        Matcher::StatusClass(class) => format!("is {class}xx"),
        Matcher::All(matchers) => matchers.iter().map(phrase).collect::<Vec<_>>().join(" and "),
    }
}

fn template_text(template: &JsonTemplate) -> String {
    match template {
        JsonTemplate::Plain(value) => value.to_string(),
        JsonTemplate::Text(text) => format!("\"{}\"", text.display()),
        JsonTemplate::List(items) => format!("[{}]", items.iter().map(template_text).collect::<Vec<_>>().join(", ")),
        JsonTemplate::Map(entries) => {
            format!("{{{}}}", entries.iter().map(|(key, item)| format!("{key}: {}", template_text(item))).collect::<Vec<_>>().join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Part, Template};
    use regex::Regex;
    use serde_json::json;

    fn wants(value: Value) -> JsonTemplate {
        match value {
            Value::String(text) => JsonTemplate::Text(Template::text(text)),
            Value::Array(items) => JsonTemplate::List(items.into_iter().map(wants).collect()),
            Value::Object(map) => JsonTemplate::Map(map.into_iter().map(|(key, value)| (key, wants(value))).collect()),
            other => JsonTemplate::Plain(other),
        }
    }

    fn is(value: Value) -> Matcher {
        Matcher::Equals(wants(value))
    }

    fn holds(matcher: &Matcher, subject: &Subject) -> bool {
        mismatch(matcher, subject, &Scope::default()).unwrap().is_none()
    }

    fn failure(matcher: &Matcher, subject: &Subject) -> (String, String, Option<String>) {
        let failed = mismatch(matcher, subject, &Scope::default()).unwrap().expect("it must not hold");
        (failed.expected, failed.actual, failed.note)
    }

    fn text(text: &str) -> Subject {
        Subject::text(text)
    }

    #[test]
    fn every_matcher_holds_for_some_and_not_for_others() {
        let list = Subject::Json(json!([1, "a", {"k": 1}]));
        let not = |inner| Matcher::Not(Box::new(inner));
        let cases = [
            (is(json!(200)), Subject::number(200), Subject::number(401)),
            (is(json!(1.0)), Subject::number(1), Subject::Json(json!("1"))),
            (is(json!("x")), text("x"), text("y")),
            (is(json!({"a": 1})), text(r#"{"a":1.0}"#), text("{a}")),
            (is(json!(null)), Subject::Json(Value::Null), Subject::Absent),
            (not(is(json!(1))), Subject::Absent, Subject::number(1)),
            (Matcher::Contains(wants(json!("b"))), text("abc"), text("ac")),
            (Matcher::Contains(wants(json!({"k": 1.0}))), list.clone(), Subject::Json(json!([{"k": 2}]))),
            (Matcher::Contains(wants(json!("user"))), Subject::Json(json!({"user": 1})), Subject::Json(json!({"x": "user"}))),
            (Matcher::Matches(Regex::new("^4").unwrap()), Subject::number(401), Subject::number(200)),
            (Matcher::StartsWith(Template::text("a")), text("ab"), text("ba")),
            (Matcher::EndsWith(Template::text("b")), text("ab"), text("ba")),
            (Matcher::Exists(true), Subject::Json(Value::Null), Subject::Absent),
            (Matcher::Exists(false), Subject::Nodes(vec![]), text("")),
            (Matcher::Type(JsonType::Array), list.clone(), text("[]")),
            (Matcher::OneOf(vec![wants(json!(1)), wants(json!("2"))]), text("2"), text("3")),
            (Matcher::Above(3.0), Subject::number(4), Subject::number(3)),
            (Matcher::AtLeast(3.0), text("3"), Subject::Json(json!("3"))),
            (Matcher::Below(3.0), Subject::number(2), Subject::Absent),
            (Matcher::AtMost(3.0), Subject::number(3), Subject::number(4)),
            (Matcher::Length(Box::new(is(json!(2)))), text("äö"), text("abc")),
            (Matcher::Empty(true), Subject::Json(json!({})), list.clone()),
            (Matcher::Empty(false), text("x"), Subject::Absent),
            (Matcher::Each(Box::new(Matcher::Above(0.0))), Subject::Nodes(vec![json!(1), json!(2)]), Subject::Json(json!([1, 0]))),
            (Matcher::StatusClass(4), Subject::number(429), Subject::number(500)),
            (Matcher::All(vec![Matcher::Above(1.0), Matcher::Below(3.0)]), Subject::number(2), Subject::number(3)),
        ];
        for (matcher, good, bad) in cases {
            assert!(holds(&matcher, &good), "{} should hold for {good:?}", phrase(&matcher));
            assert!(!holds(&matcher, &bad), "{} should not hold for {bad:?}", phrase(&matcher));
        }
    }

    #[test]
    fn failures_say_what_was_there_and_where_it_differs() {
        assert_eq!(failure(&is(json!(200)), &Subject::number(401)), ("200".into(), "401".into(), None));
        let (.., note) = failure(&is(json!({"user": {"email": "a", "id": 1}})), &Subject::Json(json!({"user": {"email": "b", "id": 1}})));
        assert_eq!(note.as_deref(), Some("`.user.email` is \"b\", not \"a\""));
        let (.., note) = failure(&is(json!(1)), &Subject::Json(json!("1")));
        assert_eq!(note.as_deref(), Some("the value is a string, not a number"));
        let (_, actual, _) = failure(&Matcher::Each(Box::new(Matcher::Type(JsonType::Number))), &Subject::Json(json!([1, "x"])));
        assert_eq!(actual, "item 1 of 2: \"x\"");
        let (.., note) = failure(&Matcher::Above(1.0), &Subject::Json(json!([1])));
        assert_eq!(note.as_deref(), Some("this cannot be asked of a list"));
    }

    #[test]
    fn a_missing_capture_is_no_mismatch_not_even_under_not() {
        let matcher =
            Matcher::Not(Box::new(Matcher::Equals(JsonTemplate::Text(Template { parts: vec![Part::Capture("id".into(), vec![])] }))));
        assert!(mismatch(&matcher, &text("x"), &Scope::default()).is_err());
        assert_eq!(phrase(&matcher), "is not \"${id}\"");
    }

    #[test]
    fn what_is_shown_is_bounded() {
        let (expected, actual, _) = failure(&is(json!("x".repeat(9000))), &text(&"y\u{202e}".repeat(9000)));
        assert!(expected.chars().count() < 340 && actual.chars().count() < 340, "{}", actual.len());
        assert!(!actual.contains('\u{202e}'));
    }
}
