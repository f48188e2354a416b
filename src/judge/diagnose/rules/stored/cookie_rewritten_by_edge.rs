//! A cookie that the edge changes.

use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule, undecidable};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-rewritten-by-edge",
    family: Family::Stored,
    severity: Severity::Warning,
    needs: Needs::Probe,
    summary: "a cookie's attributes at the edge are not those that the origin set",
    cause: "a proxy rewrites them (`proxy_cookie_path`, `proxy_cookie_flags`, `proxy_cookie_domain`), often for more paths than was meant",
    fix: "scope the rewriting to the location that needs it",
    reference: "IdentityPython/SATOSA#245",
    // Takes the same request past the edge, straight to the origin.
    check: undecidable,
};
