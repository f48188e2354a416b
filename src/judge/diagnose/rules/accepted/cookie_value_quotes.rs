//! Quotes around a cookie's value belong to it. Not in the public catalogue of rules: the truth table of a session shows who
//! adds or drops them.

use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::web::presented::Presented;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-value-quotes",
    family: Family::Accepted,
    severity: Severity::Error,
    needs: Needs::Probe,
    summary: "an endpoint refuses the cookie as it was stored, and accepts it with quotes added or taken away",
    cause: "one layer takes quotes around the value for a part of the syntax and drops or adds them, the other signed the value without doing so",
    fix: "set values that need no quotes (base64url), or take the quotes as a part of the value in every layer, as browsers do",
    reference: "RFC 6265bis §4.1.1 and §5.6: user agents keep the quotes as part of the value",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let findings = facts.columns().into_iter().filter_map(|column| {
        let refused = column.refused(Presented::Stored)?;
        let form = [Presented::Quoted, Presented::Unquoted].into_iter().find(|form| column.opened_by(*form).is_some())?;
        let known = column.opened_by(form)?;
        let evidence = vec![
            Evidence::at(
                refused.id,
                format!("{} got the cookie as it was stored and answered {}", place(refused), refused.status().unwrap_or_default()),
            ),
            Evidence::at(known.id, format!("the same cookie {} was answered {}", form.told(), known.status().unwrap_or_default())),
        ];
        Some(RULE.finding(format!("{} takes the cookie `{}` {} alone", place(refused), column.name(), form.told()), evidence))
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
        use Presented::{Quoted, Stored};
        assert!(hits(RULE.id, &table_of(&[(Stored, 401), (Quoted, 200)])));
        assert!(!hits(RULE.id, &table_of(&[(Stored, 200), (Quoted, 200)])), "a reader that takes both");
        assert!(!hits(RULE.id, &table_of(&[(Stored, 401), (Quoted, 401)])));
    }
}
