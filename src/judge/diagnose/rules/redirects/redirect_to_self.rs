//! A page that redirects to itself.

use super::loops;
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::cycle::Kind;
use crate::judge::diagnose::rules::{Family, Needs, Rule};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "redirect-to-self",
    family: Family::Redirects,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a URL redirects to itself",
    cause: "TLS ends in front of the app, which sees http and asks for https for ever; or a cookie that the page waits for is never kept",
    fix: "trust the proxy's X-Forwarded-Proto, or speak TLS up to the app; see whether the page's cookie is stored",
    reference: "RFC 9110 §15.4; outline/outline#4673, louketo/louketo-proxy#337",
    check: |facts| loops(&RULE, facts, Kind::ToSelf),
};

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;

    fn hits(story: &Story) -> bool {
        diagnose(&story.plan, &story.chain).iter().any(|finding| finding.rule == RULE.id)
    }

    #[test]
    fn hits_and_near_misses() {
        let mut story = Story::new();
        story.open("http://app.test/").follow("http://app.test/");
        assert!(!hits(&story), "once, to see whether cookies are kept");
        story.follow("http://app.test/");
        assert!(hits(&story));
        let mut upgrade = Story::new();
        upgrade.open("http://app.test/").follow("https://app.test/").follow("https://app.test/home");
        assert!(!hits(&upgrade), "http to https is another URL");
    }
}
