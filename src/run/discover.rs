//! Finding scenario files.

use crate::base::Diagnostic;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// Deepest folder below a given path that is looked into.
const DEEPEST: usize = 16;

/// The scenario files that `paths` mean: files as they are, folders by every `*.yaml` and `*.yml` below them whose name
/// does not begin with `_` (shared parts) or `.`.
///
/// # Errors
/// When a path is not there, or a folder holds no scenario.
pub fn discover(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Diagnostic> {
    let mut found = BTreeSet::new();
    for path in paths {
        let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        if metadata.is_file() {
            found.insert(path.clone());
            continue;
        }
        let mut below = BTreeSet::new();
        walk(path, DEEPEST, &mut below).map_err(|error| unreadable(path, &error))?;
        if below.is_empty() {
            return Err(Diagnostic::error(format!("`{}` holds no scenario", path.display()))
                .hint("scenarios are `*.yaml` files whose name does not begin with `_`"));
        }
        found.extend(below);
    }
    // A file that several of the paths lead to is meant once.
    let mut seen = BTreeSet::new();
    Ok(found.into_iter().filter(|path| seen.insert(std::fs::canonicalize(path).unwrap_or_else(|_| path.clone()))).collect())
}

/// Why scenarios or snapshots cannot be looked for at `path`.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    match error.kind() {
        io::ErrorKind::NotFound => Diagnostic::error(format!("there is no `{}`", path.display()))
            .hint("name a scenario file, or a folder that holds some; without a name, `scenarios` below the current folder is taken"),
        _ => Diagnostic::error(format!("failed to read `{}`: {error}", path.display())),
    }
}

fn walk(folder: &Path, depth: usize, found: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(['_', '.']) || name == "snapshots" || name == "target" || name == "node_modules" {
            continue;
        }
        let path = entry.path();
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 0 {
            walk(&path, depth - 1, found)?;
        } else if kind.is_file() && (name.ends_with(".yaml") || name.ends_with(".yml")) {
            found.insert(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_parts_and_snapshots_are_no_scenarios() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        };
        let _ = ["a.yaml", "sub/b.yml", "_shared.yaml", "snapshots/c.yaml", "readme.md"].map(write);
        let found = discover(&[folder.path().to_owned()]).unwrap();
        let names: Vec<_> = found.iter().map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string()).collect();
        assert_eq!(names, ["a.yaml", "sub/b.yml"]);
    }

    #[test]
    fn a_file_that_is_named_twice_is_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        std::fs::write(&file, "").unwrap();
        let found = discover(&[file.clone(), folder.path().to_owned(), folder.path().join(".").join("a.yaml")]).unwrap();
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_path_that_is_not_there_is_named() {
        let error = discover(&[PathBuf::from("no/such.yaml")]).unwrap_err();
        assert!(error.message.contains("no/such.yaml"), "{}", error.message);
    }
}
