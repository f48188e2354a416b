//! A recording without what the diagnosis lives on.

use crate::judge::diagnose::denied::is_login;
use crate::judge::diagnose::facts::{Facts, ends_session, place, target};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::trace::Hop;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "har-sanitised",
    family: Family::Edge,
    severity: Severity::Info,
    needs: Needs::Chain,
    summary: "the recording shows a login but no Cookie, Set-Cookie or Authorization at all",
    cause: "Chrome leaves them out of a HAR unless it is told otherwise: which cookie was set, sent or refused cannot be told from it",
    fix: "export again with sensitive data (DevTools, Settings, Network: \"Allow to generate HAR with sensitive data\"), and take secrets out with `authchain redact`",
    reference: "Chrome 130 release notes for DevTools (sanitised HAR by default)",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let seen = facts.chain.visibility;
    if seen.cookies || seen.authorization {
        return Vec::new();
    }
    let login = |hop: &&Hop| facts.is_callback(hop) || is_login(&hop.request.url) || ends_session(hop) || target(hop).is_some();
    let found = facts.chain.hops.iter().find(login).map(|hop| {
        let text = format!("{} belongs to a login, and neither it nor any other request of the recording has cookies", place(hop));
        RULE.finding(
            "the recording was exported without cookies: what was sent and accepted cannot be told",
            vec![Evidence::at(hop.id, text)],
        )
    });
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};

    fn recorded(url: &str, cookies: bool, authorization: bool) -> bool {
        let mut story = Story::new();
        story.open(url);
        story.chain.visibility.cookies = cookies;
        story.chain.visibility.authorization = authorization;
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(recorded("https://app.test/login", false, false));
        assert!(!recorded("https://app.test/login", true, false));
        assert!(!recorded("https://app.test/login", false, true), "a login by tokens may have no cookies");
        assert!(!recorded("https://app.test/prices", false, false), "nobody logs in");
    }
}
