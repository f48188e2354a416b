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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Story, span};
    use crate::plan::{Endpoints, SessionProbe};
    use crate::trace::{ProbeKind, Role};
    use crate::web::presented::Presented;
    use serde_json::json;

    /// What was expected and found of a plain cookie that the endpoint takes as it is, and not as a token.
    fn judged(accepted: Option<&[Presented]>, refused: Option<&[Presented]>) -> Vec<Option<(String, String)>> {
        let mut story = Story::new();
        story.step("probe");
        for (form, status) in [(Presented::Stored, 200), (Presented::Bearer, 401), (Presented::Nothing, 401)] {
            let body = if status == 200 { json!({"user": {"id": 1}}) } else { json!({}) };
            let url = "https://app.test/session";
            story.get(url).status(status).json(body).probed(ProbeKind::Session, Role::Cookie("sid".into(), form));
        }
        let forms = |forms: &[Presented]| Forms { forms: forms.to_vec(), span: span() };
        let session =
            SessionProbe { endpoints: Endpoints::Met, cookies: Vec::new(), accepted: accepted.map(forms), refused: refused.map(forms) };
        let verdicts = check(&ProbePlan::about(ProbeAbout::Session(session)), &story.chain, 0);
        verdicts.iter().map(|verdict| verdict.failure().map(|(expected, actual, _)| (expected.to_owned(), actual.to_owned()))).collect()
    }

    #[test]
    fn each_form_is_judged_and_one_that_changes_nothing_as_what_is_stored() {
        use Presented::{Bearer, Both, Decoded, Nothing, Stored};
        assert_eq!(judged(Some(&[Stored, Decoded]), Some(&[Bearer, Nothing])), [None, None, None, None]);
        let wrong = judged(Some(&[Bearer]), Some(&[Decoded]));
        let told = |expected: &str, actual: &str| Some((expected.to_owned(), actual.to_owned()));
        assert_eq!(wrong[0], told("accepted by 1 endpoint", "refused by GET https://app.test/session: 401"));
        assert_eq!(wrong[1], told("refused by 1 endpoint", "accepted by GET https://app.test/session: 200"));
        assert_eq!(judged(Some(&[Both]), None), [told("accepted by every endpoint", "no endpoint was asked")]);
        assert!(judged(None, None).is_empty());
    }
}
