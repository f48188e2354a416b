//! A document, entry by entry.

use super::entry::{Entry, Page};
use serde::Serialize;
use serde_json::{Value, json};
use std::io::{self, Write};

/// Writes a HAR in a stream: the head when it is made, each entry as it comes, the end with [`finish`](Self::finish).
pub struct Writer<W> {
    out: W,
    is_first: bool,
}

impl<W: Write> Writer<W> {
    /// Writes the head of a document: its creator is this program. `authchain` goes under `_authchain`.
    ///
    /// # Errors
    /// When writing fails.
    pub fn new(mut out: W, pages: &[Page], authchain: Option<&Value>) -> io::Result<Self> {
        out.write_all(b"{\"log\":{\"version\":\"1.2\",\"creator\":")?;
        write(&mut out, &json!({ "name": "authchain", "version": env!("CARGO_PKG_VERSION") }))?;
        out.write_all(b",\n\"pages\":")?;
        write(&mut out, &pages)?;
        if let Some(authchain) = authchain {
            out.write_all(b",\n\"_authchain\":")?;
            write(&mut out, authchain)?;
        }
        out.write_all(b",\n\"entries\":[")?;
        Ok(Self { out, is_first: true })
    }

    /// Writes an entry, on a line of its own.
    ///
    /// # Errors
    /// When writing fails.
    pub fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        self.out.write_all(if std::mem::take(&mut self.is_first) { b"\n" } else { b",\n" })?;
        write(&mut self.out, entry)
    }

    /// Writes the end, and gives back what was written to.
    ///
    /// # Errors
    /// When writing fails.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(b"\n]}}\n")?;
        self.out.flush()?;
        Ok(self.out)
    }
}

fn write(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(out, value).map_err(Into::into)
}
