//! What Chromium tells over CDP (`Network` and `Page` domains), taken apart.

use super::exchange::{Ending, Pending};
use super::fact::{Answer, End, Fact, Head, Refused, Why};
use super::fold::{AWAITED, Asked, Fold, LATEST, cause_of_navigation_type, cause_of_reason, custom_scheme, failure, is_icon};
use super::head;
use super::json::{bounded, flag, list, number, some_text, status, text};
use crate::drive::cookies::sent_in;
use crate::trace::{AnsweredBy, Cause, CookieWithheld, Reason, Resource, Timings};
use crate::web::cookie::SendBlock;
use crate::web::headers::Headers;
use bytes::Bytes;
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// Most cookies, and most refused lines, of one message that are kept.
const MOST_COOKIES: usize = 4000;
/// Most bytes of a request's body that an event carries and that are kept.
const LARGEST_BODY: usize = 1024 * 1024;

impl Fold {
    /// One event of CDP: `params` is what BiDi wraps around it.
    pub(super) fn cdp(&mut self, name: &str, params: &Value, at: Instant) {
        let session = text(params, "session").unwrap_or_default();
        let Some(params) = params.get("params") else { return };
        let id = text(params, "requestId").unwrap_or_default();
        let frame = text(params, "frameId").unwrap_or_default();
        match name {
            "Network.requestWillBeSent" => self.request(id, session, params, at),
            "Network.requestWillBeSentExtraInfo" => {
                if let Some(exchange) = self.exchange(id) {
                    exchange.sent(session, params.clone());
                    self.advance(id);
                }
            }
            "Network.responseReceivedExtraInfo" => {
                if let Some(exchange) = self.exchange(id) {
                    exchange.came(session, params.clone());
                    self.advance(id);
                }
            }
            "Network.responseReceived" => self.response(id, params),
            "Network.requestServedFromCache" => {
                if let Some(hop) = self.exchanges.get_mut(id).and_then(|exchange| exchange.hops.last_mut()) {
                    hop.from_cache = true;
                }
            }
            "Network.loadingFinished" => self.ending(id, params, false, at),
            "Network.loadingFailed" => self.ending(id, params, true, at),
            "Page.frameRequestedNavigation" | "Page.frameScheduledNavigation" => {
                let delay = number(params, "delay").unwrap_or_default();
                let here = matches!(text(params, "disposition"), None | Some("currentTab"));
                if let (Some(url), true) = (text(params, "url"), here) {
                    let cause = cause_of_reason(text(params, "reason").unwrap_or_default());
                    self.frames.asked(frame, url, cause, delay, at);
                }
            }
            "Page.frameClearedScheduledNavigation" => self.frames.unasked(frame, at),
            "Page.frameStartedNavigating" => {
                let url = text(params, "url").unwrap_or_default();
                if let Some(cause) = text(params, "navigationType").and_then(cause_of_navigation_type) {
                    self.frames.asked(frame, url, cause, 0.0, at);
                }
            }
            "Page.windowOpen" => self.frames.window_asked(at),
            _ => {}
        }
    }

    /// A hop of a request: the first one, or what a redirect leads to.
    fn request(&mut self, id: &str, session: &str, params: &Value, at: Instant) {
        let Some(asked) = params.get("request") else { return };
        let redirect = params.get("redirectResponse").filter(|redirect| redirect.is_object());
        let began = number(params, "timestamp").unwrap_or_default();
        let kind = text(params, "type");
        let frame = some_text(params, "frameId");
        let mut url = text(asked, "url").unwrap_or_default().to_owned();
        let Some(exchange) = self.exchange(id) else { return };
        let why = match (exchange.hops.last_mut(), redirect) {
            // Another session tells of the same request once more.
            (Some(_), None) => return,
            (Some(last), Some(response)) => {
                last.response = Some(response.clone());
                last.has_extra = Some(flag(params, "redirectHasExtraInfo"));
                last.answered_at = began;
                last.next = Some(url.clone());
                last.told.map(Why::Redirect)
            }
            (None, _) => {
                exchange.session = session.to_owned();
                exchange.document = kind == Some("Document");
                None
            }
        };
        if why.is_some() {
            self.advance(id);
            if let Some(link) = custom_scheme(&url) {
                self.fact(Fact::Left(link));
            }
        } else if is_icon(&url, kind, text_of_initiator(params) != Some("other")) || is_worker_script(params) {
            self.finish(id);
            return;
        }
        let is_document = kind == Some("Document");
        let resource = resource(kind, frame.is_none_or(|frame| self.frames.is_top(frame)), params);
        let why = why.unwrap_or_else(|| match (is_document, frame) {
            (true, Some(frame)) => match self.frames.why(frame, &url) {
                Some(cause) => Why::Page(cause),
                None if text_of_initiator(params) == Some("script") => Why::Page(Cause::Script),
                None if resource == Resource::Frame => Why::Page(Cause::Subresource),
                None if self.frames.is_opened_by_page(frame) => Why::Page(Cause::Link),
                None => Why::Driver,
            },
            _ => Why::Page(Cause::Subresource),
        });
        if let Some(fragment) = some_text(asked, "urlFragment") {
            url.push_str(fragment);
        }
        let page = if is_document { frame.and_then(|frame| self.frames.url(frame)).map(ToString::to_string) } else { None };
        let request = Asked {
            why,
            resource,
            method: text(asked, "method").unwrap_or("GET"),
            url: &url,
            body: body(asked),
            frame,
            page: page.as_deref().or_else(|| some_text(params, "documentURL")),
            endless: matches!(kind, Some("EventSource" | "WebSocket" | "Ping")),
            wall: params.get("wallTime").and_then(Value::as_f64),
        };
        let Some(draft) = self.begin(id, request, at) else {
            // A URL that no server sees: `data:`, `blob:`, or where a custom scheme led.
            if self.exchanges.get(id).is_some_and(|exchange| exchange.hops.is_empty()) {
                self.finish(id);
            }
            return;
        };
        if let Some(exchange) = self.exchanges.get_mut(id) {
            let (draft, provisional) = (Some(draft), asked.get("headers").cloned());
            exchange.hops.push(Pending { draft, told: draft, url, provisional, began, ..Pending::default() });
        }
    }

    fn response(&mut self, id: &str, params: &Value) {
        let Some(last) = self.exchanges.get_mut(id).and_then(|exchange| exchange.hops.last_mut()) else { return };
        if last.response.is_some() {
            return;
        }
        last.response = params.get("response").cloned();
        last.has_extra = Some(flag(params, "hasExtraInfo"));
        last.answered_at = number(params, "timestamp").unwrap_or_default();
        let endless = text(params, "type") == Some("EventSource")
            || last.response.as_ref().and_then(|response| text(response, "mimeType")) == Some("text/event-stream");
        self.advance(id);
        if endless {
            self.stream(id);
        }
    }

    /// A stream is told as ended when it begins: when it ends, the chain may be over.
    fn stream(&mut self, id: &str) {
        self.is_endless(id);
        if let Some(exchange) = self.exchanges.get_mut(id) {
            let at = exchange.hops.last().map_or(0.0, |last| last.answered_at);
            exchange.ended.get_or_insert(Ending { at, failed: None, body: false });
            self.advance(id);
        }
    }

    fn ending(&mut self, id: &str, params: &Value, failed: bool, at: Instant) {
        let Some(exchange) = self.exchanges.get_mut(id) else { return };
        // An error page in place of one that failed is loaded under its name.
        if exchange.ended.is_some() || exchange.is_unnamed() {
            return;
        }
        exchange.ended =
            Some(Ending { at: number(params, "timestamp").unwrap_or_default(), failed: failed.then(|| params.clone()), body: !failed });
        exchange.join();
        let unsure = exchange.hops.last().is_some_and(|last| last.response.is_none());
        let complete = exchange.has_unseen_answer();
        if unsure && !complete && may_have_been_sent(params) {
            return self.linger(id, at + LATEST);
        }
        if unsure {
            return self.give_up(id);
        }
        self.advance(id);
        if self.exchanges.contains_key(id) {
            self.linger(id, at + AWAITED);
        }
    }

    /// What is not there by now will not come.
    pub(super) fn give_up(&mut self, id: &str) {
        if let Some(exchange) = self.exchanges.get_mut(id)
            && exchange.ended.is_some()
        {
            exchange.make_do();
            self.complete(id, true);
        }
    }

    /// Says what is complete.
    fn advance(&mut self, id: &str) {
        let Some(exchange) = self.exchanges.get_mut(id) else { return };
        exchange.join();
        self.complete(id, false);
    }

    fn complete(&mut self, id: &str, last_chance: bool) {
        let Some(exchange) = self.exchanges.get_mut(id) else { return };
        let (mut facts, mut kept_from_page) = (Vec::new(), None);
        let (ended, count) = (exchange.ended.clone(), exchange.hops.len());
        for (at, hop) in exchange.hops.iter_mut().enumerate() {
            let Some(draft) = hop.draft else { continue };
            if !hop.answered && (hop.is_known() || last_chance) {
                hop.answered = true;
                facts.push(Fact::Answered(draft, Box::new(head_of(hop))));
            }
            let last = ended.as_ref().filter(|_| at + 1 == count && hop.next.is_none());
            if !hop.answered || hop.next.is_none() && last.is_none() {
                continue;
            }
            hop.draft = None;
            let failed = last.and_then(|last| last.failed.as_ref());
            let why = failed.map(why_failed);
            let answered = hop.response.is_some() || hop.came.is_some();
            if let (Some(why), None) = (&why, &hop.response)
                && answered
                && !canceled(failed)
            {
                kept_from_page = Some((hop.url.clone(), why.clone()));
            }
            let failure = why.filter(|_| !answered).map(|why| failure(&why, canceled(failed)));
            let until = last.map_or(hop.answered_at, |last| last.at);
            let body = last.is_some_and(|last| last.body);
            facts.push(Fact::Ended(draft, End { failure, took: (until - hop.began).max(0.0), body }));
        }
        let over = ended.is_some() && exchange.hops.iter().all(|hop| hop.draft.is_none());
        facts.into_iter().for_each(|fact| self.fact(fact));
        if let Some((url, why)) = kept_from_page {
            self.kept_from_page(&url, &why);
        }
        if over {
            self.finish(id);
        }
    }
}

/// Whether a request that failed so may have reached a server, so that headers can still come.
fn may_have_been_sent(failed: &Value) -> bool {
    let why = text(failed, "errorText").unwrap_or_default();
    let never = [
        "ERR_TUNNEL",
        "ERR_CONNECTION_REFUSED",
        "ERR_NAME",
        "ERR_PROXY",
        "ERR_CERT",
        "ERR_SSL",
        "ERR_BLOCKED_BY_CLIENT",
        "ERR_UNKNOWN_URL",
    ];
    some_text(failed, "blockedReason").is_none_or(|reason| reason.starts_with("co")) && !never.iter().any(|sign| why.contains(sign))
}

fn canceled(failed: Option<&Value>) -> bool {
    failed.is_some_and(|failed| flag(failed, "canceled"))
}

/// The browser's words for a failure.
fn why_failed(failed: &Value) -> String {
    let cors = failed.get("corsErrorStatus").and_then(|cors| some_text(cors, "corsError")).map(|why| format!("CORS: {why}"));
    let blocked = || some_text(failed, "blockedReason").map(|why| format!("BLOCKED: {why}"));
    let text = || text(failed, "errorText").unwrap_or_default().to_owned();
    bounded(&cors.or_else(blocked).unwrap_or_else(text), 200)
}

/// A service worker's own script: Chromium tells that it is asked for, and neither what is sent nor what comes.
fn is_worker_script(params: &Value) -> bool {
    let none = |name: &str| some_text(params, name).is_none();
    text(params, "type") == Some("Script") && none("frameId") && none("loaderId")
}

fn text_of_initiator(params: &Value) -> Option<&str> {
    params.get("initiator").and_then(|initiator| text(initiator, "type"))
}

fn resource(kind: Option<&str>, top: bool, params: &Value) -> Resource {
    match kind {
        Some("Document") if top => Resource::Document,
        Some("Document") => Resource::Frame,
        Some("Preflight") => Resource::Preflight,
        Some("Fetch" | "XHR" | "EventSource" | "WebSocket" | "Ping") => Resource::Fetch,
        _ if text_of_initiator(params) == Some("preflight") => Resource::Preflight,
        _ => Resource::Asset,
    }
}

/// The request's body, as far as the event carries it.
fn body(asked: &Value) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let mut bytes = Vec::new();
    for entry in list(asked, "postDataEntries") {
        let Some(part) = text(entry, "bytes") else { continue };
        bytes.extend(base64::engine::general_purpose::STANDARD.decode(part).ok()?);
        if bytes.len() > LARGEST_BODY {
            bytes.truncate(LARGEST_BODY);
            return Some(bytes);
        }
    }
    if bytes.is_empty() { text(asked, "postData").map(|data| bounded(data, LARGEST_BODY).into_bytes()) } else { Some(bytes) }
}

/// All that is known of a hop but its body.
fn head_of(hop: &Pending) -> Head {
    let sent = hop.sent.as_ref().map(|sent| &sent.info);
    let fields = sent.and_then(|sent| sent.get("headers")).or(hop.provisional.as_ref());
    let headers = head::wire_order(&head::of_object(fields));
    let cookies: Vec<_> = headers.get_all("cookie").flat_map(sent_in).collect();
    let associated = sent.map(|sent| list(sent, "associatedCookies")).unwrap_or_default();
    Head {
        headers,
        sent: cookies,
        withheld: associated.iter().take(MOST_COOKIES).filter_map(withheld).collect(),
        response: answer_of(hop),
        timings: hop.response.as_ref().and_then(|response| response.get("timing")).map(timings).unwrap_or_default(),
    }
}

fn answer_of(hop: &Pending) -> Option<Answer> {
    let came = hop.came.as_ref().map(|came| &came.info);
    let seen = hop.response.as_ref();
    let (headers, refused) = match came {
        Some(came) => {
            let raw = some_text(came, "headersText").and_then(head::of_text);
            let refused = list(came, "blockedCookies").iter().take(MOST_COOKIES).filter_map(refused).collect();
            (raw.unwrap_or_else(|| head::of_object(came.get("headers"))), Some(refused))
        }
        None => (head::of_object(seen?.get("headers")), Some(Vec::new())),
    };
    let status = came.and_then(|came| status(came, "statusCode")).or_else(|| seen.and_then(|seen| status(seen, "status")))?;
    let is = |name: &str| seen.is_some_and(|seen| flag(seen, name));
    let by = if is("fromServiceWorker") {
        AnsweredBy::ServiceWorker
    } else if is("fromPrefetchCache") {
        AnsweredBy::Prefetch
    } else if came.is_none() && (is("fromDiskCache") || hop.from_cache) {
        AnsweredBy::Cache
    } else {
        AnsweredBy::Server
    };
    let version = match seen.and_then(|seen| text(seen, "protocol")) {
        Some("h2") => "HTTP/2",
        Some("http/1.0") => "HTTP/1.0",
        Some("h3") => "HTTP/3",
        _ => "HTTP/1.1",
    };
    Some(Answer { status, version, headers: without_folding(headers), by, refused })
}

/// HTTP/2 has its status among the fields (RFC 9113 §8.3.2); it is none.
fn without_folding(headers: Headers) -> Headers {
    headers.iter().filter(|header| !header.name.starts_with(':')).map(|header| (header.name.clone(), header.value.clone())).collect()
}

/// CDP `Network.AssociatedCookie`, when it stayed behind.
fn withheld(associated: &Value) -> Option<CookieWithheld> {
    let words: Vec<_> = list(associated, "blockedReasons").iter().filter_map(Value::as_str).collect();
    let cookie = associated.get("cookie").filter(|_| !words.is_empty())?;
    Some(CookieWithheld {
        name: Bytes::copy_from_slice(text(cookie, "name").unwrap_or_default().as_bytes()),
        domain: text(cookie, "domain").unwrap_or_default().to_owned(),
        path: text(cookie, "path").unwrap_or_default().to_owned(),
        reasons: words.iter().map(|word| why_withheld(word)).collect(),
    })
}

pub(super) fn why_withheld(word: &str) -> Reason {
    let known = SendBlock::ALL.iter().find(|block| block.protocol_word() == Some(word));
    let explanation = known.map_or("the browser kept it back, by a rule that is not known here", |block| block.explain());
    Reason { code: bounded(word, 100), explanation: explanation.to_owned() }
}

/// CDP `Network.BlockedSetCookieWithReason`.
fn refused(blocked: &Value) -> Option<Refused> {
    let reasons = list(blocked, "blockedReasons").iter().filter_map(Value::as_str).map(|word| bounded(word, 100)).collect();
    Some(Refused { line: text(blocked, "cookieLine")?.to_owned(), reasons })
}

/// CDP `Network.ResourceTiming`: milliseconds, -1 for what did not happen.
fn timings(timing: &Value) -> Timings {
    let at = |name: &str| number(timing, name).filter(|at| *at >= 0.0);
    let between = |from: &str, to: &str| match (at(from), at(to)) {
        (Some(from), Some(to)) if to > from => Duration::from_secs_f64(((to - from) / 1000.0).min(86_400.0)),
        _ => Duration::ZERO,
    };
    let tls = between("sslStart", "sslEnd");
    Timings {
        dns: between("dnsStart", "dnsEnd"),
        tcp: between("connectStart", "connectEnd").saturating_sub(tls),
        tls,
        first_byte: between("sendStart", "receiveHeadersStart"),
        total: Duration::ZERO,
    }
}
