//! Where throttling begins: at which try, how it is told, for whom, and how long it lasts by the run's clock.

use super::error::StepError;
use super::steps::{Frame, Session};
use crate::plan::{LimitPlan, Step};
use crate::web::retry_after::{self, Said};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// What an answer shows of throttling.
struct Seen {
    throttled: bool,
    status: Option<u16>,
    code: Option<Value>,
    said: Vec<Said>,
}

impl<'p> Session<'p> {
    /// Asks until it is throttled, and leaves what was learned as the step's value. `Ok(false)` when a step within failed.
    pub(super) async fn limit(&self, plan: &'p LimitPlan, index: usize, frame: Frame<'_, 'p>) -> Result<bool, StepError> {
        let mut learned = Map::new();
        let mut first = None;
        for nth in 1..=plan.tries {
            if nth > 1
                && let Some(every) = plan.every
            {
                self.advance(every).await?;
            }
            self.count(nth);
            let Some(seen) = self.try_limit(&plan.step, plan, frame).await else { return Ok(false) };
            if seen.throttled {
                first = Some((nth, seen));
                break;
            }
        }
        learned.insert("first".to_owned(), first.as_ref().map(|(nth, _)| *nth).into());
        if let Some((nth, seen)) = first {
            describe(&seen, &mut learned);
            let mut hangs_on = Vec::new();
            for (name, step) in &plan.vary {
                let Some(seen) = self.try_limit(step, plan, frame).await else { return Ok(false) };
                if !seen.throttled {
                    hangs_on.push(name.as_str());
                }
            }
            learned.insert("hangs_on".to_owned(), json!(hangs_on));
            if let Some(within) = plan.within {
                let Some(lasts) = self.block(plan, within, nth, frame).await? else { return Ok(false) };
                learned.insert("lasts".to_owned(), lasts);
            }
        }
        self.recorder.set_value(index, Value::Object(learned));
        Ok(true)
    }

    /// How long the block lasts: longer than `over` seconds, and at most `at_most`. `None` when a step failed.
    async fn block(&self, plan: &'p LimitPlan, within: Duration, last: u32, frame: Frame<'_, 'p>) -> Result<Option<Value>, StepError> {
        let mut waited = Duration::ZERO;
        let mut nth = last;
        while waited < within {
            self.advance(plan.stride).await?;
            let before = waited;
            waited += plan.stride;
            nth += 1;
            self.count(nth);
            let Some(seen) = self.try_limit(&plan.step, plan, frame).await else { return Ok(None) };
            if !seen.throttled {
                return Ok(Some(json!({ "over": before.as_secs(), "at_most": waited.as_secs() })));
            }
        }
        Ok(Some(json!({ "over": waited.as_secs() })))
    }

    fn count(&self, nth: u32) {
        self.recorder.capture(vec![(LimitPlan::TRY.to_owned(), nth.into())]);
    }

    /// Does a step once. `None` when it failed.
    async fn try_limit(&self, step: &'p Step, plan: &LimitPlan, frame: Frame<'_, 'p>) -> Option<Seen> {
        if !self.perform(step, frame).await {
            return None;
        }
        let index = self.recorder.last_of(step.number)?;
        let probe = Step { expect: plan.throttled.clone(), ..step.clone() };
        let throttled = self.recorder.would_hold(&probe, index);
        let now = self.recorder.clock().now();
        Some(self.recorder.with_chain(|chain, _| {
            let response = chain.response_hop(index).and_then(|hop| hop.response());
            let body = response.and_then(|response| response.body.json());
            let said = response.map(|response| retry_after::said(&response.headers, body.as_ref(), now)).unwrap_or_default();
            let code = body.as_ref().and_then(code).cloned();
            Seen { throttled, status: response.map(|response| response.status), code, said }
        }))
    }
}

fn describe(seen: &Seen, learned: &mut Map<String, Value>) {
    learned.insert("status".to_owned(), seen.status.into());
    if let Some(code) = &seen.code {
        learned.insert("code".to_owned(), code.clone());
    }
    if let Some(said) = seen.said.first() {
        learned.insert("retry_after".to_owned(), said.seconds.into());
    }
    learned.insert("retry_after_in".to_owned(), seen.said.iter().map(|said| said.place.clone()).collect());
}

/// The code of an error, where such codes commonly stand.
fn code(body: &Value) -> Option<&Value> {
    let places = ["/code", "/error/code", "/error_code", "/error"];
    places.into_iter().find_map(|place| body.pointer(place).filter(|code| code.is_string() || code.is_number()))
}
