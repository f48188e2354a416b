//! Snapshot files as `insta` 1.x writes and reads them, so that `cargo insta review` works on them.
//!
//! A file is a YAML header between `---` lines, then the text, then a line feed. What `insta` itself would write is
//! written here byte for byte, so that accepting with either tool leaves the same file.

use serde::Deserialize;

/// Largest file that is read, in bytes.
const LARGEST: usize = 16 * 1024 * 1024;

/// A `.snap` or `.snap.new` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFile {
    /// The scenario file it comes from.
    pub source: String,
    /// What the scenario calls itself; reviewers see it.
    pub expression: String,
    /// The text.
    pub body: String,
}

/// Why bytes are no snapshot file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Some bytes are not UTF-8.
    #[error("it is not UTF-8 text: byte {0} is the first that is not")]
    NotText(usize),
    /// No header.
    #[error("it does not begin with a header between two `---` lines")]
    NoHeader,
    /// The header is no YAML mapping.
    #[error("its header is not YAML: {0}")]
    Header(String),
    /// Nobody writes such snapshots.
    #[error("it is larger than {LARGEST} bytes")]
    TooLarge,
}

/// The header's fields; `insta` has more of them, which are passed over.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Header {
    source: Option<String>,
    expression: Option<String>,
}

impl SnapshotFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is no snapshot file of `insta`'s format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        if bytes.len() > LARGEST {
            return Err(SnapshotError::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|error| SnapshotError::NotText(error.valid_up_to()))?;
        // git may have turned the line ends into CRLF; insta reads both.
        let text = text.replace("\r\n", "\n");
        let rest = text.strip_prefix("---\n").ok_or(SnapshotError::NoHeader)?;
        let (header, body) = match rest.strip_prefix("---\n") {
            Some(body) => ("", body),
            None => rest
                .split_once("\n---\n")
                .or_else(|| rest.strip_suffix("\n---").map(|header| (header, "")))
                .ok_or(SnapshotError::NoHeader)?,
        };
        let header: Header = if header.trim().is_empty() {
            Header::default()
        } else {
            serde_saphyr::from_str(header).map_err(|error| SnapshotError::Header(crate::judge::text::shown(&error.to_string(), 200)))?
        };
        Ok(Self { source: header.source.unwrap_or_default(), expression: header.expression.unwrap_or_default(), body: normal(body) })
    }

    /// The file's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = String::from("---\n");
        text.push_str(&format!("source: {}\n", scalar(&self.source)));
        text.push_str(&format!("expression: {}\n", scalar(&self.expression)));
        text.push_str("---\n");
        text.push_str(&normal(&self.body));
        text.push('\n');
        text.into_bytes()
    }
}

/// What `insta` compares and writes: without white space at the end, line ends as LF.
pub(super) fn normal(body: &str) -> String {
    body.trim_end().replace("\r\n", "\n")
}

/// The file name of a snapshot: `login.snap`, `login@bearer.snap`, `login@bearer+staging.snap`; in a real browser, where its
/// chain is another one, `login@bearer.browser.snap`.
/// Characters that a file system might refuse become `-`.
#[must_use]
pub fn file_name(stem: &str, variant: Option<&str>, profile: Option<&str>, of_browser: bool) -> String {
    let safe = |text: &str| -> String {
        text.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' }).collect()
    };
    let mut name = safe(stem);
    match (variant, profile) {
        (None, None) => {}
        (Some(variant), None) => name.push_str(&format!("@{}", safe(variant))),
        (variant, Some(profile)) => name.push_str(&format!("@{}+{}", safe(variant.unwrap_or_default()), safe(profile))),
    }
    if of_browser {
        name.push_str(".browser");
    }
    name.push_str(".snap");
    name
}

/// A string as a YAML scalar, quoted exactly where `insta`'s emitter quotes.
fn scalar(text: &str) -> String {
    if needs_quotes(text) { quoted(text) } else { text.to_owned() }
}

fn needs_quotes(text: &str) -> bool {
    const SPECIAL: [char; 12] = [':', '{', '}', '[', ']', ',', '#', '`', '"', '\'', '\\', '\t'];
    const WORDS: [&str; 22] = [
        "yes", "Yes", "YES", "no", "No", "NO", "True", "TRUE", "true", "False", "FALSE", "false", "on", "On", "ON", "off", "Off", "OFF",
        "null", "Null", "NULL", "~",
    ];
    text.is_empty()
        || text.starts_with(' ')
        || text.ends_with(' ')
        || text.starts_with(['&', '*', '?', '|', '-', '<', '>', '=', '!', '%', '@', '.'])
        || text.contains(SPECIAL)
        || text.contains(|c: char| matches!(c, '\0'..='\x06' | '\n' | '\r' | '\x0e'..='\x1a' | '\x1c'..='\x1f'))
        || WORDS.contains(&text)
        || text.starts_with("0x")
        || text.parse::<i64>().is_ok()
        || text.parse::<f64>().is_ok()
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\x08' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\x0c' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c.is_ascii_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(source: &str, expression: &str, body: &str) -> SnapshotFile {
        SnapshotFile { source: source.to_owned(), expression: expression.to_owned(), body: body.to_owned() }
    }

    #[test]
    fn a_file_looks_as_insta_writes_it() {
        let bytes = file("scenarios/mosaic/session.yaml", "the endpoint: accepts it", "── one\n   two\n\n").to_bytes();
        let expected = "---\nsource: scenarios/mosaic/session.yaml\nexpression: \"the endpoint: accepts it\"\n---\n── one\n   two\n";
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn fields_that_only_insta_writes_are_passed_over() {
        let text = "---\nsource: a.yaml\nassertion_line: 12\ndescription: \"x: y\"\nexpression: title\ninfo:\n  a: [1]\nsnapshot_kind: text\n---\nbody\n---\nmore\n";
        assert_eq!(SnapshotFile::from_bytes(text.as_bytes()), Ok(file("a.yaml", "title", "body\n---\nmore")));
    }

    #[test]
    fn line_ends_of_another_system_are_no_difference() {
        assert_eq!(SnapshotFile::from_bytes(b"---\r\nsource: a\r\n---\r\nx\r\ny\r\n"), Ok(file("a", "", "x\ny")));
        assert_eq!(SnapshotFile::from_bytes(b"---\n---\nx\n"), Ok(file("", "", "x")));
    }

    #[test]
    fn what_is_no_snapshot_says_why() {
        assert_eq!(SnapshotFile::from_bytes(b"hello"), Err(SnapshotError::NoHeader));
        assert_eq!(SnapshotFile::from_bytes(b"---\nsource: a\nbody"), Err(SnapshotError::NoHeader));
        assert_eq!(SnapshotFile::from_bytes(b"---\n\xff"), Err(SnapshotError::NotText(4)));
        assert!(matches!(SnapshotFile::from_bytes(b"---\n[[[\n---\n"), Err(SnapshotError::Header(_))));
    }

    #[test]
    fn names_carry_variant_and_profile() {
        assert_eq!(file_name("session", None, None, false), "session.snap");
        assert_eq!(file_name("session", Some("bearer"), None, false), "session@bearer.snap");
        assert_eq!(file_name("session", Some("a/b"), Some("staging"), false), "session@a-b+staging.snap");
        assert_eq!(file_name("session", None, Some("staging"), false), "session@+staging.snap");
        assert_eq!(file_name("session", Some("bearer"), None, true), "session@bearer.browser.snap");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(source in "\\PC*", expression in "\\PC*", body in "[a-z \n›─-]*") {
            let written = file(&source, &expression, &body);
            let read = SnapshotFile::from_bytes(&written.to_bytes()).unwrap();
            prop_assert_eq!(read.source, source);
            prop_assert_eq!(read.expression, expression);
            prop_assert_eq!(read.body, normal(&body));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            let _ = SnapshotFile::from_bytes(&bytes);
            let _ = SnapshotFile::from_bytes(&[b"---\n".as_slice(), &bytes, b"\n---\n"].concat());
        }
    }
}
