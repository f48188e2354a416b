//! A login that leaves no cookie: its token lives where scripts keep things.

use super::Evidence;
use crate::judge::diagnose::facts::{Facts, is_deletion, place};
use crate::judge::diagnose::ledger::sounds_like_session;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::trace::{Cause, Hop, Resource};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "session-in-web-storage",
    family: Family::Sent,
    severity: Severity::Info,
    needs: Needs::Chain,
    summary: "the login sets no cookie: its token outlives pages in web storage and goes along as Authorization",
    cause: "the app keeps its token in localStorage, sessionStorage or IndexedDB: tools that carry cookies over do not carry the session, and every script can read it",
    fix: "save web storage with the cookies in tests, and assert Authorization; better, keep the token on the server behind an HttpOnly cookie",
    reference: "nhorto/clickgraph#27; draft-ietf-oauth-browser-based-apps §8",
    check,
};

/// Answers larger than this hold no token worth looking for.
const LARGEST: usize = 64 * 1024;

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let asked = facts.chain.hops.iter().filter(|hop| hop.resource == Resource::Fetch && hop.cause == Cause::Subresource);
    let found = asked.filter(|hop| hop.status().is_some_and(|status| status < 400)).find_map(|hop| {
        let token = bearer(hop)?;
        let given = facts.chain.hops.get(..hop.id.0 as usize)?.iter().find(|given| given.actor == hop.actor && gives(given, token))?;
        // Kept over another page: memory alone would not have it any more.
        let between = facts.chain.hops.get(given.id.0 as usize + 1..hop.id.0 as usize)?;
        let page =
            between.iter().find(|page| page.actor == hop.actor && page.resource == Resource::Document && page.status() == Some(200))?;
        let has_cookie = facts.chain.hops.iter().filter(|other| other.actor == hop.actor).any(|other| {
            other.request.url.host_str() == page.request.url.host_str()
                && other.set.iter().any(|set| !is_deletion(set) && sounds_like_session(&set.name_text().to_ascii_lowercase()))
        });
        (!has_cookie && hop.sent.is_empty()).then(|| {
            RULE.finding(
                "the session is a token that scripts keep",
                vec![
                    Evidence::at(given.id, format!("{} gave a script the token", place(given))),
                    Evidence::at(page.id, format!("{} was another page, and no answer of its host set a session cookie", place(page))),
                    Evidence::at(hop.id, format!("{} carried the same token as Authorization: Bearer", place(hop))),
                ],
            )
        })
    });
    found.into_iter().collect()
}

/// The token of an Authorization: Bearer (RFC 6750 §2.1), when it is long enough to be one.
fn bearer(hop: &Hop) -> Option<&str> {
    let (scheme, token) = hop.request.headers.get_str("authorization")?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && token.len() >= 8).then_some(token.trim())
}

fn gives(hop: &Hop, token: &str) -> bool {
    let body = hop.response().map(|response| &response.body.bytes).filter(|body| body.len() <= LARGEST);
    hop.resource == Resource::Fetch && body.is_some_and(|body| body.windows(token.len()).any(|part| part == token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};
    use crate::trace::{Cause, Resource};
    use serde_json::json;

    fn app(cookie: Option<&str>, reload: bool, token: &str) -> bool {
        let mut story = Story::new();
        story.step("x").open("https://app.test/login").html("Log in");
        story.hop("POST", "https://api.test/token", Cause::Subresource).json(json!({"access_token": "a-long-token"}));
        story.last().resource = Resource::Fetch;
        if let Some(cookie) = cookie {
            story.open("https://app.test/x").sets(cookie);
        }
        if reload {
            story.step("y").hop("GET", "https://app.test/home", Cause::Reload).html("Home");
        }
        story.hop("GET", "https://api.test/me", Cause::Subresource).sends("Authorization", &format!("Bearer {token}"));
        story.last().resource = Resource::Fetch;
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(app(None, true, "a-long-token"));
        assert!(!app(None, false, "a-long-token"), "one page may keep it in memory");
        assert!(!app(Some("sid=v"), true, "a-long-token"), "there is a cookie too");
        assert!(!app(None, true, "another-token"), "nobody saw where that came from");
    }
}
