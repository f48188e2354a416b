//! A login's answer that takes its own cookie back.

use super::Evidence;
use crate::judge::diagnose::facts::{Facts, ends_session, is_deletion, place};
use crate::judge::diagnose::ledger::sounds_like_session;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::trace::{CookieSet, Hop};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-set-then-cleared",
    family: Family::Stored,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the login's answer sets the session cookie and expires it again, under the same key",
    cause: "what clears old cookies and what sets the new one share name, domain and path, and browsers take the lines of an answer in order: the last one wins",
    fix: "clear other keys alone, or write the clearing lines before the setting one",
    reference: "RFC 6265bis §5.7 step 23; lukevella/rallly#2941",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let logs_in = |hop: &&Hop| (hop.request.method == "POST" || facts.is_callback(hop)) && !ends_session(hop);
    let cleared = facts.chain.hops.iter().filter(logs_in).filter_map(|hop| {
        let (at, set) =
            hop.set.iter().enumerate().find(|(_, set)| {
                set.verdict.is_stored() && !is_deletion(set) && sounds_like_session(&set.name_text().to_ascii_lowercase())
            })?;
        let same: Vec<&CookieSet> = hop.set[at + 1..].iter().filter(|other| key(other) == key(set)).collect();
        let last = same.last().filter(|last| is_deletion(last))?;
        let name = shown(&set.name_text(), 80);
        let line = hop.set.iter().position(|other| std::ptr::eq(other, *last)).unwrap_or_default() + 1;
        let text = format!("{} sets `{name}` in its Set-Cookie line {} and expires it in line {line}", place(hop), at + 1);
        Some(RULE.finding(format!("{} takes the cookie `{name}` back", place(hop)), vec![Evidence::at(hop.id, text)]))
    });
    cleared.collect()
}

/// What browsers store a cookie under, as far as lines of one answer can differ in it.
fn key(set: &CookieSet) -> (&[u8], String, String) {
    let attribute = |name| set.attribute(name).and_then(|value| value.as_deref()).unwrap_or_default();
    (&set.name, attribute("domain").trim_start_matches('.').to_ascii_lowercase(), attribute("path").to_owned())
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;
    use crate::trace::SetVerdict::{Deleted, Stored};

    fn hits(url: &str, lines: &[&str]) -> bool {
        let mut story = Story::new();
        story.open(url);
        for line in lines {
            story.set_cookie(line, if line.contains("Max-Age=0") { Deleted } else { Stored });
        }
        diagnose(&story.plan, &story.chain).iter().any(|finding| finding.rule == RULE.id)
    }

    #[test]
    fn hits_and_near_misses() {
        let callback = "https://app.test/cb?code=1&state=2";
        assert!(hits(callback, &["sid=v; Path=/", "sid=; Path=/; Max-Age=0"]));
        assert!(!hits(callback, &["sid=; Path=/; Max-Age=0", "sid=v; Path=/"]), "cleared, then set");
        assert!(!hits(callback, &["sid=v; Path=/", "sid=; Path=/auth; Max-Age=0"]), "another key");
        assert!(!hits(callback, &["sid=v; Path=/", "sid=; Path=/; Max-Age=0", "sid=w; Path=/"]), "set again");
        assert!(!hits("https://app.test/logout?code=1&state=2", &["sid=v; Path=/", "sid=; Path=/; Max-Age=0"]), "signing out");
    }
}
