//! Judging in line: the engine asks after each step whether to go on.

use super::event::RunId;
use super::{Event, Listener};
use crate::base::Redactor;
use crate::drive::Observer;
use crate::judge::{self, diagnose, expect};
use crate::plan::{Matcher, Scope, Step};
use crate::report::{self, StepVerdicts};
use crate::trace::{Chain, Hop};
use bytes::Bytes;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use url::Url;

/// Checks each step's expectations and passes on what happens.
pub(super) struct Judge {
    id: RunId,
    listener: Arc<dyn Listener>,
    redactor: Redactor,
    verdicts: Mutex<Vec<StepVerdicts>>,
    lost: Mutex<Option<String>>,
}

impl Judge {
    pub(super) fn new(id: RunId, listener: Arc<dyn Listener>, redactor: Redactor) -> Self {
        Self { id, listener, redactor, verdicts: Mutex::default(), lost: Mutex::default() }
    }

    /// The verdicts so far, in the order of the chain's steps.
    pub(super) fn verdicts(&self) -> Vec<StepVerdicts> {
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        verdicts.sort_by_key(|step| step.step);
        verdicts
    }
}

impl Judge {
    /// Why the run could not go on for want of a browser, if it was so.
    pub(super) fn lost(&self) -> Option<String> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Observer for Judge {
    fn lost(&self, why: &str) {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| why.to_owned());
    }

    fn step_began(&self, step: &Step, _depth: usize) {
        self.listener.event(Event::Step(self.id, &step.label));
    }

    fn hop(&self, hop: &Hop) {
        self.listener.event(Event::Hop(self.id, hop));
    }

    fn step_ended(&self, step: &Step, chain: &Chain, index: usize, scope: &Scope) -> bool {
        let mut verdicts = expect::check(step, chain, index, scope);
        let holds = verdicts.iter().all(expect::Verdict::is_met);
        if !holds {
            // Told once more, without the values that the run came to know.
            verdicts = judge::hiding(&report::without_values(&self.redactor, chain), || expect::check(step, chain, index, scope));
        }
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).push(StepVerdicts { step: index, verdicts });
        holds
    }

    fn learned(&self, chain: &Chain, index: usize) -> Option<(String, Value)> {
        judge::hiding(&report::without_values(&self.redactor, chain), || diagnose::learned(chain, index))
    }

    fn session(&self, chain: &Chain, actor: &str) -> (Vec<Url>, Vec<Bytes>) {
        diagnose::trail(chain, actor)
    }

    fn would_hold(&self, step: &Step, chain: &Chain, index: usize, scope: &Scope) -> bool {
        expect::check(step, chain, index, scope).iter().all(expect::Verdict::is_met)
    }

    fn matches(&self, matcher: &Matcher, value: Option<&Value>, scope: &Scope) -> bool {
        expect::holds(matcher, value, scope)
    }
}
