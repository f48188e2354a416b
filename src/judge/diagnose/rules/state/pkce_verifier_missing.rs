//! A code that was asked for with a challenge and redeemed without its verifier.

use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "pkce-verifier-missing",
    family: Family::State,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the login began with a PKCE challenge, and the token request lacked the verifier",
    cause: "the verifier is kept in a cookie or in the storage of one host, and was not there when the callback needed it",
    fix: "see which cookie or storage keeps the verifier and why it was gone: another host, another browser, an earlier attempt that cleaned up",
    reference: "RFC 7636 §4.5; nextauthjs/next-auth#1367, #10458, #11641",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    by_script(facts).into_iter().chain(by_server(facts)).collect()
}

/// Token requests that the chain itself shows.
fn by_script(facts: &Facts<'_>) -> Option<Finding> {
    facts.token_requests().find_map(|(hop, request)| {
        let refused = hop.status().filter(|status| *status >= 400)?;
        if request.code_verifier.is_some() || !matches!(request.grant_type.as_str(), "authorization_code" | "pkce") || facts.is_by_hand(hop)
        {
            return None;
        }
        let attempt = facts.attempt_of_code(request.code.as_deref()?, hop.id)?;
        attempt.request.code_challenge.as_ref()?;
        Some(RULE.finding(
            "the token request lacked the PKCE verifier",
            vec![
                Evidence::at(attempt.hop.id, format!("{} began the login with a code_challenge", place(attempt.hop))),
                Evidence::at(hop.id, format!("{} brought the code without code_verifier and was answered {refused}", place(hop))),
            ],
        ))
    })
}

/// What an embedded provider says of a server's token request.
fn by_server(facts: &Facts<'_>) -> Option<Finding> {
    let call = facts.chain.calls.iter().find(|call| {
        let decision = call.decision.as_ref();
        !call.by_actor
            && decision.is_some_and(|decision| decision.endpoint == "token" && decision.outcome.contains("code_verifier is missing"))
    })?;
    let challenged =
        facts.attempts.iter().rev().find(|attempt| attempt.request.code_challenge.is_some() && attempt.hop.started <= call.at)?;
    Some(RULE.finding(
        "the token request lacked the PKCE verifier",
        vec![
            Evidence::at(challenged.hop.id, format!("{} began the login with a code_challenge", place(challenged.hop))),
            Evidence::of(format!(
                "{} told the app's token request: {}",
                call.origin,
                shown(call.note.as_deref().unwrap_or("code_verifier is missing"), 160)
            )),
        ],
    ))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits};
    use crate::trace::{Cause, Decision};

    fn login(challenge: &str, body: &'static str, status: u16) -> bool {
        let mut story = Story::new();
        story
            .open("https://app.test/login")
            .follow(&format!("{}{challenge}", authorize("s1")))
            .follow("https://app.test/cb?code=c&state=s1")
            .html("One moment");
        story.hop("POST", "https://idp.test/token", Cause::Subresource).status(status).last().request.body = body.into();
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        const WITHOUT: &str = "grant_type=authorization_code&code=c&client_id=m";
        assert!(login("&code_challenge=x&code_challenge_method=S256", WITHOUT, 400));
        assert!(!login("", WITHOUT, 400), "no challenge, no verifier");
        assert!(!login("&code_challenge=x", "grant_type=authorization_code&code=c&code_verifier=v", 400), "it failed for another reason");
        assert!(!login("&code_challenge=x", WITHOUT, 200), "the provider was content");
    }

    #[test]
    fn an_embedded_provider_tells_of_servers() {
        let told = |outcome: &'static str| {
            let mut story = Story::new();
            story.open("https://app.test/login").follow(&format!("{}&code_challenge=x", authorize("s1"))).call(
                "POST",
                "https://idp.test/token",
                400,
            );
            story.chain.calls[0].decision = Some(Decision { endpoint: "token".into(), client: None, outcome: outcome.into(), why: None });
            hits(RULE.id, &story)
        };
        assert!(told("refused, code_verifier is missing"));
        assert!(!told("refused, the code is expired"));
    }
}
