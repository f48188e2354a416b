//! A way back that leads anywhere.

use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule, undecidable};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "return-to-open",
    family: Family::Redirects,
    severity: Severity::Warning,
    needs: Needs::Probe,
    summary: "the page to return to after the login may be another site's",
    cause: "the app redirects to whatever its returnTo, next or rd parameter says",
    fix: "take only paths, or origins of a list",
    reference: "RFC 9700 §4.11",
    check: undecidable,
};
