//! What was never asked when the recording was made: the nearest that was.

use super::asked::Asked;
use super::recording::{Recorded, Site};
use crate::base::escape;
use crate::web::origin::Origin;
use axum::body::Body;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

/// Most entries that are compared.
const LOOKED_AT: usize = 5_000;
/// Longest line of the answer.
const LONGEST_LINE: usize = 300;

/// The answer to a request that was never recorded.
pub(super) fn answer(origin: &Origin, site: &Site, asked: &Asked) -> (Response<Body>, String) {
    let told = shown(&asked.key);
    let note = match nearest(site, asked) {
        Some(nearest) => format!("never recorded; the nearest is entry {}, {}", nearest.number, difference(&nearest.asked.key, &asked.key)),
        None => "never recorded, and nothing else of this origin".to_owned(),
    };
    let mut text = format!("authchain: the recording has no answer to `{told}` at {origin}\n");
    if let Some(nearest) = nearest(site, asked) {
        let (is, how) = (shown(&nearest.asked.key), difference(&nearest.asked.key, &asked.key));
        text.push_str(&format!("the nearest that was recorded is entry {}, `{is}`: {how}\n", nearest.number));
    }
    text.push_str("a browser's recording has nothing of what servers ask each other, nor of what it did not do; where that is needed,\n");
    text.push_str("put something else behind this origin: `process:`, `upstream:`, `idp:` or `stub:` in place of `replay:`\n");
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    (response, note)
}

/// What production must have said to the question of a browser whether a script may ask (Fetch §4.8), where the recording shows
/// that the request behind it was let through: not every exporter writes the question itself.
pub(super) fn preflight(site: &Site, asked: &Asked, headers: &HeaderMap) -> Option<Response<Body>> {
    let method = headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
    let key = format!("{} {}", method.to_str().ok()?.to_ascii_uppercase(), asked.key.strip_prefix("OPTIONS ")?);
    let answers = site.by_key.get(&key)?.iter().filter_map(|at| site.entries[*at].answer.as_ref());
    let allowed = answers.into_iter().find(|answer| answer.headers.contains("access-control-allow-origin"))?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    for name in [ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_ALLOW_CREDENTIALS] {
        if let Some(value) = allowed.headers.get(name.as_str()).and_then(|value| HeaderValue::from_bytes(value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
    if let Some(names) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    Some(response)
}

/// The recorded request with most of its path in common; of several the one with the same method and most of its query.
fn nearest<'a>(site: &'a Site, asked: &Asked) -> Option<&'a Recorded> {
    let (method, path, query) = parts(&asked.key);
    site.entries.iter().take(LOOKED_AT).rev().max_by_key(|recorded| {
        let (other, place, pairs) = parts(&recorded.asked.key);
        let shared = path.split('/').zip(place.split('/')).take_while(|(one, other)| one == other).count();
        let same = query.iter().filter(|pair| pairs.contains(pair)).count();
        (path == place, shared, method == other, same)
    })
}

/// How a request differs from the recorded one, as a fragment.
fn difference(recorded: &str, asked: &str) -> String {
    let (was_method, was_path, was_query) = parts(recorded);
    let (method, path, query) = parts(asked);
    if was_path != path {
        return "another path".to_owned();
    }
    if was_method != method {
        return format!("asked with {}", shown(was_method));
    }
    let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
    let added = query.iter().find(|pair| !was_query.iter().any(|was| name(was) == name(pair)));
    let missing = was_query.iter().find(|was| !query.iter().any(|pair| name(was) == name(pair)));
    let other = query.iter().find(|pair| !was_query.contains(pair));
    match (added, missing, other) {
        (Some(pair), ..) => format!("without the parameter `{}`", shown(&name(pair))),
        (None, Some(pair), _) => format!("with the parameter `{}` as well", shown(&name(pair))),
        (None, None, Some(pair)) => format!("with another value of `{}`", shown(&name(pair))),
        (None, None, None) => "with its parameters more or less often".to_owned(),
    }
}

/// Method, path and query of what is asked.
fn parts(key: &str) -> (&str, &str, Vec<&str>) {
    let (method, target) = key.split_once(' ').unwrap_or((key, ""));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    (method, path, query.split('&').filter(|pair| !pair.is_empty()).collect())
}

fn shown(text: &str) -> String {
    escape::shorten(&escape::line(text), LONGEST_LINE).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::recording::tests::recording;
    use super::*;
    use crate::web::headers::Headers;
    use serde_json::json;

    fn ask(method: &str, target: &str) -> (String, String) {
        let get = |url: &str| json!({"request": {"method": "GET", "url": url}, "response": {"status": 200}});
        let recording = recording(json!([
            get("https://a.test/"),
            get("https://a.test/login?next=/&lang=de"),
            get("https://a.test/api/session"),
            get("https://a.test/api/users")
        ]));
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let asked = Asked::new(method, path, query, &Headers::new(), b"");
        let origin = "https://a.test".parse().unwrap();
        let (response, note) = answer(&origin, &recording.sites[&origin], &asked);
        assert_eq!(response.status(), 404);
        (note, asked.key)
    }

    #[test]
    fn the_nearest_is_named_with_what_differs() {
        for (method, target, expected) in [
            ("POST", "/api/session", "entry 3, asked with GET"),
            ("GET", "/login?next=/", "entry 2, with the parameter `lang` as well"),
            ("GET", "/login?next=/&lang=de&x=1", "entry 2, without the parameter `x`"),
            ("GET", "/login?next=/home&lang=de", "entry 2, with another value of `next`"),
            ("GET", "/api/session/refresh", "entry 3, another path"),
        ] {
            let (note, key) = ask(method, target);
            assert!(note.ends_with(expected), "{key}: {note}");
        }
    }
}
