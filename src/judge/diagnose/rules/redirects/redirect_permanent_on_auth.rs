//! A permanent redirect on a URL whose answer depends on who asks.

use crate::judge::diagnose::facts::{Facts, place, target, without_query};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::trace::Hop;
use crate::web::caching::CacheControl;
use crate::web::oauth::is_authorization_request;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "redirect-permanent-on-auth",
    family: Family::Redirects,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a redirect that depends on the login is permanent, and browsers keep it",
    cause: "301 and 308 may be cached for ever (RFC 9110 §15.4.2, §15.4.9): after the login the browser still goes where it was sent before",
    fix: "answer 302, 303 or 307 and Cache-Control: no-store where the target depends on who asks",
    reference: "medic/cht-core#4364; cakephp/authentication#221; e-valuation/EvaP#151",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .chain
        .hops
        .iter()
        .filter(|hop| hop.request.method == "GET" && matches!(hop.status(), Some(301 | 308)))
        .filter_map(|hop| {
            let control = CacheControl::of(&hop.response()?.headers);
            if control.has("no-store") || control.has("no-cache") || control.seconds("max-age") == Some(0) {
                return None;
            }
            let to = target(hop)?;
            let what = if is_authorization_request(&to) {
                "a login that is good once".to_owned()
            } else {
                let other = facts.chain.hops.iter().find(|other| answers_otherwise(hop, other))?;
                format!("{}, though hop {} was answered {}", without_query(&to), other.id, other.status()?)
            };
            Some(RULE.finding(
                format!("{} redirects permanently", place(hop)),
                vec![Evidence::at(hop.id, format!("{} answered {} to {what}", place(hop), hop.status()?))],
            ))
        })
        .take(1)
        .collect()
}

/// Whether the same URL was a page at another time.
fn answers_otherwise(hop: &Hop, other: &Hop) -> bool {
    other.request.method == "GET"
        && other.request.url == hop.request.url
        && other.status().is_some_and(|status| (200..300).contains(&status))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits};

    fn login(status: u16, control: &str) -> bool {
        let mut story = Story::new();
        story.open("https://app.test/").status(status).answers("Cache-Control", control).follow(&authorize("s"));
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(login(301, "public"));
        assert!(!login(302, "public"), "not permanent");
        assert!(!login(308, "no-store"), "nobody keeps it");
        let mut page = Story::new();
        page.open("https://app.test/home").status(301).follow("https://app.test/login").html("Log in");
        assert!(!hits(RULE.id, &page), "a page may have moved to another");
        page.step("again").open("https://app.test/home").html("Home");
        assert!(hits(RULE.id, &page), "it is a page after the login");
    }
}
