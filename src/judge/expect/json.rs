//! A value in the JSON body, found by a JSONPath (RFC 9535).

use super::matcher::Subject;
use super::view::View;
use super::{Check, of_response, test, wanted_of};
use crate::judge::text::{SHOWN, shown};
use crate::plan::{Matcher, Scope};
use serde_json::Value;
use serde_json_path::JsonPath;

pub(super) fn check(path: &JsonPath, matcher: &Matcher, view: &View<'_>, scope: &Scope) -> Check {
    if let Some(value) = &view.record.value {
        let subject = find(path, value);
        return test(matcher, &subject, scope)
            .or_note(|| (subject == Subject::Absent).then(|| format!("nothing at {path} of what the step came to")));
    }
    if view.no_response().is_some() {
        return of_response(matcher, view, scope, |_| None);
    }
    let Some(body) = view.response().and_then(|response| response.body.json()) else {
        return Check::failed(wanted_of(matcher), "no JSON", view.body_note());
    };
    let subject = find(path, &body);
    let absent = subject == Subject::Absent || subject == Subject::Nodes(Vec::new());
    test(matcher, &subject, scope).or_note(|| absent.then(|| format!("nothing at {path}; the body is {}", shown(&body.to_string(), SHOWN))))
}

/// What `path` finds: one value for a path that can only find one, otherwise the list of all.
fn find(path: &JsonPath, body: &Value) -> Subject {
    let nodes: Vec<Value> = path.query(body).into_iter().cloned().collect();
    match (nodes.as_slice(), finds_one(path)) {
        ([], true) => Subject::Absent,
        ([only], true) => Subject::Json(only.clone()),
        _ => Subject::Nodes(nodes),
    }
}

/// Whether this is a singular query (RFC 9535 §2.3.5.1): names and indexes only.
fn finds_one(path: &JsonPath) -> bool {
    let mut quote = None;
    let mut escaped = false;
    for c in path.to_string().chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => quote = Some(c),
            None if matches!(c, '*' | '?' | ':' | ',') => return false,
            None => {}
        }
    }
    quote.is_none() && !descends(&path.to_string())
}

/// Whether the path has a descendant segment (`..`) outside of quotes.
fn descends(path: &str) -> bool {
    let unquoted: String = path.split(['\'', '"']).step_by(2).collect::<Vec<_>>().join("_");
    unquoted.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_and_indexes_find_one_value() {
        for (path, one) in [
            ("$.a.b[0]", true),
            ("$['a*']", true),
            ("$.a[*]", false),
            ("$..a", false),
            ("$[0:1]", false),
            ("$['a','b']", false),
            ("$['x..y']", true),
            ("$[?@.a]", false),
        ] {
            assert_eq!(finds_one(&JsonPath::parse(path).unwrap()), one, "{path}");
        }
    }
}
