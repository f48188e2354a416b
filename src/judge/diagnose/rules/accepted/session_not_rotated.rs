//! A session that was there before the login, and is the same after it.

use super::Evidence;
use crate::judge::diagnose::credential::{Standing, carrying, same_endpoint};
use crate::judge::diagnose::denied::{TurnedAway, turned_away};
use crate::judge::diagnose::facts::{Facts, cookie_header, is_deletion, place};
use crate::judge::diagnose::ledger::sounds_like_session;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::trace::Hop;
use url::form_urlencoded;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "session-not-rotated",
    family: Family::Accepted,
    severity: Severity::Warning,
    needs: Needs::Chain,
    summary: "the login keeps the session id that the browser came with",
    cause: "the server marks the anonymous session as signed in: who planted its id beforehand is signed in too (session fixation)",
    fix: "give out a new session id at every login and end the old one",
    reference: "OWASP WSTG-SESS-03; OWASP ASVS 5.0 V7.2.4; oryx-labs/oryxos#89",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let logins = facts.chain.hops.iter().filter(|hop| facts.is_callback(hop) || brings_password(hop));
    let found = logins.filter(|hop| cookie_header(hop).is_some() && hop.set.iter().all(is_deletion)).find_map(|login| {
        let by_name = |name: &[u8]| sounds_like_session(&String::from_utf8_lossy(name).to_ascii_lowercase());
        let session = login.sent.iter().find(|sent| by_name(&sent.name))?;
        let same = carrying(facts, login);
        let (before, after): (Vec<&Hop>, Vec<&Hop>) = same.into_iter().filter(|hop| hop.id != login.id).partition(|hop| hop.id < login.id);
        // Only a page that opens by the login, and by nothing else, proves that this cookie is the session.
        let let_in = |hop: &Hop| facts.standing(hop) == Standing::Known || hop.status() == Some(200) && turned_away(facts, hop).is_none();
        let denied = before
            .into_iter()
            .filter(|hop| matches!(turned_away(facts, hop), Some(TurnedAway::Refused | TurnedAway::Sent(_))))
            .find_map(|denied| {
                let opened = after.iter().find(|opened| same_endpoint(opened, denied) && let_in(opened))?;
                Some((denied, *opened))
            });
        let (denied, opened) = denied?;
        let name = shown(&String::from_utf8_lossy(&session.name), 80);
        Some(RULE.finding(
            format!("the login kept the session `{name}`"),
            vec![
                Evidence::at(denied.id, format!("{} turned the browser away, with `{name}`", place(denied))),
                Evidence::at(login.id, format!("{} signed in and set no other session", place(login))),
                Evidence::at(opened.id, format!("{} opened by the same value of `{name}`", place(opened))),
            ],
        ))
    });
    found.into_iter().collect()
}

fn brings_password(hop: &Hop) -> bool {
    let body = hop.request.body.get(..hop.request.body.len().min(64 * 1024)).unwrap_or_default();
    hop.request.method == "POST" && form_urlencoded::parse(body).any(|(name, _)| name.to_ascii_lowercase().contains("passw"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};

    fn login(line: Option<&str>, after: &str) -> bool {
        let mut story = Story::new();
        story.step("a").open("https://app.test/").sets("sid=anonymous").html("Welcome");
        story.step("b").open("https://app.test/home").cookies("sid=anonymous").follow("https://app.test/login").html("Log in");
        story.step("c").submit("https://app.test/login").cookies("sid=anonymous").last().request.body = "user=a&password=b".into();
        if let Some(line) = line {
            story.sets(line);
        }
        story.follow("https://app.test/home").cookies(after).html("Home");
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(login(None, "sid=anonymous"));
        assert!(!login(Some("sid=fresh"), "sid=fresh"), "a new one");
        assert!(!login(Some("auth=fresh"), "sid=anonymous; auth=fresh"), "another cookie is the session");
    }
}
