//! A session cookie that one client keeps and another does not.

use super::Evidence;
use crate::judge::diagnose::facts::{Facts, is_deletion, place};
use crate::judge::diagnose::ledger::sounds_like_session;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::trace::{CookieSet, Hop, Resource};
use crate::web::cookie::{Jar, Policy, Profile, StoreContext, StoreOutcome};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "client-jar-differs",
    family: Family::Sent,
    severity: Severity::Info,
    needs: Needs::Chain,
    summary: "some browsers keep the login's cookie, and others refuse it",
    cause: "clients differ about Secure on localhost, SameSite=None without Secure, and unusual bytes; a login that works in one fails in another",
    fix: "set the cookie so that all of them keep it, and run the scenario by the rules of each browser that matters",
    reference: "RFC 6265bis §5.7; postmanlabs/postman-app-support#10185, httpie/cli#1308",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut told = Vec::new();
    let mut findings = Vec::new();
    for hop in facts.chain.hops.iter().filter(|hop| hop.resource == Resource::Document) {
        for set in hop.set.iter().filter(|set| !is_deletion(set) && sounds_like_session(&set.name_text().to_ascii_lowercase())) {
            let (keep, refuse): (Vec<_>, Vec<_>) =
                Profile::ALL.into_iter().map(|profile| (profile, refusal(profile, hop, set))).partition(|(_, word)| word.is_none());
            let key = (hop.request.url.host_str(), &set.name);
            // Where all agree, or the one at hand refuses it, other rules speak.
            if keep.is_empty() || refuse.is_empty() || !set.verdict.is_stored() || told.contains(&key) {
                continue;
            }
            told.push(key);
            let name = shown(&set.name_text(), 80);
            let refuse: Vec<_> = refuse.into_iter().map(|(profile, word)| format!("{profile} ({})", word.unwrap_or_default())).collect();
            let keep: Vec<_> = keep.into_iter().map(|(profile, _)| profile.to_string()).collect();
            findings.push(RULE.finding(
                format!("not every browser keeps the cookie `{name}`"),
                vec![Evidence::at(
                    hop.id,
                    format!("{} set `{name}`: kept by {}, refused by {}", place(hop), keep.join(", "), refuse.join(", ")),
                )],
            ));
        }
    }
    findings
}

/// Why an empty jar of this kind refuses the line, if it does.
fn refusal(profile: Profile, hop: &Hop, set: &CookieSet) -> Option<&'static str> {
    let mut jar = Jar::new(Policy { profile, ..Policy::default() });
    let verdict = jar.store(&StoreContext::navigation(hop.request.url.clone()), &set.raw, hop.started);
    match verdict.outcome {
        StoreOutcome::Blocked { reasons } => Some(reasons.first().map_or("refused", |reason| reason.as_str())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};

    fn sets(url: &str, line: &str) -> bool {
        let mut story = Story::new();
        story.open(url).sets(line);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(sets("http://localhost:3000/", "sid=v; Secure"), "Safari does not take localhost for secure");
        assert!(!sets("http://localhost:3000/", "sid=v"));
        assert!(!sets("https://app.test/", "sid=v; Secure"), "all keep it");
        assert!(!sets("https://app.test/", "sid=v; Domain=other.test"), "all refuse it");
        assert!(!sets("http://localhost:3000/", "theme=v; Secure"), "no session");
    }
}
