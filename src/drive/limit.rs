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
        self.recorder.learn(index, told(&learned, plan.tries));
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
        self.recorder.capture(None, vec![(LimitPlan::TRY.to_owned(), nth.into())]);
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

/// What was learned, in words.
fn told(learned: &Map<String, Value>, tries: u32) -> String {
    let Some(first) = learned.get("first").and_then(Value::as_u64) else { return format!("not throttled in {tries} tries") };
    let number = |name: &str| learned.get(name).and_then(Value::as_u64);
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let list = |name: &str| learned.get(name).and_then(Value::as_array).map(|all| all.iter().map(text).collect::<Vec<_>>().join(", "));
    let mut said = format!("throttled at try {first}");
    if let Some(status) = number("status") {
        said.push_str(&format!(" with {status}"));
    }
    if let Some(code) = learned.get("code").map(text) {
        said.push_str(&format!(" {}", code.chars().take(80).collect::<String>()));
    }
    match (number("retry_after"), list("retry_after_in")) {
        (Some(seconds), Some(places)) => said.push_str(&format!("; to come again in {seconds} s ({places})")),
        _ => said.push_str("; not told when to come again"),
    }
    if let Some(things) = list("hangs_on").filter(|things| !things.is_empty()) {
        said.push_str(&format!("; hangs on {things}"));
    }
    match learned.get("lasts").map(|lasts| (lasts["over"].as_u64(), lasts["at_most"].as_u64())) {
        Some((Some(over), Some(at_most))) => said.push_str(&format!("; lasts more than {over} s and at most {at_most} s")),
        Some((Some(over), None)) => said.push_str(&format!("; lasts more than {over} s")),
        _ => {}
    }
    said
}

/// The code of an error, where such codes commonly stand.
fn code(body: &Value) -> Option<&Value> {
    let places = ["/code", "/error/code", "/error_code", "/error"];
    places.into_iter().find_map(|place| body.pointer(place).filter(|code| code.is_string() || code.is_number()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(value: &Value) -> String {
        told(value.as_object().unwrap(), 9)
    }

    #[test]
    fn what_was_learned_reads_as_a_sentence() {
        assert_eq!(words(&json!({ "first": null })), "not throttled in 9 tries");
        let all = json!({
            "first": 6, "status": 429, "code": "otp", "retry_after": 30, "retry_after_in": ["retry-after"],
            "hangs_on": ["number"], "lasts": { "over": 570, "at_most": 600 },
        });
        let said = "throttled at try 6 with 429 otp; to come again in 30 s (retry-after); hangs on number; lasts more than 570 s and at most 600 s";
        assert_eq!(words(&all), said);
        assert_eq!(words(&json!({ "first": 1, "retry_after_in": [] })), "throttled at try 1; not told when to come again");
    }

    #[test]
    fn an_error_has_its_code_in_one_of_a_few_places() {
        for body in [json!({ "code": "x" }), json!({ "error": { "code": "x" } }), json!({ "error": "x" }), json!({ "error_code": "x" })] {
            assert_eq!(code(&body), Some(&json!("x")), "{body}");
        }
        assert_eq!(code(&json!({ "code": { "deep": 1 } })), None);
    }
}
