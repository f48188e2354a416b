//! The registry: one rule, one file, one id.

mod accepted;
mod redirects;
mod sent;
mod state;
mod stored;

use super::facts::Facts;
use super::{Evidence, Finding, Severity};

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its id, as findings, `finds` and `allow` name it.
    pub id: &'static str,
    /// How much its findings matter.
    pub severity: Severity,
    /// What it finds, in one line.
    pub summary: &'static str,
    /// Why that happens.
    pub cause: &'static str,
    /// How to mend it.
    pub fix: &'static str,
    /// The standard or the known case behind it.
    pub reference: &'static str,
    /// Looks for it.
    pub(super) check: fn(&Facts<'_>) -> Vec<Finding>,
}

impl Rule {
    /// A finding with the rule's own cause and fix.
    fn finding(&self, title: impl Into<String>, evidence: Vec<Evidence>) -> Finding {
        Finding {
            rule: self.id,
            severity: self.severity,
            title: title.into(),
            evidence,
            cause: self.cause.to_owned(),
            fix: self.fix.to_owned(),
            reference: self.reference,
        }
    }
}

/// Every rule, in the order of the gates: stored, sent, accepted, then state, then redirects.
static RULES: [Rule; 23] = [
    stored::cookie_none_insecure::RULE,
    stored::cookie_secure_over_http::RULE,
    stored::cookie_host_prefix_broken::RULE,
    stored::cookie_secure_prefix_broken::RULE,
    stored::cookie_http_prefix_broken::RULE,
    stored::cookie_domain_foreign::RULE,
    stored::cookie_domain_public_suffix::RULE,
    stored::cookie_too_large::RULE,
    stored::cookie_illegal_bytes::RULE,
    stored::cookie_overlay_secure::RULE,
    stored::cookie_lax_set_in_subrequest::RULE,
    stored::cookie_third_party_blocked::RULE,
    sent::cookie_lax_on_post_callback::RULE,
    sent::cookie_path_miss::RULE,
    accepted::session_endpoints_disagree::RULE,
    accepted::session_endpoint_fails::RULE,
    accepted::cookie_value_encoding::RULE,
    state::callback_error::RULE,
    state::code_never_redeemed::RULE,
    redirects::error_lands_on_wrong_origin::RULE,
    redirects::redirect_auth_cycle::RULE,
    redirects::redirect_ping_pong_guards::RULE,
    redirects::redirect_to_self::RULE,
];

/// Every rule.
#[must_use]
pub fn rules() -> &'static [Rule] {
    &RULES
}

/// The rule with this id.
#[must_use]
pub fn explain(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_rule_is_told_once_and_whole() {
        let ids: BTreeSet<_> = rules().iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), rules().len());
        for rule in rules() {
            let texts = [rule.summary, rule.cause, rule.fix, rule.reference];
            assert!(texts.iter().all(|text| !text.is_empty() && text.len() < 400), "{}", rule.id);
            assert!(rule.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", rule.id);
            assert_eq!(explain(rule.id).map(|found| found.id), Some(rule.id));
        }
        assert!(explain("no-such-rule").is_none());
    }
}
