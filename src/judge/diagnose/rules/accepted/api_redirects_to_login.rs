//! An API that answers a script with the way to a login page.

use super::Evidence;
use crate::judge::diagnose::denied::is_login;
use crate::judge::diagnose::facts::{Facts, is_safe, place, prefetched, target, without_query};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::trace::{Cause, Hop, Resource};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "api-redirects-to-login",
    family: Family::Accepted,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a script's request is redirected to a login page or to the provider, which no script can use",
    cause: "the guard treats API calls like pages: fetch follows the redirect, and ends in a CORS error or with a page where JSON should be",
    fix: "answer 401 to requests of scripts and for API paths, and let the app send the person to log in",
    reference: "Fetch §4.5; oauth2-proxy/oauth2-proxy#644, bastienwirtz/homer#95",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let found = facts.chain.hops.iter().filter(|hop| by_script(hop)).find_map(|hop| {
        let to = target(hop).filter(is_login)?;
        let text = format!("{}, asked for by a script, answered {} to {}", place(hop), hop.status()?, without_query(&to));
        Some(RULE.finding(format!("{} sends a script to log in", place(hop)), vec![Evidence::at(hop.id, text)]))
    });
    found.into_iter().collect()
}

/// Whether a script asked for data: by what a browser says of it, or by what it accepts.
fn by_script(hop: &Hop) -> bool {
    let accept = hop.request.headers.get_str("accept").unwrap_or_default().to_ascii_lowercase();
    let wants_page = accept.contains("text/html");
    let in_page = hop.resource == Resource::Fetch && hop.cause == Cause::Subresource && is_safe(hop);
    let as_data = matches!(hop.cause, Cause::Api) && accept.starts_with("application/json");
    (in_page || as_data) && !wants_page && prefetched(hop).is_none()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits};
    use crate::trace::{Cause, Resource};

    fn asks(cause: Cause, resource: Resource, accept: &str, to: &str) -> bool {
        let mut story = Story::new();
        story.step("x").open("https://app.test/").hop("GET", "https://app.test/api/items", cause).sends("Accept", accept).status(302);
        story.location(to).last().resource = resource;
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        let (script, page) = ((Cause::Subresource, Resource::Fetch), (Cause::Link, Resource::Document));
        assert!(asks(script.0.clone(), script.1, "*/*", "https://app.test/login"));
        assert!(asks(script.0.clone(), script.1, "*/*", &authorize("s")));
        assert!(asks(Cause::Api, Resource::Fetch, "application/json", "https://app.test/login"));
        assert!(!asks(Cause::Api, Resource::Fetch, "*/*", "https://app.test/login"), "it may well want the page");
        let mut ahead = Story::new();
        ahead.hop("GET", "https://app.test/start", Cause::Subresource).sends("Sec-Purpose", "prefetch").status(302);
        ahead.location(&authorize("s")).last().resource = Resource::Fetch;
        assert!(!hits(RULE.id, &ahead), "a page ahead of time");
        assert!(!asks(page.0, page.1, "text/html", "https://app.test/login"), "a page");
        assert!(!asks(script.0, script.1, "*/*", "https://cdn.test/items.json"), "no login");
    }
}
