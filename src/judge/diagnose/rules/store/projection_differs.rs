//! A projection that says something else than what it is made from.

use super::{compares, lines, looks};
use crate::judge::diagnose::facts::Facts;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "projection-differs",
    family: Family::Store,
    severity: Severity::Error,
    needs: Needs::Probe,
    summary: "a projection of sessions says something else than its source",
    cause: "the projection was not published, was published under another key or stream, or an older state was published last",
    fix: "publish again from the source of truth (a retry repairs it), and have both sides name the same server, database, prefix and stream",
    reference: "transactional outbox: state and its publication must not come apart",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let told = looks(facts).into_iter().filter(|(plan, _)| compares(plan)).filter_map(|(_, record)| {
        let differs = lines(record, "differs");
        if differs.is_empty() { None } else { Some((record, differs)) }
    });
    let evidence: Vec<_> =
        told.flat_map(|(record, lines)| lines.into_iter().map(move |line| Evidence::of(format!("{}: {line}", record.label)))).collect();
    if evidence.is_empty() { Vec::new() } else { vec![RULE.finding("a projection does not agree with its source", evidence)] }
}

#[cfg(test)]
mod tests {
    use crate::judge::diagnose::diagnose;
    use crate::judge::diagnose::rules::store::testing::looked;
    use serde_json::json;

    #[test]
    fn a_difference_is_found_and_agreement_is_none() {
        let found = |value| {
            let (plan, chain) = looked(true, value);
            diagnose(&plan, &chain).iter().map(|finding| finding.rule).collect::<Vec<_>>()
        };
        assert_eq!(found(json!({ "differs": ["`status` is `active`, and `revoked` in `session:*`"] })), ["projection-differs"]);
        assert!(found(json!({ "differs": [] })).is_empty());
        let (plan, chain) = looked(false, json!({ "differs": ["what a key happens to hold"] }));
        assert!(diagnose(&plan, &chain).is_empty(), "nobody asked whether they agree");
    }
}
