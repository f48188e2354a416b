//! A test's saved browser state without the session.

use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule, undecidable};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "state-saved-too-early",
    family: Family::Sent,
    severity: Severity::Warning,
    needs: Needs::Storage,
    summary: "a test saved the browser's state before the login's last redirect set the session",
    cause: "the state was saved as soon as a page showed, while the hop that sets the session cookie was still under way",
    fix: "wait for the session cookie, or for a page that only a signed-in user sees, before saving the state",
    reference: "microsoft/playwright#21096",
    check: undecidable,
};
