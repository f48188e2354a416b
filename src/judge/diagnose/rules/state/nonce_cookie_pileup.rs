//! Cookies of given-up logins that pile up.

use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::trace::Hop;
use std::collections::BTreeMap;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "nonce-cookie-pileup",
    family: Family::State,
    severity: Severity::Warning,
    needs: Needs::Chain,
    summary: "cookies of earlier login attempts pile up in the browser",
    cause: "each attempt sets a cookie with a name of its own, and only a login that succeeds deletes it; at some point the Cookie header is too large",
    fix: "delete the attempt's cookies when it fails too, give them a short Max-Age, and keep only the last few",
    reference: "dotnet/aspnetcore#53048",
    check,
};

/// So many attempts at once are no tabs any more.
const MANY: usize = 6;

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let piled = |hop: &Hop| piles(hop).into_iter().find(|(_, names)| names.len() >= MANY).map(|(stem, names)| (stem, names.len()));
    facts
        .chain
        .hops
        .iter()
        .find_map(|hop| piled(hop).map(|(stem, number)| (hop, stem, number)))
        .into_iter()
        .map(|(hop, stem, number)| {
            let bytes: usize = hop.sent.iter().map(|sent| sent.name.len() + sent.value.len() + 3).sum();
            RULE.finding(
                format!("{number} cookies of login attempts pile up"),
                vec![Evidence::at(
                    hop.id,
                    format!("{} carried {number} cookies named `{}…`, {bytes} bytes of cookies in all", place(hop), shown(&stem, 60)),
                )],
            )
        })
        .collect()
}

/// The request's cookies of login attempts, by what their names begin with up to a part that is random.
fn piles(hop: &Hop) -> BTreeMap<String, Vec<String>> {
    let mut piles: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for sent in &hop.sent {
        let name = String::from_utf8_lossy(&sent.name).into_owned();
        let lower = name.to_ascii_lowercase();
        let words = ["nonce", "correlation", "csrf", "state", "pkce", "verifier"];
        let Some(end) = words.iter().filter_map(|word| lower.find(word).map(|at| at + word.len())).min() else { continue };
        // Numbered chunks of one large cookie are no attempts.
        if name.get(end..).is_some_and(|rest| rest.chars().filter(char::is_ascii_alphanumeric).count() >= 4) {
            let names = piles.entry(name[..end].to_owned()).or_default();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    piles
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};

    fn sent(number: usize, name: impl Fn(usize) -> String) -> bool {
        let cookies: Vec<_> = (0..number).map(|at| format!("{}=v", name(at))).collect();
        let mut story = Story::new();
        story.open("https://app.test/").cookies(&cookies.join("; "));
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        let nonce = |at: usize| format!(".AspNetCore.OpenIdConnect.Nonce.CfDJ8{at}xyz");
        assert!(sent(8, nonce));
        assert!(!sent(3, nonce), "a few tabs");
        assert!(!sent(8, |at| format!("state.{at}")), "chunks of one cookie");
        assert!(!sent(8, |at| format!("feature{at}")), "other cookies");
    }
}
