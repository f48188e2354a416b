//! Family H: what servers keep behind the scenes, where a step looked.

mod projection_differs;
mod revocation_overwritten;

use super::Rule;
use crate::judge::diagnose::facts::Facts;
use crate::plan::backing::{RedisLookPlan, RedisView};
use crate::plan::{Step, Verb, each_step};
use crate::trace::StepRecord;
use serde_json::Value;
use std::collections::BTreeMap;

/// The family's rules, those that name a cause before those that name a symptom.
pub(super) const RULES: &[&Rule] = &[&revocation_overwritten::RULE, &projection_differs::RULE];

/// Most lines of one look that are told.
const TOLD: usize = 5;

/// Looks into Redis with what each came to; of the tries of a poll, the last.
fn looks<'a>(facts: &Facts<'a>) -> Vec<(&'a RedisLookPlan, &'a StepRecord)> {
    let mut plans: BTreeMap<u32, &'a RedisLookPlan> = BTreeMap::new();
    each_step(facts.plan.steps, &mut |step: &'a Step| {
        if let Verb::Redis(plan) = &step.verb {
            plans.insert(step.number.0, plan);
        }
    });
    let mut last: BTreeMap<u32, &'a StepRecord> = BTreeMap::new();
    for record in facts.chain.steps.iter().filter(|record| plans.contains_key(&record.number)) {
        last.insert(record.number, record);
    }
    last.into_iter().filter_map(|(number, record)| Some((*plans.get(&number)?, record))).collect()
}

/// What a look says under `name`.
fn lines(record: &StepRecord, name: &str) -> Vec<String> {
    let listed = record.value.as_ref().and_then(|value| value[name].as_array());
    listed.into_iter().flatten().filter_map(Value::as_str).take(TOLD).map(|line| crate::judge::text::shown(line, 300)).collect()
}

/// Whether a look asks for agreement.
fn compares(plan: &RedisLookPlan) -> bool {
    matches!(&plan.look, RedisView::Key(_, Some(_)))
}

#[cfg(test)]
mod testing {
    use crate::judge::testing::Story;
    use crate::plan::backing::{LastingPlan, RedisLookPlan, RedisView, SameAsOther, SameAsPlan, StreamPlan};
    use crate::plan::{Plan, Template, Verb};
    use crate::trace::Chain;
    use serde_json::Value;

    fn look(view: RedisView, value: Value) -> (Plan, Chain) {
        let mut story = Story::new();
        let plan = RedisLookPlan { service: "store".into(), db: 0, send: Vec::new(), look: view };
        story.step_with("redis store", Verb::Redis(Box::new(plan))).last_step().value = Some(value);
        (story.plan, story.chain)
    }

    /// A look at a key that must agree with another, or at one alone.
    pub(super) fn looked(compares: bool, value: Value) -> (Plan, Chain) {
        let fields = vec![("status".to_owned(), "status".to_owned())];
        let same = compares.then(|| SameAsPlan { other: SameAsOther::Key(Template::text("session:1")), fields });
        look(RedisView::Key(Template::text("projection:1"), same), value)
    }

    /// A look at a stream in which a value lasts, or at its entries alone.
    pub(super) fn streamed(lasting: bool, value: Value) -> (Plan, Chain) {
        let lasting = lasting.then(|| LastingPlan { field: "status".into(), value: "revoked".into(), per: "session".into() });
        look(RedisView::Stream(StreamPlan { key: Template::text("events"), since: None, only: Vec::new() }, lasting), value)
    }
}
