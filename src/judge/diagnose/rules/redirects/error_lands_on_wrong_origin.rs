//! A login that fails on one origin and shows it on another.

use crate::judge::diagnose::facts::{Facts, place, redirect_error, without_query};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::trace::{Cause, Hop};
use crate::web::oauth::is_authorization_request;
use url::Url;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "error-lands-on-wrong-origin",
    family: Family::Redirects,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a failed login ends on the origin of the callback instead of the one where it began",
    cause: "no error URL was given when the login began, so the callback's server falls back to a page of its own, often the root of the API",
    fix: "give an error URL of the web app with each login (Better Auth: `errorCallbackURL`), or configure the server's error page",
    reference: "Better Auth's `/error` route redirects to `/?error=…` of its own origin in production",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .chain
        .hops
        .iter()
        .filter(|hop| facts.is_callback(hop) && redirect_error(hop).is_some())
        .filter_map(|callback| finding(facts, callback))
        .collect()
}

fn finding(facts: &Facts<'_>, callback: &Hop) -> Option<Finding> {
    if facts.root(callback).cause.is_by_hand() {
        return None;
    }
    let landing = landing(facts, callback)?;
    let api = callback.request.url.origin();
    let start = began_at(facts, callback)?;
    if landing.request.url.origin() != api || start.origin() == api {
        return None;
    }
    let evidence = vec![
        Evidence::at(callback.id, format!("{} redirected with an error", place(callback))),
        Evidence::at(landing.id, format!("the person ends at {} ({})", without_query(&landing.request.url), landing.status()?)),
        Evidence::of(format!("the login began at {}", without_query(&start))),
    ];
    Some(RULE.finding(
        format!(
            "the failed login ends at {} instead of {}",
            landing.request.url.origin().ascii_serialization(),
            start.origin().ascii_serialization()
        ),
        evidence,
    ))
}

/// The page at the end of the callback's redirects; none when they were not followed.
fn landing<'a>(facts: &Facts<'a>, callback: &'a Hop) -> Option<&'a Hop> {
    let mut hop = callback;
    while let Some(next) = facts.chain.hops.get(hop.id.0 as usize + 1..)?.iter().find(|next| next.cause == Cause::Redirect(hop.id)) {
        hop = next;
    }
    hop.response().filter(|_| hop.redirect_target().is_none() && hop.id != callback.id).map(|_| hop)
}

/// The page from which the actor went to the provider.
fn began_at(facts: &Facts<'_>, callback: &Hop) -> Option<Url> {
    let before = facts.chain.hops.get(..callback.id.0 as usize)?.iter().rev();
    let request = before.filter(|hop| hop.actor == callback.actor).find(|hop| is_authorization_request(&hop.request.url))?;
    let mut first = request;
    // A provider's own pages may send each other authorization requests: go back to the first of the row.
    for hop in facts.chain.hops.get(..request.id.0 as usize)?.iter().rev().filter(|hop| hop.actor == request.actor) {
        if hop.request.url.origin() != request.request.url.origin() {
            break;
        }
        first = hop;
    }
    let root = facts.root(first);
    let page = facts.chain.steps.get(..root.step)?.iter().rev().find(|step| step.actor == root.actor).and_then(|step| step.page.clone());
    let page = page.filter(|page| page.origin() != request.request.url.origin());
    page.or_else(|| (root.id != first.id).then(|| root.request.url.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Story, errors};

    fn rules(lands: &str, begins: &str) -> Vec<&'static str> {
        let mut story = Story::new();
        story.step("open").open(begins).html("Login");
        story
            .step("click")
            .submit("https://api.test/sign-in")
            .follow("https://idp.test/authorize?client_id=m&response_type=code&state=s&redirect_uri=https%3A%2F%2Fapi.test%2Fcb");
        story.follow("https://idp.test/login");
        story
            .step("deny")
            .submit("https://idp.test/login")
            .follow("https://api.test/cb?error=access_denied&state=s")
            .follow(lands)
            .html("x");
        errors(&story).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn hits_and_near_misses() {
        assert_eq!(rules("https://api.test/?error=access_denied", "https://app.test/login"), ["callback-error", RULE.id]);
        assert_eq!(rules("https://app.test/?error=access_denied", "https://app.test/login"), ["callback-error"]);
        assert_eq!(rules("https://api.test/?error=access_denied", "https://api.test/login"), ["callback-error"], "the API is the app");
    }

    #[test]
    fn redirects_that_were_not_followed_land_nowhere() {
        let mut story = Story::new();
        story
            .step("open")
            .open("https://app.test/")
            .step("go")
            .open("https://idp.test/authorize?client_id=m&response_type=code&redirect_uri=https%3A%2F%2Fapi.test%2Fcb");
        story.step("probe").get("https://api.test/cb?state=s").status(302).location("https://api.test/?error=x");
        assert_eq!(errors(&story).len(), 1);
    }
}
