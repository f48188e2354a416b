//! A code that is used twice.

use crate::judge::diagnose::attempt::callback;
use crate::judge::diagnose::credential::same_resource;
use crate::judge::diagnose::facts::{Facts, place, redirect_error};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::trace::Hop;
use std::collections::HashMap;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "code-replayed",
    family: Family::State,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the same authorization code was used twice, and one of the two failed",
    cause: "the callback ran twice: an effect that React's StrictMode runs twice, a reload, a prefetch, a retry; a code is good once",
    fix: "exchange the code once (on the server, or guarded against a second run), then replace the URL so that code and state are gone from it",
    reference: "RFC 6749 §4.1.2; soofstad/react-oauth2-pkce#50, auth0/auth0-spa-js#850",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let callbacks: Vec<(&Hop, String)> =
        facts.answers().into_iter().filter_map(|answer| Some((answer.hop, answer.callback.code?))).collect();
    let requests = facts.token_requests().filter(|(hop, _)| !facts.is_by_hand(hop));
    let exchanges: Vec<(&Hop, String)> = requests.filter_map(|(hop, request)| Some((hop, request.code?))).collect();
    twice(facts, &callbacks, "callback").into_iter().chain(twice(facts, &exchanges, "token request")).collect()
}

fn twice<'a>(facts: &Facts<'a>, uses: &[(&'a Hop, String)], what: &str) -> Option<Finding> {
    let mut earlier: HashMap<&str, Vec<&'a Hop>> = HashMap::new();
    uses.iter().find_map(|(second, code)| {
        let again = |first: &Hop| {
            // What runs twice brings the same state, too: with another one it was refused for that.
            let state = |hop: &Hop| callback(hop).and_then(|callback| callback.state);
            first.actor == second.actor
                && first.request.method == second.request.method
                && same_resource(first, second)
                && state(first) == state(second)
        };
        let before = earlier.entry(code).or_default();
        let first = before.iter().find(|first| again(first)).copied();
        before.push(second);
        let first = first?;
        // A page may send a browser to itself once, to see its cookies; that is one use.
        if facts.root(second).id == facts.root(first).id {
            return None;
        }
        let failed = if fails(second) { *second } else { Some(first).filter(|first| fails(first))? };
        let status = failed.status()?;
        Some(RULE.finding(
            format!("one code in two {what}s"),
            vec![
                Evidence::at(first.id, format!("{} brought the code", place(first))),
                Evidence::at(second.id, format!("{} brought the same code again", place(second))),
                Evidence::at(failed.id, format!("one of the two failed: {status}")),
            ],
        ))
    })
}

fn fails(hop: &Hop) -> bool {
    hop.status().is_some_and(|status| status >= 400)
        || redirect_error(hop).is_some() && callback(hop).is_none_or(|callback| callback.error.is_none())
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits};
    use crate::trace::Cause;

    fn exchanges(codes: [&str; 2], second: u16) -> bool {
        let mut story = Story::new();
        story.open(&authorize("s1")).follow("https://app.test/cb?code=c&state=s1").html("One moment");
        for (code, status) in codes.into_iter().zip([200, second]) {
            story.hop("POST", "https://idp.test/token", Cause::Subresource).status(status).last().request.body =
                format!("grant_type=authorization_code&code={code}").into();
        }
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(exchanges(["c", "c"], 400));
        assert!(!exchanges(["c", "d"], 400), "two codes");
        assert!(!exchanges(["c", "c"], 200), "the provider was content");
    }

    #[test]
    fn a_callback_that_is_loaded_again_is_one_and_a_redirect_to_itself_is_none() {
        let mut story = Story::new();
        story.open(&authorize("s1")).follow("https://app.test/cb?code=c&state=s1").html("Welcome");
        story.step("reload").hop("GET", "https://app.test/cb?code=c&state=s1", Cause::Reload).status(400);
        assert!(hits(RULE.id, &story));
        let mut altered = Story::new();
        altered.open(&authorize("s1")).follow("https://app.test/cb?code=c&state=s1").html("Welcome");
        altered.step("again").hop("GET", "https://app.test/cb?code=c&state=s2", Cause::Open).status(400);
        assert!(!hits(RULE.id, &altered), "it was refused for its state");
        let mut once = Story::new();
        once.open(&authorize("s1")).follow("https://app.test/cb?code=c&state=s1").follow("https://app.test/cb?code=c&state=s1").status(400);
        assert!(!hits(RULE.id, &once));
        let mut replayed = Story::new();
        replayed.open(&authorize("s1")).follow("https://app.test/cb?code=c&state=s1").html("Welcome");
        replayed.step("replay").hop("GET", "https://app.test/cb?code=c&state=s1", Cause::Replay).status(400);
        assert!(!hits(RULE.id, &replayed), "the scenario's own doing");
    }
}
