//! A service worker that answers where the server should.

use crate::judge::diagnose::denied::is_login;
use crate::judge::diagnose::facts::{Facts, ends_session, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::trace::{AnsweredBy, Hop, Resource};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "sw-intercepted",
    family: Family::Edge,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a service worker answered a login, callback or logout from its cache, and the server never heard of it",
    cause: "the worker answers every navigation with the app's shell (a navigation fallback), auth routes included",
    fix: "leave auth routes to the network: a denylist for the navigation fallback (`navigateFallbackDenylist`) with login, callback and logout",
    reference: "Service Workers §4.6 (Handle Fetch); elizaOS/eliza#14391, oauth2-proxy/oauth2-proxy#3119",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let by_worker =
        |hop: &&Hop| hop.resource == Resource::Document && hop.response().is_some_and(|response| response.by == AnsweredBy::ServiceWorker);
    let found = facts.chain.hops.iter().filter(by_worker).find_map(|hop| {
        let what = if facts.is_callback(hop) {
            "a callback"
        } else if ends_session(hop) {
            "a logout"
        } else if is_login(&hop.request.url) {
            "a login"
        } else {
            return None;
        };
        // A worker that fetches passes the server's answer on: that request shows beside the navigation.
        let passed_on = facts.chain.hops.iter().any(|other| {
            other.id != hop.id
                && other.request.url == hop.request.url
                && other.response().is_some_and(|response| response.by == AnsweredBy::Server)
        });
        let shell = hop.status() == Some(200) && hop.response()?.headers.content_type().is_some_and(|kind| kind.is_html());
        (shell && !passed_on && hop.set.is_empty()).then(|| {
            RULE.finding(
                format!("the service worker answered {}", place(hop)),
                vec![Evidence::at(hop.id, format!("{} is {what}, and was answered 200 with a page by the service worker", place(hop)))],
            )
        })
    });
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};
    use crate::trace::{AnsweredBy, Cause};

    fn answered(url: &str, by: AnsweredBy, passed_on: bool) -> bool {
        let mut story = Story::new();
        story.open(url).html("The shell").last().outcome.as_mut().unwrap().by = by;
        if passed_on {
            story.hop("GET", url, Cause::Subresource).html("The shell");
        }
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        let callback = "https://app.test/callback?code=c&state=s";
        assert!(answered(callback, AnsweredBy::ServiceWorker, false));
        assert!(answered("https://app.test/logout", AnsweredBy::ServiceWorker, false));
        assert!(!answered(callback, AnsweredBy::ServiceWorker, true), "the worker asked the server");
        assert!(!answered(callback, AnsweredBy::Server, false));
        assert!(!answered("https://app.test/invoices", AnsweredBy::ServiceWorker, false), "what workers are for");
    }
}
