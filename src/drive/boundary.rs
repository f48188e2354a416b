//! Both sides of a time limit, reached by moving the run's clock.

use super::error::StepError;
use super::steps::{Frame, Session};
use crate::plan::{BoundaryPlan, BoundaryStart, shown_duration};
use std::time::Duration;
use time::OffsetDateTime;

/// When what starts a limit began and ended, by the run's clock: somewhere between the two, the limit began to run.
#[derive(Debug, Clone, Copy)]
struct Start {
    began: OffsetDateTime,
    ended: OffsetDateTime,
}

impl<'p> Session<'p> {
    /// Does one step when the limit has surely not passed, and one when it surely has.
    pub(super) async fn boundary(&self, plan: &'p BoundaryPlan, frame: Frame<'_, 'p>) -> Result<bool, StepError> {
        if let Some(before) = &plan.before {
            let Some(start) = self.start(plan, frame).await? else { return Ok(false) };
            self.age_to(start.began, plan.limit - plan.margin, plan).await?;
            if !self.perform(before, frame).await {
                return Ok(false);
            }
            let age = self.recorder.clock().now() - start.began;
            if age >= plan.limit {
                let told = format!("the step before the limit of {} was only done past it", shown_duration(plan.limit));
                return Err(StepError::Boundary(format!("{told}; give it a larger `margin` than {}", shown_duration(plan.margin))));
            }
        }
        if let Some(after) = &plan.after {
            let Some(start) = self.start(plan, frame).await? else { return Ok(false) };
            let due = start.ended + plan.limit + plan.margin;
            let left = due - self.recorder.clock().now();
            if left.is_positive() {
                // The clock counts whole milliseconds; one more is past the limit for sure.
                self.advance(left.unsigned_abs() + Duration::from_millis(1)).await?;
            }
            return Ok(self.perform(after, frame).await);
        }
        Ok(true)
    }

    /// Starts the limit, or looks up when it was started. `None` when a step failed.
    async fn start(&self, plan: &'p BoundaryPlan, frame: Frame<'_, 'p>) -> Result<Option<Start>, StepError> {
        match &plan.start {
            BoundaryStart::Steps(steps) => {
                if !self.in_order(steps, frame).await {
                    return Ok(None);
                }
                let began = steps.last().and_then(|last| self.recorder.last_began(last.number));
                let ended = self.recorder.clock().now();
                Ok(Some(Start { began: began.unwrap_or(ended), ended }))
            }
            BoundaryStart::Since(id) => {
                let span = self.recorder.span_of(id);
                let (began, ended) =
                    span.ok_or_else(|| StepError::Boundary(format!("step `{id}`, which starts the limit, did not run")))?;
                Ok(Some(Start { began, ended }))
            }
        }
    }

    /// Moves the clock until `from` lies so far back.
    async fn age_to(&self, from: OffsetDateTime, age: Duration, plan: &BoundaryPlan) -> Result<(), StepError> {
        let left = from + age - self.recorder.clock().now();
        if left.is_negative() {
            let gone = shown_duration(Duration::from_secs((age + left.unsigned_abs()).as_secs()));
            let told = format!("{gone} of the limit of {} had passed already", shown_duration(plan.limit));
            return Err(StepError::Boundary(format!("{told}; put the boundary right behind what starts the limit")));
        }
        self.advance(left.unsigned_abs()).await
    }
}
