//! What reaches beyond requests: the inbox, the clock, and the services beside the origins.

use super::compiler::Compiler;
use super::matcher::Subject;
use super::steps::Frame;
use crate::base::Span;
use crate::plan::{
    BoundaryPlan, BoundaryStart, Channel, ExpectationKind, InboxPlan, Matcher, ServiceKind, ServicePlan, SmtpPlan, Step, Verb, Wanted,
    shown_duration,
};
use crate::scenario::file::Service;
use crate::scenario::read::{Map, Text};
use crate::scenario::step::{Boundary, ClockMove, Inbox, Step as Written};
use regex::Regex;
use std::time::Duration;

/// How long a message is waited for unless the step says otherwise.
const INBOX_WITHIN: Duration = Duration::from_secs(5);
/// How far from a limit a boundary looks unless it says otherwise.
const MARGIN: Duration = Duration::from_secs(1);
/// Furthest that the clock is moved at once.
pub(super) const FURTHEST: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

impl Compiler<'_> {
    /// Compiles the services beside the origins; templates know them from here on.
    pub(super) fn all_services(&mut self, services: &Map<Service>) -> Vec<ServicePlan> {
        let mut plans = Vec::new();
        for (key, service) in &services.0 {
            if key.name.is_empty() || !key.name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-')) {
                self.fault_with(key.span, format!("`{}` is not a name", key.name), "names have letters, digits, `_` and `-`");
                continue;
            }
            self.services.push(key.name.clone());
            let kind = match (&service.smtp, &service.redis, &service.container) {
                (Some(smtp), None, None) => {
                    let reject = smtp.reject.as_ref().and_then(|text| self.refusal(text));
                    ServiceKind::Smtp(SmtpPlan { reject, delay: self.duration_or(smtp.delay.as_ref(), Duration::ZERO) })
                }
                (None, Some(redis), None) => {
                    self.stores.push(key.name.clone());
                    let Some(redis) = self.redis_service(&key.name, redis, key.span) else { continue };
                    ServiceKind::Redis(redis)
                }
                (None, None, Some(container)) => {
                    self.contained.push(key.name.clone());
                    let Some(plan) = self.container_service(container, key.span) else { continue };
                    ServiceKind::Container(Box::new(plan))
                }
                (None, None, None) => {
                    let hint = "say what it is: `smtp: {}`, `redis: {}` or `container: { image: …, port: … }`";
                    self.fault_with(key.span, format!("service `{}` is nothing", key.name), hint);
                    continue;
                }
                _ => {
                    self.fault_with(key.span, format!("service `{}` is several things", key.name), "keep `smtp`, `redis` or `container`");
                    continue;
                }
            };
            plans.push(ServicePlan { name: key.name.clone(), kind, span: key.span });
        }
        plans
    }

    /// The reply code of a mail server that refuses; empty text refuses nobody.
    fn refusal(&mut self, text: &Text) -> Option<u16> {
        let known = self.known(text, "a reply code");
        if known.is_empty() {
            return None;
        }
        let code = known.parse().ok().filter(|code| (400..=599).contains(code));
        if code.is_none() {
            self.fault_with(text.span, format!("`{known}` is no refusal"), "a mail server refuses with 4xx (later) or 5xx (never)");
        }
        code
    }

    /// The name under which a run knows the address of a service, from what stands behind `service.`.
    pub(super) fn service_address(&mut self, asked: &str, at: Span) -> Option<String> {
        let (name, field) = asked.rsplit_once('.').unwrap_or((asked, ""));
        if !self.services.iter().any(|known| known == name) {
            let known = self.services.clone();
            self.unknown(at, "service", name, known.iter().map(String::as_str));
            return None;
        }
        if !ServicePlan::ADDRESS.contains(&field) {
            self.unknown(at, "part of a service's address", field, ServicePlan::ADDRESS);
            return None;
        }
        if !self.stands_up {
            let hint = "write it into `run` or `env` of a process, or into a stub's reply";
            self.fault_with(at, "the address of a service is for what stands behind origins", hint);
            return None;
        }
        Some(format!("service.{name}.{field}"))
    }

    pub(super) fn inbox(&mut self, inbox: &Inbox) -> Option<InboxPlan> {
        let channel = match &inbox.channel {
            None => None,
            Some(text) => Some(self.channel(text)?),
        };
        let looked_for =
            |compiler: &mut Self, matcher: &Option<crate::scenario::expect::Matcher>| compiler.optional(matcher.as_ref(), Subject::Visible);
        Some(InboxPlan {
            to: self.template(&inbox.to),
            channel,
            from: looked_for(self, &inbox.from),
            subject: looked_for(self, &inbox.subject),
            text: looked_for(self, &inbox.text),
            code: self.wanted(inbox.code.as_ref(), Self::regex)?,
            link: self.wanted(inbox.link.as_ref(), Self::glob)?,
            within: self.duration_or(inbox.within.as_ref(), INBOX_WITHIN),
            count: self.optional(inbox.count.as_ref(), Subject::Number),
            since: inbox.since.as_ref().map(|id| self.reference(id)),
        })
    }

    /// A channel by name.
    pub(super) fn channel(&mut self, text: &Text) -> Option<Channel> {
        let name = self.known(text, "a channel");
        let found = Channel::ALL.into_iter().find(|channel| channel.name() == name);
        if found.is_none() {
            self.unknown(text.span, "channel", &name, Channel::ALL.map(Channel::name));
        }
        found
    }

    fn wanted(&mut self, text: Option<&Text>, read: fn(&mut Self, &Text) -> Option<Regex>) -> Option<Wanted> {
        Some(match text {
            None => Wanted::Perhaps,
            Some(text) if text.value == "true" => Wanted::Any,
            Some(text) if text.value == "false" => Wanted::Perhaps,
            Some(text) => Wanted::Like(read(self, text)?),
        })
    }

    /// A URL in which `*` stands for anything.
    fn glob(&mut self, text: &Text) -> Option<Regex> {
        let known = self.known(text, "a link");
        let parts: Vec<_> = known.split('*').map(regex::escape).collect();
        let pattern = format!("^{}$", parts.join(".*"));
        self.regex(&Text { value: pattern, span: text.span })
    }

    /// Such a step shows a message, what a limit is like, a store or a process, and no response: what asks for anything else
    /// cannot be meant.
    pub(super) fn only_json(&mut self, step: &Step, written: &Written) {
        let misplaced = step.expect.iter().find(|expectation| {
            !matches!(expectation.kind, ExpectationKind::Json(..) | ExpectationKind::Time(_) | ExpectationKind::Failure(_))
        });
        let (what, hint) = match step.verb {
            Verb::Limit(_) => {
                ("a limit", "ask for `json`: `first`, `status`, `code`, `retry_after`, `retry_after_in`, `hangs_on`, `lasts`")
            }
            Verb::Probe(_) => ("a probe", "ask for `json`: `accepted`, `refused`, `alive`, `agree`, `builds`, `same`, `differs`"),
            Verb::Redis(_) => ("what is in Redis", "ask for `json`: `exists`, `ttl`, `value`, `count`, `entries`"),
            Verb::Process(_) => ("a process", "ask for `json`: `state`, `code`, `signal`, `log`, `listens`, `closed`"),
            _ => ("a message", "ask for `json`: `to`, `from`, `subject`, `text`, `code`, `link`, `count`"),
        };
        if let Some(expectation) = misplaced {
            self.fault_with(expectation.span, format!("{what} is no response"), hint);
        }
        for (key, source) in &written.capture.0 {
            if !matches!(source.source, crate::scenario::expect::CaptureSource::Json(_)) {
                self.fault_with(key.span, format!("{what} is no response"), "capture with `json`: `{ json: value }`");
            }
        }
    }

    pub(super) fn clock(&mut self, clock: &ClockMove) -> Option<Verb> {
        let by = self.duration(&clock.advance)?;
        if by.is_zero() || by > FURTHEST {
            self.fault_with(clock.advance.span, "the clock moves forwards, by ten years at most", "write `advance: 61s`");
        }
        Some(Verb::Clock(by))
    }

    pub(super) fn boundary(&mut self, boundary: &Boundary, frame: &Frame, span: Span) -> Option<Verb> {
        let limit = self.duration(&boundary.limit)?;
        let margin = self.duration_or(boundary.margin.as_ref(), MARGIN);
        if margin >= limit || limit > FURTHEST {
            self.fault_with(boundary.limit.span, "the margin must be shorter than the limit", "give it a shorter `margin`");
        }
        let start = match (&boundary.since, boundary.steps.is_empty()) {
            (Some(id), true) => BoundaryStart::Since(self.reference(id)),
            (None, false) => BoundaryStart::Steps(self.steps(&boundary.steps, frame)),
            (since, _) => {
                let told = if since.is_some() {
                    "`boundary` has `steps` or `since`, not both"
                } else {
                    "`boundary` does not know what starts the limit"
                };
                self.fault_with(span, told, "give it `steps` that start it, or `since` with the id of a step that did");
                return None;
            }
        };
        if boundary.before.is_none() && boundary.after.is_none() {
            self.fault_with(span, "`boundary` has nothing to do", "give it `before`, `after` or both");
        }
        let mut probe = |step: &Option<Box<Written>>, side: &str| {
            let mut step = self.steps(std::slice::from_ref(step.as_deref()?), frame).pop()?;
            step.label = format!("{side} {}: {}", shown_duration(limit), step.label);
            Some(step)
        };
        let (before, after) = (probe(&boundary.before, "before"), probe(&boundary.after, "after"));
        Some(Verb::Boundary(Box::new(BoundaryPlan { limit, margin, start, before, after })))
    }

    /// What a stub's condition asks of a value that may be missing.
    pub(super) fn conditions(&mut self, conditions: &Map<crate::scenario::expect::Matcher>) -> Vec<(String, Matcher)> {
        let compile = |(key, matcher): &(crate::scenario::node::Key, crate::scenario::expect::Matcher)| {
            self.matcher(&matcher.0, Subject::Presence).map(|matcher| (key.name.clone(), matcher))
        };
        conditions.0.iter().filter_map(compile).collect()
    }
}
