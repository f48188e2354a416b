//! A token against forgery that the login made invalid.

use super::Evidence;
use crate::judge::diagnose::facts::{Facts, is_deletion, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::trace::{CookieSet, Hop};
use url::form_urlencoded;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "csrf-rotated-at-login",
    family: Family::Accepted,
    severity: Severity::Warning,
    needs: Needs::Chain,
    summary: "the first POST after the login was refused: it brought the CSRF token from before the login",
    cause: "the login gave the session a new CSRF token, as it should, and the page still sends the one it had read before",
    fix: "read the token again after the login, from the cookie or the page, with every request that needs it",
    reference: "OWASP Cross-Site Request Forgery Prevention Cheat Sheet; openlinker-project/openlinker#1998",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let refused = facts.chain.hops.iter().filter(|hop| hop.request.method != "GET" && matches!(hop.status(), Some(400 | 403 | 419 | 422)));
    let found = refused.filter(|hop| !facts.is_tampered(hop)).find_map(|hop| {
        let (login, set, old) = facts.logins(&hop.actor, hop.id).find_map(|login| {
            let set = login.set.iter().find(|set| names_csrf(&set.name_text()) && set.verdict.is_stored() && !is_deletion(set))?;
            let rows = facts.ledger.rows_before(&login.actor, &set.name, login.id);
            let before = rows.iter().rev().find_map(|row| row.set).map(|set| &set.value)?;
            (*before != set.value && login.id < hop.id).then_some((login, set, before))
        })?;
        let where_from = brings(hop, old)?;
        Some(finding(login, set, hop, &where_from))
    });
    found.into_iter().collect()
}

fn finding(login: &Hop, set: &CookieSet, hop: &Hop, where_from: &str) -> Finding {
    let name = shown(&set.name_text(), 80);
    RULE.finding(
        format!("{} brought the CSRF token from before the login", place(hop)),
        vec![
            Evidence::at(login.id, format!("{} set `{name}` anew", place(login))),
            Evidence::at(
                hop.id,
                format!("{} brought its old value ({where_from}) and was answered {}", place(hop), hop.status().unwrap_or_default()),
            ),
        ],
    )
}

fn names_csrf(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("csrf") || name.contains("xsrf")
}

/// Where the request brings this value beside its cookies: in a field of the header, or of its form.
fn brings(hop: &Hop, value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok().filter(|text| text.len() >= 4)?;
    // Libraries sign the cookie or append a hash: the token stands before `|` or `.`.
    let same = |other: &str| other == text || text.split(['|', '.']).next() == Some(other);
    let field = hop.request.headers.iter().find(|field| names_csrf(&field.name) && std::str::from_utf8(&field.value).is_ok_and(same));
    if let Some(field) = field {
        return Some(format!("the field {}", shown(&field.name, 60)));
    }
    let body = hop.request.body.get(..hop.request.body.len().min(64 * 1024))?;
    let (name, _) = form_urlencoded::parse(body).find(|(name, value)| (names_csrf(name) || name == "authenticity_token") && same(value))?;
    Some(format!("the form's {}", shown(&name, 60)))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};
    use crate::trace::SetVerdict;

    fn posts(rotated: &str, token: &str, status: u16) -> bool {
        let mut story = Story::new();
        story.step("a").open("https://app.test/login").sets("csrf=before-1").html("Log in");
        story
            .step("b")
            .submit("https://app.test/login")
            .sets("sid=v")
            .set_cookie(rotated, SetVerdict::Replaced)
            .follow("https://app.test/")
            .html("Home");
        story.step("c").submit("https://app.test/note").sends("X-CSRF-Token", token).status(status);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(posts("csrf=after-2", "before-1", 403));
        assert!(!posts("csrf=after-2", "after-2", 403), "the new one, refused for another reason");
        assert!(!posts("csrf=after-2", "before-1", 200));
        assert!(!posts("csrf=before-1", "before-1", 403), "it was not changed");
    }
}
