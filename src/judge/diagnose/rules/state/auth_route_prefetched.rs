//! A request that nobody made, with an effect that nobody wanted.

use crate::judge::diagnose::facts::{Facts, ends_session, place, prefetched, target};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::trace::Hop;
use crate::web::oauth::is_authorization_request;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "auth-route-prefetched",
    family: Family::State,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a login, logout or callback ran because a page prefetched it",
    cause: "a framework or the browser fetches links beforehand, and a GET that begins or ends a session takes that for the person's wish",
    fix: "make it a form with POST or a button, turn prefetching off for the link, and let auth routes refuse requests with Sec-Purpose: prefetch",
    reference: "vercel/next.js#38128; kinde-oss/kinde-auth-nextjs#528; RFC 9110 §9.2.1",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let hit = |hop: &&Hop| hop.request.method == "GET";
    facts
        .chain
        .hops
        .iter()
        .filter(hit)
        .filter_map(|hop| {
            let by = prefetched(hop)?;
            let effect = effect(facts, hop)?;
            Some(RULE.finding(
                format!("{} ran because it was prefetched", place(hop)),
                vec![Evidence::at(hop.id, format!("{} was asked for beforehand ({by}), and {effect}", place(hop)))],
            ))
        })
        .take(1)
        .collect()
}

fn effect(facts: &Facts<'_>, hop: &Hop) -> Option<&'static str> {
    let done = hop.status().is_some_and(|status| status < 400);
    if facts.is_callback(hop) {
        Some("it used up the callback")
    } else if target(hop).is_some_and(|to| is_authorization_request(&to)) && !hop.set.is_empty() {
        Some("it began a login and set its cookies")
    } else if done && ends_session(hop) && !hop.set.is_empty() {
        Some("it changed the session's cookies")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits};
    use crate::trace::{Cause, SetVerdict};

    fn logout(header: (&str, &str), clears: bool) -> bool {
        let mut story = Story::new();
        story.open("https://app.test/").hop("GET", "https://app.test/logout", Cause::Subresource).sends(header.0, header.1);
        if clears {
            story.set_cookie("sid=; Max-Age=0", SetVerdict::Deleted);
        }
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(logout(("Sec-Purpose", "prefetch;prerender"), true));
        assert!(logout(("Next-Router-Prefetch", "1"), true));
        assert!(!logout(("Sec-Purpose", "prefetch"), false), "it has no effect");
        assert!(!logout(("Accept", "*/*"), true), "the person's wish");
        let mut login = Story::new();
        login
            .open("https://app.test/")
            .hop("GET", "https://app.test/login", Cause::Subresource)
            .sends("Purpose", "prefetch")
            .sets("state=v")
            .follow(&authorize("s"));
        assert!(hits(RULE.id, &login));
    }
}
