//! Replicas of different builds.

use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::probe::rounds;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::{count, shown};
use crate::trace::ProbeKind;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "deploy-mixed-replicas",
    family: Family::Edge,
    severity: Severity::Error,
    needs: Needs::Probe,
    summary: "the same endpoint shows more than one build",
    cause: "a rollout is under way or a replica is stuck",
    fix: "wait until one build is left, or drain the old replicas",
    reference: "observed behind load balancers, which answer by chance",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let rounds = facts.probes(ProbeKind::Replicas).flat_map(|probe| rounds(facts, probe));
    let findings = rounds.filter_map(|round| {
        let builds = round.builds();
        let first = round.answers.first()?;
        let evidence = builds.iter().take(6).filter_map(|build| {
            let of_build: Vec<_> = round.answers.iter().filter(|answer| answer.build.as_deref() == Some(*build)).collect();
            let times = count(of_build.len(), "time");
            Some(Evidence::at(of_build.first()?.hop.id, format!("build {} answered {times} of {}", shown(build, 60), round.answers.len())))
        });
        let evidence = evidence.collect();
        (builds.len() > 1).then(|| RULE.finding(format!("{} builds answer {}", builds.len(), place(first.hop)), evidence))
    });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};
    use crate::trace::{ProbeKind, Role};

    fn story(builds: &[&str], probed: bool) -> Story {
        let mut story = Story::new();
        story.step("probe");
        for build in builds {
            story.get("https://app.test/version").answers("X-Build-Id", build);
            if probed {
                story.probed(ProbeKind::Replicas, Role::Same(None));
            }
        }
        story
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(hits(RULE.id, &story(&["7", "8", "7"], true)));
        assert!(!hits(RULE.id, &story(&["7", "7", "7"], true)));
        assert!(!hits(RULE.id, &story(&["7", "8"], false)), "a deployment between two requests of a run");
        let mut named = Story::new();
        named.step("probe");
        for build in ["a", "b"] {
            named.get("https://app.test/version").probed(ProbeKind::Replicas, Role::Same(Some(build.to_owned())));
        }
        assert!(hits(RULE.id, &named), "told where the scenario says");
    }
}
