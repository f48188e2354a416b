//! The three ways a form's entries become bytes (HTML §4.10.21.5 to §4.10.21.8). Always UTF-8: legacy encodings of old
//! pages are not imitated.

use std::fmt;

use url::form_urlencoded;

/// One entry of a form's entry list.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) value: EntryValue,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum EntryValue {
    Text(String),
    /// A file field without a file.
    EmptyFile,
}

/// How a form's body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Enctype {
    /// `application/x-www-form-urlencoded`
    UrlEncoded,
    /// `multipart/form-data` (RFC 7578)
    Multipart,
    /// `text/plain`
    Plain,
}

impl Enctype {
    /// The keyword of an `enctype` attribute; what is not known means urlencoded.
    pub(super) fn parse(keyword: &str) -> Self {
        match keyword {
            "multipart/form-data" => Self::Multipart,
            "text/plain" => Self::Plain,
            _ => Self::UrlEncoded,
        }
    }
}

impl fmt::Display for Enctype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UrlEncoded => "application/x-www-form-urlencoded",
            Self::Multipart => "multipart/form-data",
            Self::Plain => "text/plain",
        })
    }
}

/// The body of a POST and its `Content-Type`.
pub(super) fn body(enctype: Enctype, entries: &[Entry]) -> (Vec<u8>, String) {
    match enctype {
        Enctype::UrlEncoded => (url_encoded(entries).into_bytes(), enctype.to_string()),
        Enctype::Plain => (plain(entries), enctype.to_string()),
        Enctype::Multipart => {
            let boundary = boundary(entries);
            (multipart(entries, &boundary), format!("{enctype}; boundary={boundary}"))
        }
    }
}

/// `a=1&b=2`, for a body or for a query.
pub(super) fn url_encoded(entries: &[Entry]) -> String {
    let mut out = form_urlencoded::Serializer::new(String::new());
    for entry in entries {
        out.append_pair(&crlf(&entry.name), &crlf(entry.text()));
    }
    out.finish()
}

fn plain(entries: &[Entry]) -> Vec<u8> {
    entries.iter().flat_map(|entry| format!("{}={}\r\n", crlf(&entry.name), crlf(entry.text())).into_bytes()).collect()
}

fn multipart(entries: &[Entry], boundary: &str) -> Vec<u8> {
    let mut out = String::new();
    for entry in entries {
        // Browsers percent-encode just these three in names (HTML §4.10.21.8), not RFC 7578's backslashes.
        let name = crlf(&entry.name).replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        out.push_str(&format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\""));
        match &entry.value {
            EntryValue::Text(text) => out.push_str(&format!("\r\n\r\n{}\r\n", crlf(text))),
            EntryValue::EmptyFile => {
                out.push_str("; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n");
            }
        }
    }
    out.push_str(&format!("--{boundary}--\r\n"));
    out.into_bytes()
}

/// A boundary that no entry contains. Equal entries get equal boundaries, so that two runs send equal bytes.
fn boundary(entries: &[Entry]) -> String {
    let taken = |boundary: &str| entries.iter().any(|entry| entry.name.contains(boundary) || entry.text().contains(boundary));
    let mut number = 0_u64;
    loop {
        let boundary = format!("----AuthchainFormBoundary{number:016x}");
        if !taken(&boundary) {
            return boundary;
        }
        number += 1;
    }
}

impl Entry {
    pub(super) fn text(&self) -> &str {
        match &self.value {
            EntryValue::Text(text) => text,
            EntryValue::EmptyFile => "",
        }
    }
}

/// Every line break as CRLF (HTML §4.10.21.4 "converting an entry list", and the multipart encoding alike).
fn crlf(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                out.push_str("\r\n");
            }
            '\n' => out.push_str("\r\n"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(name: &str, value: &str) -> Entry {
        Entry { name: name.to_owned(), value: EntryValue::Text(value.to_owned()) }
    }

    #[test]
    fn urlencoded_is_what_browsers_send() {
        let entries = [entry("a b", "1&2=3"), entry("é", "\n*-._~"), entry("pw", "p+w%")];
        assert_eq!(url_encoded(&entries), "a+b=1%262%3D3&%C3%A9=%0D%0A*-._%7E&pw=p%2Bw%25");
    }

    #[test]
    fn multipart_escapes_names_and_sends_an_empty_file() {
        let entries = [entry("a\"\n", "x\ny"), Entry { name: "f".into(), value: EntryValue::EmptyFile }];
        let (body, content_type) = body(Enctype::Multipart, &entries);
        assert_eq!(content_type, "multipart/form-data; boundary=----AuthchainFormBoundary0000000000000000");
        assert_eq!(
            String::from_utf8(body).unwrap().replace("----AuthchainFormBoundary0000000000000000", "B"),
            "--B\r\nContent-Disposition: form-data; name=\"a%22%0D%0A\"\r\n\r\nx\r\ny\r\n\
             --B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n\
             --B--\r\n"
        );
    }

    #[test]
    fn a_value_that_holds_the_boundary_gets_another_one() {
        let entries = [entry("a", "x ----AuthchainFormBoundary0000000000000000 y")];
        assert_eq!(boundary(&entries), "----AuthchainFormBoundary0000000000000001");
    }

    #[test]
    fn plain_is_lines() {
        assert_eq!(plain(&[entry("a", "1 2"), entry("b", "")]), b"a=1 2\r\nb=\r\n");
    }

    proptest! {
        #[test]
        fn urlencoded_reads_back(pairs: Vec<(String, String)>) {
            let entries: Vec<_> = pairs.iter().map(|(name, value)| entry(name, value)).collect();
            let encoded = url_encoded(&entries);
            let read: Vec<(String, String)> = form_urlencoded::parse(encoded.as_bytes()).into_owned().collect();
            let sent: Vec<_> = pairs.iter().map(|(name, value)| (crlf(name), crlf(value))).collect();
            prop_assert_eq!(read, sent);
        }
    }
}
