//! A prefetch that begins a login over one that is under way.

use crate::judge::diagnose::facts::{Facts, is_deletion, place, prefetched};
use crate::judge::diagnose::ledger::sounds_like_attempt;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::trace::SetVerdict;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-set-by-prefetched-page",
    family: Family::Stored,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a prefetch set the state or verifier of a new login over that of the one under way",
    cause: "the browser or a framework fetched a link that begins a login, and the answer's cookie replaced the one that the callback needs",
    fix: "begin logins by POST or a button, and let auth routes answer requests with Sec-Purpose: prefetch without a cookie",
    reference: "kinde-oss/kinde-auth-nextjs#528; Fetch §3.8 (Sec-Purpose)",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let overwritten = facts.chain.hops.iter().find_map(|hop| {
        let by = prefetched(hop)?;
        hop.set.iter().filter(|set| set.verdict.is_stored() && !is_deletion(set)).find_map(|set| {
            if !sounds_like_attempt(&set.name_text().to_ascii_lowercase()) {
                return None;
            }
            // What the cookie was before: a login under way that has not been answered yet.
            let rows = facts.ledger.rows_before(&hop.actor, &set.name, hop.id);
            let before = rows.iter().rev().find_map(|row| Some((row.hop, row.set?)))?;
            let live = !is_deletion(before.1) && !matches!(before.1.verdict, SetVerdict::Blocked(_)) && prefetched(before.0).is_none();
            let same_host = before.0.request.url.host_str() == hop.request.url.host_str();
            let answered = facts.chain.hops[before.0.id.0 as usize..hop.id.0 as usize]
                .iter()
                .any(|between| between.actor == hop.actor && facts.is_callback(between));
            (live && same_host && !answered && before.1.value != set.value).then(|| (hop, by.clone(), set, before.0))
        })
    });
    let finding = overwritten.map(|(hop, by, set, before)| {
        let name = shown(&set.name_text(), 80);
        RULE.finding(
            format!("a prefetch replaced `{name}` of the login under way"),
            vec![
                Evidence::at(before.id, format!("{} set `{name}` for the login under way", place(before))),
                Evidence::at(hop.id, format!("{} was asked for beforehand ({by}) and set another value", place(hop))),
            ],
        )
    });
    finding.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits};
    use crate::trace::Cause;

    fn login(purpose: &str, cookie: &str, between: bool) -> bool {
        let mut story = Story::new();
        story.step("x").open("https://app.test/login").sets("oauth_state=one").follow(&authorize("s1")).html("Log in");
        if between {
            story.follow("https://app.test/cb?code=c&state=s1").html("Home");
        }
        story.hop("GET", "https://app.test/login", Cause::Subresource).sends("Sec-Purpose", purpose).sets(cookie);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(login("prefetch", "oauth_state=two", false));
        assert!(!login("", "oauth_state=two", false), "somebody began again");
        assert!(!login("prefetch", "theme=two", false), "no cookie of a login");
        assert!(!login("prefetch", "oauth_state=one", false), "the same value");
        assert!(!login("prefetch", "oauth_state=two", true), "the login was over");
    }
}
