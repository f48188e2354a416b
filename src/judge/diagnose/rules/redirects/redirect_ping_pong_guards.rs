//! Two pages that each send the user to the other.

use super::loops;
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::cycle::Kind;
use crate::judge::diagnose::rules::{Family, Needs, Rule};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "redirect-ping-pong-guards",
    family: Family::Redirects,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "two pages send the user to each other, without the provider",
    cause: "the two pages ask different questions: one only whether a cookie is there, the other whether it is valid",
    fix: "let one function decide for both; delete a session cookie that is not valid, so that the login page shows",
    reference: "better-auth/better-auth#333",
    check: |facts| loops(&RULE, facts, Kind::PingPong),
};

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;

    fn hits(story: &Story) -> bool {
        diagnose(&story.plan, &story.chain).iter().any(|finding| finding.rule == RULE.id)
    }

    fn rounds(number: usize, through: &str) -> Story {
        let mut story = Story::new();
        story.open("https://app.test/");
        for _ in 0..number {
            story.follow(through).follow("https://app.test/");
        }
        story
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(hits(&rounds(2, "https://app.test/login")));
        assert!(!hits(&rounds(1, "https://app.test/login")), "sent to log in and back once");
        assert!(
            !hits(&rounds(5, "https://idp.test/authorize?client_id=m&response_type=code")),
            "a loop through the provider is another rule's"
        );
    }
}
