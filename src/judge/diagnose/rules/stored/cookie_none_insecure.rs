//! `SameSite=None` asks for `Secure`.

use super::refused;
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-none-insecure",
    family: Family::Stored,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "`SameSite=None` without `Secure`",
    cause: "browsers drop cookies with `SameSite=None` that are not `Secure`",
    fix: "add `Secure`; where development runs without TLS, use https there too, or `SameSite=Lax`",
    reference: "RFC 6265bis §5.7 step 19; nextauthjs/next-auth#9990",
    check: |facts| refused(&RULE, facts, &["SameSiteNoneInsecure"], |_| true),
};

#[cfg(test)]
mod tests {
    use super::super::assert_hits;
    use super::RULE;

    #[test]
    fn hits_and_near_misses() {
        let misses = [
            ("sid=v; SameSite=None; Secure", ""),
            ("sid=; SameSite=None; Max-Age=0", "SameSiteNoneInsecure"),
            ("sid=v; SameSite=Lax", "SameSiteLax"),
        ];
        assert_hits(&RULE, "https://app.test/", ("sid=s3cret-value; SameSite=None", "SameSiteNoneInsecure"), &misses);
    }
}
