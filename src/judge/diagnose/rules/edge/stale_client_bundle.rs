//! A page of an earlier deployment.

use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule, undecidable};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "stale-client-bundle",
    family: Family::Edge,
    severity: Severity::Error,
    needs: Needs::Deploy,
    summary: "the page loads scripts of another build than the deployed one",
    cause: "the HTML is kept by a cache or a service worker, and still names the old scripts",
    fix: "hash the names of scripts, answer HTML with no-cache, and let the service worker leave auth routes alone",
    reference: "elizaOS/eliza#14391",
    check: undecidable,
};
