//! What is known when a run is over.

use crate::base::{Redactor, Sources};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::expect::Verdict;
use crate::judge::snapshot::Diff;
use crate::trace::{Chain, StepRecord};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

/// One scenario run that is over.
#[derive(Debug, Clone)]
pub struct Finished {
    /// `file#variant`.
    pub name: String,
    /// What the scenario calls itself.
    pub title: String,
    /// The scenario file.
    pub file: PathBuf,
    /// The variant, if the scenario has several.
    pub variant: Option<String>,
    /// Who performed its pages: `http` or `browser`.
    pub engine: &'static str,
    /// The profile, if one was laid over it.
    pub profile: Option<String>,
    /// Requirement ids that it covers.
    pub covers: Vec<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it began, in UTC.
    pub started: OffsetDateTime,
    /// How long the last try took.
    pub took: Duration,
    /// The facts.
    pub chain: Chain,
    /// What the expectations came to.
    pub verdicts: Vec<StepVerdicts>,
    /// What the snapshot came to.
    pub snapshot: SnapshotOutcome,
    /// How the chain differs from that of the other engine, where both were asked for.
    pub beside: Beside,
    /// What the diagnosis found.
    pub findings: Vec<Judged>,
    /// Findings that were to be reproduced and did not show up.
    pub absent: Vec<String>,
    /// Steps that were not reached.
    pub not_run: Vec<String>,
    /// Why it could not be run at all.
    pub trouble: Option<Trouble>,
    /// Last lines of the processes, for runs that failed.
    pub logs: Vec<ProcessLog>,
    /// Somebody pressed Ctrl-C.
    pub interrupted: bool,
    /// Text of the scenario files, for places.
    pub sources: Arc<Sources>,
    /// The run's keyed fingerprints.
    pub redactor: Redactor,
}

/// Expectations of one step.
#[derive(Debug, Clone)]
pub struct StepVerdicts {
    /// Index into the chain's steps.
    pub step: usize,
    /// A verdict for each expectation.
    pub verdicts: Vec<Verdict>,
}

/// A finding and what it means for the run.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The finding.
    pub finding: Finding,
    /// What it means.
    pub standing: Standing,
}

/// What a finding means for a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It fails the run.
    Fails,
    /// The run is there to reproduce it.
    Expected,
    /// The scenario silences it, for this reason.
    Allowed(String),
    /// Worth knowing only.
    Advises,
}

/// What the comparison with the snapshot came to.
#[derive(Debug, Clone)]
pub enum SnapshotOutcome {
    /// The scenario has none, or the run did not get so far.
    Off,
    /// As before.
    Same,
    /// Different in ways that the scenario allows.
    Allowed(Vec<String>),
    /// There was none; one waits for review at this path.
    New(PathBuf),
    /// There was none, and that is not allowed here.
    Missing(PathBuf),
    /// It changed; the new one waits for review at this path, unless the run failed before its end.
    Drift {
        /// The difference.
        diff: Diff,
        /// The pending file.
        pending: Option<PathBuf>,
    },
    /// Written anew, as asked.
    Updated(PathBuf),
}

/// How the chains of two engines compare.
#[derive(Debug, Clone, Default)]
pub enum Beside {
    /// Nobody compared.
    #[default]
    Alone,
    /// Both engines made the same chain, but for what only a real browser asks for.
    Same,
    /// They did not.
    Differs {
        /// From the http engine's chain to the browser's.
        diff: Diff,
        /// Why that is as it must be, as the scenario says.
        because: Option<String>,
    },
}

/// Why a run could not be made.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// What and where, one line or more.
    pub message: String,
    /// How to mend it.
    pub hints: Vec<String>,
    /// Whether the scenario (rather than the environment) is at fault.
    pub usage: bool,
}

/// Last lines of a process.
#[derive(Debug, Clone)]
pub struct ProcessLog {
    /// The origin it serves.
    pub origin: String,
    /// Its lines, redacted.
    pub lines: Vec<String>,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// All as it should be.
    Passed,
    /// An expectation, the snapshot or a finding says no.
    Failed,
    /// The environment did not let it run.
    Broken,
    /// The scenario is wrong in a way that only showed when it was to run.
    Unusable,
    /// It was stopped.
    Interrupted,
}

impl Finished {
    /// What the run came to.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if self.interrupted {
            return Outcome::Interrupted;
        }
        match &self.trouble {
            Some(trouble) if trouble.usage => return Outcome::Unusable,
            Some(_) => return Outcome::Broken,
            None => {}
        }
        if self.reasons().is_empty() { Outcome::Passed } else { Outcome::Failed }
    }

    /// Whether it passed, but not at the first try.
    #[must_use]
    pub fn is_flaky(&self) -> bool {
        self.attempts > 1 && self.outcome() == Outcome::Passed
    }

    /// Whether every step was done and every expectation holds.
    #[must_use]
    pub fn steps_hold(&self) -> bool {
        self.failed_steps().next().is_none() && self.verdicts.iter().all(|step| step.verdicts.iter().all(Verdict::is_met))
    }

    /// Steps that could not be done, though they should have been.
    fn failed_steps(&self) -> impl Iterator<Item = &StepRecord> {
        self.chain.steps.iter().filter(|step| step.error.is_some() && !step.meant_to_fail)
    }

    /// The first reason why it did not pass.
    #[must_use]
    pub fn headline(&self) -> Option<String> {
        let trouble = self.trouble.as_ref().map(|trouble| trouble.headline().to_owned());
        trouble.or_else(|| self.reasons().into_iter().next())
    }

    /// Why it failed, a line each; empty when it passed.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        for step in self.failed_steps() {
            reasons.push(format!("step `{}` could not be done", step.label));
        }
        let failed = self.verdicts.iter().flat_map(|step| &step.verdicts).filter(|verdict| !verdict.is_met());
        reasons.extend(failed.map(|verdict| format!("expectation failed: {}", verdict.expectation)));
        match &self.snapshot {
            SnapshotOutcome::Drift { diff, .. } => reasons.push(format!("snapshot drifted: {}", diff.headline)),
            SnapshotOutcome::Missing(path) => reasons.push(format!("no snapshot at {}", path.display())),
            _ => {}
        }
        if let Beside::Differs { diff, because: None } = &self.beside {
            reasons.push(format!("the engines differ: {}", diff.headline));
        }
        let fails = self.findings.iter().filter(|judged| judged.standing == Standing::Fails);
        reasons.extend(fails.map(|judged| format!("finding: {}", judged.finding.rule)));
        reasons.extend(self.absent.iter().map(|rule| format!("`finds` names {rule}, but it did not show up")));
        reasons
    }
}

impl Standing {
    /// What `finding` means for a run that reproduces `finds` and silences `allow`.
    #[must_use]
    pub fn of(finding: &Finding, finds: &[String], allow: &std::collections::BTreeMap<String, String>) -> Self {
        if finds.iter().any(|rule| rule == finding.rule) {
            Self::Expected
        } else if let Some(reason) = allow.get(finding.rule) {
            Self::Allowed(reason.clone())
        } else if finding.severity == Severity::Error {
            Self::Fails
        } else {
            Self::Advises
        }
    }
}

impl Trouble {
    /// The first line of what is wrong.
    #[must_use]
    pub fn headline(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }
}

/// All runs of one command.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The runs, in the order of their names.
    pub runs: Vec<Arc<Finished>>,
    /// Runs that were never started, because of `--fail-fast` or Ctrl-C.
    pub not_started: usize,
    /// Somebody pressed Ctrl-C.
    pub interrupted: bool,
    /// How long all of it took.
    pub took: Duration,
}

impl Summary {
    /// Number of runs with this outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.runs.iter().filter(|run| run.outcome() == outcome).count()
    }

    /// Exit code: 0 passed, 1 failed, 2 unusable scenario, 3 environment, 130 interrupted.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let any = |outcome| self.count(outcome) > 0;
        // Between two runs, an interruption stops none of them, and yet not all was run.
        if self.interrupted || any(Outcome::Interrupted) {
            130
        } else if any(Outcome::Failed) {
            1
        } else if any(Outcome::Unusable) {
            2
        } else if any(Outcome::Broken) {
            3
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_interrupted_between_two_runs_has_not_passed() {
        assert_eq!(Summary { not_started: 1, interrupted: true, ..Summary::default() }.exit_code(), 130);
        assert_eq!(Summary::default().exit_code(), 0);
    }
}
