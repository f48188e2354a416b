//! An endpoint that shows a user to anybody. Not in the public catalogue of rules: only a request without any session shows it.

use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::web::presented::Presented;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "session-not-asked-for",
    family: Family::Accepted,
    severity: Severity::Error,
    needs: Needs::Probe,
    summary: "an endpoint answers with a user to a request that carries neither cookie nor token",
    cause: "the guard is not in front of this route, or a cache answers everybody with what one person got",
    fix: "put the guard in front of the route, and let no shared cache keep its answers (`Cache-Control: private, no-store`)",
    reference: "OWASP WSTG-ATHZ-02; OWASP API Security Top 10 2023 API2",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut told = Vec::new();
    let mut findings = Vec::new();
    for column in facts.columns() {
        let Some(hop) = column.accepted(Presented::Nothing).filter(|hop| !told.contains(&place(hop))) else { continue };
        told.push(place(hop));
        let text =
            format!("{} got no cookie and no Authorization, and answered {} with a user", place(hop), hop.status().unwrap_or_default());
        findings.push(RULE.finding(format!("{} does not ask for a session", place(hop)), vec![Evidence::at(hop.id, text)]));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::diagnose::probe::tests::table_of;
    use crate::judge::testing::{Story, hits};
    use serde_json::json;

    #[test]
    fn hits_and_near_misses() {
        use Presented::{Nothing, Stored};
        assert!(hits(RULE.id, &table_of(&[(Stored, 200), (Nothing, 200)])));
        assert!(!hits(RULE.id, &table_of(&[(Stored, 200), (Nothing, 401)])));
        let mut other = Story::new();
        other.step("a request of the run itself").get("https://app.test/api/session").json(json!({"user": {"id": 1}}));
        assert!(!hits(RULE.id, &other), "a token in its body may have opened it");
    }
}
