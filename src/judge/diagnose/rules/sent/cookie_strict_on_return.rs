//! A `Strict` session cookie on the way back from another site.

use super::denied_without;
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-strict-on-return",
    family: Family::Sent,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the login's cookie is `Strict`, and the page after it was reached from another site",
    cause: "a `Strict` cookie does not go with a navigation that another site began: it is missing just when the provider's page leads back, and there again on a reload",
    fix: "set the session cookie with `SameSite=Lax`, or lead to the page from one of the app's own",
    reference: "RFC 6265bis §5.2, §8.8.2; aspnet/Security#1839",
    check: |facts| denied_without(&RULE, facts, &["SameSiteStrict", "SchemefulSameSiteStrict"], |_| true),
};

#[cfg(test)]
mod tests {
    use super::super::after_login;
    use super::RULE;

    #[test]
    fn hits_and_near_misses() {
        let denied = |story: &mut crate::judge::testing::Story| {
            story.withheld("session", "SameSiteStrict").status(302).location("https://app.test/login");
        };
        assert!(after_login("https://app.test", denied).contains(&RULE.id));
        assert!(!after_login("https://app.test", |story| drop_in(story, "SameSiteStrict")).contains(&RULE.id), "let in all the same");
        let other = |story: &mut crate::judge::testing::Story| {
            story.withheld("session", "NotOnPath").status(302).location("https://app.test/login");
        };
        assert!(!after_login("https://app.test", other).contains(&RULE.id), "another reason");
        let carried = |story: &mut crate::judge::testing::Story| {
            story.cookies("session=v").status(302).location("https://app.test/login");
        };
        assert!(!after_login("https://app.test", carried).contains(&RULE.id), "Strict passes a silent round of redirects");
    }

    fn drop_in(story: &mut crate::judge::testing::Story, word: &str) {
        story.withheld("session", word).html("Home");
    }
}
