//! Verbs that ask the same thing several times: `again`, `limit`, and the waits of `calls`.

use super::compiler::Compiler;
use super::steps::Frame;
use super::world::FURTHEST;
use crate::base::Span;
use crate::plan::{Expectation, ExpectationKind, GapsPlan, JsonTemplate, LimitPlan, Matcher, Verb};
use crate::scenario::expect::Expect;
use crate::scenario::probe::{Again, Limit, Same, SameAs};
use crate::scenario::read::{At, Map, OneOrMany, Short, Text};
use crate::scenario::step::{Action, Calls, ClockMove, Step as Written};
use crate::web::origin::Origin;
use std::time::Duration;

/// Most requests at the same time.
const MOST_AT_ONCE: u32 = 200;
/// Tries of a limit unless it says otherwise, and the most that it may ask for.
const TRIES: u32 = 50;
const MOST_TRIES: u32 = 2_000;
/// How far the clock moves between two looks at a block unless the scenario says otherwise.
const STRIDE: Duration = Duration::from_secs(30);
/// Most looks at a block.
const MOST_LOOKS: u32 = 2_000;
/// How much longer a wait may be on a busy machine unless the scenario says otherwise.
const SLACK: Duration = Duration::from_millis(250);

impl Compiler<'_> {
    /// An earlier request again: replays at the same time, and one more later, each compared with the first answer.
    pub(super) fn again(&mut self, again: &Short<Again>, frame: &Frame, span: Span) -> Verb {
        let bare;
        let again = match again {
            Short::Text(step) => {
                bare = Again { step: step.clone(), at_once: None, later: None, same: None, each: None };
                &bare
            }
            Short::Long(long) => &long.value,
        };
        let times = again.at_once.as_ref().map_or(1, |times| times.value);
        if times == 0 || times > MOST_AT_ONCE {
            let at = again.at_once.as_ref().map_or(span, |times| times.span);
            self.fault(at, format!("`at_once` is between 1 and {MOST_AT_ONCE}"));
        }
        let once = replay(again, span);
        let mut steps = match times {
            2..=MOST_AT_ONCE => vec![plain(Action::Race(vec![once.clone(); times as usize]), span)],
            _ => vec![once.clone()],
        };
        if let Some(later) = &again.later {
            steps.push(plain(Action::Clock(ClockMove { advance: later.clone() }), span));
            steps.push(once);
        }
        Verb::Flow { name: format!("again {}", again.step.value), steps: self.steps(&steps, frame) }
    }

    pub(super) fn limit(&mut self, limit: &Limit, frame: &Frame) -> Option<LimitPlan> {
        let known = self.captured.insert(LimitPlan::TRY.to_owned());
        self.used.captures.insert(LimitPlan::TRY.to_owned());
        let step = self.bare(&limit.step, frame);
        let mut vary = Vec::new();
        for (key, step) in &limit.vary.0 {
            vary.extend(self.bare(step, frame).map(|step| (key.name.clone(), step)));
        }
        if known {
            self.captured.remove(LimitPlan::TRY);
        }
        self.needs.remove(&crate::plan::Need::Capture(LimitPlan::TRY.to_owned()));
        let throttled = match &limit.throttled {
            Some(expect) => self.expectations(&expect.value),
            None => {
                let too_many = Matcher::Equals(JsonTemplate::Plain(429.into()));
                vec![Expectation { kind: ExpectationKind::Status(too_many), span: limit.step.span }]
            }
        };
        if throttled.is_empty() {
            self.fault_with(limit.step.span, "`throttled` asks for nothing", "say what a throttled answer is like: `{ status: 429 }`");
        }
        let tries = limit.tries.as_ref().map_or(TRIES, |tries| tries.value);
        if let Some(written) = limit.tries.as_ref().filter(|tries| tries.value == 0 || tries.value > MOST_TRIES) {
            self.fault(written.span, format!("`tries` is between 1 and {MOST_TRIES}"));
        }
        let every = limit.every.as_ref().and_then(|every| self.forwards(every));
        let within = limit.within.as_ref().and_then(|within| self.forwards(within));
        let stride = limit.stride.as_ref().map_or(Some(STRIDE), |stride| self.forwards(stride)).unwrap_or(STRIDE);
        if within.is_some_and(|within| within > stride * MOST_LOOKS) {
            let at = limit.within.as_ref().map_or(limit.step.span, |within| within.span);
            self.fault_with(at, format!("more than {MOST_LOOKS} looks at the block"), "give it a longer `stride`");
        }
        Some(LimitPlan { step: step?, throttled, tries, every, vary, within, stride })
    }

    /// A step of a limit, which is judged by what the limit learns.
    fn bare(&mut self, step: &Written, frame: &Frame) -> Option<crate::plan::Step> {
        if let Some(expect) = &step.expect {
            self.fault_with(expect.span, "a step of `limit` is not judged by itself", "say in `throttled` what a throttled answer is like");
        }
        self.step(step, frame)
    }

    /// A length of time that the clock may be moved by.
    fn forwards(&mut self, text: &Text) -> Option<Duration> {
        let by = self.duration(text)?;
        if by.is_zero() || by > FURTHEST {
            self.fault(text.span, "the clock moves forwards, by ten years at most");
            return None;
        }
        Some(by)
    }

    /// An origin behind which something should listen.
    pub(super) fn listening(&mut self, text: &Text) -> Option<Origin> {
        let origin = self.origin(text)?;
        self.declared(&origin, text.span);
        Some(origin)
    }

    /// How long a caller waits between its calls.
    pub(super) fn gaps(&mut self, calls: &Calls) -> Option<GapsPlan> {
        let jitter = calls.jitter.as_ref().map_or(Some(0.0), |text| {
            let known = self.known(text, "a part of a hundred");
            let part =
                known.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok()).filter(|part| (0.0..=100.0).contains(part));
            if part.is_none() {
                self.fault_with(text.span, format!("`{known}` is no part of a hundred"), "write `20%`");
            }
            part.map(|part| part / 100.0)
        });
        let slack = self.duration_or(calls.slack.as_ref(), SLACK);
        let waits: Vec<_> = calls.gaps.iter().filter_map(|gap| self.duration(gap)).collect();
        let none = waits.is_empty();
        if let Some(text) = calls.jitter.as_ref().or(calls.slack.as_ref()).filter(|_| none) {
            self.fault_with(text.span, "there are no `gaps` that this could be about", "write `gaps: [250ms, 500ms]`");
        }
        (!none).then_some(GapsPlan { waits, jitter: jitter?, slack })
    }
}

/// The request of an earlier step, once more.
fn replay(again: &Again, span: Span) -> Written {
    let none = || (OneOrMany(Vec::new()), OneOrMany(Vec::new()), OneOrMany(Vec::new()));
    let compared = match &again.same {
        Some(Short::Text(word)) if word.value == "false" => None,
        Some(Short::Long(At { value: Same { json, header, ignore }, .. })) => Some((json.clone(), header.clone(), ignore.clone())),
        _ => Some(none()),
    };
    let same = compared.map(|(json, header, ignore)| {
        let same = SameAs { step: again.step.clone(), json, header, ignore };
        At { value: Short::Long(At { value: same, span }), span }
    });
    let mut expect = again.each.clone().unwrap_or_else(|| At { value: nothing(), span });
    expect.value.same_as = expect.value.same_as.or(same);
    Written { expect: Some(expect), ..plain(Action::Replay(Short::Text(again.step.clone())), span) }
}

fn plain(action: Action, span: Span) -> Written {
    Written {
        action,
        span,
        expect: None,
        capture: Map::default(),
        id: None,
        actor: None,
        when: None,
        needs: OneOrMany(Vec::new()),
        timeout: None,
    }
}

/// Expectations that expect nothing.
fn nothing() -> Expect {
    Expect {
        status: None,
        redirect: None,
        url: None,
        origin: None,
        error: None,
        failure: None,
        header: Map::default(),
        cookie: Map::default(),
        json: Map::default(),
        body: None,
        text: None,
        title: None,
        storage: None,
        console: None,
        dialog: None,
        time: None,
        clock_skew: None,
        hop_count: None,
        hops: Vec::new(),
        same_as: None,
    }
}
