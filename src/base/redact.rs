//! Secrets: held so that they do not print, and replaced by keyed fingerprints in everything that leaves the program.
//!
//! A fingerprint is the start of an HMAC-SHA256 under a key drawn for the run: equal values look equal within a run,
//! and nothing can be read back or compared across runs.

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::AsciiSet;
use sha2::Sha256;
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, RwLock};

/// Values shorter than this are too common to be replaced wherever they occur.
const SHORTEST_REPLACED: usize = 4;

/// Shorter lines of a secret of several lines are not told from other text.
const SHORTEST_LINE: usize = 8;

/// What the URL standard percent-encodes in a query (URL §1.3); a path has `?` and braces beside.
const IN_QUERY: &AsciiSet = &percent_encoding::CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
const IN_PATH: &AsciiSet = &IN_QUERY.add(b'?').add(b'`').add(b'{').add(b'}');
/// What `encodeURIComponent` leaves as it is (ECMA-262 §19.2.6.4).
const IN_COMPONENT: &AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// A value that never prints: `Debug` and `Display` show its name alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    name: Arc<str>,
    value: Arc<str>,
}

impl Secret {
    /// A secret called `name`, as scenarios refer to it.
    pub fn new(name: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), value: value.into() }
    }

    /// The name it goes by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is so short that hiding it wherever its text occurs would hide half of everything.
    #[must_use]
    pub fn is_too_short_to_hide(&self) -> bool {
        self.value.len() < SHORTEST_REPLACED
    }

    /// The value itself; whoever calls this takes care that it does not print.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "‹secret:{}›", self.name)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "‹secret:{}›", self.name)
    }
}

/// Replaces known secrets by their names and unknown sensitive values by fingerprints. Cloning shares it.
#[derive(Clone)]
pub struct Redactor {
    key: Arc<[u8; 32]>,
    /// Longest spelling first, so that a secret that contains another is replaced whole.
    known: Arc<RwLock<Vec<Spelling>>>,
}

/// One way a secret may be written, and what stands there instead.
type Spelling = (String, Arc<str>);

impl Default for Redactor {
    fn default() -> Self {
        let mut key = [0; 32];
        getrandom::fill(&mut key).expect("the system gives random bytes");
        Self { key: Arc::new(key), known: Arc::default() }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// Learns a secret: from now on [`text`](Self::text) replaces its value, also in percent-, form-, JSON- and base64-encoded spelling.
    pub fn learn(&self, secret: &Secret) {
        let value = secret.expose();
        if secret.is_too_short_to_hide() {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let instead = format!("‹secret:{}›", secret.name).into();
        add(&mut known, value.trim(), &instead);
        // Logs and protocols take text line by line.
        for line in value.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE) {
            add(&mut known, line, &instead);
        }
        sort(&mut known);
    }

    /// A redactor with the same fingerprints that also replaces these values, each by `‹word:fingerprint›`: what a run came to
    /// know of cookies, codes and tokens, once it is over.
    #[must_use]
    pub fn with_values<'a>(&self, values: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut known = self.known.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        for (word, value) in values {
            add(&mut known, value, &format!("‹{word}:{}›", self.fingerprint(value.as_bytes())).into());
        }
        sort(&mut known);
        Self { key: self.key.clone(), known: Arc::new(RwLock::new(known)) }
    }

    /// `text` with every known secret replaced by `‹secret:name›`.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let known = self.known.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut text = Cow::Borrowed(text);
        for (spelling, instead) in known.iter() {
            if text.contains(spelling.as_str()) {
                text = Cow::Owned(text.replace(spelling.as_str(), instead));
            }
        }
        text
    }

    /// Four hexadecimal digits that stand for `value` in this run.
    #[must_use]
    pub fn fingerprint(&self, value: &[u8]) -> String {
        let digest = self.digest(&[value]);
        format!("{:02x}{:02x}", digest[0], digest[1])
    }

    /// HMAC-SHA256 of `parts`, one after the other, under the run's key: what pseudonyms are made of.
    pub(crate) fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.key).expect("HMAC takes keys of any length");
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    }
}

fn add(known: &mut Vec<Spelling>, value: &str, instead: &Arc<str>) {
    for spelling in spellings(value) {
        if !known.iter().any(|(seen, _)| *seen == spelling) {
            known.push((spelling, instead.clone()));
        }
    }
}

fn sort(known: &mut [Spelling]) {
    known.sort_by_key(|(spelling, _)| std::cmp::Reverse(spelling.len()));
}

/// The ways a value travels: as it is, percent-encoded once or twice, form-encoded, inside JSON or HTML, and base64, also
/// as a part of it (`Basic` credentials are base64 of `name:password`).
fn spellings(value: &str) -> Vec<String> {
    let encoded = |text: &str, set| percent_encoding::utf8_percent_encode(text, set).to_string();
    let percent = |text: &str| encoded(text, percent_encoding::NON_ALPHANUMERIC);
    let form: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let json = serde_json::to_string(value).map(|quoted| quoted[1..quoted.len() - 1].to_owned()).unwrap_or_default();
    let html = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let mut all = vec![value.to_owned(), percent(value), percent(&percent(value)), json, html];
    if value.len() >= 8 {
        all.extend((0..3).flat_map(|before| [base64_core(value, before), base64_core(&form, before)]));
        let url_safe: Vec<_> = all[5..].iter().map(|text| text.replace('+', "-").replace('/', "_")).collect();
        all.extend(url_safe);
    }
    all.push(form);
    for set in [IN_QUERY, IN_PATH, IN_COMPONENT] {
        let once = encoded(value, set);
        all.extend([percent(&once), encoded(&once, IN_COMPONENT), once]);
    }
    all.sort();
    all.dedup();
    all.retain(|spelling| spelling.len() >= SHORTEST_REPLACED);
    all
}

/// What is always the same in the base64 (RFC 4648 §4) of any text that holds `value` behind so many bytes of a group of three:
/// the first and last characters may be shared with its neighbours and are left out.
fn base64_core(value: &str, before: usize) -> String {
    use base64::Engine as _;
    let padded = [&[0; 2][..before], value.as_bytes()].concat();
    let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&padded);
    text.get((before * 8).div_ceil(6)..padded.len() * 8 / 6).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::new("jarvis", "hunter2!");
        assert_eq!(format!("{secret:?} {secret}"), "‹secret:jarvis› ‹secret:jarvis›");
    }

    #[test]
    fn every_spelling_of_a_secret_is_replaced() {
        let redactor = Redactor::default();
        redactor.learn(&Secret::new("p", "pass wörd&\"1"));
        for spelling in ["pass wörd&\"1", "pass%20w%C3%B6rd%26%221", "pass+w%C3%B6rd%26%221", "pass wörd&\\\"1", "pass wörd&amp;&quot;1"]
        {
            assert_eq!(redactor.text(&format!("a={spelling};")), "a=‹secret:p›;", "{spelling}");
        }
    }

    #[test]
    fn credentials_of_the_basic_scheme_hide_their_password() {
        use base64::Engine as _;
        let redactor = Redactor::default();
        redactor.learn(&Secret::new("client", "lab-only+secret/"));
        for name in ["a", "ab", "abc", "mosaic"] {
            let header = base64::engine::general_purpose::STANDARD.encode(format!("{name}:lab-only+secret/"));
            let shown = redactor.text(&header).into_owned();
            assert!(shown.contains("‹secret:client›"), "{name}: {shown}");
            assert!(shown.len() < header.len() + 12, "little but the placeholder is left of {header}: {shown}");
        }
    }

    #[test]
    fn the_longer_secret_wins() {
        let redactor = Redactor::default();
        redactor.learn(&Secret::new("short", "abcd"));
        redactor.learn(&Secret::new("long", "abcdefgh"));
        assert_eq!(redactor.text("abcdefgh"), "‹secret:long›");
    }

    #[test]
    fn values_of_a_run_are_replaced_by_the_fingerprint_they_have_elsewhere() {
        let redactor = Redactor::default();
        redactor.learn(&Secret::new("pw", "hunter2!"));
        let wiser = redactor.with_values([("token", "a1b2c3d4e5f6.x%3D")]);
        let expected = format!("got ‹token:{}› and ‹secret:pw›", redactor.fingerprint(b"a1b2c3d4e5f6.x%3D"));
        assert_eq!(wiser.text("got a1b2c3d4e5f6.x%3D and hunter2!"), expected);
        assert_eq!(redactor.text("a1b2c3d4e5f6.x%3D"), "a1b2c3d4e5f6.x%3D");
    }

    #[test]
    fn fingerprints_are_equal_within_a_run_only() {
        let (one, other) = (Redactor::default(), Redactor::default());
        assert_eq!(one.fingerprint(b"x"), one.clone().fingerprint(b"x"));
        let differ = (0u8..8).any(|n| one.fingerprint(&[n]) != other.fingerprint(&[n]));
        assert!(differ);
    }
}
