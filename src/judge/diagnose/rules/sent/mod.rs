//! Family B: stored but not sent.

mod client_jar_differs;
mod cookie_default_lax_2min;
mod cookie_evicted_by_count;
mod cookie_host_only_elsewhere;
mod cookie_lax_on_post_callback;
mod cookie_loopback_split;
mod cookie_path_miss;
mod cookie_port_shared;
mod cookie_scheme_downgrade;
mod cookie_strict_on_return;
mod cors_wildcard_with_credentials;
mod fetch_without_credentials;
mod session_in_web_storage;
mod state_saved_too_early;

use super::{Evidence, Finding, Rule};
use crate::judge::diagnose::denied::{Denied, denied, turned_away};
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::text::shown;

/// The family's rules, those that name a cause before those that name a symptom.
pub(super) const RULES: &[&Rule] = &[
    &cookie_lax_on_post_callback::RULE,
    &cookie_default_lax_2min::RULE,
    &cookie_strict_on_return::RULE,
    &cookie_path_miss::RULE,
    &cookie_host_only_elsewhere::RULE,
    &cookie_scheme_downgrade::RULE,
    &cookie_loopback_split::RULE,
    &fetch_without_credentials::RULE,
    &cors_wildcard_with_credentials::RULE,
    &cookie_port_shared::RULE,
    &cookie_evicted_by_count::RULE,
    &client_jar_differs::RULE,
    &session_in_web_storage::RULE,
    &state_saved_too_early::RULE,
];

/// A finding for each page that turned a logged-in user away because the login's cookie stayed at home for one of the words
/// `codes`, if nothing else of the login arrived either.
fn denied_without(rule: &Rule, facts: &Facts<'_>, codes: &[&str], applies: impl Fn(&Denied<'_>) -> bool) -> Vec<Finding> {
    let findings =
        denied(facts).into_iter().filter(|denied| denied.carried_nothing_of_the_login() && applies(denied)).filter_map(|denied| {
            let set = denied.witness.set;
            let withheld = denied.page.withheld.iter().filter(|cookie| cookie.name == set.name);
            let reason = withheld.flat_map(|cookie| &cookie.reasons).find(|reason| codes.contains(&reason.code.as_str()))?;
            let name = shown(&set.name_text(), 80);
            let how = turned_away(facts, denied.page)?.told(denied.page);
            let evidence = vec![
                Evidence::at(denied.witness.hop.id, format!("{} set `{name}`, and it was stored", place(denied.witness.hop))),
                Evidence::at(
                    denied.page.id,
                    format!(
                        "{} went without it, {} ({}), and answered {how}",
                        place(denied.page),
                        reason.code,
                        shown(&reason.explanation, 160)
                    ),
                ),
            ];
            Some(rule.finding(format!("the cookie `{name}` does not go with {}", place(denied.page)), evidence))
        });
    findings.collect()
}

/// What is found when a login that set `session` leads on to `/home` of `origin`, shaped by `page`.
#[cfg(test)]
fn after_login(origin: &str, page: impl FnOnce(&mut crate::judge::testing::Story)) -> Vec<&'static str> {
    let mut story = crate::judge::testing::Story::new();
    story.step("x").open("https://app.test/cb?code=1&state=2").sets("session=v; Path=/").follow(&format!("{origin}/home"));
    page(&mut story);
    crate::judge::diagnose::diagnose(&story.plan, &story.chain).into_iter().map(|finding| finding.rule).collect()
}
