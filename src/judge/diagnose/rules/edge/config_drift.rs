//! Settings that differ from what the repository declares.

use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule, undecidable};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "config-drift",
    family: Family::Edge,
    severity: Severity::Error,
    needs: Needs::Deploy,
    summary: "issuer, endpoints, redirect URIs or cookie attributes differ from the declared ones",
    cause: "the environment was changed by hand, or a variable is not set",
    fix: "set the environment from the repository, and compare after each rollout",
    reference: "marcodejongh/boardsesh#4264",
    check: undecidable,
};
