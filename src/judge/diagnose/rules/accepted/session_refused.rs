//! A session that went through every gate but the last, for a reason that no other rule knows.

use super::{Evidence, RULES};
use crate::judge::diagnose::credential::same_resource;
use crate::judge::diagnose::cycle::cycles;
use crate::judge::diagnose::denied::{denied, turned_away};
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::ledger::sounds_like_session;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::trace::{Cause, Hop, HopId};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "session-refused",
    family: Family::Accepted,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the login's cookie was set, stored and sent back unchanged, and the server that got it knows nobody",
    cause: "the guard does not read this cookie (it wants a Bearer token, another name, or a decoded value), or checks it against another secret or store",
    fix: "compare what the guard reads with what the login sets: name, encoding, secret, session store; ask each session endpoint with this very cookie",
    reference: "RFC 6265bis §5.8.3; better-auth/better-auth#4942",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let refused: Vec<_> = denied(facts)
        .into_iter()
        .filter(|denied| {
            let set = denied.witness.set;
            let unchanged = denied.page.sent.iter().any(|sent| sent.name == set.name && sent.value == set.value);
            unchanged && sounds_like_session(&set.name_text().to_ascii_lowercase()) && !facts.is_by_hand(denied.witness.hop)
        })
        .collect();
    // A loop is told as one, with this gate in it.
    if refused.is_empty() || !cycles(facts).is_empty() {
        return Vec::new();
    }
    let known: Vec<Finding> =
        RULES.iter().filter(|rule| rule.id != RULE.id && rule.severity == Severity::Error).flat_map(|rule| (rule.check)(facts)).collect();
    // A probe asks the page once more: what it shows there explains the page.
    let same = |page: &Hop, hop: HopId| {
        hop == page.id || facts.chain.hop(hop).is_some_and(|hop| hop.cause == Cause::Probe && same_resource(hop, page))
    };
    let explained = |page: &Hop| {
        let mut evidence = known.iter().flat_map(|finding| &finding.evidence).filter_map(|evidence| evidence.hop);
        evidence.any(|hop| same(page, hop))
    };
    let findings = refused.into_iter().filter(|denied| !explained(denied.page)).filter_map(|denied| {
        let name = shown(&denied.witness.set.name_text(), 80);
        let how = turned_away(facts, denied.page)?.told(denied.page);
        let evidence = vec![
            Evidence::at(denied.witness.hop.id, format!("{} set `{name}`, and it was stored", place(denied.witness.hop))),
            Evidence::at(denied.page.id, format!("{} got it, byte for byte, and answered {how}", place(denied.page))),
        ];
        Some(RULE.finding(format!("{} does not accept the session `{name}`", place(denied.page)), evidence))
    });
    findings.take(1).collect()
}

#[cfg(test)]
mod tests {
    use super::super::after_login;
    use super::RULE;
    use crate::judge::testing::{Story, hits};
    use crate::trace::{Cause, Resource};

    #[test]
    fn hits_and_near_misses() {
        assert_eq!(after_login("session=v", 401), [RULE.id]);
        assert!(!after_login("session=v", 200).contains(&RULE.id));
        assert!(!after_login("session=other", 401).contains(&RULE.id), "another value is another matter");
        assert!(!after_login("session=old; session=v", 401).contains(&RULE.id), "a rule knows why");
    }

    /// A page whose script asks an API on another host, and sends the person back to log in.
    fn shell(status: u16) -> Story {
        let mut story = Story::new();
        story
            .step("x")
            .open("https://api.app.test/cb?code=1&state=2")
            .sets("session=v; Path=/")
            .follow("https://www.app.test/")
            .html("Home");
        story.withheld("session", "DomainMismatch");
        story.hop("GET", "https://api.app.test/me", Cause::Subresource).cookies("session=v").status(status);
        story.last().resource = Resource::Fetch;
        story.hop("GET", "https://www.app.test/login", Cause::Script).html("Log in");
        story
    }

    #[test]
    fn a_page_that_its_api_sent_away_is_the_apis_doing() {
        assert!(hits(RULE.id, &shell(401)));
        assert!(!hits("cookie-host-only-elsewhere", &shell(401)), "the page needs no cookie of its own");
        assert!(hits("cookie-host-only-elsewhere", &shell(200)), "nobody refused anything: the page itself sends away");
    }
}
