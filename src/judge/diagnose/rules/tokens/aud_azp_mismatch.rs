//! An ID token for another client.

use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "aud-azp-mismatch",
    family: Family::Tokens,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the ID token is for another client than the one that asked",
    cause: "the client id of another environment or app is configured on one side, or a token of another app was handed in",
    fix: "use one client id in the authorization request, at the token endpoint and where the ID token is checked",
    reference: "OIDC Core §3.1.3.7 steps 3 to 5",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let found = facts.id_tokens().into_iter().find_map(|(hop, attempt, token)| {
        let attempt = attempt?;
        let client = &attempt.request.client_id;
        let audiences = token.audiences();
        let what = if !audiences.contains(&client.as_str()) {
            let names: Vec<_> = audiences.iter().take(4).map(|name| shown(name, 60)).collect();
            format!("is for {}", if names.is_empty() { "nobody (no aud)".to_owned() } else { names.join(", ") })
        } else {
            let party = token.text("azp").filter(|party| party != client)?;
            format!("was given to {} (azp)", shown(party, 60))
        };
        Some(RULE.finding(
            format!("the ID token {what}"),
            vec![
                Evidence::at(attempt.hop.id, format!("{} began the login of the client {}", place(attempt.hop), shown(client, 60))),
                Evidence::at(hop.id, format!("the ID token of {} {what}", place(hop))),
            ],
        ))
    });
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits, jwt};
    use crate::trace::Cause;
    use serde_json::{Value, json};

    fn login(claims: &Value) -> bool {
        let mut story = Story::new();
        story.open(&authorize("s1")).follow("https://app.test/cb?code=c&state=s1").html("One moment");
        story.hop("POST", "https://idp.test/token", Cause::Subresource).json(json!({"id_token": jwt(claims)}));
        story.last().request.body = "grant_type=authorization_code&code=c".into();
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(login(&json!({"aud": "other"})));
        assert!(login(&json!({"aud": ["m", "api"], "azp": "other"})));
        assert!(login(&json!({"sub": "1"})));
        assert!(!login(&json!({"aud": "m"})));
        assert!(!login(&json!({"aud": ["api", "m"], "azp": "m"})));
    }
}
