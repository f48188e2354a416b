//! Diagnosis: the first thing that broke, why, and how to mend it.
//!
//! In: a chain, and what the plan tells about its scene; an imported chain has none. Out: [`Finding`]s, each by one rule, with evidence by hop. A rule speaks only when the chain
//! proves it: a healthy chain has no findings. Every cookie passes four gates, EMITTED → STORED → SENT → ACCEPTED, and
//! the first that fails decides where to look ([`ledger`]).

mod attempt;
mod credential;
mod cycle;
mod denied;
mod discovery;
mod facts;
pub mod ledger;
mod probe;
mod rules;
mod scene;

pub use facts::Facts;
pub use probe::{FormAsked, Table, asked_forms, learned, tables, trail};
pub use rules::{Family, Needs, Rule, explain, rules};
pub use scene::Scene;

use crate::trace::{Chain, HopId};
use std::fmt;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// It will break under other conditions.
    Warning,
    /// It breaks the chain.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A diagnosis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub title: String,
    /// What proves it, in the order of the hops. Texts are bounded and escaped; cookies stand in them by label, never by value.
    pub evidence: Vec<Evidence>,
    /// Why it is so.
    pub cause: String,
    /// How to mend it.
    pub fix: String,
    /// The standard or the known case behind the rule.
    pub reference: &'static str,
}

/// One fact that proves a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The hop that shows it.
    pub hop: Option<HopId>,
    /// The fact.
    pub text: String,
}

impl Evidence {
    pub(crate) fn at(hop: HopId, text: impl Into<String>) -> Self {
        Self { hop: Some(hop), text: text.into() }
    }

    pub(crate) fn of(text: impl Into<String>) -> Self {
        Self { hop: None, text: text.into() }
    }
}

impl Finding {
    /// The first hop that its evidence names.
    #[must_use]
    pub fn first_hop(&self) -> Option<HopId> {
        self.evidence.iter().filter_map(|evidence| evidence.hop).min()
    }
}

/// What the chain proves, sorted by the first hop of the evidence.
#[must_use]
pub fn diagnose<'a>(scene: impl Into<Scene<'a>>, chain: &'a Chain) -> Vec<Finding> {
    let plain = probe::plain(chain);
    let facts = Facts::of(scene.into(), &plain, chain);
    let mut findings: Vec<Finding> = rules().iter().flat_map(|rule| (rule.check)(&facts)).collect();
    // Stable: findings on one hop stay in the order of the registry. What is tied to no hop comes last.
    findings.sort_by_key(|finding| finding.first_hop().map_or(u32::MAX, |hop| hop.0));
    findings
}
