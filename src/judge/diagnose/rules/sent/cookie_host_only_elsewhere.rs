//! A host-only cookie, and a page on a sibling of its host.

use super::Evidence;
use crate::judge::diagnose::denied::{denied, turned_away};
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::web::site::registrable_domain;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-host-only-elsewhere",
    family: Family::Sent,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the login's cookie is for the host that set it alone, and the page is on another host of the domain",
    cause: "a Set-Cookie without `Domain` holds for its very host: `www.` and the bare domain, or an API and its pages, do not share it",
    fix: "redirect to one canonical host before the login begins, or set `Domain` to the domain that both are below",
    reference: "RFC 6265bis §5.7 step 11; boardsesh#4264, nextauthjs/next-auth#1888",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let findings = denied(facts).into_iter().filter_map(|denied| {
        let (set_by, page) = (denied.witness.hop.request.url.host_str()?, denied.page.request.url.host_str()?);
        let domain = registrable_domain(set_by)?;
        let siblings = set_by != page && registrable_domain(page)? == domain;
        let set = denied.witness.set;
        if !siblings || !set.verdict.is_stored() || set.attribute("domain").is_some() || !denied.carried_nothing_of_the_login() {
            return None;
        }
        let name = shown(&set.name_text(), 80);
        let how = turned_away(facts, denied.page)?.told(denied.page);
        let told = |cookie: &crate::trace::CookieWithheld| {
            cookie.name == set.name && cookie.reasons.iter().any(|reason| reason.code == "DomainMismatch")
        };
        let word = if denied.page.withheld.iter().any(told) { " (DomainMismatch)" } else { "" };
        let evidence = vec![
            Evidence::at(denied.witness.hop.id, format!("{} set `{name}` without Domain: for {set_by} alone", place(denied.witness.hop))),
            Evidence::at(denied.page.id, format!("{} did not get it{word} and answered {how}", place(denied.page))),
        ];
        Some(RULE.finding(format!("the cookie `{name}` of {set_by} does not reach {page}"), evidence))
    });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use super::super::after_login;
    use super::RULE;
    use crate::judge::testing::Story;

    #[test]
    fn hits_and_near_misses() {
        let denied = |story: &mut Story| {
            story.status(302).location("https://www.app.test/login");
        };
        assert!(after_login("https://www.app.test", denied).contains(&RULE.id));
        assert!(!after_login("https://other.test", denied).contains(&RULE.id), "another domain");
        assert!(!after_login("https://app.test", denied).contains(&RULE.id), "the same host");
        let another_app = |story: &mut Story| {
            let login = "https://idp.test/authorize?client_id=m&response_type=code";
            story
                .follow(login)
                .follow("https://www.app.test/cb?code=3&state=4")
                .sets("www=v")
                .follow("https://www.app.test/home")
                .html("Home");
        };
        assert!(!after_login("https://www.app.test", another_app).contains(&RULE.id), "an app that logs in by itself, and lets in");
    }
}
