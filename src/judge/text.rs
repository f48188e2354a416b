//! Wire text made fit to be read: bounded, on one line, without characters that move the cursor or hide others.

use crate::base::{Redactor, escape};
use serde_json::Value;
use std::borrow::Cow;
use std::cell::RefCell;

/// How much of an actual value a verdict shows, in characters.
pub(crate) const SHOWN: usize = 300;

/// Bytes of a text that are looked through for secrets; what is shown of it is far less.
const LOOKED_THROUGH: usize = 64 * 1024;

thread_local! {
    /// Takes secrets out of what is told on this thread right now.
    static HIDING: RefCell<Option<Redactor>> = const { RefCell::new(None) };
}

/// Does `tell` with every text it shows gone through `redactor` first: before it is cut, because nobody recognises a part of
/// a secret afterwards.
pub(crate) fn hiding<T>(redactor: &Redactor, tell: impl FnOnce() -> T) -> T {
    /// Puts back what was in force, after a panic too.
    struct Before(Option<Redactor>);
    impl Drop for Before {
        fn drop(&mut self) {
            HIDING.set(self.0.take());
        }
    }
    let _before = Before(HIDING.replace(Some(redactor.clone())));
    tell()
}

fn hidden(text: &str) -> Cow<'_, str> {
    HIDING.with_borrow(|redactor| match redactor {
        None => Cow::Borrowed(text),
        Some(redactor) => redactor.text(&text[..text.floor_char_boundary(LOOKED_THROUGH)]),
    })
}

/// `text` on one line, hostile characters escaped, at most `limit` characters and a word on how many there were.
pub(crate) fn shown(text: &str, limit: usize) -> String {
    let clean = hidden(text);
    let cut = escape::shorten(&clean, limit);
    let mut out = escape::shorten(&escape::line(&cut), limit).into_owned();
    if cut.len() != clean.len() || text.len() > LOOKED_THROUGH || out.ends_with('…') && !text.ends_with('…') {
        out.push_str(&format!(" ({} characters)", text.chars().count()));
    }
    out
}

/// Bytes as [`shown`] text; bytes that are not UTF-8 become `\xHH`.
pub(crate) fn shown_bytes(bytes: &[u8], limit: usize) -> String {
    // A character has at most four bytes: what lies behind them cannot be shown anyway.
    let reach = bytes.len().min(limit.saturating_mul(4).saturating_add(4).max(LOOKED_THROUGH));
    let text = escape::bytes(&bytes[..reach]);
    let text = hidden(&text).into_owned();
    let short = escape::shorten(&text, limit);
    if reach < bytes.len() || short.len() < text.len() { format!("{short} ({} bytes)", bytes.len()) } else { text }
}

/// `text` in quotes, as [`shown`].
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", shown(text, SHOWN))
}

/// A JSON value as compact text, bounded.
pub(crate) fn shown_json(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        other => shown(&other.to_string(), SHOWN),
    }
}

/// Where two long texts part, with a little of each; `None` when they are short enough to be compared by eye.
pub(crate) fn where_differs(expected: &str, actual: &str) -> Option<String> {
    const EYE: usize = 24;
    let (expected, actual) = (&*hidden(expected), &*hidden(actual));
    if expected.len().min(actual.len()) <= EYE || expected == actual {
        return None;
    }
    let same = expected.chars().zip(actual.chars()).take_while(|(e, a)| e == a).count();
    let excerpt = |text: &str| {
        let rest: String = text.chars().skip(same).take(EYE).collect();
        if rest.is_empty() { Cow::Borrowed("the end") } else { Cow::Owned(format!("`{}`", shown(&rest, EYE))) }
    };
    Some(format!("they part at character {}: expected {}, got {}", same + 1, excerpt(expected), excerpt(actual)))
}

/// `1 hop`, `2 hops`.
pub(crate) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_on_the_wire_moves_the_cursor_or_hides() {
        assert_eq!(shown("a\r\n\u{1b}[2J\u{202e}b\u{200b}", 99), "a\\r\\n\\u{1b}[2J\\u{202e}b\\u{200b}");
        assert_eq!(shown_bytes(b"caf\xe9", 99), "caf\\xe9");
    }

    #[test]
    fn long_text_is_cut_and_says_how_long_it_was() {
        assert_eq!(shown("äöü", 2), "äö… (3 characters)");
        assert_eq!(shown("äö", 2), "äö");
        assert_eq!(shown_bytes(&[b'x'; 5000], 3), "xxx… (5000 bytes)");
        assert!(shown(&"\u{202e}".repeat(500), 300).chars().count() < 330);
    }

    #[test]
    fn long_texts_say_where_they_part() {
        let note = where_differs("https://app.mosaic.test/dashboard", "https://app.mosaic.test/d").unwrap();
        assert_eq!(note, "they part at character 26: expected `ashboard`, got the end");
        assert_eq!(where_differs("abc", "abd"), None);
    }
}
