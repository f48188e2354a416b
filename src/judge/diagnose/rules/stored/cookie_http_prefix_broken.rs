//! `__Http-` without `HttpOnly`.

use super::{has_prefix, refused};
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-http-prefix-broken",
    family: Family::Stored,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the name begins with `__Http-` or `__Host-Http-`, but its attributes do not allow that",
    cause: "such a cookie needs `HttpOnly` and `Secure`, with `__Host-Http-` also `Path=/` and no `Domain`; without a word of warning it is dropped otherwise",
    fix: "add `HttpOnly` and `Secure`, or choose another name",
    reference: "draft-ietf-httpbis-layered-cookies, cookie name prefixes",
    check: |facts| {
        refused(&RULE, facts, &["InvalidPrefix"], |refused| has_prefix(refused, "__Http-") || has_prefix(refused, "__Host-Http-"))
    },
};

#[cfg(test)]
mod tests {
    use super::super::assert_hits;
    use super::RULE;

    #[test]
    fn hits_and_near_misses() {
        let misses = [("__Http-sid=v; Secure; HttpOnly", ""), ("__Secure-sid=v", "InvalidPrefix"), ("__Http-sid=v", "SecureOnly")];
        assert_hits(&RULE, "https://app.test/", ("__Http-sid=s3cret-value; Secure", "InvalidPrefix"), &misses);
    }
}
