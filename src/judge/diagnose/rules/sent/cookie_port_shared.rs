//! Two apps on one host, and one name for both their cookies.

use super::Evidence;
use crate::judge::diagnose::denied::turned_away;
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::ledger::sounds_like_attempt;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::trace::{Hop, SetVerdict};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-port-shared",
    family: Family::Sent,
    severity: Severity::Warning,
    needs: Needs::Chain,
    summary: "an app on another port of the same host replaced a cookie, and the first app no longer knows its value",
    cause: "cookies know no ports: two apps on one host with one cookie name take each other's cookie away",
    fix: "give each app its own cookie name or prefix, or its own host name",
    reference: "RFC 6265bis §8.5 (weak confidentiality: cookies are shared among ports)",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for hop in &facts.chain.hops {
        for set in hop.set.iter().filter(|set| set.verdict == SetVerdict::Replaced) {
            if sounds_like_attempt(&set.name_text().to_ascii_lowercase()) || !findings.is_empty() {
                continue;
            }
            let before = facts.ledger.rows_before(&hop.actor, &set.name, hop.id);
            let stored = before.iter().rev().filter(|row| row.set.is_some_and(|set| set.verdict.is_stored()));
            let Some(owner) = stored.map(|row| row.hop).next().filter(|owner| other_port(owner, hop)) else { continue };
            let victim = facts.ledger.rows_after(&hop.actor, &set.name, hop.id).iter().find(|row| {
                row.hop.request.url.origin() == owner.request.url.origin() && row.sent.is_some_and(|sent| sent.value == set.value)
            });
            let Some((victim, how)) = victim.and_then(|row| Some((row.hop, turned_away(facts, row.hop)?))) else { continue };
            let name = shown(&set.name_text(), 80);
            let evidence = vec![
                Evidence::at(owner.id, format!("{} set `{name}`", place(owner))),
                Evidence::at(hop.id, format!("{} on another port replaced it", place(hop))),
                Evidence::at(victim.id, format!("{} got the other app's value and answered {}", place(victim), how.told(victim))),
            ];
            findings.push(RULE.finding(format!("two apps on one host share the cookie `{name}`"), evidence));
        }
    }
    findings
}

fn other_port(one: &Hop, other: &Hop) -> bool {
    let (one, other) = (&one.request.url, &other.request.url);
    one.host_str() == other.host_str() && one.scheme() == other.scheme() && one.port_or_known_default() != other.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};
    use crate::trace::SetVerdict;

    fn apps(second: &str, name: &str, status: u16) -> bool {
        let mut story = Story::new();
        story.step("one").submit("http://localhost:3000/login").sets(&format!("{name}=a"));
        story.step("two").submit(second).set_cookie(&format!("{name}=b"), SetVerdict::Replaced);
        story.step("one again").open("http://localhost:3000/home").cookies(&format!("{name}=b")).status(status);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(apps("http://localhost:4000/login", "sid", 401));
        assert!(!apps("http://localhost:4000/login", "sid", 200), "both know it: one app on two ports");
        assert!(!apps("http://localhost:3000/login", "sid", 401), "the same app");
        assert!(!apps("http://localhost:4000/login", "csrf", 401), "a login under way is another rule's");
    }
}
