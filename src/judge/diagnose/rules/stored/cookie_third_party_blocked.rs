//! Third-party cookies are blocked.

use super::refused;
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-third-party-blocked",
    family: Family::Stored,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "it is a third party's, and this browser takes none of those",
    cause: "the page belongs to another site, and the browser blocks third-party cookies, as many do at first and others by a setting",
    fix: "serve it from the page's own site (a proxy path or a custom domain), use tokens, or `Partitioned` where it is embedded on purpose",
    reference: "RFC 6265bis §7.1; IdentityModel/oidc-client-js#994; better-auth/better-auth#7980",
    check: |facts| refused(&RULE, facts, &["UserPreferences", "ThirdPartyPhaseout", "ThirdPartyBlockedInFirstPartySet"], |_| true),
};

#[cfg(test)]
mod tests {
    use super::super::assert_hits;
    use super::RULE;

    #[test]
    fn hits_and_near_misses() {
        let misses = [("sid=v; Partitioned", ""), ("sid=v; SameSite=Lax", "SameSiteLax"), ("sid=; Max-Age=0", "UserPreferences")];
        assert_hits(&RULE, "https://api.test/", ("sid=s3cret-value; SameSite=None; Secure", "UserPreferences"), &misses);
        assert_hits(&RULE, "https://api.test/", ("sid=s3cret-value", "ThirdPartyPhaseout"), &[]);
    }
}
