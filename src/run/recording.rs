//! HARs of others: diagnosed, or stripped of secrets.

use crate::base::{Redactor, Replacement};
use crate::judge::{self, diagnose};
use crate::report::{Beside, Finished, Judged, SnapshotOutcome, Standing};
use crate::trace::har::Import;
use crate::trace::{Chain, Visibility};
use crate::web::cookie::Profile;
use crate::web::har::redact::{self, Pseudonyms, Redacted};
use crate::web::har::{HarError, Item, Problem, Reader};
use anyhow::Context as _;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Most problems of a file that are told one by one.
const MOST_PROBLEMS: usize = 20;

/// What a HAR came to.
#[derive(Debug)]
pub struct Diagnosis {
    /// Its chain and findings.
    pub finished: Finished,
    /// By whose rules its cookies were judged.
    pub profile: Profile,
    /// What wrote it, as it says itself.
    pub written_by: String,
    /// What could not be read, the first of it.
    pub problems: Vec<Problem>,
    /// How much more could not be read.
    pub more_problems: usize,
    /// Entries that are no HTTP, such as WebSockets.
    pub passed_over: usize,
}

impl Diagnosis {
    /// What the recording lets be seen.
    #[must_use]
    pub fn visibility(&self) -> Visibility {
        self.finished.chain.visibility
    }

    /// Whether a finding says that something is broken.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.finished.findings.iter().any(|judged| judged.standing == Standing::Fails)
    }
}

/// Diagnoses a HAR. `progress` hears how many bytes were read.
///
/// # Errors
/// When the file cannot be read, or is no HAR.
pub fn diagnose_har(path: &Path, profile: Option<Profile>, mut progress: impl FnMut(u64)) -> Result<Diagnosis, HarError> {
    let began = Instant::now();
    let redactor = Redactor::default();
    let mut reader = Reader::new(File::open(path)?);
    let mut import = Import::new(profile).with_pseudonyms(Pseudonyms::new(redactor.clone()));
    let (mut problems, mut more_problems) = (Vec::new(), 0);
    while let Some(item) = reader.read()? {
        match item {
            Item::Entry(_, entry) => import.entry(*entry),
            Item::Problem(problem) if problems.len() < MOST_PROBLEMS => problems.push(problem),
            Item::Problem(_) => more_problems += 1,
            Item::Page(_) => {}
        }
        progress(reader.bytes());
    }
    let imported = import.finish(reader.log());
    let found = judge::hiding(&redactor, || diagnose::diagnose(diagnose::Scene::default(), &imported.chain));
    let findings = found.into_iter().map(|finding| {
        let standing = Standing::of(&finding, &[], &BTreeMap::new());
        Judged { finding, standing }
    });
    let log = reader.log();
    let written_by = if log.browser.is_empty() { log.creator.clone() } else { format!("{} by {}", log.browser, log.creator) };
    let mut finished = recorded(path, imported.chain, findings.collect(), redactor);
    finished.took = began.elapsed();
    Ok(Diagnosis { finished, profile: imported.profile, written_by, problems, more_problems, passed_over: imported.passed_over })
}

fn recorded(path: &Path, chain: Chain, findings: Vec<Judged>, redactor: Redactor) -> Finished {
    Finished {
        name: path.display().to_string(),
        title: "a recording".to_owned(),
        file: path.to_owned(),
        variant: None,
        engine: "har",
        profile: None,
        covers: Vec::new(),
        attempts: 1,
        started: chain.hops.first().map_or(time::OffsetDateTime::UNIX_EPOCH, |hop| hop.started),
        took: std::time::Duration::ZERO,
        verdicts: Vec::new(),
        snapshot: SnapshotOutcome::Off,
        beside: Beside::Alone,
        findings,
        absent: Vec::new(),
        not_run: Vec::new(),
        trouble: None,
        logs: Vec::new(),
        interrupted: false,
        sources: Arc::default(),
        redactor,
        chain,
    }
}

/// Writes `input` to `output` without its secrets; whole or not at all. `progress` hears how many bytes were read of two passes.
///
/// # Errors
/// When the input cannot be read or is no HAR (as [`HarError`]), or the output cannot be written.
pub fn redact_har(input: &Path, output: &Path, mut progress: impl FnMut(u64)) -> anyhow::Result<Redacted> {
    let mut pseudonyms = Pseudonyms::new(Redactor::default());
    let open = || File::open(input).map_err(HarError::from);
    let length = open()?.metadata().map_err(HarError::from)?.len();
    redact::learn(open()?, &mut pseudonyms, &mut progress)?;
    let target = Replacement::of(output).with_context(|| format!("failed to write `{}`", output.display()))?;
    let out = BufWriter::with_capacity(1 << 20, target);
    let (redacted, out) = redact::redact(open()?, out, &mut pseudonyms, |bytes| progress(length + bytes))?;
    let target = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    target.take_place().with_context(|| format!("failed to write `{}`", output.display()))?;
    Ok(redacted)
}
