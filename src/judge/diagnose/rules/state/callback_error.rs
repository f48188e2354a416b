//! A callback that did not sign anybody in, by the word it gives for it.

use super::code_never_redeemed::{issued_code, redeemed};
use crate::judge::diagnose::attempt::callback;
use crate::judge::diagnose::facts::{Facts, place, redirect_error, target, without_query};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::trace::Hop;
use crate::web::oauth::{Callback, ErrorParams, known_error};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "callback-error",
    family: Family::State,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the login came back with an error instead of a session",
    cause: "the provider or the app refused this login; the error token tells why",
    fix: "act on the token, and show it to the person instead of sending them to log in again",
    reference: "RFC 6749 §4.1.2.1; better-auth/better-auth#9216",
    check,
};

/// An application's own word, why it says it, and what mends it.
struct Word {
    token: &'static str,
    cause: &'static str,
    fix: &'static str,
}

const fn word(token: &'static str, cause: &'static str, fix: &'static str) -> Word {
    Word { token, cause, fix }
}

/// The words of Better Auth's callback.
const WORDS: [Word; 15] = [
    word(
        "please_restart_the_process",
        "the state is unknown: it was used already, has expired, or was altered on the way",
        "begin the login anew; if it happens to everybody, look for callbacks that are requested twice (prefetch, reload) and for a state store that several instances do not share",
    ),
    word(
        "state_mismatch",
        "the state is known, but the browser's state cookie is absent, expired or another one's: the answer came to another browser, or too late",
        "finish the login in the browser that began it; give the state cookie the lifetime of the state row; see why the cookie was not sent",
    ),
    word(
        "state_not_found",
        "the callback came without a state, or with one that nobody stored",
        "begin the login anew; make sure that the provider gives the state back unchanged",
    ),
    word(
        "oAuth_code_missing",
        "the callback came without an authorization code",
        "see what the provider answered before: a refusal, or an answer in the fragment or a form instead of the query",
    ),
    word(
        "issuer_mismatch",
        "the `iss` of the answer is not the configured issuer (RFC 9207)",
        "configure the issuer exactly as discovery gives it, slash and scheme included",
    ),
    word(
        "issuer_missing",
        "the answer has no `iss`, though the provider promises one (RFC 9207)",
        "upgrade the provider, or do not demand the parameter",
    ),
    word(
        "oauth_code_verification_failed",
        "the code could not be exchanged for tokens: the token endpoint refused or failed",
        "look at the call to the token endpoint: client secret, redirect_uri, PKCE verifier, and whether the code was used before",
    ),
    word(
        "user_info_is_missing",
        "the app got tokens but no profile: userinfo failed or is empty",
        "look at the call to the userinfo endpoint and at the scopes that were asked for",
    ),
    word(
        "email_is_missing",
        "the provider's user has no email, or the scope or mapping leaves it out",
        "give the account an email at the provider, and ask for the `email` scope",
    ),
    word(
        "name_is_missing",
        "the provider's user has no name, or the scope or mapping leaves it out",
        "give the account a name at the provider, or map another claim to it",
    ),
    word(
        "email_doesn't_match",
        "the account to be linked has another email at the provider",
        "link with an account of the same email, or allow different emails when linking",
    ),
    word(
        "account_already_linked_to_different_user",
        "this provider account belongs to another user of the app",
        "sign in as that user, or unlink the account there first",
    ),
    word(
        "unable_to_link_account",
        "the app could not store the link between user and provider account",
        "look at the app's database errors at that moment",
    ),
    word(
        "account_not_linked",
        "a user with this email exists, and the app does not link accounts by itself (or the email is not verified)",
        "sign in the old way and link the account, or let the app trust this provider for linking",
    ),
    word(
        "signup_disabled",
        "the person is unknown, and the app does not sign up new users here",
        "create the user first, or allow sign-up for this provider",
    ),
];

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut told = Vec::new();
    let mut findings = Vec::new();
    for hop in facts.chain.hops.iter().filter(|hop| facts.is_callback(hop)) {
        let root = facts.root(hop).id;
        let Some(params) = redirect_error(hop).or_else(|| ErrorParams::from_url(&hop.request.url)) else { continue };
        // The error page may carry the same parameters on: one navigation, one finding.
        if told.contains(&root) || is_meant(facts, hop) {
            continue;
        }
        told.push(root);
        findings.push(finding(facts, hop, &params));
    }
    findings
}

/// Whether the error is the answer to a question without a page: a provider that would have to ask somebody says so (OpenID
/// Connect Core §3.1.2.6), which is how an app learns that nobody is signed in.
fn is_meant(facts: &Facts<'_>, hop: &Hop) -> bool {
    let Some(callback) = callback(hop) else { return false };
    let would_ask = |error: &ErrorParams| {
        matches!(&*error.error, "login_required" | "interaction_required" | "consent_required" | "account_selection_required")
    };
    let asked = callback.state.as_deref().and_then(|state| facts.attempt_with(state, hop.id));
    callback.error.as_ref().is_some_and(would_ask) && asked.is_some_and(|asked| asked.request.prompt.iter().any(|prompt| prompt == "none"))
}

fn finding(facts: &Facts<'_>, hop: &Hop, params: &ErrorParams) -> Finding {
    let token = shown(&params.error, 80);
    let description = params.description.as_deref().map(|text| format!(", described as \"{}\"", shown(text, 160))).unwrap_or_default();
    let mut evidence = vec![match target(hop) {
        Some(to) if redirect_error(hop).is_some() => {
            Evidence::at(hop.id, format!("{} redirected to {} with error `{token}`{description}", place(hop), without_query(&to)))
        }
        _ => Evidence::at(hop.id, format!("{} was called with error `{token}`{description}", place(hop))),
    }];
    // The provider's own word, when the app turned it into another.
    if let Some(own) = ErrorParams::from_url(&hop.request.url).filter(|own| own.error != params.error) {
        evidence.push(Evidence::at(hop.id, format!("the provider had said `{}`", shown(&own.error, 80))));
    }
    evidence.extend(exchange(facts, hop));
    let mut finding = RULE.finding(format!("the callback ended with error `{token}`"), evidence);
    if let Some(word) = WORDS.iter().find(|word| word.token.eq_ignore_ascii_case(&params.error)) {
        finding.cause = word.cause.to_owned();
        finding.fix = word.fix.to_owned();
    } else if let Some(known) = known_error(&params.error) {
        finding.cause = format!("{} ({})", known.meaning, known.defined_in);
    }
    finding
}

/// Whether the app got as far as asking for tokens, where an embedded provider can tell.
fn exchange(facts: &Facts<'_>, callback: &Hop) -> Option<Evidence> {
    let code = Callback::from_url(&callback.request.url)?.code?;
    facts.plan.origins.iter().filter(|plan| plan.backend.service().is_some()).find_map(|plan| {
        let hands_out = |hop: &&Hop| hop.id < callback.id && issued_code(hop, &plan.origin).is_some_and(|issued| issued == code);
        let issued = facts.chain.hops.iter().find(hands_out)?;
        let refused = facts.chain.calls.iter().find(|call| {
            let decision = call.decision.as_ref();
            call.origin == plan.origin
                && call.at >= issued.started
                && decision.is_some_and(|it| it.endpoint == "token")
                && call.status != Some(200)
        });
        if let Some(refused) = refused {
            let note = shown(refused.note.as_deref().unwrap_or("no answer"), 160);
            return Some(Evidence::of(format!("{} told its token request: {note}", plan.origin)));
        }
        let text = format!("{} issued the code, and the app never asked for a token", plan.origin);
        (!redeemed(facts, &plan.origin, issued)).then(|| Evidence::at(issued.id, text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Story, errors};

    fn found(story: &Story) -> Vec<Finding> {
        errors(story)
    }

    const AUTHORIZE: &str = "https://idp.test/authorize?client_id=m&response_type=code&state=s&redirect_uri=https%3A%2F%2Fapi.test%2Fcb";

    #[test]
    fn a_known_word_brings_its_own_cause_and_the_error_page_does_not_double_it() {
        let mut story = Story::new();
        story
            .open("https://api.test/cb?code=c&state=s")
            .follow("https://app.test/error?error=email_is_missing")
            .follow("https://app.test/?error=email_is_missing&state=s");
        let findings = found(&story);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].title, "the callback ended with error `email_is_missing`");
        assert!(findings[0].cause.contains("no email"));
        assert!(!findings[0].evidence[0].text.contains("code=c"), "one-time values stay out");
    }

    #[test]
    fn a_callback_without_code_is_known_by_its_authorization_request() {
        let mut story = Story::new();
        story
            .open(AUTHORIZE)
            .step("probe")
            .get("https://api.test/cb?state=s")
            .status(302)
            .location("https://app.test/?error=oAuth_code_missing&error_description=undefined");
        let findings = found(&story);
        assert_eq!(findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), [RULE.id]);
        assert!(findings[0].evidence[0].text.contains("described as \"undefined\""));
        let mut story = Story::new();
        story.step("sign in").post("https://api.test/sign-in").json(serde_json::json!({"url": AUTHORIZE, "redirect": true}));
        story.step("probe").get("https://api.test/cb?state=s").status(302).location("https://app.test/?error=oAuth_code_missing");
        assert_eq!(found(&story).len(), 1, "the authorization request went to a script");
    }

    #[test]
    fn the_providers_refusal_is_explained_by_its_standard() {
        let mut story = Story::new();
        story.open("https://api.test/cb?error=access_denied&state=s").follow("https://app.test/?error=access_denied");
        let findings = found(&story);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].cause.contains("RFC 6749"), "{}", findings[0].cause);
    }

    #[test]
    fn good_callbacks_and_errors_elsewhere_are_none() {
        let mut story = Story::new();
        story.open(AUTHORIZE).follow("https://api.test/cb?code=c&state=s").follow("https://app.test/");
        story.step("wrong password").submit("https://app.test/login").follow("https://app.test/login?error=bad_password");
        story.step("api").get("https://api.test/x").status(302).location("https://api.test/y?error=rate_limited");
        assert!(found(&story).is_empty(), "{:?}", found(&story));
    }
    #[test]
    fn a_provider_that_may_show_no_page_says_so_and_that_is_an_answer() {
        let silent = |prompt: &str, error: &str| {
            let mut story = Story::new();
            story.open(&format!("{AUTHORIZE}{prompt}")).follow(&format!("https://api.test/cb?error={error}&state=s"));
            found(&story).len()
        };
        assert_eq!(silent("&prompt=none", "login_required"), 0);
        assert_eq!(silent("", "login_required"), 1, "nobody said that it may not ask");
        assert_eq!(silent("&prompt=none", "server_error"), 1, "it failed");
    }
}
