//! An ID token for another login.

use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "nonce-mismatch",
    family: Family::State,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the ID token lacks the nonce of the login, or has another one",
    cause: "the provider gave back the nonce of another attempt or none at all, or somebody brought a token of another login",
    fix: "send one nonce with each attempt and keep it with the state; see that the provider copies it into the ID token",
    reference: "OIDC Core §3.1.3.7 step 11; IdentityServer/IdentityServer4#4464",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let of = |(hop, attempt, token): (_, Option<&crate::judge::diagnose::attempt::Attempt<'_>>, crate::web::jwt::Jwt)| {
        let hop: &crate::trace::Hop = hop;
        let attempt = attempt?;
        let asked = attempt.request.nonce.as_deref()?;
        let what = match token.text("nonce") {
            Some(nonce) if nonce == asked => return None,
            Some(_) => "another nonce",
            None => "no nonce",
        };
        Some(RULE.finding(
            format!("the ID token has {what}"),
            vec![
                Evidence::at(attempt.hop.id, format!("{} began the login with a nonce", place(attempt.hop))),
                Evidence::at(hop.id, format!("the ID token of {} has {what}", place(hop))),
            ],
        ))
    };
    facts.id_tokens().into_iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits, jwt};
    use crate::trace::Cause;
    use serde_json::{Value, json};

    fn login(nonce: &str, claims: &Value) -> bool {
        let mut story = Story::new();
        story
            .open("https://app.test/login")
            .follow(&format!("{}{nonce}", authorize("s1")))
            .follow("https://app.test/cb?code=c&state=s1")
            .html("One moment");
        story.hop("POST", "https://idp.test/token", Cause::Subresource).json(json!({"id_token": jwt(claims)}));
        story.last().request.body = "grant_type=authorization_code&code=c".into();
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(login("&nonce=n1", &json!({"nonce": "n2"})));
        assert!(login("&nonce=n1", &json!({"sub": "x"})));
        assert!(!login("&nonce=n1", &json!({"nonce": "n1"})));
        assert!(!login("", &json!({"sub": "x"})), "nobody asked for one");
    }
}
