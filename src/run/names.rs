//! Names in scenarios that only the whole program can judge: rules, and the files of snapshots.

use super::snapshots::path_of;
use crate::base::{Diagnostic, Sources, Span, diagnostic::nearest};
use crate::plan::Plan;
use crate::report::rules;
use crate::scenario::Loaded;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// What `finds` and `allow` name that is no rule: a run would wait for it in vain, or silence nothing.
pub(super) fn unknown_rules(loaded: &Loaded) -> Vec<Diagnostic> {
    let scenario = &loaded.scenario;
    let variants = scenario.variants.0.iter().flat_map(|(_, variant)| &variant.finds.0);
    let finds = scenario.finds.0.iter().chain(variants).map(|rule| (rule.value.as_str(), rule.span));
    let allow = scenario.allow.0.iter().map(|(rule, _)| (rule.name.as_str(), rule.span));
    finds.chain(allow).filter_map(|(name, span)| unknown_rule(name, span)).collect()
}

fn unknown_rule(name: &str, span: Span) -> Option<Diagnostic> {
    let known = || rules().iter().map(|rule| rule.id);
    if known().any(|id| id == name) {
        return None;
    }
    let near = nearest(name, known()).map(|near| format!("did you mean `{near}`?"));
    let hint = near.unwrap_or_else(|| "`authchain explain --list` shows them all".to_owned());
    Some(Diagnostic::error(format!("there is no rule `{name}`")).at(span, "").hint(hint))
}

/// Runs whose snapshots would lie in the same file and overwrite each other.
pub(super) fn shared_snapshots(plans: &[(Arc<Plan>, Arc<Sources>)]) -> Vec<Diagnostic> {
    let mut seen = BTreeMap::new();
    let mut faults = Vec::new();
    for (plan, _) in plans.iter().filter(|(plan, _)| plan.policy.snapshot) {
        match seen.entry(path_of(plan)) {
            Entry::Vacant(free) => drop(free.insert(plan)),
            Entry::Occupied(taken) => {
                let name = |plan: &Plan| match &plan.variant {
                    Some(variant) => format!("`{variant}` of {}", plan.file.display()),
                    None => plan.file.display().to_string(),
                };
                let what = format!("{} and {} have the same snapshot, {}", name(taken.get()), name(plan), taken.key().display());
                faults.push(Diagnostic::error(what).hint("rename one of them"));
            }
        }
    }
    faults
}
