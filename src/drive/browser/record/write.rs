//! From facts to the recorder: each hop in its place, each Set-Cookie line with its verdict.

use super::chromium::why_withheld;
use super::cookies::{plainly, verdicts};
use super::fact::{Began, Draft, End, Fact, Head, Why};
use crate::drive::recorder::Recorder;
use crate::trace::{Body, Cause, CookieSet, Failure, FailureKind, HopId, Resource, Response};
use crate::web::cookie::{Jar, RedirectChain, SendContext, parse_cookie_date};
use crate::web::headers::EDGE;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Hops whose ids are kept, for the redirects that come from them.
const MOST_KEPT: usize = 1024;

/// What writes one device's hops.
pub(super) struct Writer {
    recorder: Arc<Recorder>,
    actor: Arc<str>,
    /// The step that hops belong to now.
    step: usize,
    /// Why the driver's next navigation is made, if it said so.
    cause: Option<Cause>,
    /// The browser's jar, as far as its answers tell.
    pub(super) jar: Jar,
    open: HashMap<Draft, Open>,
    placed: BTreeMap<Draft, (HopId, SendContext)>,
    pub(super) deep_link: Option<String>,
}

/// A hop that has not ended.
struct Open {
    hop: HopId,
    began: Box<Began>,
    context: SendContext,
    head: Option<Box<Head>>,
    set: Vec<CookieSet>,
}

/// A hop that has ended but for its body.
pub(super) struct Closing {
    open: Open,
    end: End,
}

impl Closing {
    /// The browser's name for the request.
    pub(super) fn request(&self) -> &str {
        &self.open.began.request
    }

    /// Whether something was sent of which nothing is known so far.
    pub(super) fn wants_request_body(&self) -> bool {
        self.open.began.body.is_none() && matches!(self.open.began.method.as_str(), "POST" | "PUT" | "PATCH" | "DELETE")
    }

    /// Whether the body of the answer is worth asking for.
    pub(super) fn wants_body(&self) -> bool {
        let Some(response) = self.open.head.as_ref().and_then(|head| head.response.as_ref()) else { return false };
        let redirects = matches!(response.status, 301 | 302 | 303 | 307 | 308) && response.headers.contains("location");
        let empty = matches!(response.status, 204 | 205 | 304) || redirects || self.open.began.method == "HEAD";
        let kind = response.headers.content_type();
        let text = || kind.as_ref().is_none_or(|kind| kind.is_json() || kind.is_html());
        let wanted = match self.open.began.resource {
            Resource::Document | Resource::Frame | Resource::Fetch => true,
            Resource::Asset => kind.is_some() && text(),
            Resource::Preflight => false,
        };
        self.end.body && wanted && !empty
    }
}

impl Writer {
    pub(super) fn new(recorder: Arc<Recorder>, actor: Arc<str>, jar: Jar) -> Self {
        let (open, placed) = (HashMap::new(), BTreeMap::new());
        Self { recorder, actor, step: 0, cause: None, jar, open, placed, deep_link: None }
    }

    /// What begins from now on belongs to this step.
    pub(super) fn enter(&mut self, step: usize, cause: Option<Cause>) {
        (self.step, self.cause, self.deep_link) = (step, cause, None);
    }

    /// Takes a fact; hands back a hop that is complete but for its body.
    pub(super) fn take(&mut self, fact: Fact) -> Option<Closing> {
        match fact {
            Fact::Began(began) => self.begin(began),
            Fact::Answered(draft, head) => self.answer(draft, head),
            Fact::Ended(draft, end) => {
                let open = self.open.remove(&draft)?;
                return Some(Closing { open, end });
            }
            Fact::Left(link) => self.deep_link = Some(link),
            Fact::Told { kind, text, source } => self.recorder.event(self.step, &self.actor, kind, text, source),
        }
        None
    }

    fn begin(&mut self, began: Box<Began>) {
        let cause = match &began.why {
            Why::Driver => self.cause.take().unwrap_or(Cause::Open),
            Why::Page(cause) => cause.clone(),
            Why::Redirect(from) => self.placed.get(from).map_or(Cause::Script, |(hop, _)| Cause::Redirect(*hop)),
        };
        let hop = self.recorder.begin_hop_for(self.step, &self.actor, cause, began.resource, &began.method, &began.url);
        if let Some(wall) = began.wall {
            self.recorder.began_at(hop, wall);
        }
        let context = self.context(&began);
        while self.placed.len() >= MOST_KEPT {
            self.placed.pop_first();
        }
        self.placed.insert(began.draft, (hop, context.clone()));
        self.open.insert(began.draft, Open { hop, began, context, head: None, set: Vec::new() });
    }

    fn context(&self, began: &Began) -> SendContext {
        let method = http::Method::from_bytes(began.method.as_bytes()).unwrap_or_default();
        let from = if let Why::Redirect(from) = &began.why { self.placed.get(from) } else { None };
        match from {
            Some((_, context)) => context.redirected(began.url.clone(), method),
            None => SendContext {
                url: began.url.clone(),
                method,
                initiator: began.place.initiator.clone(),
                target: began.place.target.clone(),
                redirect_chain: RedirectChain::SameSite,
                is_http_api: true,
            },
        }
    }

    /// The cookies take effect when the head has come, not when the body has.
    fn answer(&mut self, draft: Draft, mut head: Box<Head>) {
        let Some(open) = self.open.get_mut(&draft) else { return };
        if !open.context.is_schemelessly_same_site() {
            let reasons = head.withheld.iter_mut().flat_map(|cookie| &mut cookie.reasons);
            reasons.for_each(|reason| *reason = why_withheld(plainly(&reason.code)));
        }
        if let Some(response) = &head.response {
            let mut context = open.context.response();
            context.server_date = response.headers.get("date").and_then(parse_cookie_date);
            let lines = response.headers.get_all("set-cookie");
            let (refused, credentials) = (response.refused.as_deref(), open.began.place.credentials);
            open.set = verdicts(&mut self.jar, &context, lines, refused, credentials, self.recorder.clock().now());
        }
        open.head = Some(head);
        self.provisional(draft);
    }

    /// What a hop comes to if its body never ends.
    fn provisional(&self, draft: Draft) {
        let Some(open) = self.open.get(&draft) else { return };
        let (Some(head), Some(answer)) = (&open.head, open.head.as_ref().and_then(|head| head.response.as_ref())) else { return };
        self.recorder.answer_hop(open.hop, open.context.clone(), |hop| {
            hop.request.headers = head.headers.clone();
            hop.request.body = open.began.body.clone().unwrap_or_default();
            (hop.sent, hop.withheld, hop.set) = (head.sent.clone(), head.withheld.clone(), open.set.clone());
            let (status, version) = (answer.status, answer.version);
            hop.outcome = Ok(Response { status, version, headers: answer.headers.clone(), body: Body::default(), by: answer.by });
        });
    }

    /// A hop is written down.
    /// `request` is its body, where the browser tells of it afterwards.
    pub(super) fn close(&self, closing: Closing, request: Option<Bytes>, body: Body) {
        let Closing { open: Open { hop, began, context, head, set }, end } = closing;
        let head = head.map(|head| *head).unwrap_or_default();
        let mut timings = head.timings;
        timings.total = Duration::from_secs_f64(end.took.clamp(0.0, 86_400.0));
        let outcome = match (head.response, end.failure) {
            (Some(answer), _) if answer.headers.contains(EDGE) => Err(of_edge(&answer.headers, &body)),
            (Some(answer), _) => {
                Ok(Response { status: answer.status, version: answer.version, headers: answer.headers, body, by: answer.by })
            }
            (None, Some(failure)) => Err(failure),
            (None, None) => {
                let message = "the browser told of no answer, and not why".to_owned();
                Err(Failure { kind: FailureKind::Broken, message })
            }
        };
        self.recorder.end_hop(hop, Some(context), |hop| {
            hop.request.headers = head.headers;
            hop.request.body = began.body.or(request).unwrap_or_default();
            (hop.sent, hop.withheld, hop.set) = (head.sent, head.withheld, set);
            (hop.timings, hop.outcome) = (timings, outcome);
        });
    }
}

/// The edge answered in an origin's place.
fn of_edge(headers: &crate::web::headers::Headers, body: &Body) -> Failure {
    let why = headers.get_str(EDGE).unwrap_or_default();
    let text = body.text();
    let message = match text.trim().trim_start_matches("authchain: ") {
        "" => format!("the edge answered in the origin's place: {}", crate::web::headers::escape(why.as_bytes())),
        text => super::json::bounded(text, 4096),
    };
    Failure { kind: crate::drive::http::failure_kind(why), message }
}
