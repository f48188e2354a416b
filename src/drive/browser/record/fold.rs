//! The state machine: one event after the other goes in, facts come out. It asks no clock and no browser.

use super::exchange::Exchange;
use super::fact::{Began, Draft, Fact, Place, Why};
use super::frames::Frames;
use super::json::{bounded, list, some_text, text};
use crate::drive::browser::bidi::Event;
use crate::trace::{BrowserEventKind, Cause, Failure, FailureKind, Resource};
use crate::web::cookie::{Initiator, Target};
use crate::web::origin::Origin;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// How long headers may be late behind the failure of their request, which does not say whether there are any.
pub(super) const LATEST: Duration = Duration::from_millis(60);
/// How long headers may be late that are known to come.
pub(super) const AWAITED: Duration = Duration::from_secs(2);
/// From when on a request without an end counts as one that is meant to have none: long polling, a stream.
const LONG: Duration = Duration::from_secs(2);
/// Most requests whose names are kept after their end, so that what comes late is known to be late.
const MOST_DONE: usize = 4096;
/// Most headers that wait for the event that names their request.
const MOST_UNNAMED: usize = 1024;
/// How Firefox begins what it tells of cookies and answers that it refused.
const NO_EXCEPTION: [&str; 3] = ["Cookie “", "Cross-Origin Request", "Content-Security-Policy"];
/// Longest text of an event, in bytes.
const LONGEST: usize = 4000;

/// What the events so far come to.
#[derive(Debug, Default)]
pub(super) struct Fold {
    pub(super) frames: Frames,
    pub(super) exchanges: HashMap<String, Exchange>,
    /// Requests under way that a page's progress depends on, and since when.
    flying: HashMap<String, Flying>,
    /// Firefox's requests under way: the hop of each.
    pub(super) firefox: HashMap<String, super::firefox::Asking>,
    done: VecDeque<String>,
    /// Requests that are over and whose headers may be late, and until when.
    lingering: Vec<(Instant, String)>,
    next: u64,
    /// Counts what keeps a page busy, beginnings and ends.
    stirred: u64,
    facts: Vec<Fact>,
}

#[derive(Debug)]
struct Flying {
    since: Instant,
    url: String,
}

impl Fold {
    /// Takes one event.
    pub(super) fn take(&mut self, event: &Event) {
        let params = &event.params;
        match event.method.as_str() {
            "browsingContext.contextCreated" => self.context_created(params),
            "browsingContext.contextDestroyed" => {
                if let Some(context) = text(params, "context") {
                    self.frames.destroyed(context);
                }
            }
            "browsingContext.navigationStarted" => self.navigation_started(params, event.at),
            "browsingContext.navigationCommitted" => {
                self.navigation(params, |frames, context, id| frames.committed(context, id, some_text(params, "url")));
            }
            "browsingContext.load" => self.navigation(params, |frames, context, id| frames.ended(context, id, true)),
            "browsingContext.navigationFailed" | "browsingContext.navigationAborted" | "browsingContext.fragmentNavigated" => {
                self.navigation(params, |frames, context, id| frames.ended(context, id, false));
            }
            "browsingContext.downloadWillBegin" => {
                self.navigation(params, |frames, context, id| frames.ended(context, id, false));
                let name = text(params, "suggestedFilename").unwrap_or_default();
                self.told(BrowserEventKind::Download, name, text(params, "url"));
            }
            "browsingContext.userPromptOpened" => self.prompt(params),
            "browsingContext.userPromptClosed" => {
                if let Some(context) = text(params, "context") {
                    self.frames.dialog(context, false);
                }
            }
            "log.entryAdded" => self.log(params),
            method => match method.strip_prefix("goog:cdp.") {
                Some(name) => self.cdp(name, params, event.at),
                None => self.bidi(method, params, event.at),
            },
        }
    }

    /// Gives up on headers that are too late.
    pub(super) fn tick(&mut self, now: Instant) {
        let late = self.lingering.extract_if(.., |(until, _)| *until <= now).map(|(_, id)| id).collect::<Vec<_>>();
        late.into_iter().for_each(|id| self.give_up(&id));
    }

    /// What was found out since the last time.
    pub(super) fn facts(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.facts)
    }

    /// What is still under way, for people; nothing when all is quiet.
    pub(super) fn busy(&mut self, now: Instant) -> Option<String> {
        if let Some(what) = self.frames.busy(now) {
            return Some(what);
        }
        let flying = self.flying.values().filter(|flying| now < flying.since + LONG).min_by_key(|flying| flying.since);
        if let Some(flying) = flying {
            let url = Url::parse(&flying.url).map(|url| crate::drive::http::shown(&url)).unwrap_or_default();
            return Some(format!("a request to {url}"));
        }
        let awaited = self.lingering.iter().any(|(_, id)| self.exchanges.contains_key(id));
        awaited.then(|| "the headers of a request that is over".to_owned())
    }

    pub(super) fn fact(&mut self, fact: Fact) {
        self.facts.push(fact);
    }

    fn told(&mut self, kind: BrowserEventKind, text: &str, source: Option<&str>) {
        let source = source.filter(|source| !source.is_empty()).map(|source| bounded(source, LONGEST));
        self.fact(Fact::Told { kind, text: bounded(text, LONGEST), source });
    }

    /// A request takes its place. `None` for a URL that no request over the network has.
    pub(super) fn begin(&mut self, id: &str, asked: Asked<'_>, at: Instant) -> Option<Draft> {
        let url = Url::parse(asked.url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let draft = Draft(self.next);
        self.next += 1;
        let is_page = matches!(asked.resource, Resource::Document | Resource::Frame);
        if is_page || asked.resource == Resource::Fetch && !asked.endless || asked.resource == Resource::Preflight {
            self.flying.insert(id.to_owned(), Flying { since: at, url: asked.url.to_owned() });
            self.stirred += 1;
        }
        let target = asked.frame.map_or(Target::MainFrame, |frame| self.frames.target(frame, is_page));
        let page = asked.page.and_then(|page| Url::parse(page).ok());
        let initiator = match (&asked.why, page.as_ref().map(Origin::of)) {
            (Why::Driver, _) => Initiator::UserAgent,
            (_, Some(Ok(origin))) => Initiator::Origin(origin),
            (_, Some(Err(_))) => Initiator::Opaque,
            (_, None) => Initiator::UserAgent,
        };
        let place = Place { initiator, target, credentials: asked.resource != Resource::Preflight };
        let Asked { why, resource, method, body, wall, .. } = asked;
        let (method, body) = (bounded(method, 64), body.map(bytes::Bytes::from));
        self.fact(Fact::Began(Box::new(Began { draft, why, resource, method, url, body, place, request: id.to_owned(), wall })));
        Some(draft)
    }

    /// A request is over: what comes for it now is late.
    pub(super) fn finish(&mut self, id: &str) {
        self.exchanges.remove(id);
        self.is_endless(id);
        if self.done.len() >= MOST_DONE {
            self.done.pop_front();
        }
        self.done.push_back(id.to_owned());
    }

    /// A request stays without an end for as long as it likes.
    pub(super) fn is_endless(&mut self, id: &str) {
        self.stirred += u64::from(self.flying.remove(id).is_some());
    }

    /// Changes with everything that a page may be waited for.
    pub(super) fn stirred(&self) -> u64 {
        self.stirred + self.frames.stirred()
    }

    pub(super) fn linger(&mut self, id: &str, until: Instant) {
        self.is_endless(id);
        self.lingering.push((until, id.to_owned()));
    }

    pub(super) fn is_done(&self, id: &str) -> bool {
        self.done.iter().rev().any(|done| done == id)
    }

    /// The state of a request of which nothing but headers may be known so far.
    pub(super) fn exchange(&mut self, id: &str) -> Option<&mut Exchange> {
        if !self.exchanges.contains_key(id) {
            if self.is_done(id) {
                return None;
            }
            if self.exchanges.len() >= MOST_UNNAMED {
                let unnamed = self.exchanges.iter().find(|(_, exchange)| exchange.is_unnamed()).map(|(id, _)| id.clone());
                unnamed.and_then(|id| self.exchanges.remove(&id));
            }
        }
        Some(self.exchanges.entry(id.to_owned()).or_default())
    }

    fn navigation(&mut self, params: &Value, act: impl FnOnce(&mut Frames, &str, Option<&str>)) {
        if let Some(context) = text(params, "context") {
            act(&mut self.frames, context, some_text(params, "navigation"));
        }
    }

    fn navigation_started(&mut self, params: &Value, at: Instant) {
        match some_text(params, "url").and_then(custom_scheme) {
            // Nothing is loaded, and no end is told of.
            Some(link) => {
                if let Some(context) = text(params, "context") {
                    self.frames.unasked(context, at);
                }
                self.fact(Fact::Left(link));
            }
            None => self.navigation(params, Frames::started),
        }
    }

    /// A frame, and at the beginning those within it.
    pub(super) fn context_created(&mut self, params: &Value) {
        let Some(context) = text(params, "context") else { return };
        self.frames.created(context, some_text(params, "parent"), some_text(params, "url"));
        for child in list(params, "children") {
            if let Some(id) = text(child, "context") {
                self.frames.created(id, Some(context), some_text(child, "url"));
            }
        }
    }

    fn prompt(&mut self, params: &Value) {
        let Some(context) = text(params, "context") else { return };
        self.frames.dialog(context, true);
        let kind = text(params, "type").unwrap_or("dialog");
        let message = text(params, "message").unwrap_or_default();
        let source = self.frames.url(context).map(ToString::to_string);
        self.told(BrowserEventKind::Dialog, &format!("{kind}: {message}"), source.as_deref());
    }

    /// WebDriver BiDi §7.8: what scripts write to the console, and what they throw.
    fn log(&mut self, params: &Value) {
        if text(params, "level") != Some("error") {
            return;
        }
        let what = text(params, "text").unwrap_or_default();
        // Firefox tells of refused cookies and answers as if a script had thrown.
        let thrown = text(params, "type") == Some("javascript") && !NO_EXCEPTION.iter().any(|start| what.starts_with(start));
        let kind = if thrown { BrowserEventKind::Exception } else { BrowserEventKind::ConsoleError };
        let frames = params.get("stackTrace").map(|stack| list(stack, "callFrames")).unwrap_or_default();
        let from = frames.iter().find_map(|frame| some_text(frame, "url")).map(str::to_owned);
        let context = params.get("source").and_then(|source| text(source, "context"));
        let page = || context.and_then(|context| self.frames.url(context)).map(ToString::to_string);
        let source = from.or_else(page);
        self.told(kind, what, source.as_deref());
    }

    /// A navigation came to nothing, and Firefox tells of it by its request alone.
    pub(super) fn navigation_failed(&mut self, params: &Value) {
        self.navigation(params, |frames, context, id| frames.ended(context, id, false));
    }

    /// Tells of an answer that the browser kept from the page, as its console would.
    pub(super) fn kept_from_page(&mut self, url: &str, why: &str) {
        let url = Url::parse(url).map(|url| crate::drive::http::shown(&url)).unwrap_or_default();
        self.told(BrowserEventKind::ConsoleError, &format!("the browser keeps the answer of {url} from the page: {why}"), None);
    }
}

/// A request as an event tells of it.
pub(super) struct Asked<'a> {
    pub(super) why: Why,
    pub(super) resource: Resource,
    pub(super) method: &'a str,
    pub(super) url: &'a str,
    pub(super) body: Option<Vec<u8>>,
    pub(super) frame: Option<&'a str>,
    /// The page that asks.
    pub(super) page: Option<&'a str>,
    /// Whether it has no end by its nature (EventSource).
    pub(super) endless: bool,
    /// When, in seconds since 1970.
    pub(super) wall: Option<f64>,
}

/// A URL of a scheme that a browser hands to another program.
pub(super) fn custom_scheme(url: &str) -> Option<String> {
    let (scheme, _) = url.split_once(':')?;
    let inner = [
        "http",
        "https",
        "data",
        "blob",
        "about",
        "javascript",
        "file",
        "chrome",
        "chrome-error",
        "chrome-extension",
        "view-source",
        "ws",
        "wss",
        "resource",
        "moz-extension",
    ];
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    (is_scheme && !inner.iter().any(|inner| scheme.eq_ignore_ascii_case(inner))).then(|| bounded(url, 64 * 1024))
}

/// What a network error of a browser means; `why` is its own word or sentence.
pub(super) fn failure(why: &str, canceled: bool) -> Failure {
    let has = |signs: &[&str]| signs.iter().any(|sign| why.contains(sign));
    let (kind, means) = if has(&["ERR_TUNNEL_CONNECTION_FAILED", "PROXY_FORBIDDEN", "PROXY_CONNECTION_REFUSED", "PROXY_BAD_GATEWAY"]) {
        (FailureKind::Undeclared, "the edge lets nobody through there: it is no origin of this scenario, or nobody answers behind it")
    } else if has(&["ERR_PROXY_CONNECTION_FAILED"]) {
        let means = "the browser cannot reach this run's edge: one on another machine needs `--edge` with an address of this one";
        (FailureKind::Connect, means)
    } else if has(&["ERR_CERT", "ERR_SSL", "SSL_ERROR", "SEC_ERROR", "MOZILLA_PKIX"]) {
        (FailureKind::Tls, "TLS could not be agreed")
    } else if has(&["TIMED_OUT", "NET_TIMEOUT"]) {
        (FailureKind::Timeout, "no answer came in time")
    } else if has(&["ERR_CONNECTION_REFUSED", "ERR_ADDRESS", "ERR_NAME", "ERR_PROXY", "NS_ERROR_CONNECTION_REFUSED", "UNKNOWN_HOST"]) {
        (FailureKind::Connect, "there is no connection to be had")
    } else if has(&["TOO_MANY_REDIRECTS", "REDIRECT_LOOP", "UNSAFE_REDIRECT", "INVALID_REDIRECT"]) {
        (FailureKind::Redirect, "the browser does not follow the redirect")
    } else if has(&["ERR_INVALID_RESPONSE", "RESPONSE_HEADERS", "INVALID_HTTP", "CONTENT_DECODING", "INVALID_CHUNKED", "CORRUPTED"]) {
        (FailureKind::Malformed, "the answer is no valid HTTP")
    } else if canceled || has(&["ERR_ABORTED", "BINDING_ABORTED"]) {
        (FailureKind::Broken, "the browser gave it up before an answer came: the page went somewhere else, or a script cancelled it")
    } else if has(&["BLOCKED", "ERR_FAILED"]) {
        (FailureKind::Broken, "the browser does not let it happen")
    } else {
        (FailureKind::Broken, "the connection broke before an answer came")
    };
    let word: String = why.chars().filter(|c| !c.is_control()).take(200).collect();
    let message = if word.is_empty() { means.to_owned() } else { format!("{means} ({word})") };
    Failure { kind, message }
}

/// Why a page that is asked for by nobody else is asked for: a history entry, a reload, or the driver.
pub(super) fn cause_of_navigation_type(kind: &str) -> Option<Cause> {
    match kind {
        "reload" | "reloadBypassingCache" => Some(Cause::Reload),
        "historySameDocument" | "historyDifferentDocument" => Some(Cause::Back),
        _ => None,
    }
}

/// Chromium's reasons for a navigation (CDP `Page.ClientNavigationReason`).
pub(super) fn cause_of_reason(reason: &str) -> Cause {
    match reason {
        "anchorClick" => Cause::Link,
        "formSubmissionGet" | "formSubmissionPost" => Cause::Form,
        "httpHeaderRefresh" | "metaTagRefresh" => Cause::Refresh,
        "reload" => Cause::Reload,
        "initialFrameNavigation" => Cause::Subresource,
        _ => Cause::Script,
    }
}

/// Whether a request is the browser's own for a page's icon: no page asks for it, and when it comes is chance.
pub(super) fn is_icon(url: &str, kind: Option<&str>, page_asked: bool) -> bool {
    !page_asked
        && !matches!(kind, Some("Document" | "Fetch" | "XHR"))
        && url.split(['?', '#']).next().is_some_and(|url| url.ends_with("/favicon.ico"))
}
