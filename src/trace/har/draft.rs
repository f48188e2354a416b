//! One entry as a hop without cookies: what of it is kept while the file is read.

use super::kind;
use crate::base::escape;
use crate::trace::{AnsweredBy, Body, Failure, FailureKind, Request, Resource, Response, Timings};
use crate::web::har::{Entry, parse_date};
use bytes::Bytes;
use std::time::Duration;
use time::OffsetDateTime;
use url::Url;

/// Most of a body that is kept; what rules read lies at its beginning, and an answer in JSON is smaller.
const LONGEST_BODY: usize = 256 * 1024;

/// What is known of an entry before it has its place in the chain.
pub(super) struct Draft {
    pub(super) entry: Entry,
    pub(super) request: Request,
    pub(super) resource: Resource,
    pub(super) outcome: Result<Response, Failure>,
    pub(super) started: Option<OffsetDateTime>,
    pub(super) timings: Timings,
}

/// What fields of cookies an entry has.
#[derive(Default, Clone, Copy)]
pub(super) struct Seen {
    /// Whether a request carried cookies.
    pub(super) cookie: bool,
    /// Whether an answer set one.
    pub(super) set_cookie: bool,
    pub(super) authorization: bool,
    pub(super) body: bool,
    pub(super) browser: bool,
}

impl Draft {
    /// The draft of an entry; `None` for what is no request of HTTP: a WebSocket, `data:`, `blob:`, an extension's page.
    pub(super) fn of(mut entry: Entry) -> Option<Self> {
        let url = Url::parse(&entry.request.url).ok()?;
        if kind::is_socket(&entry) || !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let headers = entry.request.fields();
        let resource = kind::resource(&entry, &headers);
        let body = if resource == Resource::Asset { Bytes::new() } else { entry.request.body(LONGEST_BODY).0.into() };
        let outcome = answer(&mut entry, resource);
        let timings = timings(&entry);
        let request = Request { method: method(&entry.request.method), url, headers, body };
        let started = parse_date(&entry.started_date_time);
        // What is no longer needed leaves memory.
        entry.request.headers = Vec::new();
        entry.request.cookies = Vec::new();
        entry.request.query_string = Vec::new();
        entry.request.post_data = None;
        entry.request.url = String::new();
        entry.response.content = Default::default();
        entry.response.headers = Vec::new();
        entry.response.cookies = Vec::new();
        Some(Self { entry, request, resource, outcome, started, timings })
    }

    /// Leaves out what nobody will ask for, before any work is done on it: bodies of scripts, styles and pictures make up most
    /// of a file.
    pub(super) fn lighten(entry: &mut Entry) {
        if kind::resource(entry, &entry.request.fields()) == Resource::Asset {
            entry.request.post_data = None;
            entry.response.content.text = None;
        }
    }

    pub(super) fn seen(&self) -> Seen {
        let headers = &self.request.headers;
        Seen {
            cookie: headers.contains("cookie"),
            set_cookie: self.outcome.as_ref().is_ok_and(|response| response.headers.contains("set-cookie")),
            authorization: headers.contains("authorization"),
            body: self.outcome.as_ref().is_ok_and(|response| !response.body.bytes.is_empty()),
            browser: headers.contains("sec-fetch-mode") || self.entry.resource_type.is_some() || self.entry.pageref.is_some(),
        }
    }
}

fn method(text: &str) -> String {
    if text.is_empty() { "GET".to_owned() } else { text.chars().take(40).collect() }
}

fn answer(entry: &mut Entry, resource: Resource) -> Result<Response, Failure> {
    let response = &entry.response;
    let status = response.status as u16;
    if !(100..=999).contains(&status) {
        let word = response.error.as_deref().filter(|word| !word.is_empty());
        let message = word.map_or_else(
            || "the recording has no answer to it".to_owned(),
            |word| format!("the browser says {}", escape::shorten(&escape::line(word), 160)),
        );
        return Err(Failure { kind: word.map_or(FailureKind::Broken, kind::failure), message });
    }
    let headers = response.fields();
    let by = match entry.from_cache.as_deref() {
        _ if response.from_service_worker => AnsweredBy::ServiceWorker,
        Some("prefetch") => AnsweredBy::Prefetch,
        Some(word) if !matches!(word, "" | "false") => AnsweredBy::Cache,
        _ => AnsweredBy::Server,
    };
    let version = version(if response.http_version.is_empty() { &entry.request.http_version } else { &response.http_version });
    let body = if resource == Resource::Asset { Body::default() } else { received(entry) };
    Ok(Response { status, version, headers, body, by })
}

fn version(text: &str) -> &'static str {
    match text.to_ascii_lowercase().as_str() {
        "h2" | "http/2" | "http/2.0" => "HTTP/2",
        "h3" | "http/3" | "http/3.0" => "HTTP/3",
        text if text.starts_with("http/1.0") => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

fn received(entry: &mut Entry) -> Body {
    let content = std::mem::take(&mut entry.response.content);
    let (bytes, truncated) = content.body(LONGEST_BODY);
    Body { truncated, bytes: bytes.into() }
}

fn timings(entry: &Entry) -> Timings {
    let milliseconds = |number: f64| Duration::from_secs_f64(number.clamp(0.0, 86_400_000.0) / 1000.0);
    let times = &entry.timings;
    let connect = milliseconds(times.connect);
    let tls = milliseconds(times.ssl);
    Timings {
        dns: milliseconds(times.dns),
        tcp: connect.saturating_sub(tls),
        tls,
        first_byte: milliseconds(times.send.max(0.0) + times.wait.max(0.0)),
        total: milliseconds(entry.time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn draft(entry: serde_json::Value) -> Draft {
        Draft::of(serde_json::from_value(entry).unwrap()).unwrap()
    }

    fn set(response: serde_json::Value) -> Vec<String> {
        let draft = draft(json!({"request": {"url": "https://a.test/"}, "response": response}));
        let response = draft.outcome.unwrap();
        response.headers.get_all("set-cookie").map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }

    #[test]
    fn set_cookie_lines_are_told_apart_however_they_were_joined() {
        let lines = ["a=1; Expires=Wed, 01 Apr 2026 00:00:00 GMT; Path=/", "b=2; Secure"];
        let pair = |value: &str| json!([{"name": "Set-Cookie", "value": value}]);
        let cookies = json!([{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]);
        assert_eq!(set(json!({"status": 200, "headers": pair(&lines.join("\n"))})), lines);
        assert_eq!(set(json!({"status": 200, "headers": pair(&lines.join(", ")), "cookies": cookies})), lines);
        // What came folded over the wire stays so.
        assert_eq!(set(json!({"status": 200, "headers": pair(&lines.join(", "))})), [lines.join(", ")]);
        let alone =
            json!([{"name": "a", "value": "1", "path": "/", "expires": "2026-04-01T00:00:00Z", "httpOnly": true, "sameSite": "Lax"}]);
        assert_eq!(
            set(json!({"status": 200, "cookies": alone})),
            ["a=1; Path=/; SameSite=Lax; Expires=Wed, 01 Apr 2026 00:00:00 GMT; HttpOnly"]
        );
    }

    #[test]
    fn bodies_are_decoded_and_cut_ones_are_told() {
        let body = |content: serde_json::Value| {
            let entry = json!({"request": {"url": "https://a.test/", "headers": [{"name": "Accept", "value": "application/json"}]}, "response": {"status": 200, "content": content}});
            let body = draft(entry).outcome.unwrap().body;
            (body.text().into_owned(), body.truncated)
        };
        assert_eq!(body(json!({"size": 2, "text": "{}", "mimeType": "application/json"})), ("{}".to_owned(), false));
        assert_eq!(body(json!({"size": 5, "text": "aGVsbG8=", "encoding": "base64"})), ("hello".to_owned(), false));
        assert_eq!(body(json!({"size": 5, "text": "aGVsb", "encoding": "base64"})).0, "hel");
        assert_eq!(body(json!({"size": 9000, "text": "{\"a\""})), ("{\"a\"".to_owned(), true));
        assert_eq!(body(json!({"size": 9000})), (String::new(), false));
    }

    #[test]
    fn pseudo_fields_and_sockets_are_no_requests_fields() {
        let entry = draft(
            json!({"request": {"url": "https://a.test/", "headers": [{"name": ":authority", "value": "a"}, {"name": "accept", "value": "b"}]}}),
        );
        assert_eq!(entry.request.headers.len(), 1);
        assert_eq!(entry.outcome.unwrap_err().message, "the recording has no answer to it");
        for url in ["wss://a.test/", "data:text/html,x", "chrome-extension://x/y", "nonsense"] {
            assert!(Draft::of(serde_json::from_value(json!({"request": {"url": url}})).unwrap()).is_none(), "{url}");
        }
    }
}
