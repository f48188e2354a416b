//! A `Secure` cookie and a hop over plain http.

use super::denied_without;
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-scheme-downgrade",
    family: Family::Sent,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the login's cookie is `Secure`, and the way leads over plain http",
    cause: "a redirect or link names the page with http, where a `Secure` cookie does not go, so the page sees nobody",
    fix: "name https everywhere: trust the proxy's `X-Forwarded-Proto`, redirect http to https before the app, and send HSTS",
    reference: "RFC 6265bis §5.8.3; mitreid-connect/OpenID-Connect-Java-Spring-Server#1136",
    check: |facts| denied_without(&RULE, facts, &["SecureOnly", "SchemeMismatch"], |denied| denied.page.request.url.scheme() == "http"),
};

#[cfg(test)]
mod tests {
    use super::super::after_login;
    use super::RULE;
    use crate::judge::testing::Story;

    #[test]
    fn hits_and_near_misses() {
        let denied = |story: &mut Story| {
            story.withheld("session", "SecureOnly").status(302).location("http://app.test/login");
        };
        assert!(after_login("http://app.test", denied).contains(&RULE.id));
        let on_to_https = |story: &mut Story| {
            story.withheld("session", "SecureOnly").follow("https://app.test/home").cookies("session=v").html("Home");
        };
        assert!(!after_login("http://app.test", on_to_https).contains(&RULE.id), "http leads on to https");
    }
}
