//! Grants that are not to be used any more.

use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "implicit-or-password-grant",
    family: Family::Tokens,
    severity: Severity::Warning,
    needs: Needs::Chain,
    summary: "the login uses the implicit or the password grant",
    cause: "access tokens in the front channel leak and cannot be bound to anybody; the password grant shows the password to the client",
    fix: "use the authorization code grant with PKCE",
    reference: "RFC 9700 §2.1.2, §2.4",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let implicit = facts.attempts.iter().find(|attempt| attempt.request.response_type.iter().any(|word| word == "token"));
    let implicit = implicit.map(|attempt| {
        let text = format!(
            "{} led to a request with response_type {}",
            place(attempt.hop),
            crate::judge::text::shown(&attempt.request.response_type.join(" "), 60)
        );
        RULE.finding("the login uses the implicit grant", vec![Evidence::at(attempt.hop.id, text)])
    });
    // A server of its own kind that takes JSON is no OAuth token endpoint (RFC 6749 §4.3.2 wants a form).
    let password =
        facts.token_requests().find(|(hop, request)| request.is_form && request.grant_type == "password" && hop.status() == Some(200));
    let password = password.map(|(hop, _)| {
        RULE.finding(
            "the login uses the password grant",
            vec![Evidence::at(hop.id, format!("{} was asked for tokens with a password", place(hop)))],
        )
    });
    implicit.into_iter().chain(password).collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};

    fn asks(response_type: &str) -> bool {
        let mut story = Story::new();
        story.open(&format!("https://idp.test/authorize?client_id=m&state=s&response_type={response_type}"));
        hits(RULE.id, &story)
    }

    fn posts(body: &'static str) -> bool {
        let mut story = Story::new();
        story.post("https://idp.test/token?grant_type=password").last().request.body = body.into();
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(asks("token") && asks("id_token+token"));
        assert!(!asks("code") && !asks("code+id_token") && !asks("id_token"));
        assert!(posts("grant_type=password&username=a&password=b"));
        assert!(!posts("grant_type=refresh_token&refresh_token=r"));
        assert!(!posts(r#"{"email":"a","password":"b"}"#), "GoTrue's own endpoint");
    }
}
