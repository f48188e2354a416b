//! Cookies that are too large for a proxy's buffer.

use crate::judge::diagnose::Severity;
use crate::judge::diagnose::rules::{Family, Needs, Rule, undecidable};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "response-header-budget",
    family: Family::Edge,
    severity: Severity::Error,
    needs: Needs::Probe,
    summary: "the edge answers 502 because the origin's response headers are too large",
    cause: "Set-Cookie lines of the callback pass the proxy's buffer (nginx: proxy_buffer_size, 4 or 8 KB)",
    fix: "raise the buffer, or keep the session on the server",
    reference: "oauth2-proxy/oauth2-proxy#26, #1071",
    check: undecidable,
};
