//! A verdict about one person that caches may keep.

use crate::judge::diagnose::credential::{Standing, standing};
use crate::judge::diagnose::facts::{Facts, place, target};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::trace::Hop;
use crate::web::caching::CacheControl;
use crate::web::oauth::is_authorization_request;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "auth-response-cacheable",
    family: Family::Edge,
    severity: Severity::Warning,
    needs: Needs::Chain,
    summary: "an answer about who is signed in may be kept by a cache",
    cause: "a Cache-Control with a lifetime, often set for the whole site, covers the session endpoint, a 401 or the way to the login too",
    fix: "answer with Cache-Control: private, no-store where the answer depends on who asks",
    reference: "supabase/ssr#172, #68; RFC 9111 §3, §4.2",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .chain
        .hops
        .iter()
        .filter(|hop| hop.request.method == "GET")
        .find_map(|hop| {
            let control = CacheControl::of(&hop.response()?.headers);
            let what = if control.invites_shared() { about_person(hop)? } else { verdict(hop).filter(|_| control.has_lifetime())? };
            let field = hop.response()?.headers.get_str("cache-control").unwrap_or_default();
            let text = format!("{} answered {what} with Cache-Control: {}", place(hop), shown(field, 80));
            Some(RULE.finding(format!("{} may be kept by a cache", place(hop)), vec![Evidence::at(hop.id, text)]))
        })
        .into_iter()
        .collect()
}

/// What must not be shared: the verdict, or a user's data that came for a cookie or a token.
fn about_person(hop: &Hop) -> Option<&'static str> {
    let asked = hop.request.headers.contains("cookie") || hop.request.headers.contains("authorization");
    let known = asked && standing(hop) == Standing::Known;
    verdict(hop).or_else(|| known.then_some("a user's data"))
}

/// A verdict that the login changes. Without a lifetime no cache keeps a 302 or a 401 (RFC 9111 §4.2.2).
fn verdict(hop: &Hop) -> Option<&'static str> {
    match hop.status()? {
        401 => Some("401"),
        302 | 303 | 307 if target(hop).is_some_and(|to| is_authorization_request(&to)) => Some("with the way to the login"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits};
    use serde_json::json;

    #[test]
    fn hits_and_near_misses() {
        let refused = |control: &str| {
            let mut story = Story::new();
            story.get("https://api.test/me").status(401).answers("Cache-Control", control);
            hits(RULE.id, &story)
        };
        assert!(refused("max-age=60") && refused("public, s-maxage=60"));
        assert!(!refused("no-store") && !refused("max-age=0") && !refused("private, no-cache, max-age=60"));
        let session = |control: &str| {
            let mut story = Story::new();
            story.get("https://api.test/session").cookies("sid=v").json(json!({"user": {"id": 1}})).answers("Cache-Control", control);
            hits(RULE.id, &story)
        };
        assert!(session("public, max-age=60"));
        assert!(!session("private, max-age=60"), "its own browser may keep it");
        let mut login = Story::new();
        login.open("https://app.test/").answers("Cache-Control", "max-age=600").follow(&authorize("s"));
        assert!(hits(RULE.id, &login));
        let mut plain = Story::new();
        plain.open("https://app.test/").follow(&authorize("s")).get("https://api.test/me").status(401);
        assert!(!hits(RULE.id, &plain), "nobody keeps these without being told");
    }
}
