//! An endpoint that looks for the session in Authorization alone. Not in the public catalogue of rules: the truth table of a
//! session shows it.

use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::web::presented::Presented;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "session-endpoint-reads-bearer",
    family: Family::Accepted,
    severity: Severity::Error,
    needs: Needs::Probe,
    summary: "an endpoint refuses the session's cookie as it was stored, and knows its user when the value comes as a Bearer token",
    cause: "the guard reads Authorization and never the Cookie field, which is all that a browser sends",
    fix: "let the guard read the cookie first and the Bearer token after; or have the front end send the token with every request",
    reference: "RFC 6750 §2.1; RFC 6265bis §5.8.3; better-auth/better-auth#4942",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let findings =
        facts.columns().into_iter().filter_map(|column| {
            let refused = column.refused(Presented::Stored)?;
            let known = column.accepted(Presented::Bearer).or_else(|| column.accepted(Presented::Both))?;
            let evidence = vec![
                Evidence::at(
                    refused.id,
                    format!("{} got the cookie as it was stored and answered {}", place(refused), refused.status().unwrap_or_default()),
                ),
                Evidence::at(
                    known.id,
                    format!("the same value as a Bearer token was answered {} with the user", known.status().unwrap_or_default()),
                ),
            ];
            Some(RULE.finding(
                format!("{} reads the session from Authorization, not from the cookie `{}`", place(refused), column.name()),
                evidence,
            ))
        });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::diagnose::probe::tests::table_of;
    use crate::judge::testing::hits;

    #[test]
    fn hits_and_near_misses() {
        use Presented::{Bearer, Both, Nothing, Stored};
        assert!(hits(RULE.id, &table_of(&[(Stored, 401), (Bearer, 200), (Nothing, 401)])));
        assert!(hits(RULE.id, &table_of(&[(Stored, 401), (Bearer, 401), (Both, 200)])));
        assert!(!hits(RULE.id, &table_of(&[(Stored, 200), (Bearer, 200)])), "it takes both");
        assert!(!hits(RULE.id, &table_of(&[(Stored, 401), (Bearer, 401)])), "it takes neither");
        assert!(!hits(RULE.id, &table_of(&[(Stored, 503), (Bearer, 200)])), "a failure is another matter");
    }
}
