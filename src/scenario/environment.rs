//! What a scenario may ask of the world before it runs: files and environment variables.

use crate::base::{Diagnostic, Sources};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Files and environment variables, behind a trait so that reading a scenario stays a pure function.
pub trait Environment: fmt::Debug + Send + Sync {
    /// At most `limit` bytes from the start of a file.
    ///
    /// # Errors
    /// When the file cannot be read.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;

    /// An environment variable that is set and is text.
    fn variable(&self, name: &str) -> Option<String>;
}

/// Files and variables held in memory. Debug shows names only, since values may be secrets.
#[derive(Clone, Default)]
pub struct Fixed {
    /// Files by path.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// Variables by name.
    pub variables: BTreeMap<String, String>,
}

impl Fixed {
    /// With one more file.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>, text: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), text.into());
        self
    }

    /// With one more variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }
}

impl fmt::Debug for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixed").field("files", &self.files.keys()).field("variables", &self.variables.keys()).finish()
    }
}

impl Environment for Fixed {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let file = self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(file[..file.len().min(limit)].to_vec())
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }
}

/// Everything that is wrong; never empty. Places point into the [`Sources`] that were given along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Most faults that are told; nobody reads more, and a hostile file may have many thousands.
    pub const MOST: usize = 100;

    /// The first [`MOST`](Self::MOST) of `faults` in the order of their places, file by file; what has no place comes first.
    #[must_use]
    pub fn in_order(mut faults: Vec<Diagnostic>) -> Self {
        faults.sort_by_key(|fault| fault.at.as_ref().map(|(span, _)| (span.source, span.start)));
        faults.truncate(Self::MOST);
        Self(faults)
    }

    /// All messages with their source lines, an empty line between them.
    #[must_use]
    pub fn render(&self, sources: &Sources, styled: bool) -> String {
        self.0.iter().map(|diagnostic| diagnostic.render(sources, styled)).collect::<Vec<_>>().join("\n\n")
    }
}

impl fmt::Display for Diagnostics {
    /// The messages alone, for where there are no sources.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages: Vec<_> = self.0.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
        f.write_str(&messages.join("; "))
    }
}

impl std::error::Error for Diagnostics {}
