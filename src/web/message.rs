//! What a mail or text message carries for the person who reads it: a code to type, a link to follow.

use super::html::Page;
use std::ops::Range;
use url::Url;

/// Digits that a code has at least and at most.
const DIGITS: std::ops::RangeInclusive<usize> = 4..=10;
/// Digits that most codes have.
const USUAL: usize = 6;
/// Most links of one message.
const MOST_LINKS: usize = 200;
/// Longest link, in bytes.
const LONGEST_LINK: usize = 8 * 1024;

/// The numbers in `text` that may be a one-time code: four to ten digits that stand alone. No phone number (`+966…`), no part
/// of a word, an address or a decimal, and no year.
#[must_use]
pub fn codes(text: &str) -> Vec<&str> {
    code_places(text).into_iter().map(|place| &text[place]).collect()
}

/// The number that is most likely the code: the first of six digits, else the first of any length.
#[must_use]
pub fn code(text: &str) -> Option<&str> {
    let codes = codes(text);
    codes.iter().find(|code| code.len() == USUAL).or(codes.first()).copied()
}

/// `text` with every number that may be a code replaced.
#[must_use]
pub fn without_codes(text: &str, instead: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = 0;
    for place in code_places(text) {
        out.push_str(&text[rest..place.start]);
        out.push_str(instead);
        rest = place.end;
    }
    out.push_str(&text[rest..]);
    out
}

fn code_places(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut places = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && bytes[at].is_ascii_digit() {
            at += 1;
        }
        let digits = &text[start..at];
        let before = text[..start].chars().next_back();
        let mut behind = text[at..].chars();
        let (after, next) = (behind.next(), behind.next());
        // A full stop may end the sentence; before another digit it makes a decimal, a date or an address.
        let joined = matches!(after, Some('.' | ',' | ':')) && next.is_some_and(|next| next.is_ascii_digit());
        let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '+' | '/' | '=' | '%' | '&' | '@'));
        let led = before.is_some_and(|c| matches!(c, '.' | ','));
        let year = digits.len() == 4 && (digits.starts_with("19") || digits.starts_with("20"));
        if DIGITS.contains(&digits.len()) && !part(before) && !part(after) && !joined && !led && !year {
            places.push(start..at);
        }
    }
    places
}

/// The links of a message: what its HTML leads to and shows, then URLs that stand in its text. Each once, in order.
#[must_use]
pub fn links(text: &str, html: Option<&str>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut add = |link: &str| {
        if link.len() <= LONGEST_LINK && all.len() < MOST_LINKS && !all.iter().any(|known| known == link) {
            all.push(link.to_owned());
        }
    };
    for link in html.map(|html| page(html).links()).unwrap_or_default() {
        if link.url.as_ref().is_some_and(|url| matches!(url.scheme(), "http" | "https")) || link.href.contains("://") {
            add(&link.href);
        }
    }
    for word in text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"')) {
        // Brackets and quotes may come before a URL; what is meant to end the sentence comes behind it.
        let word = word.trim_start_matches(['(', '[', '\'', '“', '‘']);
        let word = word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'', '”', '’']);
        let is_url = |(scheme, rest): (&str, &str)| scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && !rest.is_empty();
        if word.split_once("://").is_some_and(is_url) && Url::parse(word).is_ok() {
            add(word);
        }
    }
    all
}

/// What a person reads of a message in HTML.
#[must_use]
pub fn text_of_html(html: &str) -> String {
    page(html).text()
}

fn page(html: &str) -> Page {
    // A message has no address of its own, so that links in it are absolute or lead nowhere.
    Page::parse(html, &Url::parse("about:blank").expect("it is a URL"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_code_is_a_number_that_stands_alone() {
        for (text, expected) in [
            ("Your code is 482913.", vec!["482913"]),
            ("482913 is your code, valid until 12:30", vec!["482913"]),
            ("G-482913", vec!["482913"]),
            ("Use 4821 or (93817264)", vec!["4821", "93817264"]),
            ("call +966500000001 in 2026", vec![]),
            ("order a4821, 12.34567, 10.0.0.12345, https://x.test/4821?c=9981", vec![]),
            ("123 and 12345678901", vec![]),
        ] {
            assert_eq!(codes(text), expected, "{text}");
        }
        assert_eq!(code("Room 4821: your code is 482913"), Some("482913"));
        assert_eq!(without_codes("482913 is your code for 4821", "‹code›"), "‹code› is your code for ‹code›");
    }

    #[test]
    fn links_come_from_html_and_text_and_each_once() {
        let html = r#"<p>Hello <a href="https://app.test/verify?t=1&amp;u=2">sign in</a> <a href="mailto:x@y.test">us</a></p>"#;
        assert_eq!(links("see https://app.test/verify?t=1&u=2.", Some(html)), ["https://app.test/verify?t=1&u=2"]);
        assert_eq!(
            links("(https://a.test/x), <alga://auth?ott=1> or https://b.test/!", None),
            ["https://a.test/x", "alga://auth?ott=1", "https://b.test/"]
        );
        assert_eq!(links("no link: a://", None), Vec::<String>::new());
    }

    #[test]
    fn html_is_read_as_a_person_would() {
        let html = "<html><style>p{}</style><body><p>Your code</p><p><b>482913</b></p></body></html>";
        assert_eq!(code(&text_of_html(html)), Some("482913"));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[0-9 .:/a+é<>\"]{0,64}") {
            for code in codes(&text) {
                prop_assert!(DIGITS.contains(&code.len()));
            }
            let _ = (links(&text, Some(&text)), without_codes(&text, "‹code›"));
        }
    }
}
