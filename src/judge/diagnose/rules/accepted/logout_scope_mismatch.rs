//! Signing out expires another cookie than the one that is there.

use super::Evidence;
use crate::judge::diagnose::facts::{Facts, ends_session, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::trace::SetVerdict;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "logout-scope-mismatch",
    family: Family::Accepted,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "signing out expires a cookie under another domain or path, and the live one is sent on",
    cause: "browsers know a cookie by name, domain, host-only flag and path: a clearing line that differs in one of them hits nothing",
    fix: "clear the cookie with the very `Domain` and `Path` that set it, and each key that was ever used",
    reference: "RFC 6265bis §5.7 step 23; strelov1/freehire#682, Budibase/budibase#2906",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for hop in facts.chain.hops.iter().filter(|hop| ends_session(hop)) {
        for set in &hop.set {
            let SetVerdict::DeletedNothing(others) = &set.verdict else { continue };
            // Clearing every key that was ever used also hits nothing with some lines: one that hits is enough.
            let hit = hop.set.iter().any(|other| other.name == set.name && other.verdict == SetVerdict::Deleted);
            let carried = hop.sent.iter().find(|sent| sent.name == set.name);
            let Some(carried) = carried.filter(|_| !others.is_empty() && !hit) else { continue };
            let later = facts.chain.hops.iter().find(|later| {
                later.id > hop.id && later.actor == hop.actor && !facts.is_tampered(later) && later.sent.iter().any(|sent| sent == carried)
            });
            let Some(later) = later else { continue };
            let name = shown(&set.name_text(), 80);
            let keys: Vec<_> = others.iter().take(4).map(|key| shown(key, 80)).collect();
            let evidence = vec![
                Evidence::at(
                    hop.id,
                    format!("{} expires `{name}` under a key that no cookie has; there is {}", place(hop), keys.join(", ")),
                ),
                Evidence::at(later.id, format!("{} still carried `{name}` with the same value", place(later))),
            ];
            if !findings.iter().any(|known: &Finding| known.evidence == evidence) {
                findings.push(RULE.finding(format!("signing out leaves the cookie `{name}` in the browser"), evidence));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;
    use crate::trace::SetVerdict::{self, Deleted, DeletedNothing};

    fn hits(lines: &[(&str, SetVerdict)], then: &str) -> bool {
        let mut story = Story::new();
        story.step("out").post("https://app.test/logout").cookies("sid=v");
        for (line, verdict) in lines {
            story.set_cookie(line, verdict.clone());
        }
        story.step("x").get("https://app.test/").cookies(then);
        diagnose(&story.plan, &story.chain).iter().any(|finding| finding.rule == RULE.id)
    }

    #[test]
    fn hits_and_near_misses() {
        let nothing = || ("sid=; Max-Age=0", DeletedNothing(vec!["sid of .app.test".to_owned()]));
        assert!(hits(&[nothing()], "sid=v"));
        assert!(!hits(&[nothing(), ("sid=; Max-Age=0; Domain=app.test", Deleted)], "sid=v"), "another line hits");
        assert!(!hits(&[nothing()], "sid=fresh"), "another session");
        assert!(!hits(&[("sid=; Max-Age=0", DeletedNothing(vec![]))], "sid=v"), "there was none");
    }
}
