//! The same request, now known, now unknown.

use super::Evidence;
use crate::judge::diagnose::credential::{Standing, carrying, same_authorization, same_endpoint, standing, undisturbed};
use crate::judge::diagnose::facts::{Facts, cookie_header, is_safe, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::trace::Hop;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "node-affinity",
    family: Family::Accepted,
    severity: Severity::Error,
    needs: Needs::Probe,
    summary: "the same request with the same cookies is answered with the user and without, in turns",
    cause: "each replica keeps sessions in its own memory: who is asked decides whether there is one",
    fix: "keep sessions in a store that all replicas share, or make them stateless",
    reference: "hoppscotch/hoppscotch#3315, open-webui/open-webui#11606, goauthentik/authentik#6883",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut told: Vec<&Hop> = Vec::new();
    let mut findings = Vec::new();
    for first in facts.chain.hops.iter().filter(|hop| is_safe(hop) && cookie_header(hop).is_some()) {
        if told.iter().any(|hop| hop.actor == first.actor && same_endpoint(hop, first)) {
            continue;
        }
        let same = carrying(facts, first).into_iter().filter(|hop| same_endpoint(hop, first) && same_authorization(hop, first));
        let same: Vec<&Hop> =
            same.filter(|hop| hop.request.url.query() == first.request.url.query() && undisturbed(facts, first, hop)).collect();
        let known = |hop: &Hop| match standing(hop) {
            Standing::Known => Some(true),
            Standing::Refused | Standing::Anonymous => Some(false),
            Standing::Broken | Standing::Silent => None,
        };
        let answers: Vec<(&Hop, bool)> = same.into_iter().filter_map(|hop| Some((hop, known(hop)?))).collect();
        // A session that ends is known, then unknown; only coming back shows that it never ended.
        let turns = answers.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
        if turns < 2 || !answers[0].1 && turns < 3 {
            continue;
        }
        told.push(first);
        let evidence = answers.iter().take(8).map(|(hop, known)| {
            let how = if *known { "with the user" } else { "with nobody" };
            Evidence::at(hop.id, format!("{} answered {} {how}", place(hop), hop.status().unwrap_or_default()))
        });
        findings.push(RULE.finding(format!("{} knows the user in turns", place(first)), evidence.collect()));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;
    use serde_json::json;

    fn hits(statuses: &[u16]) -> bool {
        let mut story = Story::new();
        for status in statuses {
            story.step("get").get("https://api.test/session").cookies("sid=v").status(*status).json(json!({"user": {"id": 1}}));
        }
        diagnose(&story.plan, &story.chain).iter().any(|finding| finding.rule == RULE.id)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(hits(&[200, 401, 200]));
        assert!(hits(&[401, 200, 401, 200]));
        assert!(!hits(&[200, 200, 401, 401]), "the session ended");
        assert!(!hits(&[401, 200, 200]), "it began");
        assert!(!hits(&[200, 503, 200]), "a failure is another matter");
    }
}
