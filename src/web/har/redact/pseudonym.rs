//! Pseudonyms of single values.

use crate::base::Redactor;
use crate::web::volatile::{self, Kind};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use std::collections::HashSet;

/// Shorter words of a secret are too common to be replaced wherever they occur.
const SHORTEST_KNOWN: usize = 6;
/// Most words that are remembered; a file with more is no recording of a login.
const MOST_KNOWN: usize = 2_000_000;
/// Deepest JSON that is looked into, and how often encoded texts lie in one another.
const DEEPEST: usize = 24;
/// Most fields for passwords that are remembered.
const MOST_FIELDS: usize = 1000;

/// Replaces secret values, equal ones alike. What it replaced it remembers, and replaces in other text as well.
pub struct Pseudonyms {
    redactor: Redactor,
    /// Words of secrets: letters, digits, `-` and `_` in a row.
    pub(super) known: HashSet<String>,
    /// Names of fields that some page takes passwords in.
    password_fields: HashSet<String>,
}

impl Pseudonyms {
    /// Pseudonyms under the key of `redactor`.
    #[must_use]
    pub fn new(redactor: Redactor) -> Self {
        Self { redactor, known: HashSet::new(), password_fields: HashSet::new() }
    }

    /// A value that is secret, and is from now on replaced in other text too.
    pub fn secret(&mut self, value: &str) -> String {
        if value.bytes().filter(|&byte| byte == b'.').count() >= 2
            && let Some(token) = self.token(value)
        {
            return token;
        }
        words(value, |word| {
            // `true`, `dark`, `en-US`: replaced here, but no secret elsewhere.
            let is_telling = word.len() >= SHORTEST_KNOWN && !volatile::is_word(word);
            if is_telling && self.known.len() < MOST_KNOWN && !self.known.contains(word) {
                self.known.insert(word.to_owned());
            }
            Some(self.word(word))
        })
    }

    /// A password: replaced in other text whatever it looks like.
    pub(super) fn password(&mut self, value: &str) -> String {
        words(value, |word| {
            if word.len() >= 4 && self.known.len() < MOST_KNOWN {
                self.known.insert(word.to_owned());
            }
            Some(self.word(word))
        })
    }

    /// Text that is no secret itself: words of known secrets are replaced.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        if self.known.is_empty() {
            return text.to_owned();
        }
        words(text, |word| self.known.contains(word).then(|| self.word(word)))
    }

    /// A value under a name: a pseudonym if it is secret by its name or form, a URL with its parts replaced, or text.
    pub(super) fn value(&mut self, name: Option<&str>, value: &str, depth: usize) -> String {
        if let Some(name) = name
            && self.is_password(name)
            && !value.is_empty()
        {
            return self.password(value);
        }
        if depth < DEEPEST && (value.starts_with("https://") || value.starts_with("http://")) {
            return self.url(value, depth + 1);
        }
        // A path with parameters, as in `next=/authorize?state=…`.
        if depth < DEEPEST && value.starts_with('/') && value.contains('?') {
            return self.url(value, depth + 1);
        }
        if is_secret(name, value) { self.secret(value) } else { self.text(value) }
    }

    /// Remembers in which fields a page takes passwords (HTML §4.10.5.1.6): they may be called anything.
    pub(super) fn learn_fields(&mut self, html: &str) {
        for tag in html.split('<').skip(1).filter(|tag| tag.get(..5).is_some_and(|name| name.eq_ignore_ascii_case("input"))) {
            let tag = &tag[..tag.find('>').unwrap_or(tag.len())];
            let is_password = attribute(tag, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("password"));
            if let Some(name) = attribute(tag, "name").filter(|name| is_password && !name.is_empty())
                && self.password_fields.len() < MOST_FIELDS
            {
                self.password_fields.insert(name.to_owned());
            }
        }
    }

    fn is_password(&self, name: &str) -> bool {
        is_password(name) || self.password_fields.contains(name)
    }

    /// A URL or the end of one: its path, its query and its fragment.
    pub(super) fn url(&mut self, url: &str, depth: usize) -> String {
        let (rest, fragment) = url.split_once('#').map_or((url, None), |(rest, fragment)| (rest, Some(fragment)));
        let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
        let (origin, path) = match place.split_once("://") {
            Some((scheme, rest)) => {
                let end = rest.find('/').unwrap_or(rest.len());
                // Credentials before the host.
                let host = match rest[..end].rsplit_once('@') {
                    Some((user, host)) => format!("{}@{host}", self.password(user)),
                    None => rest[..end].to_owned(),
                };
                (format!("{scheme}://{host}"), &rest[end..])
            }
            None => (String::new(), place),
        };
        let path: Vec<_> = path.split('/').map(|segment| self.value(None, segment, depth + 1)).collect();
        let mut out = format!("{origin}{}", path.join("/"));
        for (mark, part) in [('?', query), ('#', fragment)] {
            if let Some(part) = part {
                out.push(mark);
                out.push_str(&self.form(part, depth));
            }
        }
        out
    }

    /// `name=value` pairs joined by `&`, as in a query or a form, encoded as they are.
    pub(super) fn form(&mut self, text: &str, depth: usize) -> String {
        let pairs = text.split('&').map(|pair| match pair.split_once('=') {
            Some((name, value)) => format!("{name}={}", self.encoded(&decoded(name), value, depth)),
            None => self.value(None, pair, depth + 1),
        });
        pairs.collect::<Vec<_>>().join("&")
    }

    /// A percent-encoded value. One that holds a URL or JSON is decoded and encoded again.
    fn encoded(&mut self, name: &str, value: &str, depth: usize) -> String {
        let plain = decoded(value);
        let holds_more = plain != value && (plain.contains("://") || plain.starts_with(['/', '{', '[']));
        if holds_more && depth < DEEPEST {
            let inner = if plain.starts_with(['{', '[']) {
                self.json_text(Some(name), &plain, depth + 1)
            } else {
                self.value(Some(name), &plain, depth + 1)
            };
            return if inner == plain { value.to_owned() } else { url::form_urlencoded::byte_serialize(inner.as_bytes()).collect() };
        }
        if self.is_password(name) {
            self.password(value)
        } else if is_secret(Some(name), &plain) {
            self.secret(value)
        } else {
            self.value(None, value, depth + 1)
        }
    }

    /// JSON in a text; what is none is text.
    pub(super) fn json_text(&mut self, name: Option<&str>, text: &str, depth: usize) -> String {
        match serde_json::from_str::<Value>(text) {
            Ok(mut value @ (Value::Object(_) | Value::Array(_))) => {
                self.json(name, &mut value, depth);
                value.to_string()
            }
            _ => self.value(name, text, depth + 1),
        }
    }

    /// A JSON value under a name.
    pub(super) fn json(&mut self, name: Option<&str>, value: &mut Value, depth: usize) {
        if depth > DEEPEST {
            *value = Value::Null;
            return;
        }
        match value {
            Value::Object(map) => map.iter_mut().for_each(|(name, value)| self.json(Some(name), value, depth + 1)),
            Value::Array(list) => list.iter_mut().for_each(|value| self.json(name, value, depth + 1)),
            Value::String(text) if text.starts_with(['{', '[']) => *text = self.json_text(name, text, depth + 1),
            // Whom it is about, alike in tokens and in what is asked about them.
            Value::String(text) if name == Some("sub") => *text = self.secret(text),
            Value::String(text) => *text = self.value(name, text, depth),
            // A code that a person types may be a number.
            Value::Number(number) if name.is_some_and(|name| self.is_password(name)) => *value = self.password(&number.to_string()).into(),
            _ => {}
        }
    }

    /// A JSON Web Token with its claims replaced as JSON is, its signature as a secret (RFC 7515 §3.1).
    fn token(&mut self, value: &str) -> Option<String> {
        let (head, rest) = value.split_once('.')?;
        let (claims, signature) = rest.split_once('.')?;
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).ok()?).ok()?;
        header.get("alg")?;
        let mut payload: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        // The parts as they were are secrets too: somebody may have kept one alone.
        self.secret(claims);
        self.json(None, &mut payload, 1);
        Some(format!("{head}.{}.{}", URL_SAFE_NO_PAD.encode(payload.to_string()), self.secret(signature)))
    }

    /// The pseudonym of a word: of the same length, capitals for capitals, digits for digits, hexadecimal for hexadecimal.
    fn word(&self, word: &str) -> String {
        let is_hex = word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f' | b'-'));
        let letters: u8 = if is_hex { 6 } else { 26 };
        let mut out = String::with_capacity(word.len());
        let mut block = [0; 32];
        for (at, byte) in word.bytes().enumerate() {
            if at % 32 == 0 {
                block = self.redactor.digest(&[b"word", &(at as u64).to_be_bytes(), word.as_bytes()]);
            }
            let drawn = block[at % 32];
            out.push(char::from(match byte {
                b'0'..=b'9' => b'0' + drawn % 10,
                b'a'..=b'z' => b'a' + drawn % letters,
                b'A'..=b'Z' => b'A' + drawn % letters,
                other => other,
            }));
        }
        out
    }
}

/// `text` with its words replaced: letters, digits, `-` and `_` in a row. Percent escapes and what is not ASCII stay.
fn words(text: &str, mut replace: impl FnMut(&str) -> Option<String>) -> String {
    let bytes = text.as_bytes();
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut at) = (0, 0);
    while at < bytes.len() {
        if bytes[at] == b'%' && bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) {
            at += 3;
        } else if is_word(bytes[at]) {
            let start = at;
            while at < bytes.len() && is_word(bytes[at]) {
                at += 1;
            }
            if let Some(word) = replace(&text[start..at]) {
                out.push_str(&text[rest..start]);
                out.push_str(&word);
                rest = at;
            }
        } else {
            at += 1;
        }
    }
    out.push_str(&text[rest..]);
    out
}

/// An attribute of a tag, in double quotes, single ones or none.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = tag;
    while let Some(at) = rest.find('=') {
        let (before, value) = (rest[..at].trim_end(), rest[at + 1..].trim_start());
        let is_it = before
            .rsplit(|c: char| c.is_ascii_whitespace() || matches!(c, '"' | '\'' | '/'))
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case(name));
        let (value, behind) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
            _ => value.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((value, "")),
        };
        if is_it {
            return Some(value.trim_end_matches('/'));
        }
        rest = behind;
    }
    None
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

fn normalised(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Whether a name is that of a secret that a person or a client knows by heart, or types.
#[must_use]
pub fn is_password(name: &str) -> bool {
    let name = normalised(name);
    let within = ["password", "passwd", "passphrase", "clientsecret", "apikey", "clientassertion", "privatekey", "recoverycode"];
    matches!(
        name.as_str(),
        "pw" | "pwd"
            | "passwort"
            | "kennwort"
            | "motdepasse"
            | "contrasena"
            | "senha"
            | "pass"
            | "pin"
            | "otp"
            | "totp"
            | "secret"
            | "assertion"
            | "otpcode"
            | "passcode"
    ) || within.iter().any(|part| name.contains(part))
}

/// Whether a value is secret by its name or its form.
fn is_secret(name: Option<&str>, value: &str) -> bool {
    if let Some(name) = name {
        let name = normalised(name);
        let is_token = name.ends_with("token") || name.ends_with("secret") || name.ends_with("sessionid") || name.contains("ticket");
        if is_token && !value.is_empty() {
            return true;
        }
    }
    !matches!(volatile::kind(name, value), None | Some(Kind::Time))
}
