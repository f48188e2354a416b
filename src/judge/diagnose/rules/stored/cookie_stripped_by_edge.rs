//! A cookie that the edge takes away.

use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::probe::Edge;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::trace::ProbeKind;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-stripped-by-edge",
    family: Family::Stored,
    severity: Severity::Error,
    needs: Needs::Probe,
    summary: "the edge's answer lacks a Set-Cookie that the origin's has",
    cause: "a proxy in front of the app hides Set-Cookie (`proxy_hide_header`, `proxy_ignore_headers`, a CDN's cache rule)",
    fix: "stop hiding the field for the paths of the login",
    reference: "keycloak/keycloak#22599",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let edges = facts.probes(ProbeKind::Edge).filter_map(|probe| Edge::of(facts, probe));
    let findings = edges.filter_map(|edge| {
        let names: Vec<_> = edge.stripped().iter().take(6).map(|set| format!("`{}`", shown(&set.name_text(), 80))).collect();
        let evidence = vec![
            Evidence::at(edge.behind.id, format!("{} set {} behind the edge", place(edge.behind), names.join(", "))),
            Evidence::at(edge.through.id, "through the edge the same request came back without it, twice"),
        ];
        (!names.is_empty()).then(|| RULE.finding(format!("the edge of {} takes away {}", place(edge.through), names.join(", ")), evidence))
    });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::diagnose::probe::tests_of_edges::{Answered, asked};
    use crate::judge::testing::hits;

    #[test]
    fn hits_and_near_misses() {
        let (with, without): (Answered<'_>, Answered<'_>) = ((200, &["sid=1; Path=/"], "DENY"), (200, &[], "DENY"));
        assert!(hits(RULE.id, &asked([without, with, without])));
        assert!(!hits(RULE.id, &asked([with, with, with])));
        assert!(!hits(RULE.id, &asked([without, with, with])), "the app sets it now and then");
        assert!(!hits(RULE.id, &asked([(502, &[], ""), with, (502, &[], "")])), "no answer of the app came through at all");
    }
}
