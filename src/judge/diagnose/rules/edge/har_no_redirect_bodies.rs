//! A recording with holes in it.

use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::count;
use crate::trace::{AnsweredBy, FailureKind, Hop, Resource};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "har-no-redirect-bodies",
    family: Family::Edge,
    severity: Severity::Info,
    needs: Needs::Chain,
    summary: "the recording lacks answers: requests without a status, or pages that came from the browser's cache",
    cause: "the exporter drops what was under way when the page changed, and shows a cached answer in place of the server's",
    fix: "record again with \"Preserve log\" and \"Disable cache\" on, and begin before the login",
    reference: "HTTP Archive 1.2 (status 0, cache); mitmproxy's HAR fixtures",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    // An engine knows of each failure what it was, and a cache of its own is what it was asked to have.
    if facts.chain.visibility.jar {
        return Vec::new();
    }
    let of = |kind: fn(&Hop) -> bool, what: &str| {
        let mut hops = facts.chain.hops.iter().filter(|hop| kind(hop));
        let first = hops.next()?;
        Some(Evidence::at(first.id, format!("{} {what}; {}", place(first), count(hops.count() + 1, "request like that"))))
    };
    let unanswered: fn(&Hop) -> bool =
        |hop| hop.resource != Resource::Asset && hop.outcome.as_ref().is_err_and(|failure| failure.kind == FailureKind::Broken);
    let cached: fn(&Hop) -> bool = |hop| {
        matches!(hop.resource, Resource::Document | Resource::Frame)
            && hop.response().is_some_and(|response| response.by == AnsweredBy::Cache)
    };
    let evidence: Vec<_> = [of(unanswered, "has no answer in the recording"), of(cached, "was answered by the browser's cache")]
        .into_iter()
        .flatten()
        .collect();
    if evidence.is_empty() { Vec::new() } else { vec![RULE.finding("the recording lacks answers of the server", evidence)] }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};
    use crate::trace::{AnsweredBy, FailureKind, Resource};

    fn recorded(shape: impl FnOnce(&mut Story)) -> bool {
        let mut story = Story::new();
        story.open("https://app.test/login");
        shape(&mut story);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        let recording = |story: &mut Story| story.chain.visibility.jar = false;
        assert!(recorded(|story| {
            recording(story);
            story.fails(FailureKind::Broken, "no answer");
        }));
        assert!(recorded(|story| {
            recording(story);
            story.last().outcome.as_mut().unwrap().by = AnsweredBy::Cache;
        }));
        assert!(!recorded(recording), "it has all answers");
        assert!(
            !recorded(|story| {
                recording(story);
                story.fails(FailureKind::Redirect, "too many");
            }),
            "that is an answer"
        );
        assert!(
            !recorded(|story| {
                recording(story);
                story.last().outcome.as_mut().unwrap().by = AnsweredBy::Cache;
                story.last().resource = Resource::Asset;
            }),
            "a picture"
        );
        assert!(
            !recorded(|story| {
                story.fails(FailureKind::Broken, "reset");
            }),
            "an engine's own run"
        );
    }
}
