//! Header fields as they were on the wire: ordered, repeated, spelled as seen, values as bytes.
//!
//! Nothing is folded or decoded here. `Set-Cookie` cannot be joined by commas (RFC 9110 §5.3), and a value need not be
//! text at all, so a map of strings would lose what a judgement about cookies depends on.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The field by which the harness's own edge says that an answer is its own and not an origin's; the value is why:
/// `refused`, `unreachable`, `broken`, `malformed` or `late`. The edge takes it out of what origins answer.
pub const EDGE: &str = "x-authchain-edge";

/// One header field.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// The name in the sender's own spelling.
    pub name: String,
    /// The value without surrounding white space, otherwise byte for byte.
    pub value: Bytes,
}

/// Header fields in the order they were sent (RFC 9110 §5). Look-up ignores ASCII case.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<Header>);

impl Headers {
    /// No fields at all.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// How many fields there are, repeated ones counted each time.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Header> {
        self.0.iter()
    }

    /// Adds a field at the end; earlier ones of the same name stay.
    pub fn append(&mut self, name: impl Into<String>, value: impl AsRef<[u8]>) {
        self.0.push(Header { name: name.into(), value: Bytes::copy_from_slice(value.as_ref()) });
    }

    /// Puts the value in the first field of that name and removes the others; appends when there is none.
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let Some(first) = self.0.iter().position(|header| header.is(name)) else {
            return self.append(name, value);
        };
        self.0[first].value = Bytes::copy_from_slice(value.as_ref());
        let mut index = 0;
        self.0.retain(|header| {
            index += 1;
            index <= first + 1 || !header.is(name)
        });
    }

    /// Removes every field of that name and says how many there were.
    pub fn remove(&mut self, name: &str) -> usize {
        let before = self.0.len();
        self.0.retain(|header| !header.is(name));
        before - self.0.len()
    }

    /// Whether a field of that name is there.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The first value of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// Every value of that name, in order.
    pub fn get_all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.0.iter().filter(move |header| header.is(name)).map(|header| &*header.value)
    }

    /// The first value of that name, if it is UTF-8 (ASCII included). Never a lossy conversion.
    #[must_use]
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The `Content-Type`, when there is one that can be read.
    #[must_use]
    pub fn content_type(&self) -> Option<ContentType> {
        // RFC 9110 §5.3 allows one field only; browsers take the last of several (Fetch "extract a MIME type").
        self.get_all("content-type").filter_map(|value| std::str::from_utf8(value).ok().and_then(ContentType::parse)).last()
    }
}

impl Header {
    /// Whether this field has that name, ASCII case aside (RFC 9110 §5.1).
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value as text; bytes that are not UTF-8, and backslashes, are escaped so that nothing is lost.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        escape(&self.value)
    }
}

impl<N: Into<String>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut headers = Self::new();
        headers.extend(pairs);
        headers
    }
}

impl<N: Into<String>, V: AsRef<[u8]>> Extend<(N, V)> for Headers {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, pairs: I) {
        for (name, value) in pairs {
            self.append(name, value);
        }
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = &'a Header;
    type IntoIter = std::slice::Iter<'a, Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Headers {
    type Item = Header;
    type IntoIter = std::vec::IntoIter<Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Names only: values carry cookies and tokens, and debug output ends up in logs.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ‹{} bytes›", self.name, self.value.len())
    }
}

/// A list of `[name, value]` pairs; the value escaped as in [`escape`].
impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|header| (&header.name, header.text())))
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<(String, String)>::deserialize(deserializer)?
            .into_iter()
            .map(|(name, value)| match unescape(&value) {
                Some(value) => Ok((name, value)),
                None => Err(D::Error::custom(format!("header `{name}` has a backslash that begins no escape"))),
            })
            .collect()
    }
}

/// Bytes as text that can be read back: valid UTF-8 stays as it is, any other byte becomes `\xHH`, a backslash `\\`.
#[must_use]
pub fn escape(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\\') => Cow::Borrowed(text),
        _ => {
            let mut out = String::with_capacity(bytes.len() + 8);
            for chunk in bytes.utf8_chunks() {
                out.push_str(&chunk.valid().replace('\\', "\\\\"));
                for byte in chunk.invalid() {
                    out.push_str(&format!("\\x{byte:02x}"));
                }
            }
            Cow::Owned(out)
        }
    }
}

/// The bytes that [`escape`] wrote; `None` for a backslash that begins no escape.
#[must_use]
pub fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('\\');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    while let Some(part) = parts.next() {
        if part.is_empty() {
            // `\\`: the text after the second backslash is plain.
            out.push(b'\\');
            out.extend_from_slice(parts.next()?.as_bytes());
        } else {
            let hex = part.strip_prefix('x')?.get(..2)?;
            out.push(u8::from_str_radix(hex, 16).ok().filter(|_| !hex.starts_with('+'))?);
            out.extend_from_slice(&part.as_bytes()[3..]);
        }
    }
    Some(out)
}

/// A media type and the two parameters that decide how a body is read (RFC 9110 §8.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentType {
    /// `type/subtype`, lower case.
    pub essence: String,
    /// The `charset` parameter, lower case.
    pub charset: Option<String>,
    /// The `boundary` parameter of a multipart body, as sent (RFC 2046 §5.1.1).
    pub boundary: Option<String>,
}

impl ContentType {
    /// Reads a `Content-Type` value; `None` when it does not begin with `type/subtype`.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let (essence, mut rest) = value.split_once(';').unwrap_or((value, ""));
        let essence = essence.trim().to_ascii_lowercase();
        let (kind, subtype) = essence.split_once('/')?;
        if !is_token(kind) || !is_token(subtype) {
            return None;
        }
        let mut parsed = Self { essence, charset: None, boundary: None };
        while let Some((name, value, tail)) = parameter(rest) {
            // The first of a repeated parameter wins (MIME Sniffing §4.4 step 11.9).
            if name.eq_ignore_ascii_case("charset") {
                parsed.charset.get_or_insert(value.to_ascii_lowercase());
            } else if name.eq_ignore_ascii_case("boundary") {
                parsed.boundary.get_or_insert(value);
            }
            rest = tail;
        }
        Some(parsed)
    }

    /// Whether the body is JSON by its name: `application/json`, `text/json` or a `+json` suffix (RFC 6839 §3.1).
    #[must_use]
    pub fn is_json(&self) -> bool {
        matches!(self.essence.as_str(), "application/json" | "text/json") || self.essence.ends_with("+json")
    }

    /// Whether the body is a page: `text/html` or `application/xhtml+xml`.
    #[must_use]
    pub fn is_html(&self) -> bool {
        matches!(self.essence.as_str(), "text/html" | "application/xhtml+xml")
    }
}

/// The first `name=value` of a parameter list and the text after it; parameters without `=` are passed over.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        if rest.is_empty() {
            return None;
        }
        let end = rest.find([';', '='])?;
        let (name, tail) = rest.split_at(end);
        let Some(tail) = tail.strip_prefix('=') else {
            rest = tail;
            continue;
        };
        let (value, tail) = match tail.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let (value, tail) = tail.split_once(';').unwrap_or((tail, ""));
                (value.trim_end().to_owned(), tail)
            }
        };
        return Some((name.trim(), value, tail));
    }
}

/// Reads a quoted string after its opening quote (RFC 9110 §5.6.4); an unclosed one reaches to the end.
fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => value.push(c),
        }
    }
    (value, "")
}

/// Whether the text is a token (RFC 9110 §5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Headers {
        [("Set-Cookie", "a=1"), ("Content-Type", "text/html"), ("set-cookie", "b=2")].into_iter().collect()
    }

    #[test]
    fn look_up_ignores_case_and_keeps_order_and_spelling() {
        let headers = sample();
        assert_eq!(headers.get_all("SET-COOKIE").collect::<Vec<_>>(), [b"a=1", b"b=2"]);
        assert_eq!(headers.get_str("content-type"), Some("text/html"));
        assert_eq!(headers.iter().map(|h| h.name.as_str()).collect::<Vec<_>>(), ["Set-Cookie", "Content-Type", "set-cookie"]);
    }

    #[test]
    fn set_replaces_in_place_and_remove_takes_all() {
        let mut headers = sample();
        headers.set("SET-cookie", "c=3");
        assert_eq!(headers.iter().map(|h| h.text().into_owned()).collect::<Vec<_>>(), ["c=3", "text/html"]);
        headers.append("set-cookie", "d=4");
        assert_eq!(headers.remove("Set-Cookie"), 2);
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn a_value_that_is_not_text_is_no_string_but_is_not_lost() {
        let headers: Headers = [("X", b"caf\xe9\\".to_vec())].into_iter().collect();
        assert_eq!(headers.get_str("x"), None);
        assert_eq!(serde_json::to_string(&headers).unwrap(), r#"[["X","caf\\xe9\\\\"]]"#);
    }

    #[test]
    fn debug_output_shows_no_value() {
        assert_eq!(format!("{:?}", sample()), "[Set-Cookie: ‹3 bytes›, Content-Type: ‹9 bytes›, set-cookie: ‹3 bytes›]");
    }

    #[test]
    fn content_type_reads_essence_charset_and_boundary() {
        let parse = |text| ContentType::parse(text).unwrap();
        assert_eq!(parse("Text/HTML").essence, "text/html");
        assert_eq!(parse("text/html; charset=UTF-8").charset.as_deref(), Some("utf-8"));
        assert_eq!(parse(r#"text/html;charset="utf-8";charset=latin1"#).charset.as_deref(), Some("utf-8"));
        assert_eq!(parse(r#"multipart/form-data; x; boundary="a;\"b"; y=1"#).boundary.as_deref(), Some(r#"a;"b"#));
        assert!(parse("application/problem+json").is_json());
        assert!(!parse("application/jsonp").is_json());
        for bad in ["", "html", "text/", "/html", "te xt/html", ";charset=utf-8"] {
            assert_eq!(ContentType::parse(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_survive_the_escape(bytes: Vec<u8>) {
            prop_assert_eq!(unescape(&escape(&bytes)), Some(bytes));
        }

        #[test]
        fn serialised_headers_read_back_equal(pairs: Vec<(String, Vec<u8>)>) {
            let headers: Headers = pairs.into_iter().collect();
            let json = serde_json::to_string(&headers).unwrap();
            prop_assert_eq!(serde_json::from_str::<Headers>(&json).unwrap(), headers);
        }

        #[test]
        fn no_text_makes_the_readers_panic(text: String) {
            let _ = ContentType::parse(&format!("a/b;{text}"));
            let _ = unescape(&text);
        }
    }
}
