//! Too many cookies: the browser gives up the oldest.

use super::Evidence;
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::{count, shown};
use std::collections::BTreeMap;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-evicted-by-count",
    family: Family::Sent,
    severity: Severity::Warning,
    needs: Needs::Chain,
    summary: "the host set more cookies than a browser keeps, and older ones had to go",
    cause: "browsers keep some 180 cookies of a domain; one for each attempt or tab, never deleted, pushes the session out",
    fix: "set fewer cookies, delete those of finished logins, and keep state on the server",
    reference: "RFC 6265bis §6.1, §5.7 (eviction); dotnet/aspnetcore#53048",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut first = BTreeMap::new();
    for hop in &facts.chain.hops {
        let gone: Vec<_> = hop.set.iter().flat_map(|set| &set.warnings).filter(|warning| warning.code == "Evicted").collect();
        if let Some(warning) = gone.first() {
            let (_, _, number) = first.entry(hop.actor.clone()).or_insert((hop, warning.explanation.clone(), 0));
            *number += gone.len();
        }
    }
    let findings = first.into_values().map(|(hop, what, number)| {
        RULE.finding(
            format!("{} pushed out by newer ones", count(number, "cookie")),
            vec![Evidence::at(hop.id, format!("{} set one more: {}", place(hop), shown(&what, 200)))],
        )
    });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits, reason};

    fn set(word: Option<&str>) -> bool {
        let mut story = Story::new();
        story.open("https://app.test/").sets("nonce.181=v");
        story.last().set[0].warnings.extend(word.map(reason));
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(set(Some("Evicted")));
        assert!(!set(Some("LifetimeCapped")), "another remark");
        assert!(!set(None));
    }
}
