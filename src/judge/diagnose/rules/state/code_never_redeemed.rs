//! A code that the provider issued and that nobody asked tokens for.

use crate::judge::diagnose::facts::{Facts, is_deletion, place, redirect_error, target, without_query};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::plan::Service;
use crate::trace::{Hop, ServerCall, SetVerdict};
use crate::web::oauth::{Callback, ErrorParams};
use crate::web::origin::Origin;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "code-never-redeemed",
    family: Family::State,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the provider issued a code, and the app never asked for a token",
    cause: "the callback gave up before the exchange: it did not find the state, the session or the verifier of this login, or another route answered",
    fix: "look at what the callback checks first: which cookie it needs, whether it came, and whether the URL leads to the handler at all",
    reference: "RFC 6749 §4.1.3",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let services = facts.plan.origins.iter().filter(|plan| matches!(plan.backend.service(), Some(Service::Idp | Service::Gotrue)));
    services.filter_map(|service| of(facts, &service.origin)).collect()
}

/// The first callback with a code of `provider` that was given up.
fn of(facts: &Facts<'_>, provider: &Origin) -> Option<Finding> {
    facts.chain.hops.iter().find_map(|issued| {
        let code = issued_code(issued, provider)?;
        let callback = last_with(facts, issued, &code)?;
        // An error tells its own story, which names the exchange; a page may hold a script that makes it.
        let status = callback.status()?;
        let given_up = status >= 400 || target(callback).is_some() && redirect_error(callback).is_none();
        let own_error = ErrorParams::from_url(&callback.request.url).is_some();
        if !given_up || own_error || keeps(callback) || redeemed(facts, provider, issued) {
            return None;
        }
        let mut evidence = vec![Evidence::at(issued.id, format!("{} answered with a code{}", place(issued), decided(facts, issued)))];
        let answer = target(callback).map_or_else(|| format!("{status}"), |to| format!("{status}, on to {}", without_query(&to)));
        evidence.push(Evidence::at(callback.id, format!("{} had the code and answered {answer}", place(callback))));
        evidence.push(Evidence::of(format!("{provider} had no call to its token endpoint after that")));
        Some(RULE.finding(format!("nobody redeemed the code that {provider} issued"), evidence))
    })
}

/// Whether an answer gives the browser a cookie to keep: then it did sign somebody in, by whatever knowledge.
fn keeps(hop: &Hop) -> bool {
    hop.set.iter().any(|set| matches!(set.verdict, SetVerdict::Stored) && !is_deletion(set))
}

/// The code that a redirect of the provider hands out.
pub(super) fn issued_code(hop: &Hop, provider: &Origin) -> Option<String> {
    if Origin::of(&hop.request.url).ok()? != *provider {
        return None;
    }
    let to = target(hop)?;
    let callback = Callback::from_url(&to)?;
    // A redirect within the provider is not the answer yet.
    if Origin::of(&to).is_ok_and(|origin| origin == *provider) { None } else { callback.code }
}

/// The last request that brought `code` to somebody other than the provider, after it was issued.
fn last_with<'a>(facts: &Facts<'a>, issued: &Hop, code: &str) -> Option<&'a Hop> {
    let brings = |hop: &&Hop| {
        let url = Callback::from_url(&hop.request.url).and_then(|callback| callback.code);
        let form = || Callback::from_form(&hop.request.body).and_then(|callback| callback.code);
        url.or_else(form).as_deref() == Some(code)
    };
    facts.chain.hops.iter().filter(|hop| hop.id > issued.id && hop.actor == issued.actor).filter(brings).last()
}

/// Whether anybody asked the provider for a token after the code was issued.
pub(super) fn redeemed(facts: &Facts<'_>, provider: &Origin, issued: &Hop) -> bool {
    let is_token = |call: &ServerCall| call.decision.as_ref().is_some_and(|decision| decision.endpoint == "token");
    facts.chain.calls.iter().any(|call| call.origin == *provider && call.at >= issued.started && is_token(call))
}

/// What the provider itself says about having issued the code.
fn decided(facts: &Facts<'_>, issued: &Hop) -> String {
    let calls = facts.chain.calls_by_hop();
    let note = calls.get(&issued.id).and_then(|call| call.note.as_deref());
    note.map(|note| format!(" ({})", crate::judge::text::shown(note, 160))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::{Story, provider};
    use crate::trace::Decision;

    /// A login whose callback comes with a code.
    fn login() -> Story {
        let mut story = Story::new();
        story.plan.origins.push(provider("https://idp.test"));
        story.step("sign in").open("https://idp.test/authorize?client_id=m&response_type=code&state=s");
        story.follow("https://api.test/cb?code=c-1&state=s");
        story
    }

    fn token(story: &mut Story) {
        story.call("POST", "https://idp.test/token", 200);
        let decision = Decision { endpoint: "token".into(), client: None, outcome: "tokens issued".into(), why: None };
        story.chain.calls.last_mut().unwrap().decision = Some(decision);
    }

    fn found(story: &Story) -> Vec<String> {
        diagnose(&story.plan, &story.chain).into_iter().filter(|finding| finding.rule == RULE.id).map(|finding| finding.title).collect()
    }

    #[test]
    fn the_provider_is_quoted_where_hop_and_call_are_surely_the_same() {
        let mut story = login();
        story.follow("https://app.test/login");
        story.call("GET", "https://idp.test/authorize?client_id=m&response_type=code&state=s", 302);
        let call = story.chain.calls.last_mut().unwrap();
        (call.by_actor, call.note) = (true, Some("authorize: sent back with a code (client m)".to_owned()));
        let evidence = |story: &Story| diagnose(&story.plan, &story.chain).remove(0).evidence.remove(0).text;
        assert!(evidence(&story).ends_with("answered with a code (authorize: sent back with a code (client m))"), "{}", evidence(&story));
        // The same request twice, one of them not in the chain: nobody knows which is which.
        story.chain.calls.push(story.chain.calls[0].clone());
        assert!(evidence(&story).ends_with("answered with a code"), "{}", evidence(&story));
    }

    #[test]
    fn a_callback_that_goes_on_without_an_exchange_is_one() {
        let mut story = login();
        story.follow("https://app.test/login");
        assert_eq!(found(&story), ["nobody redeemed the code that https://idp.test issued"]);
        let mut story = login();
        story.status(500);
        assert_eq!(found(&story).len(), 1);
    }

    #[test]
    fn exchanges_errors_pages_and_codes_that_went_nowhere_are_none() {
        let mut exchanged = login();
        token(&mut exchanged);
        exchanged.follow("https://app.test/");
        let mut error = login();
        error.follow("https://app.test/?error=state_mismatch");
        let mut page = login();
        page.html("One moment");
        let mut moved = login();
        moved.follow("https://api.test/cb/?code=c-1&state=s").html("One moment");
        let mut unsent = Story::new();
        unsent.plan.origins.push(provider("https://idp.test"));
        unsent
            .open("https://idp.test/authorize?client_id=m&response_type=code&state=s")
            .status(302)
            .location("https://api.test/cb?code=c-1&state=s");
        let mut stub = login();
        stub.sets("sid=1a2b3c; Path=/").follow("https://app.test/");
        let mut foreign = login();
        foreign.plan.origins.clear();
        foreign.follow("https://app.test/login");
        for (name, story) in [
            ("exchanged", exchanged),
            ("stub", stub),
            ("error", error),
            ("page", page),
            ("moved", moved),
            ("unsent", unsent),
            ("foreign", foreign),
        ] {
            assert_eq!(found(&story), Vec::<String>::new(), "{name}");
        }
    }
}
