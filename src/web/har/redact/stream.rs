//! A whole file, in two passes: what is secret anywhere is known before anything is written.

use super::pseudonym::Pseudonyms;
use crate::web::har::read::{HarError, Item, Problem, Reader};
use crate::web::har::write::Writer;
use std::io::{self, Read, Write};

/// What became of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redacted {
    /// Entries that were written.
    pub entries: u64,
    /// What could not be read, and so was left out.
    pub problems: Vec<Problem>,
}

/// Most problems that are told one by one.
const MOST_PROBLEMS: usize = 100;

/// The first pass: learns what is secret.
///
/// # Errors
/// When the file cannot be read, or is no HAR.
pub fn learn<R: Read>(input: R, pseudonyms: &mut Pseudonyms, mut progress: impl FnMut(u64)) -> Result<(), HarError> {
    let mut reader = Reader::new(input);
    while let Some(item) = reader.read()? {
        if let Item::Entry(_, mut entry) = item {
            pseudonyms.entry(&mut entry);
        }
        progress(reader.bytes());
    }
    Ok(())
}

/// The second pass: writes the file without what is secret. Members that the format does not know are left out, since nobody
/// can tell what is in them: stacks of scripts, frames of WebSockets.
///
/// # Errors
/// When the file cannot be read or is no HAR, or the other one cannot be written.
pub fn redact<R: Read, W: Write>(
    input: R,
    out: W,
    pseudonyms: &mut Pseudonyms,
    mut progress: impl FnMut(u64),
) -> Result<(Redacted, W), HarError> {
    let mut reader = Reader::new(input);
    let mut writer: Option<Writer<W>> = None;
    let mut out = Some(out);
    let mut pages = Vec::new();
    let mut redacted = Redacted::default();
    let begun = |out: &mut Option<W>, pages: &[_]| -> io::Result<Writer<W>> {
        let out = out.take().ok_or_else(|| io::Error::other("a document begins once"))?;
        Writer::new(out, pages, None)
    };
    while let Some(item) = reader.read()? {
        progress(reader.bytes());
        match item {
            Item::Entry(_, mut entry) => {
                pseudonyms.entry(&mut entry);
                known_everywhere(pseudonyms, &mut entry);
                if writer.is_none() {
                    writer = Some(begun(&mut out, &pages)?);
                }
                if let Some(writer) = &mut writer {
                    writer.entry(&entry)?;
                }
                redacted.entries += 1;
            }
            // Pages behind the entries would have to wait for a third pass; all exporters write them before.
            Item::Page(mut page) => {
                page.title = pseudonyms.value(None, &page.title, 0);
                pages.push(page);
            }
            Item::Problem(problem) if redacted.problems.len() < MOST_PROBLEMS => redacted.problems.push(problem),
            Item::Problem(_) => {}
        }
    }
    let writer = match writer {
        Some(writer) => writer,
        None => begun(&mut out, &pages)?,
    };
    Ok((redacted, writer.finish()?))
}

/// Members that hold no secret of their own, but may name one.
fn known_everywhere(pseudonyms: &Pseudonyms, entry: &mut crate::web::har::Entry) {
    for text in [&mut entry.response.status_text, &mut entry.request.method, &mut entry.response.content.mime_type] {
        *text = pseudonyms.text(text);
    }
    for text in entry.response.error.iter_mut().chain(&mut entry.pageref) {
        *text = pseudonyms.text(text);
    }
}

#[cfg(test)]
mod tests;
