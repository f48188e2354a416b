//! The runs of a scenario: profile and variant laid over it, and each compiled.

use super::compiler::{Compiler, Used, did_you_mean};
use super::lint::{lint, short_secrets, walk};
use super::steps::Frame;
use crate::base::{Diagnostic, Secret};
use crate::plan::{Plan, Policy, Transition};
use crate::scenario::file::{Profile, Settings, Variant};
use crate::scenario::node::Key;
use crate::scenario::read::Text;
use crate::scenario::{Diagnostics, Loaded};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Who acts when a scenario names nobody.
const ACTOR: &str = "user";

/// Most variants, and most profiles, of one scenario.
const MAX_OVERLAYS: usize = 100;

/// The plans of a scenario, and what is most likely not meant in it.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// One plan for each variant, in the order of the file; one when there are no variants.
    pub plans: Vec<Plan>,
    /// Names that nothing uses, variants that are the same, secrets that cannot be hidden.
    pub warnings: Vec<Diagnostic>,
}

/// Compiles every variant of a scenario under a profile.
///
/// # Errors
/// Everything that is wrong with it: undefined names, values that cannot be read, origins without anything behind them,
/// secrets without a value, or a profile that the scenario does not have.
pub fn compile(loaded: &Loaded, profile: Option<&str>) -> Result<Compiled, Diagnostics> {
    let overlay = profile.map(|name| profile_of(loaded, name)).transpose()?;
    let variants = &loaded.scenario.variants.0;
    for (what, names) in [("variants", variants.len()), ("profiles", loaded.scenario.profiles.0.len())] {
        if names > MAX_OVERLAYS {
            return Err(Diagnostics(vec![Diagnostic::error(format!(
                "{} has {names} {what}: at most {MAX_OVERLAYS}",
                loaded.file.display()
            ))]));
        }
    }
    let runs: Vec<Option<&(Key, Variant)>> = if variants.is_empty() { vec![None] } else { variants.iter().map(Some).collect() };
    let mut plans = Vec::new();
    let mut faults: Vec<Diagnostic> = Vec::new();
    let mut used = Used::default();
    for variant in runs {
        let (plan, found, names) = one(loaded, overlay, variant);
        plans.push(plan);
        used.extend(names);
        // Most faults are in what all variants share; each is told once.
        for fault in found {
            if faults.len() < Diagnostics::MOST && !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
    if !faults.is_empty() {
        return Err(Diagnostics::in_order(faults));
    }
    // What only another profile uses is used.
    for (key, other) in &loaded.scenario.profiles.0 {
        if profile != Some(key.name.as_str()) {
            used.extend(one(loaded, Some((key, other)), None).2);
        }
    }
    if overlay.is_some() {
        for variant in variants.iter().map(Some).chain([None]) {
            used.extend(one(loaded, None, variant).2);
        }
    }
    let mut warnings = lint(loaded, &used);
    warnings.extend(short_secrets(loaded, &plans));
    Ok(Compiled { plans, warnings })
}

/// Compiles one variant by name.
///
/// # Errors
/// As [`compile`], and when the scenario has no such variant.
pub fn compile_variant(loaded: &Loaded, profile: Option<&str>, variant: &str) -> Result<Plan, Diagnostics> {
    let overlay = profile.map(|name| profile_of(loaded, name)).transpose()?;
    let variants = &loaded.scenario.variants;
    let Some(found) = variants.0.iter().find(|(key, _)| key.name == variant) else {
        return Err(Diagnostics(vec![no_such("variant", variant, loaded, &variants.names().collect::<Vec<_>>())]));
    };
    let (plan, faults, _) = one(loaded, overlay, Some(found));
    if faults.is_empty() { Ok(plan) } else { Err(Diagnostics::in_order(faults)) }
}

fn profile_of<'l>(loaded: &'l Loaded, name: &str) -> Result<(&'l Key, &'l Profile), Diagnostics> {
    let profiles = &loaded.scenario.profiles;
    match profiles.0.iter().find(|(key, _)| key.name == name) {
        Some((key, profile)) => Ok((key, profile)),
        None => Err(Diagnostics(vec![no_such("profile", name, loaded, &profiles.names().collect::<Vec<_>>())])),
    }
}

fn no_such(what: &str, name: &str, loaded: &Loaded, known: &[&str]) -> Diagnostic {
    let fault = Diagnostic::error(format!("{} has no {what} `{name}`", loaded.file.display()));
    fault.hint(did_you_mean(name, known.iter().copied()).unwrap_or_else(|| format!("it has no {what}s at all")))
}

/// Compiles one run; the plan is good only when there are no faults.
fn one(loaded: &Loaded, profile: Option<(&Key, &Profile)>, variant: Option<&(Key, Variant)>) -> (Plan, Vec<Diagnostic>, Used) {
    let scenario = &loaded.scenario;
    let mut origins = scenario.origins.clone();
    let mut variables = scenario.variables.clone();
    let mut secrets = scenario.secrets.clone();
    if let Some((_, profile)) = profile {
        origins.overlay(profile.origins.clone());
        variables.overlay(profile.variables.clone());
        secrets.overlay(profile.secrets.clone());
    }
    if let Some((_, variant)) = variant {
        variables.overlay(variant.with.clone());
    }
    let steps = scenario.steps.as_deref().unwrap_or_default();
    let (ever_captured, ever_ids) = names_in(loaded);
    let mut compiler = Compiler {
        loaded,
        flows: &scenario.flows,
        written: variables.0.into_iter().map(|(key, text)| (key.name, text)).collect(),
        variables: BTreeMap::new(),
        resolving: Vec::new(),
        expanded: 0,
        sources: secrets,
        secrets: BTreeMap::new(),
        unnamed: Vec::new(),
        args: BTreeMap::new(),
        captured: BTreeSet::new(),
        ever_captured,
        ids: BTreeMap::new(),
        ever_ids,
        origins: Vec::new(),
        services: Vec::new(),
        captured_by: BTreeMap::new(),
        stores: Vec::new(),
        contained: Vec::new(),
        stands_up: false,
        broken: Vec::new(),
        calling: Vec::new(),
        needs: BTreeSet::new(),
        next: 0,
        faults: Vec::new(),
        used: Used::default(),
    };
    if let Some((_, variant)) = variant {
        compiler.lay_environment(&mut origins, &variant.env);
    }
    let services = compiler.all_services(&scenario.services);
    compiler.stands_up = true;
    compiler.origins = compiler.all_origins(&origins);
    compiler.stands_up = false;
    let settings = match (variant.and_then(|(_, variant)| variant.settings.clone()), scenario.settings.clone()) {
        (Some(own), Some(shared)) => Some(own.over(shared)),
        (own, shared) => own.or(shared),
    };
    let mut policy = compiler.policy(settings.as_ref());
    policy.live = profile.is_some_and(|(_, profile)| profile.live == Some(true));
    let frame = Frame { actor: Arc::from(ACTOR), timeout: policy.step_timeout };
    let mut laid = compiler.steps(scenario.smoke.as_deref().unwrap_or_default(), &frame);
    let smoke = laid.len();
    laid.extend(compiler.steps(steps, &frame));
    let own =
        |pick: fn(&Variant) -> Option<&Text>, shared: Option<&Text>| variant.and_then(|(_, variant)| pick(variant)).or(shared).cloned();
    let needs = own(|variant| variant.engine.as_ref(), scenario.engine.as_ref());
    let needs = compiler.needs(needs.as_ref());
    let browser = own(|variant| variant.browser.as_ref(), scenario.browser.as_ref());
    let browser = compiler.browser(browser.as_ref());
    compiler.ask_for_a_browser(needs, &laid);
    let differs = own(|variant| variant.differs.as_ref(), scenario.differs.as_ref()).map(|text| text.value);
    let title = scenario.scenario.as_ref().map(|text| compiler.known(text, "a title")).unwrap_or_default();
    let transitions = scenario.transitions.iter().map(|transition| Transition {
        from: transition.from.value.clone(),
        to: transition.to.value.clone(),
        because: transition.because.value.clone(),
    });
    let words = |own: &[Text], more: Option<&[Text]>| {
        let mut words: Vec<String> = Vec::new();
        for text in own.iter().chain(more.unwrap_or_default()) {
            if !words.contains(&text.value) {
                words.push(text.value.clone());
            }
        }
        words
    };
    let variables = compiler.written.keys().cloned().collect::<Vec<_>>();
    let used = compiler.used.clone();
    // Every variable gets its value, for templates that the run renders. That is no use of it, and no fault when it has none.
    let faults = compiler.faults.len();
    let variables = variables.into_iter().filter_map(|name| Some((name.clone(), compiler.variable(&name)?))).collect();
    // So does every secret: it is hidden wherever it turns up.
    for (key, _) in compiler.sources.0.clone() {
        compiler.use_secret(&key.name, key.span);
    }
    compiler.faults.truncate(faults);
    let known = compiler.secrets.into_iter().filter_map(|(name, secret)| Some((name, secret?)));
    let unnamed = compiler.unnamed.into_iter().map(|secret: Secret| (secret.name().to_owned(), secret));
    let variant_of = |pick: fn(&Variant) -> &[Text]| variant.map(|(_, variant)| pick(variant));
    let plan = Plan {
        title,
        file: loaded.file.clone(),
        variant: variant.map(|(key, _)| key.name.clone()),
        profile: profile.map(|(key, _)| key.name.clone()),
        tags: words(&scenario.tags.0, variant_of(|variant| &variant.tags.0)),
        covers: words(&scenario.covers.0, variant_of(|variant| &variant.covers.0)),
        finds: words(&scenario.finds.0, variant_of(|variant| &variant.finds.0)),
        allow: scenario.allow.0.iter().map(|(key, text)| (key.name.clone(), text.value.clone())).collect(),
        transitions: transitions.collect(),
        origins: compiler.origins,
        services,
        variables,
        secrets: known.chain(unnamed).collect(),
        steps: laid,
        after: Vec::new(),
        smoke,
        policy,
        needs,
        browser,
        differs,
        engine: needs.unwrap_or_default(),
    };
    (plan, compiler.faults, used)
}

/// Every capture and every step id of a scenario, in flows too.
fn names_in(loaded: &Loaded) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut captures, mut ids) = (BTreeSet::new(), BTreeSet::new());
    let scenario = &loaded.scenario;
    let flows = scenario.flows.0.iter().map(|(_, flow)| flow.0.steps.as_slice());
    for steps in flows.chain(scenario.smoke.as_deref()).chain(scenario.steps.as_deref()) {
        walk(steps, &mut |step| {
            captures.extend(step.capture.names().map(str::to_owned));
            ids.extend(step.id.as_ref().map(|id| id.value.clone()));
        });
    }
    (captures, ids)
}

impl Compiler<'_> {
    fn policy(&mut self, settings: Option<&Settings>) -> Policy {
        let mut policy = Policy::default();
        let Some(settings) = settings else { return policy };
        policy.step_timeout = self.duration_or(settings.step_timeout.as_ref(), policy.step_timeout);
        policy.run_timeout = self.duration_or(settings.run_timeout.as_ref(), policy.run_timeout);
        if let Some(most) = &settings.max_redirects {
            policy.max_redirects = usize::from(most.value);
        }
        if let Some(most) = &settings.max_body {
            policy.max_body = usize::try_from(most.value).unwrap_or(usize::MAX);
        }
        if let Some(text) = &settings.third_party_cookies {
            match self.known(text, "a policy").as_str() {
                "allow" => policy.third_party_cookies = true,
                "block" => policy.third_party_cookies = false,
                other => self.unknown(text.span, "policy", other, ["allow", "block"]),
            }
        }
        policy.snapshot = settings.snapshot.unwrap_or(policy.snapshot);
        policy.keep_going = settings.keep_going.unwrap_or(policy.keep_going);
        policy.browser = self.browser_policy(settings);
        policy
    }
}
