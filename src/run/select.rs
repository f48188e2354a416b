//! Choosing runs by tag and by name.

use crate::plan::Plan;

/// Which runs are taken; an empty selection takes all.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Tags, one of which a run must have. A tag after `!` must be absent.
    pub tags: Vec<String>,
    /// Texts, one of which must occur in the run's name or title.
    pub filters: Vec<String>,
}

impl Selection {
    /// Whether `plan` is taken.
    #[must_use]
    pub fn takes(&self, plan: &Plan) -> bool {
        let (excluded, wanted): (Vec<&str>, Vec<&str>) = self.tags.iter().map(String::as_str).partition(|tag| tag.starts_with('!'));
        let has = |tag: &str| plan.tags.iter().any(|known| known == tag);
        let (name, title) = (plan.id(), &plan.title);
        (wanted.is_empty() || wanted.iter().any(|tag| has(tag)))
            && !excluded.iter().any(|tag| has(&tag[1..]))
            && (self.filters.is_empty() || self.filters.iter().any(|filter| name.contains(filter) || title.contains(filter)))
    }
}
