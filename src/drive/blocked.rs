//! What is done, and what not, when a step failed: what depends on it is blocked, which says nothing about itself.

use super::steps::{Frame, Session};
use crate::plan::{Need, Step, each_within};
use std::collections::BTreeMap;

impl<'p> Session<'p> {
    /// All steps. The first that fails blocks those that depend on it; the others are done when the run keeps going, and not
    /// reached otherwise.
    pub(super) async fn whole(&self, frame: Frame<'_, 'p>) -> bool {
        let mut lost: BTreeMap<Need, String> = BTreeMap::new();
        let mut went = true;
        let (smoke, steps) = self.plan.steps.split_at(self.plan.smoke.min(self.plan.steps.len()));
        if !self.in_order(smoke, frame).await {
            self.block_all(steps, "the service is down");
            return false;
        }
        for step in steps {
            if let Some(by) = step.needs.iter().find_map(|need| lost.get(need)).cloned() {
                self.recorder.block(step, &by);
                lose(step, &by, &mut lost);
            } else if (went || self.plan.policy.keep_going) && !self.perform(step, frame).await {
                went = false;
                lose(step, &step.label, &mut lost);
            }
        }
        went
    }

    fn block_all(&self, steps: &'p [Step], by: &str) {
        steps.iter().for_each(|step| self.recorder.block(step, by));
    }
}

/// What nobody gets any more, because a step failed or was blocked itself.
fn lose(step: &Step, by: &str, lost: &mut BTreeMap<Need, String>) {
    each_within(step, &mut |step| {
        let id = step.id.clone().map(Need::Step);
        let captures = step.capture.iter().map(|capture| Need::Capture(capture.name.clone()));
        for need in id.into_iter().chain(captures) {
            lost.entry(need).or_insert_with(|| by.to_owned());
        }
    });
}
