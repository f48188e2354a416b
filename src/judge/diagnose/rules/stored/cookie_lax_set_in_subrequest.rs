//! A cookie set by the answer to another site's page.

use super::refused;
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-lax-set-in-subrequest",
    family: Family::Stored,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "another site's page asked for it, and it is not `SameSite=None`",
    cause: "what a fetch or a frame of another site (or of the same host under another scheme) brings may only set `SameSite=None` cookies; one without SameSite counts as `Lax`",
    fix: "serve the API from the page's own site, or set the cookie with `SameSite=None; Secure`",
    reference: "RFC 6265bis §5.7 step 18; cypress-io/cypress#18377",
    check: |facts| refused(&RULE, facts, &WORDS, |_| true),
};

const WORDS: [&str; 6] = [
    "SameSiteLax",
    "SameSiteStrict",
    "SameSiteUnspecifiedTreatedAsLax",
    "SchemefulSameSiteLax",
    "SchemefulSameSiteStrict",
    "SchemefulSameSiteUnspecifiedTreatedAsLax",
];

#[cfg(test)]
mod tests {
    use super::super::assert_hits;
    use super::RULE;

    #[test]
    fn hits_and_near_misses() {
        let misses = [("sid=v; SameSite=Lax", ""), ("sid=v; SameSite=None", "SameSiteNoneInsecure"), ("sid=; Max-Age=0", "SameSiteLax")];
        assert_hits(&RULE, "https://api.test/", ("sid=s3cret-value; SameSite=Lax", "SameSiteLax"), &misses);
        assert_hits(&RULE, "https://api.test/", ("sid=s3cret-value", "SchemefulSameSiteUnspecifiedTreatedAsLax"), &[]);
    }
}
