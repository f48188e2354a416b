//! Another build than the one that was to be deployed.

use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule, undecidable};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "deploy-sha-mismatch",
    family: Family::Edge,
    severity: Severity::Error,
    needs: Needs::Deploy,
    summary: "the deployed build is not the expected one",
    cause: "the rollout failed or the image is an old one",
    fix: "block on the version endpoint until it shows the commit",
    reference: "luckyframework/lucky#452",
    check: undecidable,
};
