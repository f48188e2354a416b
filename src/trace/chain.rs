//! The whole of a run's facts.

use super::event::{BrowserEvent, WebStorage};
use super::hop::{Hop, HopId, Resource};
use super::probe::Probe;
use crate::web::origin::Origin;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use url::{Position, Url};

/// The ordered facts of a run.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    /// Steps in the order they began. Hops and verdicts point here by index.
    pub steps: Vec<StepRecord>,
    /// Hops in the order they began.
    pub hops: Vec<Hop>,
    /// Requests that reached an origin from servers, not from an actor.
    pub calls: Vec<ServerCall>,
    /// Mail and text messages in the order in which they arrived.
    pub messages: Vec<Message>,
    /// What browsers told beside their requests, in order.
    pub events: Vec<BrowserEvent>,
    /// Steps that were not done because of one that failed, in order.
    pub blocked: Vec<Blocked>,
    /// What steps learned, in words, by the index of the step.
    pub learned: BTreeMap<usize, String>,
    /// What was asked beyond the login itself, in order.
    pub probes: Vec<Probe>,
    /// What its source let be seen.
    pub visibility: Visibility,
}

/// What the source of a chain lets be seen. An engine sees everything; a recording may lack what its exporter left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visibility {
    /// Whether Cookie and Set-Cookie fields were recorded: without them nothing can be said about what was set or sent.
    pub cookies: bool,
    /// Whether Authorization was recorded.
    pub authorization: bool,
    /// Whether the jar was known when the chain began. If not, a cookie that nothing in the chain set may have been there before.
    pub jar: bool,
    /// Whether the bodies of answers were recorded.
    pub bodies: bool,
    /// Whether it was told which cookies stayed at home, and why. Firefox keeps that to itself.
    pub withheld: bool,
}

impl Default for Visibility {
    fn default() -> Self {
        Self { cookies: true, authorization: true, jar: true, bodies: true, withheld: true }
    }
}

impl Chain {
    /// The hop with this id.
    #[must_use]
    pub fn hop(&self, id: HopId) -> Option<&Hop> {
        self.hops.get(id.0 as usize)
    }

    /// Indexes of a step and of the steps nested in it, which follow it and lie deeper. Empty for a step that is not there.
    #[must_use]
    pub fn within(&self, step: usize) -> Range<usize> {
        let Some(record) = self.steps.get(step) else { return step..step };
        let nested = self.steps[step + 1..].iter().take_while(|inner| inner.depth > record.depth).count();
        step..step + 1 + nested
    }

    /// Hops of a step and of the steps nested in it, in order.
    #[must_use]
    pub fn hops_within(&self, step: usize) -> Vec<&Hop> {
        let own = self.within(step);
        self.hops.iter().filter(|hop| own.contains(&hop.step)).collect()
    }

    /// The hop whose response is meant by "the response" of a step: its last one or, for a step without a request of its own
    /// (`expect`, `wait`, `fill`), the actor's last one before it. What a page loads for itself gives way to the page, and
    /// assets to what scripts ask for.
    #[must_use]
    pub fn response_hop(&self, step: usize) -> Option<&Hop> {
        let actor = &self.steps.get(step)?.actor;
        let before = || self.hops.iter().rev().find(|hop| hop.step < step && hop.actor == *actor);
        let hop = self.hops_within(step).last().copied().or_else(before)?;
        let beside = self.hops.iter().filter(|other| other.step == hop.step && other.actor == hop.actor);
        let last = |resource| beside.clone().rfind(|hop| hop.resource == resource);
        last(Resource::Document).or_else(|| last(Resource::Fetch)).or(Some(hop))
    }

    /// What the servers' side knows of each hop, as far as hops and calls of the same method and URL can be told to be the same:
    /// there are as many of one as of the other, in the same order and with the same answers.
    #[must_use]
    pub fn calls_by_hop(&self) -> BTreeMap<HopId, &ServerCall> {
        type Request<'a> = (&'a str, String, &'a str);
        let mut groups: BTreeMap<Request<'_>, (Vec<&Hop>, Vec<&ServerCall>)> = BTreeMap::new();
        for hop in &self.hops {
            let Ok(origin) = Origin::of(&hop.request.url) else { continue };
            let target = &hop.request.url[Position::BeforePath..Position::AfterQuery];
            groups.entry((&hop.request.method, origin.to_string(), target)).or_default().0.push(hop);
        }
        for call in self.calls.iter().filter(|call| call.by_actor) {
            groups.entry((&call.method, call.origin.to_string(), &call.target)).or_default().1.push(call);
        }
        let same = |(hops, calls): &(Vec<&Hop>, Vec<&ServerCall>)| {
            hops.len() == calls.len() && hops.iter().zip(calls).all(|(hop, call)| hop.status() == call.status)
        };
        groups.into_values().filter(same).flat_map(|(hops, calls)| hops.into_iter().map(|hop| hop.id).zip(calls)).collect()
    }

    /// What browsers told in a step and in the steps nested in it, in order.
    pub fn events_within(&self, step: usize) -> impl Iterator<Item = &BrowserEvent> {
        let own = self.within(step);
        self.events.iter().filter(move |event| own.contains(&event.step))
    }

    /// The hops of one step alone, in order.
    pub fn hops_of(&self, step: usize) -> impl DoubleEndedIterator<Item = &Hop> {
        self.hops.iter().filter(move |hop| hop.step == step)
    }
}

/// A step that was not done, because one that it depends on failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// The plan's number of the step.
    pub number: u32,
    /// One line for people.
    pub label: String,
    /// The step that failed, as it is shown.
    pub by: String,
}

/// What one step did.
#[derive(Debug, Clone)]
pub struct StepRecord {
    /// The plan's number of the step.
    pub number: u32,
    /// The id that the scenario gives it.
    pub id: Option<String>,
    /// One line for people, secrets by name.
    pub label: String,
    /// Who did it.
    pub actor: Arc<str>,
    /// How deep it is nested in flows, loops and races.
    pub depth: usize,
    /// Whether it ran at the same time as others: the order of its hops among theirs is chance.
    pub concurrent: bool,
    /// When it began, by the run's clock.
    pub started: OffsetDateTime,
    /// How long it took.
    pub took: Duration,
    /// The page the actor was on when it ended.
    pub page: Option<Url>,
    /// The custom-scheme URL its last navigation ended at.
    pub deep_link: Option<String>,
    /// The page's title.
    pub title: Option<String>,
    /// The page's visible text, white space folded, bounded.
    pub text: Option<String>,
    /// What the step came to, for one that asks something else than an origin (`inbox`): its expectations and captures look at
    /// this in place of a response.
    pub value: Option<serde_json::Value>,
    /// The actor's jar when the step ended.
    pub jar: Vec<JarCookie>,
    /// The page's web storage when the step ended, when the step asks for it.
    pub storage: Option<WebStorage>,
    /// Why it could not be done, when it could not (a field not found, no response, a time-out).
    pub error: Option<String>,
    /// Whether the scenario wants it to fail: then the error is what it should show, not what is wrong with it.
    pub meant_to_fail: bool,
}

/// A cookie in a jar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JarCookie {
    /// Name, bytes untouched.
    pub name: Bytes,
    /// Value, bytes untouched.
    pub value: Bytes,
    /// Host it belongs to, without a leading dot.
    pub domain: String,
    /// Whether only that very host gets it.
    pub host_only: bool,
    /// Path.
    pub path: String,
    /// `Secure`.
    pub secure: bool,
    /// `HttpOnly`.
    pub http_only: bool,
    /// `SameSite` as declared, if it was.
    pub same_site: Option<&'static str>,
    /// When it expires; a session cookie does not.
    pub expires: Option<OffsetDateTime>,
    /// Top-level site it is partitioned by.
    pub partition: Option<String>,
}

/// A mail or text message that was delivered in the course of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// How it came: `mail` or `sms`.
    pub channel: &'static str,
    /// Who sent it.
    pub from: String,
    /// Mail addresses or phone numbers.
    pub to: Vec<String>,
    /// Subject of a mail.
    pub subject: Option<String>,
    /// The text; for a mail in HTML alone, what can be read of it.
    pub text: String,
    /// The HTML part of a mail.
    pub html: Option<String>,
    /// When it arrived, by the run's clock.
    pub at: OffsetDateTime,
}

/// A request that reached an origin, as the edge saw it.
#[derive(Debug, Clone)]
pub struct ServerCall {
    /// The origin that was called.
    pub origin: Origin,
    /// Whether an actor's hop made it (otherwise a server did).
    pub by_actor: bool,
    /// Method.
    pub method: String,
    /// Path with query, as it came.
    pub target: String,
    /// Status of the answer, if one was given.
    pub status: Option<u16>,
    /// When it came, by the run's clock.
    pub at: OffsetDateTime,
    /// How long until the answer's head was there.
    pub took: Duration,
    /// What whoever answered has to say about it, in one line: an embedded service's decision, or why nobody answered.
    pub note: Option<String>,
    /// Whether it reached a stub of which no route fits.
    pub unexpected: bool,
    /// What an embedded service decided.
    pub decision: Option<Decision>,
}

/// What an embedded service decided about one call. Holds no secret, code or token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The endpoint that decided, by its short name: `token`.
    pub endpoint: String,
    /// The client that asked, once it is known to be registered.
    pub client: Option<String>,
    /// What was done, as a lower-case fragment.
    pub outcome: String,
    /// Why, when the outcome does not say so itself.
    pub why: Option<String>,
}

impl ServerCall {
    /// The path without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split(['?', '#']).next().unwrap_or_default()
    }
}
