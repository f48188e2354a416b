//! In which forms a session must be accepted or refused: `probe` steps.

use super::{Check, Verdict};
use crate::judge::diagnose::{FormAsked, asked_forms};
use crate::judge::text::count;
use crate::plan::{Forms, ProbeAbout, ProbePlan};
use crate::trace::Chain;

/// Judges the table of the probe at `index`. A form that is what is stored (there is nothing to decode) is judged as that.
pub(super) fn check(plan: &ProbePlan, chain: &Chain, index: usize) -> Vec<Verdict> {
    let ProbeAbout::Session(session) = &plan.about else { return Vec::new() };
    if session.accepted.is_none() && session.refused.is_none() {
        return Vec::new();
    }
    let asked = asked_forms(chain, index);
    let accepted = session.accepted.as_ref().map(|forms| all(forms, &asked, "accepted"));
    let refused = session.refused.as_ref().map(|forms| all(forms, &asked, "refused"));
    accepted.into_iter().chain(refused).flatten().collect()
}

fn all(wanted: &Forms, asked: &[FormAsked], verdict: &str) -> Vec<Verdict> {
    let each = wanted.forms.iter().map(|form| {
        let expectation = format!("the session {} is {verdict}", form.told());
        let of_form: Vec<&FormAsked> = asked.iter().filter(|asked| asked.form == *form).collect();
        let other = of_form.iter().find(|asked| asked.verdict != verdict);
        let result = match other {
            _ if of_form.is_empty() => Check::failed(format!("{verdict} by every endpoint"), "no endpoint was asked", None),
            Some(other) => Check::failed(
                format!("{verdict} by {}", count(of_form.len(), "endpoint")),
                format!("{} by {}: {}", other.verdict, other.endpoint, other.status),
                other
                    .same_as_stored
                    .then(|| "there is nothing in the cookie that this form would change: it is what was stored".to_owned()),
            ),
            None => Check::Met,
        };
        Verdict::of(expectation, wanted.span, other.map(|asked| asked.hop), result)
    });
    each.collect()
}
