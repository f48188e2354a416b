//! A session that was refreshed upstream, and a browser that was not told.

use crate::judge::diagnose::facts::{Facts, cookie_header, is_deletion, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::trace::{Hop, ServerCall};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "refresh-not-written-back",
    family: Family::Tokens,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the app used up a refresh token, its answer set no cookie, and the next request brought the old one, which was refused",
    cause: "the refresh ran where no header can be written any more (a streamed page, a read-only cookie store), so that the new token was lost",
    fix: "refresh in middleware or a route that can answer with Set-Cookie, before anything is rendered",
    reference: "supabase/ssr#169, supabase/ssr#68; supabase/auth-helpers#343; RFC 9700 §4.14.2",
    check,
};

/// How far apart the clocks of a browser and of the edge may be.
const CLOCKS: time::Duration = time::Duration::milliseconds(20);

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let used: Vec<_> =
        facts.chain.calls.iter().filter(|call| is_refresh(call)).filter_map(|call| Some((call, during(facts, call)?))).collect();
    let found = used.iter().enumerate().find_map(|(at, (second, later))| {
        if second.status.is_none_or(|status| status < 400) {
            return None;
        }
        let lost = |first: &&(&ServerCall, &Hop)| {
            let (call, hop) = first;
            call.status == Some(200)
                && call.origin == second.origin
                && hop.id < later.id
                && hop.actor == later.actor
                && hop.set.iter().all(is_deletion)
                && cookie_header(hop).is_some()
                && cookie_header(hop) == cookie_header(later)
        };
        let (first, hop) = used[..at].iter().rev().find(lost)?;
        Some(RULE.finding(
            "the new refresh token did not reach the browser",
            vec![
                Evidence::at(hop.id, format!("{} refreshed the session at {} and answered without Set-Cookie", place(hop), first.origin)),
                Evidence::at(
                    later.id,
                    format!(
                        "{} brought the same cookies, and {} refused the token with {}",
                        place(later),
                        second.origin,
                        second.status.unwrap_or_default()
                    ),
                ),
            ],
        ))
    });
    found.into_iter().collect()
}

/// A server's token request with a refresh token, as an embedded provider tells of it.
fn is_refresh(call: &ServerCall) -> bool {
    let told = |text: &str| text.contains("refresh");
    let decision = call.decision.as_ref().filter(|decision| decision.endpoint == "token");
    let by_decision = decision.is_some_and(|decision| told(&decision.outcome) || decision.why.as_deref().is_some_and(told));
    !call.by_actor && call.method == "POST" && (by_decision || call.target.contains("grant_type=refresh_token"))
}

/// The hop in whose time the call was made, when there is but one. Browsers tell times by a clock that may be some milliseconds
/// off: a call in nobody's time is that of the nearest hop.
fn during<'a>(facts: &Facts<'a>, call: &ServerCall) -> Option<&'a Hop> {
    let away = |hop: &Hop| (hop.started - call.at).max(call.at - (hop.started + hop.timings.total)).max(time::Duration::ZERO);
    let mut within = facts.chain.hops.iter().filter(|hop| away(hop).is_zero());
    match (within.next(), within.next()) {
        (Some(hop), None) => Some(hop),
        (Some(_), Some(_)) => None,
        (None, _) => facts.chain.hops.iter().min_by_key(|hop| away(hop)).filter(|hop| away(hop) <= CLOCKS),
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};
    use std::time::Duration;

    fn refreshes(set: Option<&str>, then: &str, second: u16) -> bool {
        let mut story = Story::new();
        let upstream = "https://auth.test/token?grant_type=refresh_token";
        story.step("a").open("https://app.test/").cookies("refresh=r1").call("POST", upstream, 200);
        story.last().timings.total = Duration::from_millis(10);
        if let Some(line) = set {
            story.sets(line);
        }
        story.step("b").open("https://app.test/home").cookies(then).call("POST", upstream, second);
        story.last().timings.total = Duration::from_millis(10);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(refreshes(None, "refresh=r1", 400));
        assert!(!refreshes(Some("refresh=r2"), "refresh=r2", 400), "it was written back");
        assert!(!refreshes(None, "refresh=r1", 200), "the provider does not rotate");
        assert!(!refreshes(None, "refresh=r9", 400), "another session");
    }
}
