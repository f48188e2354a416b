//! An app that does not fetch new keys.

use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule, undecidable};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "jwks-stale",
    family: Family::Tokens,
    severity: Severity::Error,
    needs: Needs::Probe,
    summary: "the app refuses tokens whose key the provider publishes",
    cause: "the app keeps the provider's keys for ever, and they were rotated",
    fix: "fetch the keys again when a token names an unknown one, with a limit on how often",
    reference: "mckinsey/agents-at-scale-ark#2568; erlef/oidcc#543",
    check: undecidable,
};
