//! A login that succeeds at the provider and is not believed by the app, again and again.

use super::loops;
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::cycle::Kind;
use crate::judge::diagnose::rules::{Family, Needs, Rule};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "redirect-auth-cycle",
    family: Family::Redirects,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the app sends a signed-in user to the provider again and again",
    cause: "the session is not established: the provider signs in silently, the callback succeeds, and the app still sees nobody",
    fix: "mend the gate that fails (see the evidence); show an error after a second silent round instead of another one",
    reference: "goauthentik/authentik#26076",
    check: |facts| loops(&RULE, facts, Kind::Auth),
};

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;

    fn hits(story: &Story) -> bool {
        diagnose(&story.plan, &story.chain).iter().any(|finding| finding.rule == RULE.id)
    }

    fn laps(number: usize) -> Story {
        let mut story = Story::new();
        story.open("https://app.test/");
        for lap in 0..number {
            story.follow(&format!("https://idp.test/authorize?client_id=m&response_type=code&state={lap}"));
            story.follow(&format!("https://app.test/cb?code={lap}&state={lap}")).follow("https://app.test/");
        }
        story
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(hits(&laps(2)));
        assert!(!hits(&laps(1)), "one way to the provider and back is a login");
    }
}
