//! What Firefox tells over BiDi's network module (WebDriver BiDi §7.5), taken apart.

use super::fact::{Answer, Draft, End, Fact, Head, Why};
use super::fold::{Asked, Fold, custom_scheme, failure, is_icon};
use super::head;
use super::json::{flag, number, some_text, status, text};
use crate::drive::cookies::sent_in;
use crate::trace::{AnsweredBy, Cause, Resource, Timings};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// A request under way.
#[derive(Debug)]
pub(super) struct Asking {
    /// Its last hop.
    draft: Draft,
    /// The response's head, once it has come: of one that is then given up nothing else tells.
    started: Option<Value>,
    ended: bool,
}

impl Fold {
    /// One event of BiDi's network module.
    pub(super) fn bidi(&mut self, method: &str, params: &Value, at: Instant) {
        let Some(request) = params.get("request") else { return };
        let Some(id) = some_text(request, "request") else { return };
        match method {
            "network.beforeRequestSent" => self.bidi_request(id, params, request, at),
            "network.responseStarted" => self.bidi_started(id, params, request),
            "network.responseCompleted" => self.bidi_answer(id, params.get("response"), request, true),
            "network.fetchError" => self.bidi_failure(id, params, request),
            _ => {}
        }
    }

    fn bidi_request(&mut self, id: &str, params: &Value, request: &Value, at: Instant) {
        let (url, frame) = (text(request, "url").unwrap_or_default(), some_text(params, "context"));
        let is_document = some_text(params, "navigation").is_some();
        let kind = some_text(request, "initiatorType").or_else(|| some_text(request, "destination"));
        if is_icon(url, None, is_document || kind == Some("fetch") || kind == Some("xmlhttprequest")) {
            return;
        }
        let method = text(request, "method").unwrap_or("GET");
        let resource = match kind {
            _ if is_document && frame.is_none_or(|frame| self.frames.is_top(frame)) => Resource::Document,
            _ if is_document => Resource::Frame,
            Some("fetch" | "xmlhttprequest" | "beacon") => Resource::Fetch,
            None | Some("") if method == "OPTIONS" => Resource::Preflight,
            _ => Resource::Asset,
        };
        let before = self.firefox.get(id).map(|asking| asking.draft);
        let headers = head::of_list(request, "headers");
        let why = match (before, is_document, frame) {
            (Some(from), _, _) => Why::Redirect(from),
            (_, true, Some(frame)) if resource == Resource::Document => self.bidi_reason(frame, method, &headers),
            _ => Why::Page(Cause::Subresource),
        };
        let page = frame.and_then(|frame| self.frames.url(frame)).map(ToString::to_string);
        // WebDriver BiDi §7.6.1.2: in milliseconds.
        let wall = params.get("timestamp").and_then(Value::as_f64).map(|ms| ms / 1000.0);
        let asked = Asked { why, resource, method, url, body: None, frame, page: page.as_deref(), endless: false, wall };
        if let Some(draft) = self.begin(id, asked, at) {
            self.firefox.insert(id.to_owned(), Asking { draft, started: None, ended: false });
        }
    }

    fn bidi_started(&mut self, id: &str, params: &Value, request: &Value) {
        let Some(asking) = self.firefox.get_mut(id) else { return };
        asking.started = params.get("response").cloned();
        if is_stream(params) {
            self.bidi_answer(id, params.get("response"), request, false);
        }
    }

    /// Firefox gives no reasons; what it sends tells whether a page stood behind it.
    fn bidi_reason(&self, frame: &str, method: &str, headers: &crate::web::headers::Headers) -> Why {
        let from_nowhere = headers.get("sec-fetch-site").is_none_or(|site| site == b"none") && !headers.contains("referer");
        let fresh = self.frames.is_fresh(frame);
        match (method, from_nowhere) {
            ("GET", true) => Why::Driver,
            ("GET", false) if fresh => Why::Page(Cause::Script),
            ("GET", false) => Why::Page(Cause::Link),
            _ if fresh => Why::Page(Cause::AutoForm),
            _ => Why::Page(Cause::Form),
        }
    }

    fn bidi_answer(&mut self, id: &str, response: Option<&Value>, request: &Value, body: bool) {
        let Some(asking) = self.firefox.get_mut(id).filter(|asking| !asking.ended) else { return };
        asking.ended = true;
        let draft = asking.draft;
        let answer = response.and_then(answer_of);
        let redirects = answer
            .as_ref()
            .is_some_and(|answer| matches!(answer.status, 301 | 302 | 303 | 307 | 308) && answer.headers.contains("location"));
        self.bidi_end(draft, request, answer, End { failure: None, took: took(request), body: body && !redirects });
        // The next hop comes under the same name; the request is at its end only without one.
        if !redirects {
            self.firefox.remove(id);
            self.finish(id);
        }
    }

    fn bidi_failure(&mut self, id: &str, params: &Value, request: &Value) {
        self.navigation_failed(params);
        let Some(asking) = self.firefox.remove(id) else { return };
        let answer = asking.started.as_ref().and_then(answer_of);
        let location = answer.as_ref().and_then(|answer| answer.headers.get("location"));
        let link = location.and_then(|location| custom_scheme(&String::from_utf8_lossy(location)));
        if !asking.ended {
            let failure = failure(text(params, "errorText").unwrap_or_default(), false);
            let end = End { failure: answer.is_none().then_some(failure), took: took(request), body: false };
            self.bidi_end(asking.draft, request, answer, end);
        }
        if let Some(link) = link {
            self.fact(Fact::Left(link));
        }
        self.finish(id);
    }

    fn bidi_end(&mut self, draft: Draft, request: &Value, response: Option<Answer>, end: End) {
        let headers = head::of_list(request, "headers");
        let sent = headers.get_all("cookie").flat_map(sent_in).collect();
        let timings = request.get("timings").map(timings).unwrap_or_default();
        self.fact(Fact::Answered(draft, Box::new(Head { headers, sent, withheld: Vec::new(), response, timings })));
        self.fact(Fact::Ended(draft, end));
    }
}

/// `network.ResponseData` without its body.
fn answer_of(response: &Value) -> Option<Answer> {
    Some(Answer {
        status: status(response, "status")?,
        version: version(text(response, "protocol")),
        headers: head::of_list(response, "headers"),
        by: if flag(response, "fromCache") { AnsweredBy::Cache } else { AnsweredBy::Server },
        refused: None,
    })
}

fn is_stream(params: &Value) -> bool {
    params.get("response").and_then(|response| text(response, "mimeType")).is_some_and(|mime| mime.starts_with("text/event-stream"))
}

fn version(protocol: Option<&str>) -> &'static str {
    match protocol {
        Some("h2") => "HTTP/2",
        Some("h3") => "HTTP/3",
        Some("http/1.0") => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

/// Seconds from the request's beginning to its response's end.
fn took(request: &Value) -> f64 {
    let Some(timings) = request.get("timings") else { return 0.0 };
    let at = |name: &str| number(timings, name).filter(|at| *at > 0.0);
    match (at("fetchStart").or_else(|| at("requestStart")), at("responseEnd")) {
        (Some(from), Some(to)) => ((to - from) / 1000.0).clamp(0.0, 86_400.0),
        _ => 0.0,
    }
}

/// `network.FetchTimingInfo`: milliseconds, 0 for what did not happen.
fn timings(timing: &Value) -> Timings {
    let at = |name: &str| number(timing, name).filter(|at| *at > 0.0);
    let between = |from: &str, to: &str| match (at(from), at(to)) {
        (Some(from), Some(to)) if to > from => Duration::from_secs_f64(((to - from) / 1000.0).min(86_400.0)),
        _ => Duration::ZERO,
    };
    let tls = between("tlsStart", "connectEnd");
    Timings {
        dns: between("dnsStart", "dnsEnd"),
        tcp: between("connectStart", "connectEnd").saturating_sub(tls),
        tls,
        first_byte: between("requestStart", "responseStart"),
        total: Duration::ZERO,
    }
}
