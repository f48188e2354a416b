//! A callback that does not say who answers, or says it wrong.

use crate::judge::diagnose::attempt::turned_down;
use crate::judge::diagnose::discovery::discoveries;
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "iss-param-mismatch",
    family: Family::Tokens,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the callback's `iss` is not the provider's issuer, or is missing though the provider promises it",
    cause: "the provider's base URL is not its issuer, or an answer of another provider came (mix-up); clients that check it refuse",
    fix: "let the provider send its issuer byte for byte, and clear what makes up its base URL behind the proxy",
    reference: "RFC 9207 §2.4, §3; SUNET/vc#451",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let known = discoveries(facts);
    let found = facts.answers().into_iter().find_map(|answer| {
        let attempt = facts.attempt_with(answer.callback.state.as_deref()?, answer.hop.id)?;
        let document = known.iter().find(|document| document.has("authorization_endpoint", &attempt.request.endpoint));
        let what = match (document, answer.callback.iss.as_deref()) {
            (Some(document), Some(iss)) if document.issuer == iss || document.issuer.contains('{') => return None,
            (Some(_), Some(iss)) => format!("has the iss {}", shown(iss, 120)),
            (Some(document), None) if document.promises_iss() => "has no iss, which the provider promises".to_owned(),
            // Without the document the app's own word must do.
            (None, iss) => {
                let how = turned_down(answer.hop, &answer.callback).filter(|how| how.contains("issuer"))?;
                let which = if iss.is_some() { "has an iss that the app refused" } else { "has no iss, and the app wants one" };
                format!("{which}: it {how}")
            }
            (Some(_), None) => return None,
        };
        let issuer = document.map(|document| {
            Evidence::at(document.hop.id, format!("{} names the issuer {}", place(document.hop), shown(&document.issuer, 120)))
        });
        let mut evidence: Vec<_> = issuer.into_iter().collect();
        evidence.push(Evidence::at(answer.hop.id, format!("{} {what}", place(answer.hop))));
        Some(RULE.finding("the callback does not name the provider's issuer", evidence))
    });
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits};
    use crate::trace::Cause;
    use serde_json::json;

    fn login(promised: bool, iss: &str) -> bool {
        let mut story = Story::new();
        story.open("https://app.test/").hop("GET", "https://idp.test/.well-known/openid-configuration", Cause::Subresource).json(json!({
            "issuer": "https://idp.test", "authorization_endpoint": "https://idp.test/authorize",
            "authorization_response_iss_parameter_supported": promised
        }));
        story.open(&authorize("s1")).follow(&format!("https://app.test/cb?code=c&state=s1{iss}")).html("Welcome");
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(login(true, ""));
        assert!(login(true, "&iss=https%3A%2F%2Fidp.test%2F"));
        assert!(!login(true, "&iss=https%3A%2F%2Fidp.test"));
        assert!(!login(false, ""), "nobody promised it");
        let mut refused = Story::new();
        refused
            .open(&authorize("s1"))
            .follow("https://app.test/cb?code=c&state=s1")
            .follow("https://app.test/?error=issuer_missing")
            .html("x");
        assert!(hits(RULE.id, &refused), "the app says so");
    }
}
