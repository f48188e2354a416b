//! Steps in order: flows laid out, conditions decided, ids and captures known to the steps after them.

use super::compiler::{Compiler, MAX_STEPS, did_you_mean};
use crate::base::{Diagnostic, Span};
use crate::plan::{LoopPlan, Need, Step, StepId, Template, Verb};
use crate::scenario::read::{Short, Text};
use crate::scenario::step::{Action, FlowCall, Poll, Repeat, Step as Written, When};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const POLL_EVERY: Duration = Duration::from_millis(250);
const POLL_WITHIN: Duration = Duration::from_secs(10);
/// Most times that steps may be repeated.
const MAX_TIMES: u32 = 10_000;

/// What steps inherit from where they stand.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// Who acts unless a step says otherwise.
    pub(super) actor: Arc<str>,
    /// How long a step may take unless it says otherwise.
    pub(super) timeout: Duration,
}

impl Compiler<'_> {
    /// Compiles steps in order; those whose condition does not hold are left out.
    pub(super) fn steps(&mut self, steps: &[Written], frame: &Frame) -> Vec<Step> {
        steps.iter().filter_map(|step| self.step(step, frame)).collect()
    }

    pub(super) fn step(&mut self, step: &Written, frame: &Frame) -> Option<Step> {
        if let Some(when) = &step.when
            && !self.holds(when)
        {
            return None;
        }
        if self.next >= MAX_STEPS {
            if self.next == MAX_STEPS {
                self.next += 1;
                self.fault_with(step.span, format!("more than {MAX_STEPS} steps"), "flows that call flows multiply; use `repeat`");
            }
            return None;
        }
        let number = StepId(self.next);
        self.next += 1;
        let actor = match &step.actor {
            Some(name) => Arc::from(self.known(name, "an actor")),
            None => frame.actor.clone(),
        };
        let timeout = self.duration_or(step.timeout.as_ref(), frame.timeout);
        let inner = Frame { actor: actor.clone(), timeout };
        let outer = std::mem::take(&mut self.needs);
        for id in &step.needs.0 {
            self.reference(id);
        }
        let verb = self.verb(step, &inner);
        let looks = self.has_response(step);
        let expect = match &step.expect {
            Some(expect) if looks => self.expectations(&expect.value),
            _ => Vec::new(),
        };
        let capture = self.captures(&step.capture);
        let id = step.id.as_ref().map(|id| self.step_id(id));
        if let Some(id) = &id {
            self.captured_by.entry(id.clone()).or_default().extend(capture.iter().map(|capture| capture.name.clone()));
        }
        let own = std::mem::take(&mut self.needs);
        let needs = own.iter().cloned().collect();
        // What is needed within is needed by what is around it.
        self.needs = outer.into_iter().chain(own).collect();
        let verb = verb?;
        let laid = Step { number, id, label: super::label::label(&verb), span: step.span, actor, verb, expect, capture, needs, timeout };
        if matches!(laid.verb, Verb::Inbox(_) | Verb::Limit(_) | Verb::Probe(_) | Verb::Redis(_) | Verb::Process(_)) {
            self.only_json(&laid, step);
        }
        Some(laid)
    }

    /// Whether the variables have the values that a condition asks for.
    pub(super) fn holds(&mut self, when: &When) -> bool {
        let mut all = true;
        for (key, values) in &when.0.0 {
            let argument = self.args.get(&key.name).and_then(|value| value.as_text().map(std::borrow::Cow::into_owned));
            let value = match argument {
                Some(value) => Some(value),
                None if self.written.contains_key(&key.name) => self.variable(&key.name),
                None => {
                    if self.ever_captured.contains(&key.name) || self.args.contains_key(&key.name) {
                        let hint = "conditions look at variables, whose values are fixed before the run";
                        self.fault_with(key.span, format!("`{}` is known only in the run", key.name), hint);
                    } else {
                        let known: Vec<_> = self.written.keys().cloned().collect();
                        self.unknown(key.span, "variable", &key.name, known.iter().map(String::as_str));
                    }
                    None
                }
            };
            let wanted: Vec<_> = values.0.iter().map(|text| self.known(text, "a condition")).collect();
            all &= value.is_some_and(|value| wanted.contains(&value));
        }
        all
    }

    /// The id of a step, which no other step may have. A flow that is laid out twice brings the same id twice; that is no fault.
    fn step_id(&mut self, id: &Text) -> String {
        let name = self.known(id, "an id");
        match self.ids.get(&name) {
            Some(first) if *first != id.span => {
                let fault = Diagnostic::error(format!("two steps have the id `{name}`")).at(id.span, "the second one");
                self.faults.push(fault.related(*first, "the first one").hint("give one of them another id"));
            }
            _ => {
                self.ids.insert(name.clone(), id.span);
            }
        }
        name
    }

    /// A reference to an earlier step.
    pub(super) fn reference(&mut self, id: &Text) -> String {
        let name = self.known(id, "an id");
        if self.ids.contains_key(&name) {
            self.needs.insert(Need::Step(name.clone()));
            return name;
        }
        if self.ever_ids.contains(&name) {
            self.fault_with(id.span, format!("step `{name}` does not come before this one"), "refer to a step that has been done by then");
        } else {
            let ids: Vec<_> = self.ever_ids.iter().cloned().collect();
            let fault = Diagnostic::error(format!("no step has the id `{name}`")).at(id.span, "");
            let hint = did_you_mean(&name, ids.iter().map(String::as_str)).unwrap_or_else(|| format!("give the step `id: {name}`"));
            self.faults.push(fault.hint(hint));
        }
        name
    }

    /// Whether there is one response that `expect` and `capture` could look at; a fault for each that has none.
    fn has_response(&mut self, step: &Written) -> bool {
        let (verb, hint) = match step.action {
            Action::Race(_) => ("race", "put it on a step inside"),
            Action::Repeat(_) => ("repeat", "put it on a step inside"),
            Action::Poll(_) => ("poll", "put it on the step inside"),
            Action::Boundary(_) => ("boundary", "put it on a step inside"),
            Action::Again(_) => ("again", "use `each`"),
            Action::Tcp(_) => ("tcp", "it goes well when something listens there"),
            Action::Clock(_) => ("clock", "use a step of its own: `- expect: …`"),
            Action::Sleep(_) => ("sleep", "use a step of its own: `- expect: …`"),
            _ => return true,
        };
        let expect = step.expect.as_ref().map(|expect| ("expect", expect.span));
        let capture = step.capture.0.first().map(|(key, _)| ("capture", key.span));
        for (modifier, span) in expect.into_iter().chain(capture) {
            self.fault_with(span, format!("`{verb}` has no one response for `{modifier}` to look at"), hint);
        }
        false
    }

    pub(super) fn race(&mut self, steps: &[Written], frame: &Frame, span: Span) -> Verb {
        if steps.len() < 2 {
            self.fault(span, "a race wants at least two steps");
        }
        // Steps at the same time do not see each other's captures and ids; the steps after the race see all of them.
        let (captured, ids) = (self.captured.clone(), self.ids.clone());
        let (mut all_captured, mut all_ids) = (captured.clone(), ids.clone());
        let mut laid = Vec::new();
        for step in steps {
            self.captured.clone_from(&captured);
            self.ids.clone_from(&ids);
            laid.extend(self.step(step, frame));
            all_captured.append(&mut self.captured);
            for (id, span) in std::mem::take(&mut self.ids) {
                match all_ids.get(&id) {
                    Some(first) if *first != span => {
                        let fault = Diagnostic::error(format!("two steps have the id `{id}`")).at(span, "the second one");
                        self.faults.push(fault.related(*first, "the first one").hint("give one of them another id"));
                    }
                    _ => {
                        all_ids.insert(id, span);
                    }
                }
            }
        }
        self.captured = all_captured;
        self.ids = all_ids;
        Verb::Race(laid)
    }

    pub(super) fn repeat(&mut self, repeat: &Repeat, frame: &Frame) -> Verb {
        let times = repeat.times.value;
        if times == 0 || times > MAX_TIMES {
            self.fault(repeat.times.span, format!("`times` is between 1 and {MAX_TIMES}"));
        }
        if repeat.steps.is_empty() {
            self.fault(repeat.times.span, "`repeat` has no steps");
        }
        Verb::Repeat(LoopPlan { times, steps: self.steps(&repeat.steps, frame) })
    }

    pub(super) fn poll(&mut self, poll: &Poll, frame: &Frame) -> Option<Verb> {
        let every = self.duration_or(poll.every.as_ref(), POLL_EVERY);
        let within = self.duration_or(poll.within.as_ref(), POLL_WITHIN);
        let step = self.step(&poll.step, frame);
        if step.as_ref().is_some_and(|step| {
            step.expect.is_empty() && !matches!(step.verb, Verb::Calls(_) | Verb::DeepLink(_) | Verb::Inbox(_) | Verb::Redis(_))
        }) {
            self.fault_with(poll.step.span, "`poll` does not know what to wait for", "put `expect` on the step inside");
        }
        Some(Verb::Poll { step: Box::new(step?), every, within })
    }

    /// Lays out the steps of a flow, with its arguments in place.
    pub(super) fn flow(&mut self, call: &Short<FlowCall>, frame: &Frame) -> Option<Verb> {
        let (name_text, with) = match call {
            Short::Text(name) => (name, None),
            Short::Long(long) => (&long.value.name, Some(&long.value.with)),
        };
        let name = self.known(name_text, "a flow");
        self.used.flows.insert(name.clone());
        let flows = self.flows;
        let Some(flow) = flows.get(&name).map(|flow| &flow.0) else {
            self.unknown(name_text.span, "flow", &name, flows.names());
            return None;
        };
        if let Some(start) = self.calling.iter().position(|open| *open == name) {
            let cycle: Vec<_> = self.calling[start..].iter().map(String::as_str).chain([name.as_str()]).collect();
            let message = format!("flows call each other in a cycle: {}", cycle.join(" → "));
            self.fault(name_text.span, message);
            return None;
        }
        let mut args: BTreeMap<String, Template> = BTreeMap::new();
        for (key, value) in with.into_iter().flat_map(|with| &with.0) {
            let template = self.template(value);
            if flow.args.get(&key.name).is_none() {
                self.unknown(key.span, "argument", &key.name, flow.args.names());
            }
            args.insert(key.name.clone(), template);
        }
        for (key, default) in &flow.args.0 {
            if args.contains_key(&key.name) {
                continue;
            }
            match &default.0 {
                Some(default) => {
                    let template = self.template(default);
                    args.insert(key.name.clone(), template);
                }
                None => {
                    let fault = Diagnostic::error(format!("flow `{name}` wants the argument `{}`", key.name)).at(name_text.span, "");
                    let hint = format!("write `flow: {{ name: {name}, with: {{ {}: … }} }}`", key.name);
                    self.faults.push(fault.related(key.span, "declared here").hint(hint));
                    args.insert(key.name.clone(), Template::default());
                }
            }
        }
        let outer = std::mem::replace(&mut self.args, args);
        self.calling.push(name.clone());
        let steps = self.steps(&flow.steps, frame);
        self.calling.pop();
        self.args = outer;
        Some(Verb::Flow { name, steps })
    }
}
