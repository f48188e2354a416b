//! A session cookie that plain http may read.

use super::Evidence;
use crate::judge::diagnose::facts::{Facts, ends_session, is_deletion, place};
use crate::judge::diagnose::ledger::sounds_like_session;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::trace::Hop;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-missing-secure-https",
    family: Family::Stored,
    severity: Severity::Warning,
    needs: Needs::Chain,
    summary: "the login's cookie came over https without `Secure`",
    cause: "behind a proxy that terminates TLS the app sees http and leaves `Secure` out: whoever listens to one plain request has the session",
    fix: "trust the proxy's `X-Forwarded-Proto`, or always set `Secure`",
    reference: "RFC 6265bis §8.3; vvo/iron-session#412",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut told = Vec::new();
    let mut findings = Vec::new();
    let logs_in =
        |hop: &&Hop| hop.request.url.scheme() == "https" && (hop.request.method == "POST" || facts.is_callback(hop)) && !ends_session(hop);
    for hop in facts.chain.hops.iter().filter(logs_in) {
        for set in hop.set.iter().filter(|set| set.verdict.is_stored() && !is_deletion(set) && set.attribute("secure").is_none()) {
            let key = (hop.request.url.host_str(), &set.name);
            // Scripts read what is not HttpOnly: that is a preference rather than a session.
            let is_session = set.attribute("httponly").is_some() && sounds_like_session(&set.name_text().to_ascii_lowercase());
            if !is_session || told.contains(&key) {
                continue;
            }
            told.push(key);
            let name = shown(&set.name_text(), 80);
            let evidence = vec![Evidence::at(hop.id, format!("{} set `{name}` over https and left `Secure` out", place(hop)))];
            findings.push(RULE.finding(format!("the cookie `{name}` also goes over plain http"), evidence));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;

    fn hits(url: &str, line: &str) -> bool {
        let mut story = Story::new();
        story.open(url).sets(line);
        diagnose(&story.plan, &story.chain).iter().any(|finding| finding.rule == RULE.id)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(hits("https://app.test/cb?code=1&state=2", "session=v; HttpOnly; Path=/"));
        assert!(!hits("https://app.test/cb?code=1&state=2", "session=v; HttpOnly; Secure"));
        assert!(!hits("http://app.test/cb?code=1&state=2", "session=v; HttpOnly"), "no TLS at all");
        assert!(!hits("https://app.test/cb?code=1&state=2", "theme=v; HttpOnly"), "not the session");
        assert!(!hits("https://app.test/", "session=v; HttpOnly"), "not a login");
    }
}
