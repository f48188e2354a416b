//! The registry: one rule, one file, one id.

mod accepted;
mod edge;
mod redirects;
mod sent;
mod state;
mod store;
mod stored;
mod tokens;

use super::facts::Facts;
use super::{Evidence, Finding, Severity};
use std::sync::LazyLock;

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its id, as findings, `finds` and `allow` name it.
    pub id: &'static str,
    /// What it is about.
    pub family: Family,
    /// How much its findings matter.
    pub severity: Severity,
    /// What it must see to decide.
    pub needs: Needs,
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

/// What a rule is about: the gate that fails first, or what lies beyond the gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// A cookie was emitted but not stored.
    Stored,
    /// A cookie was stored but not sent.
    Sent,
    /// A cookie was sent but not accepted.
    Accepted,
    /// State, nonce, PKCE, one-time values.
    State,
    /// Redirects and hosts.
    Redirects,
    /// Tokens and the provider.
    Tokens,
    /// Edge, cache, deployment.
    Edge,
    /// What servers keep behind the scenes.
    Store,
}

impl Family {
    /// All of them, in the order of the registry.
    pub const ALL: [Self; 8] =
        [Self::Stored, Self::Sent, Self::Accepted, Self::State, Self::Redirects, Self::Tokens, Self::Edge, Self::Store];

    /// Its name in lists.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Sent => "sent",
            Self::Accepted => "accepted",
            Self::State => "state",
            Self::Redirects => "redirects",
            Self::Tokens => "tokens",
            Self::Edge => "edge",
            Self::Store => "store",
        }
    }

    /// What its rules are about, in one line.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Stored => "a cookie was emitted but not stored",
            Self::Sent => "a cookie was stored but not sent",
            Self::Accepted => "a cookie was sent but not accepted",
            Self::State => "state, nonce, PKCE and other values that are good once",
            Self::Redirects => "redirects and hosts",
            Self::Tokens => "tokens and the provider",
            Self::Edge => "edge, caches and deployment",
            Self::Store => "sessions in stores behind the servers: sources of truth, projections, streams",
        }
    }
}

/// What a rule must see to decide. A rule whose need a chain does not meet says nothing about that chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Needs {
    /// The hops and their cookies: any run, and any recording that kept its cookies.
    Chain,
    /// What only a real browser tells.
    Browser,
    /// A question beyond the login itself: a request made twice, without the edge, or after signing out.
    Probe,
    /// What is known of the deployment.
    Deploy,
}

impl Needs {
    /// Its name in lists.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chain => "chain",
            Self::Browser => "browser",
            Self::Probe => "probe",
            Self::Deploy => "deploy",
        }
    }

    /// What is missing where the rule cannot decide; nothing for a rule that the chain is enough for.
    #[must_use]
    pub const fn missing(self) -> Option<&'static str> {
        match self {
            Self::Chain => None,
            Self::Browser => Some("not decidable here without a real browser: the other engine and a HAR do not show what it needs"),
            Self::Probe => Some("not decidable here by a login alone: it needs a request that asks for it (a probe)"),
            Self::Deploy => Some("not decidable here by a chain: it needs to know what is deployed"),
        }
    }
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

/// The check of a rule for which a chain never holds what it needs.
fn undecidable(_: &Facts<'_>) -> Vec<Finding> {
    Vec::new()
}

/// Every rule by family, in the order of the gates.
static RULES: LazyLock<Vec<&'static Rule>> = LazyLock::new(|| {
    [stored::RULES, sent::RULES, accepted::RULES, state::RULES, redirects::RULES, tokens::RULES, edge::RULES, store::RULES]
        .into_iter()
        .flatten()
        .copied()
        .collect()
});

/// Every rule.
#[must_use]
pub fn rules() -> &'static [&'static Rule] {
    &RULES
}

/// The rule with this id.
#[must_use]
pub fn explain(id: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_rule_is_told_once_and_whole() {
        let ids: BTreeSet<_> = rules().iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), rules().len());
        assert!(rules().is_sorted_by_key(|rule| rule.family), "rules stand by family");
        for rule in rules() {
            let texts = [rule.summary, rule.cause, rule.fix, rule.reference];
            assert!(texts.iter().all(|text| !text.is_empty() && text.len() < 400 && !text.contains('|')), "{}", rule.id);
            assert!(rule.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte.is_ascii_digit()), "{}", rule.id);
            assert_eq!(explain(rule.id).map(|found| found.id), Some(rule.id));
        }
        assert!(explain("no-such-rule").is_none());
    }
}
