//! `Partitioned` asks for `Secure`.

use super::refused;
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-partitioned-insecure",
    family: Family::Stored,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "`Partitioned` without `Secure`",
    cause: "browsers that know `Partitioned` drop such cookies unless they are `Secure`",
    fix: "add `Secure`, and `SameSite=None` where it is meant for frames of other sites",
    reference: "CHIPS (draft-cutler-httpbis-partitioned-cookies §2.1)",
    check: |facts| refused(&RULE, facts, &["InvalidPartitioned"], |refused| refused.set.attribute("secure").is_none()),
};

#[cfg(test)]
mod tests {
    use super::super::assert_hits;
    use super::RULE;

    #[test]
    fn hits_and_near_misses() {
        let misses = [
            ("sid=v; Partitioned; Secure", ""),
            ("sid=v; Partitioned; Secure", "InvalidPartitioned"),
            ("sid=; Partitioned; Max-Age=0", "InvalidPartitioned"),
        ];
        assert_hits(&RULE, "https://app.test/", ("sid=s3cret-value; Partitioned; Path=/", "InvalidPartitioned"), &misses);
    }
}
