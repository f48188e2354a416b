//! A redirect to a host that only the servers know.

use crate::judge::diagnose::facts::{Facts, place, target, without_query};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::web::oauth::{Callback, is_authorization_request};
use crate::web::origin::is_internal;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "redirect-forwarded-host-lost",
    family: Family::Redirects,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a public page redirects to an internal host",
    cause: "the proxy in front does not pass the public host on, so that the app builds URLs from its own address",
    fix: "pass Host or X-Forwarded-Host on (nginx: `proxy_set_header Host $host`) and let the app trust it, or set its public URL",
    reference: "oauth2-proxy/oauth2-proxy#2200; keycloak/keycloak#34295",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .chain
        .hops
        .iter()
        .filter_map(|hop| {
            let to = target(hop).filter(|to| matches!(to.scheme(), "http" | "https"))?;
            // Native apps and tools on the person's machine take their answers at loopback addresses (RFC 8252 §7.3).
            let answer = || Callback::from_url(&to).is_some() || facts.attempts.iter().any(|attempt| attempt.request.returns_to(&to));
            let from_public = hop.request.url.host().is_some_and(|host| !is_internal(&host));
            if !from_public || !is_internal(&to.host()?) || is_authorization_request(&to) || answer() {
                return None;
            }
            Some(RULE.finding(
                format!("{} redirects to an internal host", hop.request.url.origin().ascii_serialization()),
                vec![Evidence::at(hop.id, format!("{} redirected to {}", place(hop), without_query(&to)))],
            ))
        })
        .take(1)
        .collect()
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
        assert!(from_to("https://app.test/", "http://10.0.3.7:8080/login"));
        assert!(from_to("https://app.test/", "http://web:3000/login"));
        assert!(!from_to("http://localhost:3000/", "http://localhost:3000/login"), "all of it is on this machine");
        assert!(!from_to("https://idp.test/", "http://127.0.0.1:8123/cb?code=c&state=s"), "a native app");
        assert!(!from_to("https://app.test/", "/login"));
    }
}
