//! A callback whose state nobody compares.

use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule, undecidable};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "state-not-verified",
    family: Family::State,
    severity: Severity::Error,
    needs: Needs::Probe,
    summary: "a callback with a changed state is accepted",
    cause: "the callback does not compare the state with the browser's own, so that anybody can end their login in somebody else's browser",
    fix: "compare the state with the cookie's or the session's before the code is redeemed",
    reference: "RFC 6749 §10.12; better-auth/better-auth#8897",
    check: undecidable,
};
