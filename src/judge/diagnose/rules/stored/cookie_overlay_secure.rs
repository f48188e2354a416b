//! Plain http over a `Secure` cookie.

use super::refused;
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-overlay-secure",
    family: Family::Stored,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "it came over plain http and would cover a `Secure` one of its name",
    cause: "browsers leave `Secure` cookies alone: what a connection that is not secure sets under their name, host and path is dropped",
    fix: "set the cookie over https alone, always with `Secure`, and close the http entry point",
    reference: "RFC 6265bis §5.7 step 16",
    check: |facts| refused(&RULE, facts, &["OverwriteSecure"], |_| true),
};

#[cfg(test)]
mod tests {
    use super::super::assert_hits;
    use super::RULE;

    #[test]
    fn hits_and_near_misses() {
        let misses = [("sid=v", ""), ("sid=v; Secure", "SecureOnly"), ("sid=; Max-Age=0", "OverwriteSecure")];
        assert_hits(&RULE, "http://app.test/", ("sid=s3cret-value", "OverwriteSecure"), &misses);
    }
}
