//! `__Secure-` and its condition.

use super::{has_prefix, refused};
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-secure-prefix-broken",
    family: Family::Stored,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the name begins with `__Secure-`, but it is not `Secure`",
    cause: "a `__Secure-` cookie needs `Secure` and a response over https; without a word of warning it is dropped otherwise",
    fix: "add `Secure`, and serve it over https",
    reference: "RFC 6265bis §4.1.3.1",
    check: |facts| refused(&RULE, facts, &["InvalidPrefix"], |refused| has_prefix(refused, "__Secure-")),
};

#[cfg(test)]
mod tests {
    use super::super::assert_hits;
    use super::RULE;

    #[test]
    fn hits_and_near_misses() {
        let misses = [("__Secure-sid=v; Secure", ""), ("__Host-sid=v; Secure", "InvalidPrefix"), ("my__Secure-sid=v", "")];
        assert_hits(&RULE, "https://app.test/", ("__Secure-sid=s3cret-value; Path=/", "InvalidPrefix"), &misses);
    }
}
