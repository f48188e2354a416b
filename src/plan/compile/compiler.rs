//! What the parts of the compiler share: names, places, and the faults found so far.

use crate::base::diagnostic::nearest;
use crate::base::{Diagnostic, Secret, Span};
use crate::plan::{Need, OriginPlan, Template};
use crate::scenario::file::{Flow, SecretSource};
use crate::scenario::read::{Map, Text};
use crate::scenario::{Diagnostics, Loaded};
use crate::web::origin::Origin;
use std::collections::{BTreeMap, BTreeSet};

/// Most steps that a plan may have once flows are laid out.
pub(super) const MAX_STEPS: u32 = 5_000;
/// Most variables that are made of each other in a row.
pub(super) const MAX_CHAIN: usize = 64;
/// Most text that placeholders may bring into one plan, in bytes.
pub(super) const MAX_EXPANDED: usize = 8 * 1024 * 1024;

/// One run that is being compiled: a variant under a profile.
pub(super) struct Compiler<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) flows: &'a Map<Flow>,
    /// Variables with profile and variant laid over them, as written.
    pub(super) written: BTreeMap<String, Text>,
    /// Variables whose value is known by now.
    pub(super) variables: BTreeMap<String, String>,
    /// Variables whose value is being looked up, outermost first.
    pub(super) resolving: Vec<String>,
    /// Text that placeholders brought so far, in bytes.
    pub(super) expanded: usize,
    /// Where secrets come from.
    pub(super) sources: Map<SecretSource>,
    /// Secrets that were used so far; `None` when one has no value.
    pub(super) secrets: BTreeMap<String, Option<Secret>>,
    /// Secrets that have no name in the scenario, such as passwords written into it.
    pub(super) unnamed: Vec<Secret>,
    /// Arguments of the flow that is being laid out.
    pub(super) args: BTreeMap<String, Template>,
    /// Captures that steps before this one make.
    pub(super) captured: BTreeSet<String>,
    /// Captures that any step makes.
    pub(super) ever_captured: BTreeSet<String>,
    /// Ids of steps so far, with their place.
    pub(super) ids: BTreeMap<String, Span>,
    /// Ids that any step has.
    pub(super) ever_ids: BTreeSet<String>,
    /// What the steps with an id capture.
    pub(super) captured_by: BTreeMap<String, BTreeSet<String>>,
    /// Origins, once they are compiled.
    pub(super) origins: Vec<OriginPlan>,
    /// Services beside the origins, by name.
    pub(super) services: Vec<String>,
    /// Those of them that are Redis.
    pub(super) stores: Vec<String>,
    /// Services from images.
    pub(super) contained: Vec<String>,
    /// Whether what is compiled stands behind an origin, and so gets to know where services are.
    pub(super) stands_up: bool,
    /// Origins that are declared, but have a fault of their own.
    pub(super) broken: Vec<Origin>,
    /// Flows that are being laid out, outermost first.
    pub(super) calling: Vec<String>,
    /// What of earlier steps the step being compiled cannot do without.
    pub(super) needs: BTreeSet<Need>,
    /// Number of the next step.
    pub(super) next: u32,
    pub(super) faults: Vec<Diagnostic>,
    pub(super) used: Used,
}

/// Names that something uses, for lints.
#[derive(Debug, Clone, Default)]
pub(super) struct Used {
    pub(super) variables: BTreeSet<String>,
    pub(super) secrets: BTreeSet<String>,
    pub(super) flows: BTreeSet<String>,
    pub(super) captures: BTreeSet<String>,
}

impl Used {
    pub(super) fn extend(&mut self, other: Self) {
        self.variables.extend(other.variables);
        self.secrets.extend(other.secrets);
        self.flows.extend(other.flows);
        self.captures.extend(other.captures);
    }
}

impl Compiler<'_> {
    /// Notes a fault at `span`.
    pub(super) fn fault(&mut self, span: Span, message: impl Into<String>) {
        self.faults.push(Diagnostic::error(message).at(span, ""));
    }

    /// Notes a fault at `span` with a way to mend it.
    pub(super) fn fault_with(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.faults.push(Diagnostic::error(message).at(span, "").hint(hint));
    }

    /// Whether so few faults were found that this one will be shown.
    pub(super) fn worth_a_hint(&self) -> bool {
        self.faults.len() <= Diagnostics::MOST
    }

    /// The place of `part` within the text at `span`, when the file holds it there word for word; else all of it.
    pub(super) fn place(&self, span: Span, part: &str) -> Span {
        let within = self.loaded.sources.get(span.source).and_then(|source| source.text.get(span.range()));
        match within.and_then(|written| written.find(part)) {
            Some(at) if !part.is_empty() => {
                let start = span.range().start + at;
                Span::new(span.source, start..start + part.len())
            }
            _ => span,
        }
    }
}

/// How to mend a name that is not known: the nearest one, or all there are.
pub(super) fn did_you_mean<'n>(typed: &str, known: impl IntoIterator<Item = &'n str>) -> Option<String> {
    const MOST: usize = 20;
    // More names than a person has are no help, and comparing with all of them takes long.
    let known: Vec<_> = known.into_iter().take(500).collect();
    if let Some(near) = nearest(typed, known.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let more = if known.len() > MOST { ", …" } else { "" };
    let listed = known.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    (!known.is_empty()).then(|| format!("there are: {listed}{more}"))
}
