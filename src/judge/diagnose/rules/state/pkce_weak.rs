//! A login that nothing ties to the code but the state.

use crate::judge::diagnose::attempt::Attempt;
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "pkce-weak",
    family: Family::State,
    severity: Severity::Warning,
    needs: Needs::Chain,
    summary: "a code is asked for without PKCE, or with its method `plain`",
    cause: "the client sends no code_challenge, or one that is the verifier itself: a code that leaks can be redeemed by others",
    fix: "send code_challenge with code_challenge_method=S256 in every authorization request, with a client secret too",
    reference: "RFC 9700 §2.1.1; RFC 7636 §4.2",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut told = Vec::new();
    let mut findings = Vec::new();
    for attempt in facts.attempts.iter().filter(|attempt| !facts.is_by_hand(attempt.hop) && is_whole(attempt)) {
        let what = match (&attempt.request.code_challenge, attempt.request.code_challenge_method.as_deref()) {
            (None, _) => "no code_challenge",
            (Some(_), Some("S256")) => continue,
            (Some(_), _) => "a code_challenge of the method plain",
        };
        let client = (attempt.request.endpoint.clone(), attempt.request.client_id.clone());
        if told.contains(&client) {
            continue;
        }
        told.push(client);
        let text = format!("{} asked for a code with {what}", place(attempt.hop));
        findings.push(RULE.finding(format!("an authorization request with {what}"), vec![Evidence::at(attempt.hop.id, text)]));
    }
    findings
}

/// Whether all that the client asks is in the URL: a pushed request (RFC 9126) or a signed one (RFC 9101) keeps it elsewhere.
fn is_whole(attempt: &Attempt<'_>) -> bool {
    let request = &attempt.request;
    request.response_type.iter().any(|kind| kind == "code") && request.request_uri.is_none() && request.redirect_uri.is_some()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits};

    fn asks(more: &str) -> bool {
        let mut story = Story::new();
        story.open("https://app.test/login").follow(&format!("{}{more}", authorize("s")));
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(asks(""));
        assert!(asks("&code_challenge=c"), "without a method it is plain");
        assert!(asks("&code_challenge=c&code_challenge_method=plain"));
        assert!(!asks("&code_challenge=c&code_challenge_method=S256"));
        assert!(!asks("&request_uri=urn%3Ax"), "pushed");
        let mut implicit = Story::new();
        implicit.open(&authorize("s").replace("response_type=code", "response_type=id_token"));
        assert!(!hits(RULE.id, &implicit), "no code is asked for");
    }
}
