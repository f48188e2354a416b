//! `__Host-` and its conditions.

use super::{has_prefix, refused};
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-host-prefix-broken",
    family: Family::Stored,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the name begins with `__Host-`, but its attributes do not allow that",
    cause: "a `__Host-` cookie needs `Secure`, `Path=/` and no `Domain`; without a word of warning it is dropped otherwise",
    fix: "drop `Domain`, set `Path=/` and `Secure`",
    reference: "RFC 6265bis §4.1.3.2; istio-ecosystem/authservice#351",
    check: |facts| {
        refused(&RULE, facts, &["InvalidPrefix"], |refused| has_prefix(refused, "__Host-") && !has_prefix(refused, "__Host-Http-"))
    },
};

#[cfg(test)]
mod tests {
    use super::super::assert_hits;
    use super::RULE;

    #[test]
    fn hits_and_near_misses() {
        let misses = [
            ("__Host-sid=v; Secure; Path=/", ""),
            ("__Secure-sid=v", "InvalidPrefix"),
            ("__Host-sid=; Max-Age=0; Path=/x", "InvalidPrefix"),
        ];
        assert_hits(&RULE, "https://app.test/", ("__host-sid=s3cret-value; Secure; Path=/; Domain=app.test", "InvalidPrefix"), &misses);
    }
}
