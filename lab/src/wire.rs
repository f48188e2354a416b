//! Requests and responses in the small, as the modelled systems read and write them.
//!
//! Written here a second time on purpose: what `web` knows of cookies must not be what the lab knows of them.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode, utf8_percent_encode};

/// What `encodeURIComponent` leaves alone besides letters and digits (ECMA-262 §19.2.6.4).
const URI_COMPONENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'!').remove(b'~').remove(b'*').remove(b'\'').remove(b'(').remove(b')');

/// `encodeURIComponent`.
pub(super) fn encode_component(text: &str) -> String {
    utf8_percent_encode(text, URI_COMPONENT).to_string()
}

/// `encodeURIComponent` on bytes that may not be text.
pub(super) fn encode_component_bytes(bytes: &[u8]) -> Vec<u8> {
    percent_encode(bytes, URI_COMPONENT).to_string().into_bytes()
}

/// `decodeURIComponent`, once. `None` where the original throws: a `%` without two hex digits, or bytes that are no UTF-8.
pub(super) fn decode_component(bytes: &[u8]) -> Option<String> {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        let digits = rest.get(at + 1..at + 3)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        rest = &rest[at + 3..];
    }
    percent_encoding::percent_decode(bytes).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// The value of the named cookie exactly as the user agent sent it, not decoded. The first of several wins: user
/// agents send the one with the longest path first (RFC 6265bis §5.8.3).
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h [u8]> {
    headers.get_all(header::COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';')).find_map(|pair| {
        let pair = pair.trim_ascii();
        let at = pair.iter().position(|byte| *byte == b'=')?;
        (pair[..at].trim_ascii() == name.as_bytes()).then(|| pair[at + 1..].trim_ascii())
    })
}

/// A header as text, if it is there and is text.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// The first entry of a comma-separated forwarding header: the one nearest to the user agent.
pub(super) fn first_forwarded<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let first = text(headers, name)?.split(',').next()?.trim();
    (!first.is_empty()).then_some(first)
}

/// Whether a form or a link on a page asked for this, so that a redirect is of use and JSON is not. Browsers say so
/// with `Sec-Fetch-Mode: navigate`; for those that do not, an `Accept` that prefers HTML tells it.
pub(super) fn is_navigation(headers: &HeaderMap) -> bool {
    match text(headers, "sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => text(headers, "accept").is_some_and(|accept| accept.contains("text/html")),
    }
}

/// The first value of a query parameter.
pub(super) fn query(raw: Option<&str>, name: &str) -> Option<String> {
    url::form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// `target` with query parameters put after those it has.
pub(super) fn with_query(target: &str, parameters: &[(&str, &str)]) -> String {
    let mut tail = url::form_urlencoded::Serializer::new(String::new());
    tail.extend_pairs(parameters);
    let joint = if target.contains('?') { '&' } else { '?' };
    format!("{target}{joint}{}", tail.finish())
}

/// A redirect. A target that no header can carry becomes a plain 500: it is never cut or repaired.
pub(super) fn redirect(status: StatusCode, target: &str) -> Response {
    let mut answer = Response::new(Body::empty());
    match HeaderValue::try_from(target) {
        Ok(location) => {
            *answer.status_mut() = status;
            answer.headers_mut().insert(header::LOCATION, location);
        }
        Err(_) => *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    answer
}

/// Adds `Set-Cookie` lines, each a field of its own (RFC 9110 §5.3 exempts it from being joined).
pub(super) fn set_cookies(answer: &mut Response, lines: impl IntoIterator<Item = String>) {
    for line in lines {
        if let Ok(value) = HeaderValue::try_from(line) {
            answer.headers_mut().append(header::SET_COOKIE, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_value_keeps_its_bytes() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; s=x%2By=z; s=second"));
        headers.append(header::COOKIE, HeaderValue::from_bytes(b"raw=\xff\xfe").expect("opaque bytes are allowed"));
        assert_eq!(cookie(&headers, "s"), Some(&b"x%2By=z"[..]));
        assert_eq!(cookie(&headers, "raw"), Some(&b"\xff\xfe"[..]));
        assert_eq!(cookie(&headers, "S"), None);
    }

    #[test]
    fn decoding_happens_once_and_refuses_what_the_original_throws_on() {
        assert_eq!(decode_component(b"a%252Bb").as_deref(), Some("a%2Bb"));
        assert_eq!(decode_component(b"a%2").as_deref(), None);
        assert_eq!(decode_component(b"a%zz").as_deref(), None);
        assert_eq!(decode_component(b"%ff").as_deref(), None);
    }

    #[test]
    fn a_query_is_put_after_the_one_that_is_there() {
        assert_eq!(with_query("/login", &[("error", "a b")]), "/login?error=a+b");
        assert_eq!(with_query("/login?x=1", &[("error", "e")]), "/login?x=1&error=e");
    }

    #[test]
    fn a_target_no_header_can_carry_is_not_repaired() {
        assert_eq!(redirect(StatusCode::FOUND, "/a\r\nSet-Cookie: b").status(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[test]
    fn fetch_metadata_decides_before_accept() {
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static("text/html,*/*"));
        assert!(is_navigation(&headers));
        headers.insert("sec-fetch-mode", HeaderValue::from_static("cors"));
        assert!(!is_navigation(&headers));
    }
}
