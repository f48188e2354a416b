//! Places in source files, kept as byte ranges and resolved to lines only when a person looks.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Index of a file in [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub(crate) u32);

/// A byte range in one source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// The file.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes `range` of `source`; ranges past 4 GiB are cut there.
    #[must_use]
    pub fn new(source: SourceId, range: Range<usize>) -> Self {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { source, start: clamp(range.start), end: clamp(range.end.max(range.start)) }
    }

    /// The byte range within the file.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// One file that was read.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path as people should see it.
    pub path: PathBuf,
    /// The whole text.
    pub text: Arc<str>,
}

/// Every file read so far, so that a [`Span`] can be shown.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// Adds a file and returns its id.
    pub fn add(&mut self, path: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> SourceId {
        let id = SourceId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(Source { path: path.into(), text: text.into() });
        id
    }

    /// The file behind `id`, if it came from this collection.
    #[must_use]
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.files.get(id.0 as usize)
    }

    /// The file with this path, if it was read already.
    #[must_use]
    pub fn find(&self, path: &Path) -> Option<SourceId> {
        let at = self.files.iter().position(|file| file.path == path)?;
        Some(SourceId(u32::try_from(at).unwrap_or(u32::MAX)))
    }

    /// `path:line:column`, counted from one, of the start of `span`.
    #[must_use]
    pub fn place(&self, span: Span) -> String {
        let Some(file) = self.get(span.source) else { return "unknown place".to_owned() };
        let before = &file.text.as_bytes()[..(span.start as usize).min(file.text.len())];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
        format!("{}:{line}:{column}", file.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let mut sources = Sources::default();
        let id = sources.add("a.yaml", "one\ntwö: x\n");
        assert_eq!(sources.place(Span::new(id, 0..1)), "a.yaml:1:1");
        assert_eq!(sources.place(Span::new(id, 10..11)), "a.yaml:2:6");
    }

    #[test]
    fn a_place_past_the_end_is_still_a_place() {
        let mut sources = Sources::default();
        let id = sources.add("a.yaml", "x");
        assert_eq!(sources.place(Span::new(id, 900..901)), "a.yaml:1:2");
    }
}
