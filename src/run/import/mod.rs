//! `authchain import`: a HAR becomes a scenario that does on one's own machine what production did.
//!
//! In: a HAR with secrets. Out: the same without them, and beside it a scenario whose origins answer as it says they did.
//! What is read is redacted first; everything after that sees stand-ins alone.

mod form;
pub(in crate::run) mod jar;
mod steps;
mod write;

use super::recording::{Diagnosis, diagnose_har, redact_har};
use crate::base::write_atomically;
use crate::report::Standing;
use crate::web::har::HarError;
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use url::Url;

/// What is to be imported.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// The HAR.
    pub input: PathBuf,
    /// The folder that both files go to.
    pub folder: PathBuf,
    /// Whether files that are there may be written over.
    pub force: bool,
}

/// What was written.
#[derive(Debug)]
pub struct Imported {
    /// The scenario.
    pub scenario: PathBuf,
    /// The HAR without secrets, beside it.
    pub recording: PathBuf,
    /// Its origins, in the order in which they are met.
    pub origins: Vec<String>,
    /// How many steps it has.
    pub steps: usize,
    /// What was done by scripts and is not among the steps, one line each.
    pub by_scripts: Vec<String>,
    /// The rules of what is broken.
    pub finds: Vec<String>,
    /// Whether a real browser is needed to bring it about.
    pub needs_browser: bool,
    /// Where it begins.
    pub first: Url,
    /// Cookies that the browser had before, by origin, as Set-Cookie text.
    pub before: Vec<(String, Vec<String>)>,
    /// What could not be read, and more about the file.
    pub diagnosis: Diagnosis,
}

/// Why nothing was imported.
#[derive(Debug)]
pub enum NotImported {
    /// The HAR cannot be read.
    Unreadable(HarError),
    /// Such a file is there already.
    There(PathBuf),
    /// It has nothing that could be done again.
    Nothing,
    /// Writing failed.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for NotImported {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<HarError>() {
            Ok(error) => Self::Unreadable(error),
            Err(error) => Self::Failed(error),
        }
    }
}

/// Imports a HAR. `progress` hears how many bytes were read of three passes.
///
/// # Errors
/// When it cannot be read, has nothing to do again, or the files cannot be written. Then there is neither of them.
pub fn import(request: &ImportRequest, mut progress: impl FnMut(u64)) -> Result<Imported, NotImported> {
    let stem = stem(&request.input);
    let (scenario, recording) = (request.folder.join(format!("{stem}.yaml")), request.folder.join(format!("{stem}.redacted.har")));
    for path in [&scenario, &recording] {
        let is_input = || std::fs::canonicalize(path).ok() == std::fs::canonicalize(&request.input).ok();
        if path.exists() && (!request.force || is_input()) {
            return Err(NotImported::There(path.clone()));
        }
    }
    // An unreadable input must not leave a folder behind.
    std::fs::File::open(&request.input).map_err(|error| NotImported::Unreadable(error.into()))?;
    let had_folder = request.folder.exists();
    let written = import_into(request, &scenario, &recording, &mut progress);
    if written.is_err() && !had_folder {
        // Only if nothing else came into it meanwhile.
        let _ = std::fs::remove_dir(&request.folder);
    }
    written
}

fn import_into(
    request: &ImportRequest,
    scenario: &Path,
    recording: &Path,
    progress: &mut impl FnMut(u64),
) -> Result<Imported, NotImported> {
    let folder = &request.folder;
    std::fs::create_dir_all(folder).with_context(|| format!("failed to make the folder `{}`", folder.display()))?;
    // Beside the target, so that taking its place is one step; gone when this ends in whatever way.
    let draft = tempfile::Builder::new().prefix(".authchain-import-").tempdir_in(folder);
    let draft = draft.with_context(|| format!("failed to write in the folder `{}`", folder.display()))?;
    let drafted = draft.path().join("recording.har");
    redact_har(&request.input, &drafted, &mut *progress)?;
    let length = std::fs::metadata(&drafted).map_or(0, |metadata| metadata.len());
    let diagnosis = diagnose_har(&drafted, None, |bytes| progress(length * 2 + bytes)).map_err(NotImported::Unreadable)?;
    let chain = &diagnosis.finished.chain;
    let finds = finds(&diagnosis);
    let steps = steps::of(chain);
    let Some(first) = chain.hops.iter().find(|hop| hop.outcome.is_ok()).map(|hop| hop.request.url.clone()).filter(|_| steps.count > 0)
    else {
        return Err(NotImported::Nothing);
    };
    let needs_browser = steps::needs_browser(&diagnosis.finished, &finds, &steps);
    let origins = write::origins(chain);
    let before = jar::before(chain);
    let text = write::scenario(&write::Told {
        title: &request.input.file_name().unwrap_or_default().to_string_lossy(),
        recording: &recording.file_name().unwrap_or_default().to_string_lossy(),
        origins: &origins,
        finds: &finds,
        needs_browser,
        before: &before,
        steps: &steps,
    });
    std::fs::rename(&drafted, recording).with_context(|| format!("failed to write `{}`", recording.display()))?;
    if let Err(error) = write_atomically(scenario, text.as_bytes()) {
        let _ = std::fs::remove_file(recording);
        return Err(NotImported::Failed(anyhow::Error::new(error).context(format!("failed to write `{}`", scenario.display()))));
    }
    Ok(Imported {
        scenario: scenario.to_owned(),
        recording: recording.to_owned(),
        origins,
        steps: steps.count,
        by_scripts: steps.by_scripts,
        finds,
        needs_browser,
        first,
        before,
        diagnosis,
    })
}

/// What is broken, by rule; what is said about the recording itself is not found again in a run.
fn finds(diagnosis: &Diagnosis) -> Vec<String> {
    let mut finds: Vec<String> = Vec::new();
    let fails = diagnosis.finished.findings.iter().filter(|judged| judged.standing == Standing::Fails);
    for rule in fails.map(|judged| judged.finding.rule).filter(|rule| !rule.starts_with("har-")) {
        if !finds.iter().any(|known| known == rule) {
            finds.push(rule.to_owned());
        }
    }
    finds
}

/// The file's name without its end, fit to be a file's name and to stand in YAML.
fn stem(input: &Path) -> String {
    let stem = input.file_stem().unwrap_or_default().to_string_lossy();
    let plain: String =
        stem.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' }).take(80).collect();
    let plain = plain.trim_matches(['-', '.']);
    if plain.is_empty() { "recording".to_owned() } else { plain.to_owned() }
}

#[cfg(test)]
mod tests;
