//! A redirect from https to http.

use crate::judge::diagnose::facts::{Facts, place, target, without_query};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::web::origin::{Origin, is_internal};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "redirect-downgrade",
    family: Family::Redirects,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "an https page redirects to http on its own host",
    cause: "TLS ends in front of the app, which builds absolute URLs from the plain connection that it sees; Secure cookies do not travel over http",
    fix: "pass X-Forwarded-Proto on and let the app trust it, or redirect to a path instead of a whole URL; add HSTS",
    reference: "cabotapp/cabot#696; mitreid-connect/OpenID-Connect-Java-Spring-Server#1136; RFC 6797",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut told = Vec::new();
    let mut findings = Vec::new();
    for hop in &facts.chain.hops {
        let (Some(to), Ok(from)) = (target(hop), Origin::of(&hop.request.url)) else { continue };
        let down = hop.request.url.scheme() == "https" && to.scheme() == "http" && to.host() == hop.request.url.host();
        if !down || is_internal(from.host()) || told.contains(&from) {
            continue;
        }
        findings.push(RULE.finding(
            format!("{from} redirects to http"),
            vec![Evidence::at(hop.id, format!("{} redirected to {}", place(hop), without_query(&to)))],
        ));
        told.push(from);
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};

    fn from_to(from: &str, to: &str) -> bool {
        let mut story = Story::new();
        story.open(from).status(302).location(to);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(from_to("https://app.test/login", "http://app.test/home"));
        assert!(!from_to("http://app.test/", "https://app.test/"), "an upgrade");
        assert!(!from_to("https://app.test/", "http://127.0.0.1:8123/cb"), "a native app");
        assert!(!from_to("https://localhost/", "http://localhost/"), "nobody's wire");
        assert!(!from_to("https://app.test/", "http://legacy.test/"), "another site");
    }
}
