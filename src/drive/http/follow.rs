//! One errand from its first request to the response that ends it: each redirect a hop of its own, each hop with the
//! cookies that go, stay, and come.

use super::client::{Answer, Outgoing};
use super::failure::{failure, shown};
use super::headers::{Asked, Manner, Relation, Source};
use super::referrer::Policy;
use crate::drive::actor::Actor;
use crate::drive::cookies;
use crate::drive::error::StepError;
use crate::drive::steps::Session;
use crate::trace::{Body, Cause, CookieSent, CookieSet, CookieWithheld, Failure, FailureKind, HopId, Response, Timings};
use crate::web::cookie::{Initiator, RedirectChain, SendContext, ThirdPartyCookies, parse_cookie_date};
use crate::web::headers::Headers;
use crate::web::origin::Origin;
use crate::web::redirect::{self, Follow, Redirect, Refusal};
use bytes::Bytes;
use tokio::time::Instant;
use url::Url;

/// Which cookies go with a request, and whether those that come are kept.
#[derive(Debug, Clone)]
pub(super) enum CookieUse {
    /// The jar decides, by these circumstances.
    Jar(SendContext),
    /// This Cookie header goes, byte for byte (`None`: none goes); what comes is stored by these circumstances.
    Fixed(Option<Vec<u8>>, SendContext),
    /// This Cookie header goes, byte for byte (`None`: none goes), and none that comes is kept.
    Alone(Option<Vec<u8>>),
    /// No cookie goes and none is kept.
    Nothing,
}

/// What the headers are made from.
#[derive(Debug, Clone)]
pub(super) enum Fields {
    /// As a browser or a program makes them for this request.
    Made { manner: Manner, source: Option<Source>, content_type: Option<String> },
    /// As they once went out, without Cookie.
    Recorded(Headers),
}

/// Something to be asked, with all that its redirects need.
#[derive(Debug, Clone)]
pub(super) struct Errand {
    pub(super) cause: Cause,
    pub(super) method: http::Method,
    pub(super) url: Url,
    pub(super) body: Bytes,
    pub(super) fields: Fields,
    /// Headers that the scenario sets (or takes away).
    pub(super) edits: Vec<(String, Option<String>)>,
    pub(super) cookies: CookieUse,
    pub(super) mode: redirect::Mode,
}

/// How an errand ended.
pub(super) enum End {
    /// With a response that leads nowhere else.
    Arrived(Box<Arrival>),
    /// At a custom scheme, which no hop can follow.
    DeepLink(String),
}

/// The response that ended an errand, and the request that it answers.
pub(super) struct Arrival {
    pub(super) errand: Errand,
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Body,
}

/// What the hops of an errand have in common, and what they add up to.
struct Trip {
    errand: Errand,
    /// The origin that asks, for the redirect rules.
    initiator: Option<url::Origin>,
    relation: Relation,
    tainted: bool,
    followed: usize,
}

/// What to do after a hop.
enum Turn {
    Follow(Box<Follow>),
    Leave(String),
    Arrive(u16, Headers, Body),
    Fail(StepError),
}

/// A request as it is about to go out.
struct Ready {
    headers: Headers,
    sent: Vec<CookieSent>,
    withheld: Vec<CookieWithheld>,
}

impl Session<'_> {
    /// Sends an errand and follows its redirects. Every hop is recorded, the one that fails included.
    pub(super) async fn send(&self, actor: &Actor, step: usize, errand: Errand, deadline: Instant) -> Result<End, StepError> {
        let mut trip = Trip::new(errand);
        loop {
            let hop = self.recorder.begin_hop(step, &actor.name, trip.errand.cause.clone(), trip.errand.method.as_str(), &trip.errand.url);
            let ready = trip.ready(actor, self.recorder.clock().now());
            let answer = self.ask(actor, &trip.errand, &ready.headers, deadline).await;
            let set = answer.head.as_ref().map(|head| self.store(actor, &trip.errand, &head.headers)).unwrap_or_default();
            let next = answer.head.as_ref().map(|head| trip.next(head.status, &head.headers, self.plan.policy.max_redirects));
            let policy = answer.head.as_ref().and_then(|head| Policy::of(&head.headers));
            let (outcome, timings) = answer.outcome();
            let turn = match (&outcome, next) {
                (Err(failure), _) => Turn::Fail(StepError::Request(failure.clone())),
                (Ok(_), Some(Redirect::Follow(follow))) => Turn::Follow(follow),
                (Ok(_), Some(Redirect::CustomScheme { raw, .. })) => Turn::Leave(raw),
                (Ok(_), Some(Redirect::Invalid { reason })) => Turn::Fail(refused(hop, &trip.errand.url, &outcome, reason)),
                (Ok(response), _) => Turn::Arrive(response.status, response.headers.clone(), response.body.clone()),
            };
            self.record(hop, &trip.errand, ready, set, timings, outcome);
            match turn {
                Turn::Follow(follow) => trip.follow(*follow, hop, policy),
                Turn::Leave(link) => return Ok(End::DeepLink(link)),
                Turn::Arrive(status, headers, body) => {
                    return Ok(End::Arrived(Box::new(Arrival { errand: trip.errand, status, headers, body })));
                }
                Turn::Fail(error) => return Err(error),
            }
        }
    }

    /// One request, unless its origin is none of the scenario's.
    async fn ask(&self, actor: &Actor, errand: &Errand, headers: &Headers, deadline: Instant) -> Answer {
        let refusal = match Origin::of(&errand.url) {
            Ok(origin) if self.declared.contains(&origin) => None,
            Ok(origin) => Some(undeclared(&origin, &self.declared)),
            Err(error) => Some(failure(FailureKind::Malformed, format!("`{}` cannot be requested: {error}", shown(&errand.url)))),
        };
        if let Some(failure) = refusal {
            return Answer { head: None, body: Err(failure), timings: Timings::default() };
        }
        let outgoing = Outgoing { method: &errand.method, url: &errand.url, headers, body: errand.body.clone() };
        actor.client.send(outgoing, deadline).await
    }

    /// Hands the Set-Cookie lines of a response to the jar.
    fn store(&self, actor: &Actor, errand: &Errand, headers: &Headers) -> Vec<CookieSet> {
        let mut lines = headers.get_all("set-cookie").peekable();
        if lines.peek().is_none() {
            return Vec::new();
        }
        let (CookieUse::Jar(context) | CookieUse::Fixed(_, context)) = &errand.cookies else {
            return lines.map(cookies::unseen).collect();
        };
        let mut context = context.response();
        context.server_date = headers.get("date").and_then(parse_cookie_date);
        let now = self.recorder.clock().now();
        let mut jar = actor.jar();
        lines.map(|line| cookies::set(&jar.store(&context, line, now))).collect()
    }

    fn record(&self, id: HopId, errand: &Errand, ready: Ready, set: Vec<CookieSet>, timings: Timings, outcome: Result<Response, Failure>) {
        let context = match &errand.cookies {
            CookieUse::Jar(context) | CookieUse::Fixed(_, context) => Some(context.clone()),
            CookieUse::Alone(_) | CookieUse::Nothing => None,
        };
        self.recorder.end_hop(id, context, |hop| {
            hop.request.headers = ready.headers;
            hop.request.body = errand.body.clone();
            (hop.sent, hop.withheld, hop.set) = (ready.sent, ready.withheld, set);
            (hop.timings, hop.outcome) = (timings, outcome);
        });
    }
}

/// Why a redirect is not followed.
fn refused(hop: HopId, from: &Url, outcome: &Result<Response, Failure>, refusal: Refusal) -> StepError {
    let hop = hop.0 + 1;
    let Refusal::TooMany(limit) = refusal else { return StepError::Redirect { hop, refusal } };
    let location = outcome.as_ref().ok().and_then(|response| response.headers.get_str("location"));
    let target = location.and_then(|location| from.join(location).ok()).map(|url| shown(&url)).unwrap_or_default();
    StepError::TooManyRedirects { limit, hop, target }
}

fn undeclared(origin: &Origin, declared: &[Origin]) -> Failure {
    let names: Vec<_> = declared.iter().map(|origin| format!("`{origin}`")).collect();
    let known = if names.is_empty() { "none are".to_owned() } else { format!("those are {}", names.join(", ")) };
    failure(
        FailureKind::Undeclared,
        format!("`{origin}` is no origin of this scenario ({known}); declare what stands behind it under `origins`"),
    )
}

impl Trip {
    fn new(errand: Errand) -> Self {
        let source = match &errand.fields {
            Fields::Made { source, .. } => source.as_ref(),
            Fields::Recorded(_) => None,
        };
        let relation = source.map_or(Relation::SameOrigin, |source| Relation::of(&source.origin, &errand.url));
        // The redirect rules know origins as the `url` crate has them.
        let initiator = source.and_then(|source| Url::parse(&source.origin.to_string()).ok()).map(|url| url.origin());
        Self { errand, initiator, relation, tainted: false, followed: 0 }
    }

    /// The next request's headers and cookies.
    fn ready(&self, actor: &Actor, now: time::OffsetDateTime) -> Ready {
        let errand = &self.errand;
        let mut headers = match &errand.fields {
            Fields::Made { manner, source, content_type } => Asked {
                method: &errand.method,
                url: &errand.url,
                manner: *manner,
                source: source.as_ref(),
                relation: self.relation,
                tainted: self.tainted,
                content_type: content_type.as_deref(),
                storage_access: match errand.cookies {
                    CookieUse::Alone(_) | CookieUse::Nothing => None,
                    _ if actor.jar().policy().third_party_cookies == ThirdPartyCookies::Block => Some("none"),
                    _ => Some("active"),
                },
            }
            .headers(),
            Fields::Recorded(headers) => headers.clone(),
        };
        for (name, value) in &errand.edits {
            match value {
                Some(value) => headers.set(name, value.as_bytes()),
                None => {
                    headers.remove(name);
                }
            }
        }
        // A scenario that writes its own Cookie header (or takes it away) means exactly that.
        let written = errand.edits.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case("cookie"));
        let fixed = match (written, &errand.cookies) {
            (Some((_, value)), _) => {
                headers.remove("cookie");
                value.clone().map(String::into_bytes)
            }
            (None, CookieUse::Fixed(header, _) | CookieUse::Alone(header)) => header.clone(),
            (None, CookieUse::Nothing) => None,
            (None, CookieUse::Jar(context)) => {
                let decision = actor.jar().cookies_for(context, now);
                let sent = decision.header.map(|header| {
                    let header = Bytes::from(header);
                    headers.append("Cookie", &header);
                    cookies::sent(&header, &decision.sent)
                });
                return Ready {
                    headers,
                    sent: sent.unwrap_or_default(),
                    withheld: decision.withheld.iter().map(cookies::withheld).collect(),
                };
            }
        };
        let sent = fixed.as_deref().map(cookies::sent_in).unwrap_or_default();
        headers.extend(fixed.map(|value| ("Cookie", value)));
        Ready { headers, sent, withheld: Vec::new() }
    }

    /// What a browser does with the response.
    fn next(&self, status: u16, headers: &Headers, limit: usize) -> Redirect {
        redirect::Hop {
            method: self.errand.method.as_str(),
            url: &self.errand.url,
            has_body: !self.errand.body.is_empty(),
            initiator: self.initiator.as_ref(),
            mode: self.errand.mode,
            followed: self.followed,
            limit,
            status,
            headers,
        }
        .redirect()
    }

    /// Turns to the next request of the chain. A redirect may change the referrer policy (Referrer Policy §8.2).
    fn follow(&mut self, follow: Follow, from: HopId, policy: Option<Policy>) {
        let Follow { url, method, keep_body, drop_headers, taints_origin } = follow;
        let errand = &mut self.errand;
        errand.cause = Cause::Redirect(from);
        // What makes Chromium pass its cache for a POST stays with the chain.
        if errand.method == http::Method::POST
            && let Fields::Made { manner: Manner::Navigation { reload, .. }, .. } = &mut errand.fields
        {
            *reload = true;
        }
        // Methods only ever change to GET.
        if method != errand.method.as_str() {
            errand.method = http::Method::GET;
        }
        if !keep_body {
            errand.body = Bytes::new();
        }
        let dropped = |name: &str| drop_headers.iter().any(|dropped| dropped.eq_ignore_ascii_case(name));
        errand.edits.retain(|(name, _)| !dropped(name));
        match &mut errand.fields {
            Fields::Made { source, content_type, .. } => {
                if dropped("content-type") {
                    *content_type = None;
                }
                if let Some(source) = source {
                    let told = source.referrer.as_ref().and_then(|from| source.policy.referer(from, &errand.url));
                    source.referrer = told.and_then(|told| Url::parse(&told).ok());
                    source.policy = policy.unwrap_or(source.policy);
                    self.relation = self.relation.max(Relation::of(&source.origin, &url));
                }
            }
            Fields::Recorded(headers) => {
                for name in drop_headers {
                    headers.remove(name);
                }
            }
        }
        self.tainted |= taints_origin;
        let redirected = |context: &SendContext| context.redirected(url.clone(), errand.method.clone());
        errand.cookies = match &errand.cookies {
            // The Cookie header of an earlier request answers for that request alone; from here on the jar speaks.
            CookieUse::Jar(context) | CookieUse::Fixed(_, context) => CookieUse::Jar(redirected(context)),
            CookieUse::Alone(_) | CookieUse::Nothing => CookieUse::Nothing,
        };
        errand.url = url;
        self.followed += 1;
    }
}

impl Errand {
    /// The tab goes to a URL, from a page or (without `source`) by the person alone.
    pub(super) fn navigation(cause: Cause, method: http::Method, url: Url, source: Option<Source>, activated: bool) -> Self {
        let initiator = source.as_ref().map_or(Initiator::UserAgent, |source| Initiator::Origin(source.origin.clone()));
        let context = SendContext::navigation(url.clone(), method.clone(), initiator);
        let fields = Fields::Made { manner: Manner::Navigation { activated, reload: false }, source, content_type: None };
        let (body, edits, cookies) = (Bytes::new(), Vec::new(), CookieUse::Jar(context));
        Self { cause, method, url, body, fields, edits, cookies, mode: redirect::Mode::Navigate }
    }

    /// Says what the body is.
    pub(super) fn set_content_type(&mut self, value: Option<String>) {
        if let Fields::Made { content_type, .. } = &mut self.fields {
            *content_type = value;
        }
    }

    /// The same request once more, as the first of a chain: redirects that led to it are forgotten, what caused it is not.
    pub(super) fn again(&self, cause: Cause, reload: bool) -> Self {
        let mut errand = Self { cause, ..self.clone() };
        if let CookieUse::Jar(context) = &mut errand.cookies {
            context.redirect_chain = RedirectChain::SameSite;
        }
        if let Fields::Made { manner, .. } = &mut errand.fields {
            *manner = Manner::Navigation { activated: true, reload };
        }
        errand
    }
}

impl Arrival {
    /// The page that this response makes, as the source of further requests.
    pub(super) fn referrer_policy(&self) -> Policy {
        Policy::of(&self.headers).unwrap_or_default()
    }
}
