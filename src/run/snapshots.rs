//! Snapshot files: read, compared, written so that a crash leaves the old or the new one, never half of either.

use super::discover::unreadable;
use crate::base::{Diagnostic, write_atomically};
use crate::judge::snapshot::{self, Comparison, SnapshotFile};
use crate::plan::Plan;
use crate::report::{SnapshotOutcome, Trouble};
use std::io;
use std::path::{Path, PathBuf};

/// What to do with snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SnapshotMode {
    /// Compare; what is new or changed waits for review beside the old one.
    #[default]
    Compare,
    /// Compare; a missing snapshot fails and nothing is written (CI).
    Strict,
    /// Take what this run gives.
    Update,
}

/// A new snapshot that waits for review.
#[derive(Debug, Clone)]
pub struct Pending {
    /// The waiting file, `….snap.new`.
    pub path: PathBuf,
    /// The file it would replace, `….snap`.
    pub target: PathBuf,
    /// What stands there now, if anything does.
    pub old: Option<String>,
    /// What would stand there.
    pub new: String,
}

/// Where the snapshot of `plan` lies: `snapshots/login@bearer.snap` beside the scenario.
pub(super) fn path_of(plan: &Plan) -> PathBuf {
    let stem = plan.file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name = snapshot::file_name(&stem, plan.variant.as_deref(), plan.profile.as_deref(), plan.has_own_snapshot());
    plan.file.parent().unwrap_or(Path::new("")).join("snapshots").join(name)
}

/// Compares `text` with the snapshot of `plan` and does what `mode` says. `whole` tells whether the run got to its end,
/// `sees` whether it saw all that a snapshot holds. A run in Firefox does not: it has a snapshot of its own, `….firefox.snap`,
/// where it differs by more than what cannot be seen there.
pub(super) fn judge(plan: &Plan, text: &str, mode: SnapshotMode, whole: bool, sees: bool) -> Result<SnapshotOutcome, Trouble> {
    let shared = path_of(plan);
    let path = if sees { shared.clone() } else { shared.with_extension("firefox.snap") };
    let pending = pending_path(&path);
    let file = SnapshotFile { source: plan.file.display().to_string(), expression: plan.title.clone(), body: text.to_owned() };
    let old = match read(&path)? {
        None if !sees => read(&shared)?.map(|old| snapshot::without_withheld(&old)),
        old => old,
    };
    let write = |path: &Path| write_atomically(path, &file.to_bytes()).map_err(|error| trouble("write", path, &error));
    let forget = || remove_if_there(&pending).map_err(|error| trouble("remove", &pending, &error));
    match (old, mode) {
        (None, SnapshotMode::Strict) => Ok(SnapshotOutcome::Missing(path)),
        (None, _) if !whole => Ok(SnapshotOutcome::Off),
        (None, SnapshotMode::Compare) => write(&pending).map(|()| SnapshotOutcome::New(pending)),
        (None, SnapshotMode::Update) => {
            write(&path)?;
            forget()?;
            Ok(SnapshotOutcome::Updated(path))
        }
        (Some(old), mode) => match snapshot::compare(&old, text, &plan.transitions) {
            Comparison::Same => {
                if mode != SnapshotMode::Strict {
                    forget()?;
                }
                Ok(SnapshotOutcome::Same)
            }
            Comparison::Allowed(changes) => {
                if mode != SnapshotMode::Strict {
                    forget()?;
                }
                Ok(SnapshotOutcome::Allowed(changes))
            }
            Comparison::Drift(_) if mode == SnapshotMode::Update && whole => {
                write(&path)?;
                forget()?;
                Ok(SnapshotOutcome::Updated(path))
            }
            Comparison::Drift(diff) if mode == SnapshotMode::Compare && whole => {
                write(&pending)?;
                Ok(SnapshotOutcome::Drift { diff, pending: Some(pending) })
            }
            Comparison::Drift(diff) => Ok(SnapshotOutcome::Drift { diff, pending: None }),
        },
    }
}

/// What stands in a snapshot file, if it is there.
fn read(path: &Path) -> Result<Option<String>, Trouble> {
    match std::fs::read(path) {
        Ok(bytes) => match SnapshotFile::from_bytes(&bytes) {
            Ok(file) => Ok(Some(file.body)),
            Err(error) => Err(Trouble {
                message: format!("failed to read the snapshot {}: {error}", path.display()),
                hints: vec!["delete the file and run again to get a new one".to_owned()],
                usage: true,
            }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(trouble("read", path, &error)),
    }
}

/// Snapshots that wait for review, in the order of their paths: all below a folder, and those of a scenario file.
///
/// # Errors
/// When a path is not there, or a folder or file cannot be read.
pub fn pending(paths: &[PathBuf]) -> Result<Vec<Pending>, Diagnostic> {
    let mut found = Vec::new();
    for path in paths {
        let failed = |error: io::Error| unreadable(path, &error);
        if std::fs::metadata(path).map_err(failed)?.is_file() {
            let folder = path.parent().unwrap_or(Path::new("")).join("snapshots");
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let mut beside = Vec::new();
            match walk(&folder, 0, &mut beside) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => found.extend(beside.into_iter().filter(|path| is_of(path, &stem))),
            }
        } else {
            walk(path, 16, &mut found).map_err(failed)?;
        }
    }
    found.sort();
    found.dedup();
    found.into_iter().map(|path| read_pending(path.clone()).map_err(|error| unreadable(&path, &error))).collect()
}

/// Whether a waiting file is of the scenario whose file has this stem.
fn is_of(pending: &Path, stem: &str) -> bool {
    let whole = snapshot::file_name(stem, None, None, false);
    let stem = whole.strip_suffix(".snap").unwrap_or(&whole);
    let name = pending.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.strip_prefix(stem)
        .is_some_and(|rest| rest.starts_with('@') || matches!(rest, ".snap.new" | ".browser.snap.new" | ".firefox.snap.new"))
}

/// Puts a waiting snapshot in its place.
///
/// # Errors
/// When the file cannot be moved; then the old one is still whole.
pub fn accept(pending: &Pending) -> io::Result<()> {
    let bytes = std::fs::read(&pending.path)?;
    let file = SnapshotFile::from_bytes(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
    write_atomically(&pending.target, &file.to_bytes())?;
    remove_if_there(&pending.path)
}

/// Throws a waiting snapshot away.
///
/// # Errors
/// When the file cannot be removed.
pub fn reject(pending: &Pending) -> io::Result<()> {
    remove_if_there(&pending.path)
}

fn read_pending(path: PathBuf) -> io::Result<Pending> {
    let body = |bytes: Vec<u8>| match SnapshotFile::from_bytes(&bytes) {
        Ok(file) => file.body,
        Err(_) => String::from_utf8_lossy(&bytes).into_owned(),
    };
    let target = path.with_extension("");
    let old = match std::fs::read(&target) {
        Ok(bytes) => Some(body(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let new = body(std::fs::read(&path)?);
    Ok(Pending { path, target, old, new })
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() && depth > 0 && !matches!(entry.file_name().to_str(), Some("target" | "node_modules" | ".git")) {
            walk(&path, depth - 1, found)?;
        } else if kind.is_file() && path.to_string_lossy().ends_with(".snap.new") {
            found.push(path);
        }
    }
    Ok(())
}

fn pending_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn trouble(verb: &str, path: &Path, error: &io::Error) -> Trouble {
    Trouble {
        message: format!("failed to {verb} {}: {error}", path.display()),
        hints: vec!["snapshots lie in `snapshots/` beside the scenario; that folder must be writable".to_owned()],
        usage: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.snap");
        write_atomically(&path, b"old").unwrap();
        // A folder in the way of the target makes the last step fail.
        let blocked = folder.path().join("b.snap");
        std::fs::create_dir_all(blocked.join("x")).unwrap();
        assert!(write_atomically(&blocked, b"new").is_err());
        write_atomically(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 2, "no temporary file stays behind");
    }

    #[test]
    fn a_scenario_file_means_its_own_snapshots() {
        let folder = tempfile::tempdir().unwrap();
        let snapshots = folder.path().join("snapshots");
        std::fs::create_dir(&snapshots).unwrap();
        for name in ["login.snap.new", "login@bearer.snap.new", "login-form.snap.new", "logout.snap.new"] {
            std::fs::write(snapshots.join(name), "").unwrap();
        }
        let scenario = folder.path().join("login.yaml");
        std::fs::write(&scenario, "").unwrap();
        let names = |path: &Path| -> Vec<_> {
            let found = pending(&[path.to_owned()]).unwrap();
            found.iter().map(|pending| pending.path.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names(&scenario), ["login.snap.new", "login@bearer.snap.new"]);
        assert_eq!(names(folder.path()).len(), 4);
        assert!(pending(&[folder.path().join("none")]).unwrap_err().message.contains("none"));
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_links_and_what_is_no_file_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link, socket] = ["file", "link", "socket"].map(|name| folder.path().join(name));
        std::fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_atomically(&link, b"new").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
        assert!(link.is_symlink());
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(write_atomically(&socket, b"new").is_err());
        assert!(!std::fs::metadata(&socket).unwrap().is_file());
    }
}
