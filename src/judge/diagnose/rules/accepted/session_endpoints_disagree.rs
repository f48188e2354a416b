//! Two readers of one session: one sees the user, the other sees nobody.

use super::{Pair, pairs, refusal, same_bytes};
use crate::judge::diagnose::credential::{Standing, carrying, same_endpoint, standing};
use crate::judge::diagnose::facts::{Facts, cookie_header, is_safe, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::trace::Hop;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "session-endpoints-disagree",
    family: Family::Accepted,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "one endpoint knows the session, another refuses the same Cookie bytes",
    cause: "the two endpoints read the session in different ways: the refusing one looks elsewhere (a bearer token, another cookie name), alters the value before it verifies it, or asks another store or cache",
    fix: "let one reader validate the session for both: the guard passes the request's Cookie header on as it came, cookie first, bearer token after; switch session caches off to see whether one of them is stale",
    reference: "better-auth/better-auth#4942, #7008; RFC 6265bis §5.8.3",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let refuses = |hop: &Hop| is_safe(hop) && cookie_header(hop).is_some() && (standing(hop) == Standing::Refused || denies_a_user(hop));
    pairs(facts, refuses).iter().map(|pair| finding(facts, pair)).collect()
}

/// A success without a user is a denial only where a user is what was asked for.
fn denies_a_user(hop: &Hop) -> bool {
    let path = hop.request.url.path().to_ascii_lowercase();
    let asks = ["session", "user", "whoami", "/me", "profile", "account"].iter().any(|word| path.contains(word));
    asks && standing(hop) == Standing::Anonymous
}

fn finding(facts: &Facts<'_>, pair: &Pair<'_>) -> Finding {
    let refused = pair.turned_away;
    let mut evidence = same_bytes(facts, pair, &refusal(refused));
    let tries: Vec<&Hop> = carrying(facts, refused).into_iter().filter(|hop| same_endpoint(hop, refused)).collect();
    let same = tries.iter().filter(|hop| hop.status() == refused.status()).count();
    if tries.len() > 1 {
        evidence.push(Evidence::of(format!("{} answered these bytes like that {same} of {} times", place(refused), tries.len())));
    }
    // The same endpoint with a token tells what it reads instead.
    let with_token = facts
        .chain
        .hops
        .iter()
        .chain(facts.altered())
        .find(|hop| same_endpoint(hop, refused) && hop.request.headers.contains("authorization") && standing(hop) == Standing::Known);
    if let Some(hop) = with_token.filter(|_| !refused.request.headers.contains("authorization")) {
        evidence.push(Evidence::at(
            hop.id,
            "the same endpoint knows the user when the request carries Authorization: it reads that instead of the cookie",
        ));
    }
    if refused.sent.iter().any(|cookie| has_escape(&cookie.value)) {
        evidence.push(Evidence::of("a cookie value holds percent escapes: also make sure that the guard does not encode or decode it once more than the session library does"));
    }
    evidence.sort_by_key(|evidence| evidence.hop.map_or(u32::MAX, |hop| hop.0));
    let title =
        format!("{} knows the user, {} answers {}, and both got the same cookies", place(pair.known), place(refused), refusal(refused));
    RULE.finding(title, evidence)
}

fn has_escape(value: &[u8]) -> bool {
    value.windows(3).any(|part| part[0] == b'%' && part[1].is_ascii_hexdigit() && part[2].is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Story, errors};
    use crate::plan::Verb;
    use serde_json::{Value, json};
    use std::time::Duration;

    const COOKIES: &str = "__Secure-session=tok.sig%3D; theme=dark";

    fn known(story: &mut Story) -> &mut Story {
        story
            .step("get get-session")
            .get("https://api.test/auth/get-session")
            .cookies(COOKIES)
            .json(json!({"user": {"id": "u1", "email": "a@b"}, "session": {"id": 1}}))
    }

    fn refused(story: &mut Story) -> &mut Story {
        story
            .step("get session")
            .get("https://api.test/auth/session")
            .cookies(COOKIES)
            .status(401)
            .json(json!({"message": "Invalid or expired session", "statusCode": 401}))
    }

    fn found(story: &Story) -> Vec<Finding> {
        errors(story)
    }

    fn assert_silent(why: &str, story: &Story) {
        assert!(found(story).is_empty(), "{why}: {:?}", found(story));
    }

    #[test]
    fn the_same_bytes_accepted_and_refused_are_a_finding_that_proves_it() {
        let mut story = Story::new();
        known(&mut story);
        refused(&mut story);
        refused(&mut story);
        let findings = found(&story);
        assert_eq!(findings.len(), 1, "{findings:?}");
        let finding = &findings[0];
        assert_eq!(finding.rule, "session-endpoints-disagree");
        assert_eq!(
            finding.title,
            "GET https://api.test/auth/get-session knows the user, GET https://api.test/auth/session answers 401 \"Invalid or expired session\", and both got the same cookies"
        );
        let texts: Vec<_> = finding.evidence.iter().map(|evidence| evidence.text.as_str()).collect();
        assert_eq!(
            texts[0],
            "GET https://api.test/auth/get-session got Cookie ‹cookies:1›, 39 bytes (__Secure-session, theme) and answered 200 with user.id, user.email"
        );
        assert_eq!(
            texts[1],
            "GET https://api.test/auth/session got ‹cookies:1› again, the same 39 bytes one by one and answered 401 \"Invalid or expired session\""
        );
        assert!(texts[2].ends_with("neither carried Authorization"), "{texts:?}");
        assert!(texts[3].ends_with("2 of 2 times"), "{texts:?}");
        assert!(texts.iter().all(|text| !text.contains("tok.sig")), "{texts:?}");
    }

    #[test]
    fn the_order_of_the_two_does_not_matter_and_neither_does_null_instead_of_401() {
        let mut story = Story::new();
        refused(&mut story);
        known(&mut story);
        assert_eq!(found(&story).len(), 1);
        let mut story = Story::new();
        known(&mut story).step("x").get("https://api.test/user").cookies(COOKIES).json(Value::Null);
        assert_eq!(found(&story).len(), 1);
    }

    #[test]
    fn a_token_that_is_accepted_tells_what_the_guard_reads() {
        let mut story = Story::new();
        known(&mut story);
        refused(&mut story)
            .step("with bearer")
            .get("https://api.test/auth/session")
            .sends("Authorization", "Bearer t")
            .json(json!({"user": {"id": 1}}));
        let texts: Vec<_> = found(&story).remove(0).evidence.into_iter().map(|evidence| evidence.text).collect();
        assert!(texts.iter().any(|text| text.contains("reads that instead of the cookie")), "{texts:?}");
    }

    #[test]
    fn other_bytes_or_another_authorization_are_another_credential() {
        let mut story = Story::new();
        known(&mut story).step("x").get("https://api.test/auth/session").cookies("__Secure-session=other").status(401);
        assert_silent("other bytes", &story);
        let mut story = Story::new();
        known(&mut story);
        refused(&mut story).sends("Authorization", "Bearer wrong");
        assert_silent("another Authorization", &story);
        let mut story = Story::new();
        known(&mut story);
        story.actor("eve");
        refused(&mut story);
        assert_silent("another person's jar", &story);
    }

    #[test]
    fn after_a_sign_out_the_refusal_is_right() {
        let mut story = Story::new();
        known(&mut story).step("sign out").post("https://api.test/auth/sign-out").cookies(COOKIES);
        refused(&mut story);
        assert_silent("POST in between", &story);
        let mut story = Story::new();
        known(&mut story).step("sign out").get("https://api.test/logout").cookies(COOKIES);
        refused(&mut story);
        assert_silent("GET of a logout in between", &story);
    }

    #[test]
    fn a_cookie_that_was_changed_in_between_is_no_longer_the_same_session() {
        let mut story = Story::new();
        known(&mut story).sets("__Secure-session=rotated");
        refused(&mut story);
        assert_silent("rotated by the first answer", &story);
        // Sliding expiry sends the same value again: that changes nothing.
        let mut story = Story::new();
        known(&mut story).sets("__Secure-session=tok.sig%3D; Max-Age=604800");
        refused(&mut story);
        assert_eq!(found(&story).len(), 1);
    }

    #[test]
    fn a_session_may_begin_or_end_with_time_and_logins() {
        let mut story = Story::new();
        refused(&mut story).step("log in").post("https://api.test/login").cookies(COOKIES);
        known(&mut story);
        assert_silent("signed in in between", &story);
        let mut story = Story::new();
        known(&mut story).wait(3600);
        refused(&mut story);
        assert_silent("an hour in between", &story);
        let mut story = Story::new();
        known(&mut story).step_with("sleep", Verb::Sleep(Duration::from_secs(2)));
        refused(&mut story);
        assert_silent("a sleep in between", &story);
    }

    #[test]
    fn answers_that_are_about_something_else_prove_nothing() {
        for (status, body, header) in [
            (403, json!({"message": "Invalid origin"}), None),
            (403, json!({"message": "role admin needed"}), None),
            (401, json!({"error": "invalid_client"}), None),
            (401, json!({}), Some(("WWW-Authenticate", "Basic realm=x"))),
            (404, json!({"message": "no session"}), None),
            (200, json!({"banner": null}), None),
        ] {
            let mut story = Story::new();
            known(&mut story).step("x").get("https://api.test/admin").cookies(COOKIES).status(status).json(body.clone());
            if let Some((name, value)) = header {
                story.answers(name, value);
            }
            assert_silent(&format!("{status} {body}"), &story);
        }
        let mut story = Story::new();
        known(&mut story).step("x").post("https://api.test/auth/login").cookies(COOKIES).status(401);
        assert_silent("a wrong password", &story);
        let mut story = Story::new();
        story.step("x").get("https://api.test/auth/get-session").cookies(COOKIES).json(Value::Null);
        refused(&mut story);
        assert_silent("both say nobody", &story);
    }
}
