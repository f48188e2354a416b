//! A cookie that the edge changes.

use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::probe::Edge;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::trace::ProbeKind;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-rewritten-by-edge",
    family: Family::Stored,
    severity: Severity::Warning,
    needs: Needs::Probe,
    summary: "a cookie's attributes at the edge are not those that the origin set",
    cause: "a proxy rewrites them (`proxy_cookie_path`, `proxy_cookie_flags`, `proxy_cookie_domain`), often for more paths than was meant",
    fix: "scope the rewriting to the location that needs it",
    reference: "IdentityPython/SATOSA#245",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let edges: Vec<Edge<'_>> = facts.probes(ProbeKind::Edge).filter_map(|probe| Edge::of(facts, probe)).collect();
    let findings = edges.iter().flat_map(|edge| edge.rewritten().into_iter().map(move |line| (edge, line))).map(|(edge, line)| {
        let name = shown(&line.behind.name_text(), 80);
        let evidence = vec![
            Evidence::at(edge.behind.id, format!("{} set `{name}` behind the edge", place(edge.behind))),
            Evidence::at(edge.through.id, format!("through the edge it came with other attributes: {}", line.told())),
        ];
        RULE.finding(format!("the edge of {} rewrites the cookie `{name}`", place(edge.through)), evidence)
    });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::diagnose::probe::tests_of_edges::asked;
    use crate::judge::testing::hits;

    #[test]
    fn hits_and_near_misses() {
        let through = |lines: &'static [&'static str]| {
            let behind = (200, &["sid=1; Path=/; HttpOnly; Expires=Wed, 01 Jan 2030 00:00:00 GMT"][..], "DENY");
            hits(RULE.id, &asked([(200, lines, "DENY"), behind, (200, lines, "DENY")]))
        };
        assert!(through(&["sid=2; Path=/app; HttpOnly; Expires=Wed, 01 Jan 2030 00:00:01 GMT"]));
        assert!(through(&["sid=2; Path=/; Expires=Wed, 01 Jan 2030 00:00:01 GMT"]));
        assert!(!through(&["sid=2; httponly; path=/; expires=Wed, 01 Jan 2030 00:00:09 GMT"]), "order, case and the time that passed");
        assert!(!through(&["other=2; Path=/app"]), "another cookie");
        assert!(!through(&[]), "it is lost, which another rule says");
    }
}
