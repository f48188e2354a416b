//! The answer of an earlier step, there again.

use super::matcher::Mismatch;
use super::view::View;
use super::{Check, Verdict};
use crate::base::Span;
use crate::judge::text::shown;
use crate::plan::SameAs;
use crate::trace::Response;
use serde_json::Value;
use serde_json_path::JsonPath;

/// How much of a value is shown, in characters.
const SHOWN: usize = 160;

pub(super) fn check(wanted: &SameAs, view: &View<'_>, span: Span, verdicts: &mut Vec<Verdict>) {
    let whole = format!("same as step `{}`", wanted.step);
    let hop = view.hop().map(|hop| hop.id);
    let earlier = view.chain.steps[..view.index].iter().rposition(|step| step.id.as_deref() == Some(&wanted.step));
    let first = earlier.and_then(|at| view.chain.response_hop(at)).and_then(|hop| hop.response());
    let (first, again) = match (first, view.response()) {
        (Some(first), Some(again)) => (first, again),
        (None, _) => {
            let none = Check::failed("the answer of that step", "that step has no answer", None);
            return verdicts.push(Verdict::of(whole, span, hop, none));
        }
        (_, None) => {
            let why = view.no_response().unwrap_or_else(|| "no response".to_owned());
            return verdicts.push(Verdict::of(whole, span, hop, Check::failed("the same answer", why, None)));
        }
    };
    let mut compare = |part: String, first: Option<String>, again: Option<String>| {
        verdicts.push(Verdict::of(format!("{part} as in step `{}`", wanted.step), span, hop, equal(first, again)));
    };
    if wanted.json.is_empty() && wanted.headers.is_empty() {
        compare("status".to_owned(), Some(first.status.to_string()), Some(again.status.to_string()));
        compare("body".to_owned(), Some(body(first, &wanted.ignore)), Some(body(again, &wanted.ignore)));
    }
    for path in &wanted.json {
        let value = |response: &Response| response.body.json().and_then(|json| found(path, &json));
        compare(format!("json {path}"), value(first), value(again));
    }
    for name in &wanted.headers {
        let value = |response: &Response| response.headers.get(name).map(|value| String::from_utf8_lossy(value).into_owned());
        compare(format!("header {name}"), value(first), value(again));
    }
}

/// What is there neither the first time nor again proves nothing.
fn equal(first: Option<String>, again: Option<String>) -> Check {
    let text = |value: &Option<String>| value.as_deref().map_or_else(|| "nothing".to_owned(), |value| shown(value, SHOWN));
    match (&first, &again) {
        (Some(one), Some(other)) if one == other => Check::Met,
        (None, None) => Check::failed("a value", "nothing in either answer", None),
        _ => Check::Failed(Mismatch { expected: text(&first), actual: text(&again), note: None }),
    }
}

/// Every value that a path finds.
fn found(path: &JsonPath, json: &Value) -> Option<String> {
    let values: Vec<String> = path.query(json).into_iter().map(Value::to_string).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// A body as text; of JSON the values, whatever their order and the white space between them.
fn body(response: &Response, ignore: &[JsonPath]) -> String {
    let Some(mut json) = response.body.json() else { return response.body.text().into_owned() };
    for path in ignore {
        let places: Vec<String> = path.query_located(&json).locations().map(|place| place.to_json_pointer()).collect();
        for place in places {
            if let Some(value) = json.pointer_mut(&place) {
                *value = Value::Null;
            }
        }
    }
    json.sort_all_objects();
    json.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Story, span};
    use serde_json::json;

    fn failures(first: Value, again: Value, same: SameAs) -> Vec<String> {
        let mut story = Story::new();
        story.step("first").post("https://a.test/x").status(200).json(first).last_step().id = Some("first".to_owned());
        story.step("again").post("https://a.test/x").status(200).json(again);
        let view = View::new(&story.chain, 1).unwrap();
        let mut verdicts = Vec::new();
        check(&same, &view, span(), &mut verdicts);
        assert!(!verdicts.is_empty());
        verdicts.iter().filter_map(|verdict| verdict.failure().map(|(expected, actual, _)| format!("{expected} / {actual}"))).collect()
    }

    fn same(json: &[&str], ignore: &[&str]) -> SameAs {
        let paths = |paths: &[&str]| paths.iter().map(|path| JsonPath::parse(path).unwrap()).collect();
        SameAs { step: "first".to_owned(), json: paths(json), headers: Vec::new(), ignore: paths(ignore) }
    }

    #[test]
    fn an_answer_is_the_same_but_for_what_may_differ() {
        let (first, again) = (json!({ "id": 1, "at": 5, "n": [1] }), json!({ "n": [1], "at": 6, "id": 1 }));
        assert_eq!(failures(first.clone(), again.clone(), same(&[], &["$.at"])), Vec::<String>::new());
        assert_eq!(failures(first.clone(), again.clone(), same(&[], &[])).len(), 1);
        assert_eq!(failures(first.clone(), again.clone(), same(&["$.id"], &[])), Vec::<String>::new());
        assert_eq!(failures(first.clone(), again.clone(), same(&["$.at"], &[])), ["5 / 6"]);
        assert_eq!(failures(first, again, same(&["$.gone"], &[])), ["a value / nothing in either answer"]);
    }
}
