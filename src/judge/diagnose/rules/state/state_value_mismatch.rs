//! A provider that gives back another state than it got.

use crate::judge::diagnose::attempt::Attempt;
use crate::judge::diagnose::facts::{Facts, place, target, without_query};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::trace::Hop;
use crate::web::oauth::Callback;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "state-value-mismatch",
    family: Family::State,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the provider sent back a state that no login of this browser had",
    cause: "the state was altered on the way (decoded twice, cut, lower-cased, by a proxy or the provider), or the provider finished a login of another tab",
    fix: "compare both values byte by byte; use URL-safe characters in the state; let a callback with an unknown state begin anew once",
    reference: "RFC 6749 §4.1.2; goauthentik/authentik#20831",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.chain.hops.iter().filter(|hop| !facts.is_by_hand(hop)).filter_map(|hop| finding(facts, hop)).take(1).collect()
}

fn finding(facts: &Facts<'_>, hop: &Hop) -> Option<Finding> {
    let to = target(hop).filter(|to| to.origin() != hop.request.url.origin())?;
    let state = Callback::from_url(&to)?.state?;
    let own = |attempt: &&Attempt<'_>| {
        attempt.hop.actor == hop.actor && attempt.hop.id <= hop.id && attempt.request.endpoint.origin() == hop.request.url.origin()
    };
    let attempts: Vec<_> = facts.attempts.iter().filter(own).collect();
    let asked = attempts.iter().rev().find(|attempt| attempt.request.returns_to(&to))?;
    // Where one login's state is not to be seen (a pushed request), nothing can be told about any.
    let sent = asked.state()?;
    if attempts.iter().any(|attempt| attempt.state().is_none_or(|known| known == state)) {
        return None;
    }
    Some(RULE.finding(
        format!("{} sent back another state than it got", hop.request.url.origin().ascii_serialization()),
        vec![
            Evidence::at(asked.hop.id, format!("the login began with a state of {} characters", sent.chars().count())),
            Evidence::at(
                hop.id,
                format!(
                    "{} redirected to {} with a state of {} characters, {}",
                    place(hop),
                    without_query(&to),
                    state.chars().count(),
                    compared(sent, &state)
                ),
            ),
        ],
    ))
}

/// How two states differ, without showing them.
fn compared(sent: &str, back: &str) -> &'static str {
    if sent.eq_ignore_ascii_case(back) {
        "the same but for upper and lower case"
    } else if sent.starts_with(back) || sent.ends_with(back) {
        "a part of the one it got"
    } else if sent.replace('+', " ") == back {
        "the same but for `+` and spaces"
    } else {
        "which is none that this browser's logins had"
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits};

    fn login(back: &str) -> bool {
        let mut story = Story::new();
        story.step("tab one").open("https://app.test/login").follow(&authorize("s1"));
        story.step("tab two").open("https://app.test/login").follow(&authorize("s2")).follow("https://idp.test/login");
        story.step("log in").submit("https://idp.test/login").follow(back);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(login("https://app.test/cb?code=c&state=S2"));
        assert!(!login("https://app.test/cb?code=c&state=s2"));
        assert!(!login("https://app.test/cb?code=c&state=s1"), "the other tab's login");
        assert!(!login("https://other.test/cb?code=c&state=x"), "nobody asked to come back there: another app's login");
        let mut made_up = Story::new();
        made_up.open(&authorize("s1")).step("probe").get("https://app.test/cb?code=c&state=altered").status(400);
        assert!(!hits(RULE.id, &made_up), "the scenario's own doing");
    }
}
