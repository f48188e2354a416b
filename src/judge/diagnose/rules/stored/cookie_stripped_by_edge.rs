//! A cookie that the edge takes away.

use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule, undecidable};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-stripped-by-edge",
    family: Family::Stored,
    severity: Severity::Error,
    needs: Needs::Probe,
    summary: "the edge's answer lacks a Set-Cookie that the origin's has",
    cause: "a proxy in front of the app hides Set-Cookie (`proxy_hide_header`, `proxy_ignore_headers`, a CDN's cache rule)",
    fix: "stop hiding the field for the paths of the login",
    reference: "keycloak/keycloak#22599",
    // Takes the same request past the edge, straight to the origin.
    check: undecidable,
};
