//! A callback whose state nobody compares.

use crate::judge::diagnose::attempt::callback;
use crate::judge::diagnose::credential::same_resource;
use crate::judge::diagnose::denied::{callback_failure, is_login};
use crate::judge::diagnose::facts::{Facts, is_deletion, place, target};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::trace::{Cause, Hop};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "state-not-verified",
    family: Family::State,
    severity: Severity::Error,
    needs: Needs::Probe,
    summary: "a callback with a changed state is accepted",
    cause: "the callback does not compare the state with the browser's own, so that anybody can end their login in somebody else's browser",
    fix: "compare the state with the cookie's or the session's before the code is redeemed",
    reference: "RFC 6749 §10.12; better-auth/better-auth#8897",
    check,
};

/// A step `replay` that sends a callback again with a state of its own is the question; a session in the answer is the proof.
/// A refusal proves nothing either way: the code may have been used.
fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let probes = facts.chain.hops.iter().filter(|hop| hop.cause == Cause::Replay);
    let accepted = probes.filter_map(|probe| {
        let state = callback(probe).filter(|callback| callback.error.is_none() && callback.code.is_some())?.state?;
        let real = facts.answers().into_iter().map(|answer| answer.hop).find(|real| real.id < probe.id && same_resource(real, probe))?;
        let is_changed = facts.attempt_with(&state, probe.id).is_none() && callback(real)?.state.is_some_and(|was| was != state);
        (is_changed && lets_in(probe)).then_some((real, probe))
    });
    let accepted: Vec<(&Hop, &Hop)> = accepted.take(1).collect();
    let finding = |(real, probe): (&Hop, &Hop)| {
        let evidence = vec![
            Evidence::at(real.id, format!("{} brought the state that was asked with", place(real))),
            Evidence::at(
                probe.id,
                format!("{} brought another, and was answered {} with a cookie", place(probe), probe.status().unwrap_or_default()),
            ),
        ];
        RULE.finding(format!("{} accepts any state", place(probe)), evidence)
    };
    accepted.into_iter().map(finding).collect()
}

/// Whether a callback ended as a login does: with a cookie, and neither an error nor the way back to the login.
fn lets_in(hop: &Hop) -> bool {
    let sets = hop.set.iter().any(|set| !is_deletion(set) && !set.value.is_empty());
    sets && callback_failure(hop).is_none() && !target(hop).is_some_and(|url| is_login(&url))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits};
    use crate::trace::Cause;

    /// A login, then its callback again with this state, answered so.
    fn story(state: &str, status: u16, to: &str, sets: bool) -> Story {
        let mut story = Story::new();
        story
            .open(&authorize("s1"))
            .follow("https://app.test/cb?code=c&state=s1")
            .sets("sid=v; Path=/")
            .follow("https://app.test/")
            .html("Welcome");
        story.step("replay").hop("GET", &format!("https://app.test/cb?code=c&state={state}"), Cause::Replay).status(status);
        if !to.is_empty() {
            story.location(to);
        }
        if sets {
            story.sets("sid=w; Path=/");
        }
        story
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(hits(RULE.id, &story("other", 302, "https://app.test/", true)));
        assert!(!hits(RULE.id, &story("s1", 302, "https://app.test/", true)), "its own state");
        assert!(!hits(RULE.id, &story("other", 400, "", false)), "refused");
        assert!(!hits(RULE.id, &story("other", 302, "https://app.test/login", true)), "back to the login, with a new state cookie");
        assert!(!hits(RULE.id, &story("other", 302, "https://app.test/?error=state_mismatch", true)), "refused by a redirect");
        assert!(!hits(RULE.id, &story("other", 302, "https://app.test/", false)), "nobody was let in");
    }
}
