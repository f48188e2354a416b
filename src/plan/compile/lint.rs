//! What is not wrong, but most likely not meant: names that nothing uses, variants that are the same.

use super::compiler::Used;
use crate::base::span::SourceId;
use crate::base::{Diagnostic, Secret};
use crate::plan::Plan;
use crate::scenario::Loaded;
use crate::scenario::file::Variant;
use crate::scenario::node::Key;
use crate::scenario::read::Map;
use crate::scenario::step::{Action, Step};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// Warnings about a scenario whose runs used the names in `used`.
pub(super) fn lint(loaded: &Loaded, used: &Used) -> Vec<Diagnostic> {
    let Some(own) = own_file(loaded) else { return Vec::new() };
    let scenario = &loaded.scenario;
    let mut warnings = Vec::new();
    // What shared files declare is for all who use them; only names of this file can be left over in it.
    let mut unused = |what: &str, keys: &mut dyn Iterator<Item = &Key>, used: &BTreeSet<String>| {
        for key in keys {
            if key.span.source == own && !used.contains(&key.name) {
                let warning = Diagnostic::warning(format!("{what} `{}` is never used", key.name)).at(key.span, "");
                warnings.push(warning.hint("remove it, or use it"));
            }
        }
    };
    unused("variable", &mut scenario.variables.0.iter().map(|(key, _)| key), &used.variables);
    unused("secret", &mut scenario.secrets.0.iter().map(|(key, _)| key), &used.secrets);
    unused("flow", &mut scenario.flows.0.iter().map(|(key, _)| key), &used.flows);
    let mut captures = Vec::new();
    walk(scenario.steps.as_deref().unwrap_or_default(), &mut |step| captures.extend(step.capture.0.iter().map(|(key, _)| key)));
    unused("capture", &mut captures.into_iter(), &used.captures);
    let with = scenario.variants.0.iter().flat_map(|(_, variant)| &variant.with.0);
    unused("variable", &mut with.map(|(key, _)| key), &used.variables);
    warnings.extend(same_variants(&scenario.variants));
    warnings
}

/// Variants that differ in nothing.
fn same_variants(variants: &Map<Variant>) -> Vec<Diagnostic> {
    // Variants with settings of their own differ in those, whatever their variables are.
    let ordinary =
        variants.0.iter().filter(|(_, variant)| variant.settings.is_none() && variant.engine.is_none() && variant.browser.is_none());
    let values = |variant: &Variant| -> BTreeMap<String, String> {
        variant.with.0.iter().map(|(key, text)| (key.name.clone(), text.value.clone())).collect()
    };
    let mut seen: BTreeMap<BTreeMap<String, String>, &Key> = BTreeMap::new();
    let mut warnings = Vec::new();
    for (key, variant) in ordinary {
        match seen.entry(values(variant)) {
            Entry::Occupied(first) => {
                let first = first.get();
                let warning = Diagnostic::warning(format!("variants `{}` and `{}` are the same run", first.name, key.name));
                let warning = warning.at(key.span, "").related(first.span, "the other one");
                warnings.push(warning.hint("give them different variables under `with`"));
            }
            Entry::Vacant(free) => {
                free.insert(key);
            }
        }
    }
    warnings
}

/// Secrets that will show, because they cannot be told from other text.
pub(super) fn short_secrets(loaded: &Loaded, plans: &[Plan]) -> Vec<Diagnostic> {
    let short = plans.iter().flat_map(|plan| plan.secrets.values()).filter(|secret| secret.is_too_short_to_hide());
    let names: BTreeSet<&str> = short.map(Secret::name).collect();
    let own = &loaded.scenario.secrets.0;
    let of_profiles = loaded.scenario.profiles.0.iter().flat_map(|(_, profile)| &profile.secrets.0);
    let warnings = names.into_iter().filter_map(|name| {
        let (key, _) = own.iter().chain(of_profiles.clone()).find(|(key, _)| key.name == name)?;
        let warning = Diagnostic::warning(format!("secret `{name}` is too short to be hidden")).at(key.span, "");
        Some(warning.hint("one of at least four characters is replaced by its name wherever it would be printed"))
    });
    warnings.collect()
}

fn own_file(loaded: &Loaded) -> Option<SourceId> {
    loaded.sources.find(&loaded.file)
}

/// Calls `visit` for every step, nested ones too.
pub(super) fn walk<'s>(steps: &'s [Step], visit: &mut dyn FnMut(&'s Step)) {
    for step in steps {
        visit(step);
        match &step.action {
            Action::Race(steps) => walk(steps, visit),
            Action::Repeat(repeat) => walk(&repeat.steps, visit),
            Action::Boundary(boundary) => {
                walk(&boundary.steps, visit);
                for step in [&boundary.before, &boundary.after].into_iter().flatten() {
                    walk(std::slice::from_ref(&**step), visit);
                }
            }
            Action::Poll(poll) => walk(std::slice::from_ref(&poll.step), visit),
            Action::Limit(limit) => {
                walk(std::slice::from_ref(&limit.step), visit);
                limit.vary.0.iter().for_each(|(_, step)| walk(std::slice::from_ref(step), visit));
            }
            _ => {}
        }
    }
}
