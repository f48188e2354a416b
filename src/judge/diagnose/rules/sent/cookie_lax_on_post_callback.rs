//! `response_mode=form_post` and cookies that do not travel with cross-site POSTs.

use super::cookie_default_lax_2min::outgrown;
use crate::judge::diagnose::denied::callback_failure;
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::trace::Hop;
use url::Position;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-lax-on-post-callback",
    family: Family::Sent,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the callback is a POST from another site, and a cookie it needs is `Lax` or `Strict`",
    cause: "browsers send `Lax` cookies with top-level GETs from other sites, not with POSTs: the callback sees a browser without a login attempt",
    fix: "set the state and nonce cookies with `SameSite=None; Secure`, or use `response_mode=query`, or keep the state on the server",
    reference: "RFC 6265bis §5.8.3; better-auth/better-auth#5243",
    check,
};

const WORDS: [&str; 3] = ["SameSiteLax", "SameSiteStrict", "SameSiteUnspecifiedTreatedAsLax"];

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    // A callback that succeeds all the same keeps its state elsewhere: nothing is broken.
    let failed = |hop: &Hop| callback_failure(hop).is_some();
    let callbacks = facts.chain.hops.iter().filter(|hop| hop.request.method == "POST" && facts.is_callback(hop) && failed(hop));
    let mut told = Vec::new();
    let findings = callbacks.filter_map(|hop| {
        let (cookie, reason) = hop
            .withheld
            .iter()
            .filter(|cookie| outgrown(facts, hop, cookie).is_none())
            .find_map(|cookie| Some((cookie, cookie.reasons.iter().find(|reason| WORDS.contains(&reason.code.as_str()))?)))?;
        // In a loop it is the same fault in each lap.
        let same = (&hop.actor, &hop.request.url[..Position::AfterPath], &cookie.name);
        if told.contains(&same) {
            return None;
        }
        told.push(same);
        let name = shown(&String::from_utf8_lossy(&cookie.name), 80);
        let evidence = vec![Evidence::at(
            hop.id,
            format!("{} did not carry `{name}`: {} ({})", place(hop), reason.code, shown(&reason.explanation, 160)),
        )];
        Some(RULE.finding(format!("the POST to the callback went without the cookie `{name}`"), evidence))
    });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;
    use crate::trace::Cause;

    fn rules(method: &str, word: &str, status: u16) -> Vec<&'static str> {
        let mut story = Story::new();
        story.hop(method, "https://app.test/cb?code=1&state=2", Cause::AutoForm).withheld("state", word).status(status);
        diagnose(&story.plan, &story.chain).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn hits_and_near_misses() {
        assert_eq!(rules("POST", "SameSiteLax", 400), [RULE.id]);
        assert!(rules("POST", "SameSiteLax", 200).is_empty(), "the state is kept on the server");
        assert!(rules("POST", "NotOnPath", 400).is_empty());
        assert!(rules("GET", "SameSiteStrict", 400).is_empty());
    }
}
