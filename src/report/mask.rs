//! Wire values as people may see them: secrets by name, volatile values by kind and fingerprint, the rest escaped.

use crate::base::{Redactor, escape};
use crate::web::volatile;
use std::fmt::Write as _;
use url::Url;

/// Longest value of a query parameter that is shown.
const LONGEST_PARAMETER: usize = 64;
/// Longest query that is shown.
const LONGEST_QUERY: usize = 120;
/// How many URLs inside URLs are looked into.
const DEEPEST: usize = 4;

/// Makes wire values presentable with one run's fingerprints.
#[derive(Debug, Clone, Copy)]
pub struct Mask<'a> {
    redactor: &'a Redactor,
}

impl<'a> Mask<'a> {
    /// A mask with the fingerprints of `redactor`.
    #[must_use]
    pub fn new(redactor: &'a Redactor) -> Self {
        Self { redactor }
    }

    /// The run's fingerprints.
    pub(super) fn redactor(&self) -> &'a Redactor {
        self.redactor
    }

    /// Any text: known secrets by name, hostile characters escaped.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        escape::line(&self.redactor.text(text)).into_owned()
    }

    /// [`text`](Self::text) of several lines, which stay lines.
    #[must_use]
    pub fn lines(&self, text: &str) -> String {
        text.lines().map(|line| self.text(line)).collect::<Vec<_>>().join("\n")
    }

    /// A value that is always secret, such as a cookie's: `‹token:3f9a›`, empty values as they are.
    #[must_use]
    pub fn opaque(&self, name: &str, value: &[u8]) -> String {
        if value.is_empty() {
            return String::new();
        }
        let kind = std::str::from_utf8(value).ok().and_then(|text| volatile::kind(Some(name), text));
        let word = kind.map_or("value", volatile::Kind::word);
        format!("‹{word}:{}›", self.redactor.fingerprint(value))
    }

    /// A URL: volatile parameters and path segments masked, long values cut.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        // Looked for before the URL is taken apart: a secret may hold the characters at which that is done.
        let without_secrets = self.redactor.text(url);
        if without_secrets.contains("‹secret:") {
            return escape::shorten(&escape::line(&without_secrets), LONGEST_QUERY).into_owned();
        }
        let Ok(parsed) = Url::parse(url) else { return escape::shorten(&self.text(url), LONGEST_QUERY).into_owned() };
        let mut out = match parsed.host_str() {
            Some(host) => {
                let port = parsed.port().map(|port| format!(":{port}")).unwrap_or_default();
                format!("{}://{host}{port}", parsed.scheme())
            }
            None => format!("{}:", parsed.scheme()),
        };
        let path = parsed.path().split('/').map(|segment| self.parameter(None, segment, 0));
        out.push_str(&path.collect::<Vec<_>>().join("/"));
        if let Some(query) = parsed.query() {
            out.push('?');
            out.push_str(&self.query(query, 0));
        }
        if let Some(fragment) = parsed.fragment().filter(|fragment| !fragment.is_empty()) {
            out.push('#');
            out.push_str(&self.query(fragment, 0));
        }
        out
    }

    fn query(&self, query: &str, depth: usize) -> String {
        let mut out = String::new();
        for (at, pair) in query.split('&').enumerate() {
            if out.chars().count() > LONGEST_QUERY {
                let _ = write!(out, "&… ({} more)", query.split('&').count() - at);
                break;
            }
            if at > 0 {
                out.push('&');
            }
            match pair.split_once('=') {
                Some((name, value)) => {
                    let _ = write!(out, "{}={}", self.text(name), self.parameter(Some(name), value, depth));
                }
                None => out.push_str(&self.parameter(None, pair, depth)),
            }
        }
        out
    }

    fn parameter(&self, name: Option<&str>, value: &str, depth: usize) -> String {
        let decoded = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
        match (volatile::kind(name, &decoded), decoded.split_once('?')) {
            (Some(kind), _) => format!("‹{}:{}›", kind.word(), self.redactor.fingerprint(decoded.as_bytes())),
            // A URL inside a parameter may carry volatile parameters of its own.
            (None, Some((before, query))) if query.contains('=') && depth < DEEPEST => {
                let inside = format!("{}?{}", self.text(before), self.query(query, depth + 1));
                escape::shorten(&inside, LONGEST_PARAMETER).into_owned()
            }
            (None, None) if volatile::holds_parameters(&decoded) && depth < DEEPEST => {
                escape::shorten(&self.query(&decoded, depth + 1), LONGEST_PARAMETER).into_owned()
            }
            (None, _) => escape::shorten(&self.text(&decoded), LONGEST_PARAMETER).into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;

    #[test]
    fn a_row_of_parameters_in_a_parameter_is_looked_into() {
        let redactor = Redactor::default();
        let url = Mask::new(&redactor).url("https://a.test/api/?query=next%3D%252Fauthorize%252F%253Fstate%253DSplxlOBeZQQYbYS6WxSbIA");
        assert!(url.starts_with("https://a.test/api/?query=next=/authorize/?state=‹state:") && !url.contains("Splx"), "{url}");
    }

    #[test]
    fn volatile_parameters_are_masked_and_words_are_not() {
        let redactor = Redactor::default();
        let url = Mask::new(&redactor).url("https://a.test/cb?code=SplxlOBeZQQYbYS6WxSbIA&error=access_denied");
        assert!(url.starts_with("https://a.test/cb?code=‹"), "{url}");
        assert!(url.ends_with("&error=access_denied"), "{url}");
        assert!(!url.contains("Splx"), "{url}");
    }

    #[test]
    fn a_url_inside_a_url_is_masked_too() {
        let redactor = Redactor::default();
        let url = Mask::new(&redactor).url("https://a.test/login?next=%2Fauthorize%3Fstate%3Dzx81%26scope%3Dopenid");
        assert!(url.contains("next=/authorize?state=‹state:") && url.ends_with("&scope=openid"), "{url}");
    }

    #[test]
    fn equal_values_look_equal() {
        let redactor = Redactor::default();
        let mask = Mask::new(&redactor);
        assert_eq!(mask.opaque("sid", b"abc"), mask.opaque("sid", b"abc"));
        assert_eq!(mask.opaque("sid", b""), "");
    }

    #[test]
    fn secrets_and_control_characters_never_get_through() {
        let redactor = Redactor::default();
        redactor.learn(&Secret::new("pw", "hunter2!"));
        assert_eq!(Mask::new(&redactor).text("x hunter2! \x1b[2J"), "x ‹secret:pw› \\u{1b}[2J");
    }
}
