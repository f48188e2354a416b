//! A `Domain` that is not the host's.

use super::{is_within_domain, refused};
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-domain-foreign",
    family: Family::Stored,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "`Domain` names another host",
    cause: "a response may only set cookies for its own host or a parent of it",
    fix: "use the own host or a parent of it; for two unrelated hosts, put one behind a path of the other",
    reference: "RFC 6265bis §5.7 step 10; teamhanko/hanko#430",
    check: |facts| refused(&RULE, facts, &["InvalidDomain"], |refused| !is_within_domain(refused)),
};

#[cfg(test)]
mod tests {
    use super::super::assert_hits;
    use super::RULE;

    #[test]
    fn hits_and_near_misses() {
        let misses = [
            ("sid=v; Domain=app.test", ""),
            ("sid=v; Domain=.test", "InvalidDomain"),
            ("sid=; Domain=other.test; Max-Age=0", "InvalidDomain"),
        ];
        assert_hits(&RULE, "https://app.test/", ("sid=s3cret-value; Domain=other.test", "InvalidDomain"), &misses);
    }
}
