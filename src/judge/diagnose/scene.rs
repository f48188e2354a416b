//! What is known of a chain's making beside the chain itself.

use crate::plan::{OriginPlan, Plan, Step};

/// What was to be done, and who stood behind the origins. Empty for a chain that no scenario made, such as one from a HAR:
/// rules that need it say nothing then.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scene<'a> {
    /// What stands behind each origin.
    pub origins: &'a [OriginPlan],
    /// The steps that were to be done.
    pub steps: &'a [Step],
}

impl<'a> From<&'a Plan> for Scene<'a> {
    fn from(plan: &'a Plan) -> Self {
        Self { origins: &plan.origins, steps: &plan.steps }
    }
}
