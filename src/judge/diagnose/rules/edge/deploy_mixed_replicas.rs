//! Replicas of different builds.

use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule, undecidable};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "deploy-mixed-replicas",
    family: Family::Edge,
    severity: Severity::Error,
    needs: Needs::Deploy,
    summary: "the same endpoint shows more than one build",
    cause: "a rollout is under way or a replica is stuck",
    fix: "wait until one build is left, or drain the old replicas",
    reference: "observed behind load balancers, which answer by chance",
    check: undecidable,
};
