//! A deployment that does not say what it is.

use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule, undecidable};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "deploy-unverifiable",
    family: Family::Edge,
    severity: Severity::Warning,
    needs: Needs::Deploy,
    summary: "nothing deployed tells which build it is",
    cause: "no version endpoint, header or meta element has the commit",
    fix: "show the commit at build time, and fail when it is missing",
    reference: "a build that cannot be named cannot be compared",
    check: undecidable,
};
