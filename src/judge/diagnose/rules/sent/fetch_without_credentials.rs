//! A script that asks another origin without the cookies it would have needed.

use super::Evidence;
use crate::judge::diagnose::credential::Standing;
use crate::judge::diagnose::facts::{Facts, is_deletion, place};
use crate::judge::diagnose::ledger::sounds_like_session;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::trace::{Cause, CookieSet, Hop, Resource};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "fetch-without-credentials",
    family: Family::Sent,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a script asks another origin without cookies, though the browser has the session of that origin",
    cause: "fetch and XMLHttpRequest leave cookies out across origins unless the script says otherwise",
    fix: "fetch with `credentials: \"include\"` (`withCredentials`), and answer with the page's very origin and Access-Control-Allow-Credentials: true",
    reference: "Fetch §4.6 (credentials mode), §3.3.5; Talend/ui#5127",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    if !facts.chain.visibility.cookies {
        return Vec::new();
    }
    let asked = facts.chain.hops.iter().filter(|hop| hop.resource == Resource::Fetch && hop.cause == Cause::Subresource);
    let found = asked.filter(|hop| hop.sent.is_empty() && !hop.request.headers.contains("authorization")).find_map(|hop| {
        let asker = hop.request.headers.get_str("origin").filter(|asker| *asker != hop.request.url.origin().ascii_serialization())?;
        if !matches!(facts.standing(hop), Standing::Refused | Standing::Anonymous) {
            return None;
        }
        let (login, set) = session_of(facts, hop)?;
        let name = shown(&set.name_text(), 80);
        let allows = hop.response()?.headers.get_str("access-control-allow-credentials").is_some_and(|value| value.trim() == "true");
        let server =
            if allows { "the server would allow it" } else { "the server does not allow it either (Access-Control-Allow-Credentials)" };
        Some(RULE.finding(
            format!("the script of {} asks without cookies", shown(asker, 100)),
            vec![
                Evidence::at(login.id, format!("{} set `{name}`, and it was stored", place(login))),
                Evidence::at(
                    hop.id,
                    format!(
                        "{}, asked for by a script of {}, carried no cookie and answered {}; {server}",
                        place(hop),
                        shown(asker, 100),
                        hop.status().unwrap_or_default()
                    ),
                ),
            ],
        ))
    });
    found.into_iter().collect()
}

/// The session that the request's host had set before and that nothing kept at home.
fn session_of<'a>(facts: &Facts<'a>, hop: &Hop) -> Option<(&'a Hop, &'a CookieSet)> {
    let before = facts.chain.hops.get(..hop.id.0 as usize)?.iter().rev();
    let same = before.filter(|login| login.actor == hop.actor && login.request.url.host_str() == hop.request.url.host_str());
    let live = |set: &CookieSet| {
        let path = set.attribute("path").and_then(|value| value.as_deref()).unwrap_or_default();
        let reaches = !path.is_empty() && hop.request.url.path().starts_with(path);
        let gone = facts.ledger.rows_before(&hop.actor, &set.name, hop.id).iter().rev().find(|row| row.set.is_some());
        let gone = gone.and_then(|row| row.set).is_some_and(is_deletion);
        let kept = hop.withheld.iter().any(|withheld| withheld.name == set.name);
        set.verdict.is_stored() && reaches && !gone && !kept && sounds_like_session(&set.name_text().to_ascii_lowercase())
    };
    same.into_iter().find_map(|login| Some((login, login.set.iter().find(|set| !is_deletion(set) && live(set))?)))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};
    use crate::trace::{Cause, Resource};

    fn asks(origin: &str, status: u16, then: impl FnOnce(&mut Story)) -> bool {
        let mut story = Story::new();
        story.step("x").submit("https://api.app.test/login").sets("sid=v; Path=/; Secure").follow("https://www.app.test/home").html("Home");
        story.hop("GET", "https://api.app.test/me", Cause::Subresource).sends("Origin", origin).status(status);
        story.last().resource = Resource::Fetch;
        then(&mut story);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        let www = "https://www.app.test";
        assert!(asks(www, 401, |_| {}));
        assert!(!asks(www, 200, |_| {}), "it needs none");
        assert!(!asks("https://api.app.test", 401, |_| {}), "its own origin");
        assert!(
            !asks(www, 401, |story| {
                story.withheld("sid", "SameSiteLax");
            }),
            "another reason keeps it at home"
        );
        assert!(
            !asks(www, 401, |story| {
                story.cookies("sid=v");
            }),
            "it was sent"
        );
        assert!(
            !asks(www, 401, |story| {
                story.sends("Authorization", "Bearer x");
            }),
            "another credential"
        );
    }
}
