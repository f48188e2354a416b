//! A revocation that a later entry takes back.

use super::{lines, looks};
use crate::judge::diagnose::facts::Facts;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::plan::backing::RedisView;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "revocation-overwritten",
    family: Family::Store,
    severity: Severity::Error,
    needs: Needs::Probe,
    summary: "a session that was revoked is published as active afterwards",
    cause: "a publication that began before the revocation ended after it: the last writer won with an older state",
    fix: "publish by compare-and-set or with a version, so that nothing follows a revocation",
    reference: "lost update: the last of two writers wins with what it read first",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let asked = looks(facts).into_iter().filter(|(plan, _)| matches!(&plan.look, RedisView::Stream(_, Some(_))));
    let evidence: Vec<_> = asked
        .flat_map(|(_, record)| lines(record, "broken").into_iter().map(move |line| Evidence::of(format!("{}: {line}", record.label))))
        .collect();
    if evidence.is_empty() { Vec::new() } else { vec![RULE.finding("a revoked session was published as active again", evidence)] }
}

#[cfg(test)]
mod tests {
    use crate::judge::diagnose::diagnose;
    use crate::judge::diagnose::rules::store::testing::streamed;
    use serde_json::json;

    #[test]
    fn an_entry_that_takes_a_revocation_back_is_found() {
        let found = |lasting, value| {
            let (plan, chain) = streamed(lasting, value);
            diagnose(&plan, &chain).iter().map(|finding| finding.rule).collect::<Vec<_>>()
        };
        let broken = json!({ "broken": ["entry 2-0 says `active` after entry 1-0 said `revoked`"] });
        assert_eq!(found(true, broken.clone()), ["revocation-overwritten"]);
        assert!(found(true, json!({ "broken": [] })).is_empty());
        assert!(found(false, broken).is_empty(), "nobody asked whether it lasts");
    }
}
