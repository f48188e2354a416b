//! The chain while it grows. Steps and hops take their places when they begin, so that what runs at the same time keeps
//! the order in which it began.

use super::Observer;
use super::error::StepError;
use crate::base::Clock;
use crate::plan::{Beside, Capture, Matcher, Scope, Step, StepId, Template, TemplateError};
use crate::trace::{
    Blocked, Body, BrowserEvent, BrowserEventKind, Cause, Chain, Failure, FailureKind, Hop, HopId, Message, Probe, Request, Resource,
    ServerCall, StepRecord, Timings, WebStorage,
};
use crate::web::cookie::SendContext;
use crate::web::headers::Headers;
use bytes::Bytes;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;
use url::Url;

/// What stands in place of an answer until there is one.
const NO_ANSWER: &str = "the run ended before an answer came";

/// The facts so far, and who looks at them.
pub(crate) struct Recorder {
    facts: Mutex<Facts>,
    clock: Clock,
    observer: Arc<dyn Observer>,
}

#[derive(Default)]
struct Facts {
    chain: Chain,
    /// The circumstances of each hop, for a replay of it.
    contexts: Vec<Option<SendContext>>,
    scope: Scope,
    /// What each step with an id captured last, by id and name.
    captured: BTreeMap<(String, String), Value>,
}

/// What a step leaves behind.
pub(crate) struct Ended {
    pub(crate) took: Duration,
    pub(crate) page: Option<Url>,
    pub(crate) deep_link: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) jar: Vec<crate::trace::JarCookie>,
    pub(crate) error: Option<String>,
}

impl Recorder {
    pub(crate) fn new(scope: Scope, clock: Clock, observer: Arc<dyn Observer>) -> Self {
        Self { facts: Mutex::new(Facts { scope, ..Facts::default() }), clock, observer }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn observer(&self) -> &dyn Observer {
        &*self.observer
    }

    /// A step takes its place.
    pub(crate) fn begin_step(&self, step: &Step, depth: usize, concurrent: bool) -> usize {
        let mut facts = self.facts();
        facts.chain.steps.push(StepRecord {
            number: step.number.0,
            id: step.id.clone(),
            label: step.label.clone(),
            actor: step.actor.clone(),
            depth,
            concurrent,
            started: self.clock.now(),
            took: Duration::ZERO,
            page: None,
            deep_link: None,
            title: None,
            text: None,
            value: None,
            jar: Vec::new(),
            storage: None,
            error: None,
            meant_to_fail: step.is_meant_to_fail(),
        });
        facts.chain.steps.len() - 1
    }

    /// A step's record is filled.
    pub(crate) fn end_step(&self, index: usize, ended: Ended) {
        if let Some(record) = self.facts().chain.steps.get_mut(index) {
            let Ended { took, page, deep_link, title, text, jar, error } = ended;
            *record = StepRecord { took, page, deep_link, title, text, jar, error, ..record.clone() };
        }
    }

    /// A step's record says why the step could not be done.
    pub(crate) fn set_error(&self, index: usize, error: String) {
        if let Some(record) = self.facts().chain.steps.get_mut(index) {
            record.error = Some(error);
        }
    }

    /// A request takes its place, before it is sent.
    pub(crate) fn begin_hop(&self, step: usize, actor: &Arc<str>, cause: Cause, method: &str, url: &Url) -> HopId {
        let resource = if cause.is_by_hand() { Resource::Fetch } else { Resource::Document };
        self.begin_hop_for(step, actor, cause, resource, method, url)
    }

    /// A request for something takes its place, before it is sent.
    pub(crate) fn begin_hop_for(&self, step: usize, actor: &Arc<str>, cause: Cause, resource: Resource, method: &str, url: &Url) -> HopId {
        let started = self.clock.now();
        let mut facts = self.facts();
        let id = HopId(u32::try_from(facts.chain.hops.len()).unwrap_or(u32::MAX));
        facts.chain.hops.push(Hop {
            id,
            step,
            actor: actor.clone(),
            resource,
            cause,
            request: Request { method: method.to_owned(), url: url.clone(), headers: Headers::new(), body: Bytes::new() },
            outcome: Err(Failure { kind: FailureKind::Broken, message: NO_ANSWER.to_owned() }),
            sent: Vec::new(),
            withheld: Vec::new(),
            set: Vec::new(),
            started,
            timings: Timings::default(),
        });
        facts.contexts.push(None);
        id
    }

    /// A request began at `wall`, in seconds since 1970 by the machine's clock: earlier than it was heard of.
    pub(crate) fn began_at(&self, id: HopId, wall: f64) {
        let ahead = self.clock.ahead();
        if let Some(hop) = self.facts().chain.hops.get_mut(id.0 as usize)
            && wall.is_finite()
            && let Ok(time) = OffsetDateTime::from_unix_timestamp_nanos((wall * 1e9) as i128)
        {
            hop.started = hop.started.min(time.saturating_add(time::Duration::try_from(ahead).unwrap_or_default()));
        }
    }

    /// What came of a request is filled in.
    pub(crate) fn end_hop(&self, id: HopId, context: Option<SendContext>, fill: impl FnOnce(&mut Hop)) {
        let mut facts = self.facts();
        let at = id.0 as usize;
        if let Some(place) = facts.contexts.get_mut(at) {
            *place = context;
        }
        if let Some(hop) = facts.chain.hops.get_mut(at) {
            fill(hop);
            self.observer.hop(hop);
        }
    }

    /// Keeps the beginning of an answer's body alone.
    pub(crate) fn cut_body(&self, id: HopId, most: usize) {
        let mut facts = self.facts();
        let hop = facts.chain.hops.get_mut(id.0 as usize);
        if let Some(body) =
            hop.and_then(|hop| hop.outcome.as_mut().ok()).map(|response| &mut response.body).filter(|body| body.bytes.len() > most)
        {
            // A slice would hold on to all of it.
            *body = Body { bytes: Bytes::copy_from_slice(&body.bytes[..most]), truncated: true };
        }
    }

    /// What is known of a hop that has not ended: all but its body. A body that no script reads never ends.
    pub(crate) fn answer_hop(&self, id: HopId, context: SendContext, fill: impl FnOnce(&mut Hop)) {
        let mut facts = self.facts();
        let at = id.0 as usize;
        if let Some(place) = facts.contexts.get_mut(at) {
            *place = Some(context);
        }
        if let Some(hop) = facts.chain.hops.get_mut(at) {
            fill(hop);
        }
    }

    /// The circumstances in which a hop's cookies were chosen; `None` when no jar was asked.
    pub(crate) fn context(&self, id: HopId) -> Option<SendContext> {
        self.facts().contexts.get(id.0 as usize).cloned().flatten()
    }

    /// Something happened in an actor's browser.
    pub(crate) fn event(&self, step: usize, actor: &Arc<str>, kind: BrowserEventKind, text: String, source: Option<String>) {
        let at = self.clock.now();
        self.facts().chain.events.push(BrowserEvent { step, actor: actor.clone(), kind, text, source, at });
    }

    /// What the page keeps when a step ends.
    pub(crate) fn set_storage(&self, index: usize, storage: WebStorage) {
        if let Some(record) = self.facts().chain.steps.get_mut(index) {
            record.storage = Some(storage);
        }
    }

    /// What servers did.
    pub(crate) fn set_calls(&self, calls: Vec<ServerCall>) {
        self.facts().chain.calls = calls;
    }

    /// The messages that arrived.
    pub(crate) fn set_messages(&self, messages: Vec<Message>) {
        self.facts().chain.messages = messages;
    }

    /// What a step came to that asks something else than an origin.
    pub(crate) fn set_value(&self, index: usize, value: serde_json::Value) {
        if let Some(record) = self.facts().chain.steps.get_mut(index) {
            record.value = Some(value);
        }
    }

    /// When the step with this id last began.
    pub(crate) fn began(&self, id: &str) -> Option<OffsetDateTime> {
        self.span_of(id).map(|(began, _)| began)
    }

    /// When the step with this id last began and ended.
    pub(crate) fn span_of(&self, id: &str) -> Option<(OffsetDateTime, OffsetDateTime)> {
        let facts = self.facts();
        let record = facts.chain.steps.iter().rev().find(|record| record.id.as_deref() == Some(id))?;
        Some((record.started, record.started + record.took))
    }

    /// When the step with this number last began.
    pub(crate) fn last_began(&self, number: StepId) -> Option<OffsetDateTime> {
        self.facts().chain.steps.iter().rev().find(|record| record.number == number.0).map(|record| record.started)
    }

    /// The text of a template.
    pub(crate) fn render(&self, template: &Template) -> Result<String, TemplateError> {
        template.render(&self.facts().scope)
    }

    /// Something that needs the values known so far.
    pub(crate) fn with_scope<T>(&self, look: impl FnOnce(&Scope) -> T) -> T {
        look(&self.facts().scope)
    }

    /// Something that needs the facts and the values known so far.
    pub(crate) fn with_chain<T>(&self, look: impl FnOnce(&Chain, &Scope) -> T) -> T {
        let facts = self.facts();
        look(&facts.chain, &facts.scope)
    }

    /// Whether a page of this step has been asked for and neither come nor failed.
    pub(crate) fn awaits_page(&self, step: usize) -> bool {
        let facts = self.facts();
        facts.chain.hops_of(step).any(|hop| {
            let under_way = hop.outcome.as_ref().is_err_and(|failure| failure.message == NO_ANSWER);
            hop.resource == Resource::Document && under_way
        })
    }

    /// Keeps captured values.
    pub(crate) fn capture(&self, step: Option<&str>, values: Vec<(String, Value)>) {
        let mut facts = self.facts();
        if let Some(step) = step {
            facts.captured.extend(values.iter().map(|(name, value)| ((step.to_owned(), name.clone()), value.clone())));
        }
        facts.scope.captures.extend(values);
    }

    /// Whether captured values stand to those that earlier steps captured as the captures ask.
    ///
    /// # Errors
    /// The first that does not.
    pub(crate) fn compare(&self, captures: &[Capture], values: &[(String, Value)]) -> Result<(), StepError> {
        let facts = self.facts();
        for (capture, (name, value)) in captures.iter().zip(values) {
            for Beside { step, same } in &capture.beside {
                let earlier = facts.captured.get(&(step.clone(), name.clone()));
                let why = match earlier {
                    None => format!("step `{step}` has captured none to compare it with"),
                    Some(earlier) if (earlier == value) == *same => continue,
                    Some(_) if *same => format!("it is another value than step `{step}` captured"),
                    Some(_) => format!("it is the value that step `{step}` captured"),
                };
                return Err(StepError::Compared { name: name.clone(), why });
            }
        }
        Ok(())
    }

    /// Whether a value is as a matcher asks.
    pub(crate) fn matches(&self, matcher: &Matcher, value: Option<&serde_json::Value>) -> bool {
        self.observer.matches(matcher, value, &self.facts().scope)
    }

    /// Has a step judged.
    pub(crate) fn judge(&self, step: &Step, index: usize) -> bool {
        let facts = self.facts();
        self.observer.step_ended(step, &facts.chain, index, &facts.scope)
    }

    /// Whether a step would be judged well.
    pub(crate) fn would_hold(&self, step: &Step, index: usize) -> bool {
        let facts = self.facts();
        self.observer.would_hold(step, &facts.chain, index, &facts.scope)
    }

    /// What a step learned, in words.
    pub(crate) fn learn(&self, index: usize, text: String) {
        self.facts().chain.learned.insert(index, text);
    }

    /// What a probe asked.
    pub(crate) fn probed(&self, probe: Probe) {
        self.facts().chain.probes.push(probe);
    }

    /// What the observer learned of a probe.
    pub(crate) fn learned(&self, index: usize) -> Option<(String, serde_json::Value)> {
        self.observer.learned(&self.facts().chain, index)
    }

    /// Where an actor's session can be asked about, and the names of its cookies.
    pub(crate) fn session(&self, actor: &str) -> (Vec<Url>, Vec<Bytes>) {
        self.observer.session(&self.facts().chain, actor)
    }

    /// The last record of the step with this number.
    pub(crate) fn last_of(&self, number: StepId) -> Option<usize> {
        self.facts().chain.steps.iter().rposition(|record| record.number == number.0)
    }

    /// A step is not done, because of one that failed.
    pub(crate) fn block(&self, step: &Step, by: &str) {
        let blocked = Blocked { number: step.number.0, label: step.label.clone(), by: by.to_owned() };
        self.facts().chain.blocked.push(blocked);
    }

    /// Nobody tells which cookies stayed at home.
    pub(crate) fn withheld_is_unseen(&self) {
        self.facts().chain.visibility.withheld = false;
    }

    /// The chain, when the run is over.
    pub(crate) fn finish(&self) -> Chain {
        std::mem::take(&mut self.facts().chain)
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        // A panic of the observer must not hide what the run found out.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
