//! Wire values by what they are: labels for what changes from run to run, the rest as it is, escaped and bounded.

use crate::base::Redactor;
use crate::judge::text::shown;
use crate::web::volatile::{self, Kind, holds_parameters};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use std::collections::HashMap;
use url::{Url, form_urlencoded};

/// Longest value that is shown, in characters.
const LONGEST_VALUE: usize = 120;
/// Most parameters of a query that are shown.
const MOST_PARAMETERS: usize = 40;
/// Most words of prose that are looked at.
const MOST_WORDS: usize = 400;
/// How deep URLs inside of URLs are followed.
const DEEPEST_URL: usize = 3;
/// Values shorter than this may be equal by chance: they are not recognised by what they were elsewhere.
const SHORTEST_RECOGNISED: usize = 8;
/// What would end a query value, or read as an escape, when it is shown decoded.
const IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'&').add(b'#').add(b'%').add(b'+');

/// The labels of one snapshot. A value keeps the label it was given first.
pub(super) struct Labels {
    given: HashMap<Vec<u8>, String>,
    numbers: HashMap<&'static str, usize>,
    /// Takes secrets out before a value is decoded, taken apart or cut: afterwards nobody would know them.
    redactor: Option<Redactor>,
    /// Without numbers a label only tells the kind, so that it does not depend on what came before.
    numbered: bool,
}

impl Labels {
    pub(super) fn numbered() -> Self {
        Self { given: HashMap::new(), numbers: HashMap::new(), redactor: None, numbered: true }
    }

    pub(super) fn kinds_only() -> Self {
        Self { numbered: false, ..Self::numbered() }
    }

    /// Without the secrets that `redactor` knows.
    pub(super) fn without_secrets(self, redactor: &Redactor) -> Self {
        Self { redactor: Some(redactor.clone()), ..self }
    }

    /// The text without its secrets, if it has any.
    fn redacted(&self, text: &str) -> Option<String> {
        let clean = self.redactor.as_ref()?.text(text);
        clean.contains("‹secret:").then(|| shown(&clean, 2 * LONGEST_VALUE))
    }

    /// The label of a value of this kind.
    fn label(&mut self, word: &'static str, value: &[u8]) -> String {
        if !self.numbered {
            return format!("‹{word}›");
        }
        if let Some(label) = self.given.get(value) {
            return label.clone();
        }
        let number = self.numbers.entry(word).or_default();
        *number += 1;
        let label = format!("‹{word}:{number}›");
        self.given.insert(value.to_vec(), label.clone());
        label
    }

    /// A value that is never shown, such as a cookie's.
    pub(super) fn opaque(&mut self, name: &str, value: &[u8]) -> String {
        if value.is_empty() {
            return String::new();
        }
        let kind = std::str::from_utf8(value).ok().and_then(|text| volatile::kind(Some(name), text));
        // It is masked whatever it is. Where only its look decides (is it random enough for a token?), the word must not
        // depend on that: one run in many would read otherwise.
        let word = match kind {
            Some(Kind::Token | Kind::Id | Kind::Code) | None => "value",
            Some(certain) => certain.word(),
        };
        self.label(word, value)
    }

    /// The label of a value that is volatile by its name or form, or that was labelled before.
    fn volatile(&mut self, name: Option<&str>, value: &str) -> Option<String> {
        if let Some(kind) = volatile::kind(name, value) {
            return Some(self.label(kind.word(), value.as_bytes()));
        }
        let known = value.len() >= SHORTEST_RECOGNISED;
        self.given.get(value.as_bytes()).filter(|_| known).cloned()
    }

    /// A URL with its volatile parts labelled.
    pub(super) fn url(&mut self, url: &str) -> String {
        if let Some(clean) = self.redacted(url) {
            return clean;
        }
        self.nested_url(url, 0)
    }

    fn nested_url(&mut self, text: &str, depth: usize) -> String {
        let Ok(url) = Url::parse(text) else { return shown(text, LONGEST_VALUE) };
        let mut out = format!("{}:", url.scheme());
        if url.has_host() || url.has_authority() {
            out.push_str("//");
            if !url.username().is_empty() || url.password().is_some() {
                out.push_str("‹userinfo›@");
            }
            out.push_str(&shown(url.host_str().unwrap_or_default(), LONGEST_VALUE));
            if let Some(port) = url.port() {
                out.push_str(&format!(":{port}"));
            }
        }
        out.push_str(&self.behind_origin(&url, depth));
        out
    }

    /// Path, query and fragment.
    fn behind_origin(&mut self, url: &Url, depth: usize) -> String {
        let segments: Vec<_> = url.path().split('/').map(|segment| self.segment(segment)).collect();
        let mut out = shown(&segments.join("/"), 2 * LONGEST_VALUE);
        if let Some(query) = url.query() {
            out.push('?');
            out.push_str(&self.query(query, depth));
        }
        if let Some(fragment) = url.fragment().filter(|fragment| !fragment.is_empty()) {
            out.push('#');
            // Tokens and errors travel in fragments too (RFC 6749 §4.2.2).
            let text = if fragment.contains('=') { self.query(fragment, depth) } else { shown(fragment, LONGEST_VALUE) };
            out.push_str(&text);
        }
        out
    }

    /// What a URL, a path or a query inside of a parameter looks like; `None` for any other value.
    fn nested(&mut self, value: &str, depth: usize) -> Option<String> {
        if depth >= DEEPEST_URL {
            return None;
        }
        let nested = if value.contains("://") && Url::parse(value).is_ok() {
            self.nested_url(value, depth + 1)
        } else if value.starts_with('/') && !value.starts_with("//") {
            let base = Url::parse("https://relative.invalid").ok()?;
            self.behind_origin(&base.join(value).ok()?, depth + 1)
        } else if value.contains('=') && value.contains('&') || holds_parameters(value) {
            self.query(value, depth + 1)
        } else {
            return None;
        };
        Some(nested.replace('&', "%26").replace('#', "%23").replace(' ', "+"))
    }

    fn segment(&mut self, segment: &str) -> String {
        let decoded = percent_decode_str(segment).decode_utf8_lossy();
        if decoded.is_empty() { String::new() } else { self.volatile(None, &decoded).unwrap_or_else(|| segment.to_owned()) }
    }

    fn query(&mut self, query: &str, depth: usize) -> String {
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let mut out = Vec::new();
        for (name, value) in pairs.iter().take(MOST_PARAMETERS) {
            let value = self.parameter(name, value, depth);
            let name = utf8_percent_encode(name, IN_QUERY).to_string();
            out.push(format!("{}={value}", shown(&name, 60)));
        }
        if pairs.len() > MOST_PARAMETERS {
            out.push(format!("… {} more", pairs.len() - MOST_PARAMETERS));
        }
        out.join("&")
    }

    fn parameter(&mut self, name: &str, value: &str, depth: usize) -> String {
        let encoded = |text: &str| shown(&utf8_percent_encode(text, IN_QUERY).to_string().replace("%20", "+"), LONGEST_VALUE);
        if let Some(clean) = self.redacted(value) {
            return clean.replace('&', "%26").replace('#', "%23").replace(' ', "+");
        }
        // What went wrong is what a reader looks for: never a label as a whole.
        match name {
            "error" | "error_code" => return encoded(value),
            "error_description" | "error_uri" => return self.text(value).replace('&', "%26").replace(' ', "+"),
            _ => {}
        }
        // A random value may begin with a slash or hold `=`: a path or query is only what is not volatile as a whole.
        if let Some(label) = self.volatile(Some(name), value) {
            return label;
        }
        self.nested(value, depth).unwrap_or_else(|| encoded(value))
    }

    /// Prose with its URLs masked as such, and other volatile words labelled by kind: equal or not, nobody compares ids in prose.
    pub(super) fn text(&mut self, text: &str) -> String {
        let ends_word =
            |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | ',' | ';');
        let mut out = String::new();
        for piece in text.split_inclusive(ends_word).take(MOST_WORDS) {
            let word = piece.trim_end_matches(ends_word);
            let core = word.trim_end_matches(['.', ':', '!', '?']);
            let is_url = core.contains("://") && Url::parse(core).is_ok();
            out.push_str(&if is_url { self.url(core) } else { kinds_in(core) });
            out.push_str(&piece[core.len()..]);
        }
        shown(&out, 2 * LONGEST_VALUE)
    }
}

/// A word of prose with what is volatile in it replaced by its kind: the whole of it or, as in `id=…`, parts.
fn kinds_in(word: &str) -> String {
    let mask = |part: &str| volatile::kind(None, part).map_or_else(|| part.to_owned(), |kind| kind.to_string());
    if volatile::kind(None, word).is_some() {
        return mask(word);
    }
    let joins = |c: char| matches!(c, '=' | '&' | '?' | '#');
    let parts = word.split_inclusive(joins).map(|part| {
        let core = part.trim_end_matches(joins);
        format!("{}{}", mask(core), &part[core.len()..])
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0";

    #[test]
    fn equal_values_look_equal_wherever_they_travel() {
        let mut labels = Labels::numbered();
        let there = labels.url("https://idp.test/authorize?client_id=mosaic&state=Zx81kqPw02LmNs45Ty67&redirect_uri=https%3A%2F%2Fapi.test%2Fcb%3Fa%3D1%26b%3D2");
        let back = labels.url("https://api.test/cb?code=q9w8e7r6t5y4u3i2o1p0&state=Zx81kqPw02LmNs45Ty67");
        let state = there.split("state=").nth(1).and_then(|rest| rest.split('&').next()).unwrap();
        assert!(state.starts_with('‹') && state.ends_with(":1›"), "{there}");
        assert!(back.ends_with(state), "{back}");
        assert!(there.ends_with("redirect_uri=https://api.test/cb?a=1%26b=2"), "{there}");
        assert!(!back.contains("q9w8"), "{back}");
    }

    #[test]
    fn paths_and_queries_inside_of_parameters_are_masked_too() {
        let mut labels = Labels::numbered();
        let state = "AhkQDx6WAb9eGcBKPi76J6zar9it2rYQ";
        let flow = labels
            .url(&format!("https://idp.test/if/flow/x/?next=%2Fauthorize%2F%3Fclient_id%3Dm%26state%3D{state}%26scope%3Dopenid%2Bemail"));
        assert_eq!(flow, "https://idp.test/if/flow/x/?next=/authorize/?client_id=m%26state=‹state:1›%26scope=openid+email");
        let executor = labels.url(&format!("https://idp.test/api/?query=client_id%3Dm%26state%3D{state}"));
        assert_eq!(executor, "https://idp.test/api/?query=client_id=m%26state=‹state:1›");
        let only = labels.url(&format!("https://idp.test/api/?query=next%3D%252Fauthorize%252F%253Fstate%253D{state}"));
        assert_eq!(only, "https://idp.test/api/?query=next=/authorize/?state=‹state:1›");
        let return_to = labels.url(&format!("https://app.test/?to=app%3A%2F%2Fcb%3Fstate%3D{state}"));
        assert_eq!(return_to, "https://app.test/?to=app://cb?state=‹state:1›");
    }

    #[test]
    fn a_value_labelled_once_is_recognised_under_another_name() {
        let mut labels = Labels::numbered();
        let label = labels.opaque("handle", b"plainwords");
        assert_eq!(labels.url("https://app.test/?x=plainwords"), format!("https://app.test/?x={label}"));
        labels.opaque("n", b"1");
        assert_eq!(labels.url("https://app.test/?page=1"), "https://app.test/?page=1");
    }

    #[test]
    fn errors_stay_readable_with_ids_in_prose_masked() {
        let mut labels = Labels::numbered();
        let url = labels.url(&format!("https://app.test/?error=email_is_missing&error_description=request+{UUID}+failed"));
        assert!(url.starts_with("https://app.test/?error=email_is_missing&error_description=request+‹"), "{url}");
        assert!(url.ends_with("›+failed"), "{url}");
    }

    #[test]
    fn prose_may_hold_urls_and_pairs() {
        let mut labels = Labels::numbered();
        let state = "Zx81kqPw02LmNs45Ty67";
        let text = labels.text(&format!("hop 3 failed: https://idp.test/a?state={state}&x=1. It had id={UUID}, (trace {UUID})"));
        assert_eq!(text, "hop 3 failed: https://idp.test/a?state=‹state:1›&x=1. It had id=‹uuid›, (trace ‹uuid›)");
    }

    #[test]
    fn ids_in_paths_are_masked_and_user_names_are_not_shown() {
        let mut labels = Labels::kinds_only();
        let url = labels.url(&format!("https://me:pw@app.test:8443/users/{UUID}/edit"));
        assert!(url.starts_with("https://‹userinfo›@app.test:8443/users/‹") && url.ends_with("›/edit"), "{url}");
    }

    #[test]
    fn hostile_urls_come_out_on_one_line_and_bounded() {
        let mut labels = Labels::numbered();
        let url = format!("alga://x/\u{202e}?{}&y={}", "a=b&".repeat(9000), "\u{1b}[2J".repeat(500));
        let text = labels.url(&url);
        assert!(text.len() < 2000 && !text.contains(['\u{1b}', '\u{202e}', '\n']), "{text}");
    }
}
