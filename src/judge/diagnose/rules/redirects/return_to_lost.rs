//! A login that forgets where the person wanted to go.

use crate::judge::diagnose::denied::{TurnedAway, is_login, turned_away};
use crate::judge::diagnose::facts::{Facts, place, target, without_query};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::trace::{Cause, Hop, Resource};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "return-to-lost",
    family: Family::Redirects,
    severity: Severity::Warning,
    needs: Needs::Chain,
    summary: "after the login the person is not at the page that had sent them to log in",
    cause: "the address asked for was kept in a cookie or parameter that was lost on the way, or refused, and the app fell back to its start page",
    fix: "keep the address with the state of the login, and go back to it when the callback has succeeded",
    reference: "goauthentik/authentik#3831; louketo/louketo-proxy#583",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let pages = facts.chain.hops.iter().filter(|hop| hop.resource == Resource::Document && hop.request.url.path() != "/");
    let found = pages.filter(|hop| matches!(hop.cause, Cause::Open | Cause::Link)).find_map(|wanted| {
        let Some(TurnedAway::Sent(_)) = turned_away(facts, wanted) else { return None };
        let later: Vec<_> = facts.chain.hops.get(wanted.id.0 as usize + 1..)?.iter().filter(|hop| hop.actor == wanted.actor).collect();
        // Until somebody asks for another page, or for this one again, everything is this login.
        let until = later.iter().position(|hop| matches!(hop.cause, Cause::Open | Cause::Reload | Cause::Back) || facts.is_by_hand(hop));
        let login = &later[..until.unwrap_or(later.len())];
        let at = login.iter().position(|hop| (facts.is_callback(hop) || hop.request.method == "POST") && !hop.set.is_empty())?;
        let rest = &login[at + 1..];
        // A link on the page where the login ended is the person's own way.
        let row: Vec<&&Hop> = rest.iter().take_while(|hop| !matches!(hop.cause, Cause::Link | Cause::Form)).collect();
        let landed = row.iter().rfind(|hop| hop.resource == Resource::Document)?;
        let at_wanted = rest.iter().any(|hop| same_page(hop, wanted));
        let inside = landed.status() == Some(200) && target(landed).is_none() && turned_away(facts, landed).is_none();
        let elsewhere =
            landed.request.url.origin() == wanted.request.url.origin() && !is_login(&landed.request.url) && !facts.is_callback(landed);
        (inside && elsewhere && !at_wanted).then(|| {
            RULE.finding(
                format!("the login ends at {} instead of {}", without_query(&landed.request.url), without_query(&wanted.request.url)),
                vec![
                    Evidence::at(wanted.id, format!("{} was asked for, and sent the person to log in", place(wanted))),
                    Evidence::at(login[at].id, format!("{} signed them in", place(login[at]))),
                    Evidence::at(landed.id, format!("{} is where they ended", place(landed))),
                ],
            )
        })
    });
    found.into_iter().collect()
}

fn same_page(one: &Hop, other: &Hop) -> bool {
    one.request.url.origin() == other.request.url.origin() && one.request.url.path() == other.request.url.path()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};

    fn login(wanted: &str, landed: &str) -> bool {
        let mut story = Story::new();
        story.step("a").open(wanted).follow("https://app.test/login").html("Log in");
        story.step("b").submit("https://app.test/login").sets("sid=v").follow(landed).html("Here");
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(login("https://app.test/invoices/7", "https://app.test/"));
        assert!(!login("https://app.test/invoices/7", "https://app.test/invoices/7"));
        assert!(!login("https://app.test/", "https://app.test/dashboard"), "the start page leads on");
        assert!(!login("https://app.test/invoices/7", "https://app.test/login"), "the login failed");
        let mut asked = Story::new();
        asked.step("a").open("https://app.test/login").html("Log in");
        asked.step("b").submit("https://app.test/login").sets("sid=v").follow("https://app.test/").html("Home");
        assert!(!hits(RULE.id, &asked), "the login is what was asked for");
    }
}
