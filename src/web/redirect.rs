//! Following a redirect as one pure decision (RFC 9110 §15.4, Fetch §4.5 "HTTP-redirect fetch"), and the two ways a page
//! sends its reader elsewhere without a status code: the `Refresh` header and `<meta http-equiv=refresh>`.
//!
//! In: what was asked and what came back. Out: [`Redirect`], what a browser does next. Where browsers leave the
//! standard, Chromium's practice is followed and named.

use std::borrow::Cow;
use std::fmt::Write as _;

use url::{Origin, Url};

use super::headers::Headers;

/// How many redirects of one request a browser follows (Fetch §4.5 "HTTP-redirect fetch": "if request's redirect count
/// is 20, then return a network error"; Chromium's `ERR_TOO_MANY_REDIRECTS` has the same number).
pub const MAX_REDIRECTS: usize = 20;

/// Who asked, which decides what a redirect may lead to (Fetch §2.2.5 "redirect mode").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A navigation: a custom scheme is handed to the operating system, credentials in the URL are allowed.
    Navigate,
    /// `fetch` or XHR with redirect mode `follow`, in CORS mode.
    Follow,
    /// Redirect mode `manual`: the redirect itself is the answer.
    Manual,
    /// Redirect mode `error`: any redirect is a network error.
    Error,
}

/// One request and the part of its response that a redirect is decided by.
#[derive(Debug, Clone, Copy)]
pub struct Hop<'a> {
    /// The request's method, upper case as sent.
    pub method: &'a str,
    /// The request's URL, fragment included: a redirect inherits it.
    pub url: &'a Url,
    /// Whether the request had a body.
    pub has_body: bool,
    /// Origin of the document that made the request; `None` for what a person typed.
    pub initiator: Option<&'a Origin>,
    /// Who asked.
    pub mode: Mode,
    /// Redirects already followed for this request.
    pub followed: usize,
    /// How many may be followed; [`MAX_REDIRECTS`] is what a browser grants.
    pub limit: usize,
    /// The response's status.
    pub status: u16,
    /// The response's header fields.
    pub headers: &'a Headers,
}

/// What a browser does with a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redirect {
    /// No redirect: the response is the answer.
    None,
    /// A redirect status without a usable `Location`: the response is the answer (Fetch §4.5 step "location URL is
    /// null"). Chromium counts an empty `Location` as absent.
    Missing,
    /// Ask again.
    Follow(Box<Follow>),
    /// The chain leaves the browser: `alga://…`, `mailto:…`.
    CustomScheme {
        /// The `Location` as sent, bytes outside ASCII percent-encoded.
        raw: String,
        /// Its scheme, lower case.
        scheme: String,
    },
    /// A network error.
    Invalid {
        /// Why no browser follows it.
        reason: Refusal,
    },
}

/// The next request of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follow {
    /// Where to.
    pub url: Url,
    /// With which method.
    pub method: String,
    /// Whether the body is sent again.
    pub keep_body: bool,
    /// Request header fields that must not be sent again, lower case.
    pub drop_headers: Vec<&'static str>,
    /// The request's origin is tainted from here on: `Origin` is sent as `null` (Fetch §3.1 "Origin header" by way of
    /// "redirect-tainted origin").
    pub taints_origin: bool,
}

/// Why a redirect is a network error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Chromium's `ERR_RESPONSE_HEADERS_MULTIPLE_LOCATION`; equal copies are accepted.
    /// The values stay out of the text: a `Location` may carry codes and tokens.
    #[error("the response has {} `Location` headers that differ; send one", .0.len())]
    MultipleLocations(Vec<String>),
    /// The URL parser fails (Chromium's `ERR_INVALID_REDIRECT`).
    #[error("the `Location` header is not a URL: {cause}")]
    Unparsable {
        /// The value as sent, bytes outside ASCII percent-encoded.
        location: String,
        /// What the URL parser says.
        cause: url::ParseError,
    },
    /// Chromium's `ERR_UNSAFE_REDIRECT`.
    #[error("no browser follows a redirect to a `{0}:` URL")]
    UnsafeScheme(String),
    /// Anything but `http:` and `https:` ends a fetch (Fetch §4.5 "HTTP-redirect fetch", scheme check).
    #[error("a script's request cannot follow a redirect to a `{0}:` URL, only a navigation can")]
    SchemeInFetch(String),
    /// Credentials in the URL of a cross-origin request in CORS mode (Fetch §4.5 "HTTP-redirect fetch").
    #[error("a script's cross-origin request cannot follow a redirect to a URL with credentials in it")]
    CredentialsInFetch,
    /// The request's redirect mode is `error`.
    #[error("the request was made with redirect mode `error`")]
    RedirectMode,
    /// The limit is used up.
    #[error("{0} redirects were followed already; a browser stops here (`ERR_TOO_MANY_REDIRECTS`)")]
    TooMany(usize),
}

/// What belongs to a body, and goes with it (Fetch §2.2.2 "request-body-header name", and the framing of the body).
const BODY_HEADERS: [&str; 6] =
    ["content-encoding", "content-language", "content-length", "content-location", "content-type", "transfer-encoding"];

/// What belongs to one origin. Fetch drops `Authorization`; RFC 9110 §15.4 adds `Cookie`, and a proxy's credentials are
/// no business of another origin either. A browser's own cookies are not concerned: its jar decides anew on each hop.
const ORIGIN_HEADERS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// Schemes that a web page must not be able to open, and those that Chromium handles itself but never as a redirect.
const UNSAFE_SCHEMES: [&str; 13] = [
    "about",
    "blob",
    "chrome",
    "chrome-extension",
    "data",
    "devtools",
    "file",
    "filesystem",
    "ftp",
    "javascript",
    "view-source",
    "ws",
    "wss",
];

impl Hop<'_> {
    /// What a browser does with this response.
    #[must_use]
    pub fn redirect(&self) -> Redirect {
        if !is_redirect_status(self.status) || self.mode == Mode::Manual {
            return Redirect::None;
        }
        if self.mode == Mode::Error {
            return Redirect::Invalid { reason: Refusal::RedirectMode };
        }
        match self.target() {
            Ok(redirect) => redirect,
            Err(reason) => Redirect::Invalid { reason },
        }
    }

    fn target(&self) -> Result<Redirect, Refusal> {
        let Some(location) = location(self.headers)? else {
            return Ok(Redirect::Missing);
        };
        let mut url = match self.url.join(&location) {
            Ok(url) => url,
            Err(cause) => return Err(Refusal::Unparsable { location: location.into_owned(), cause }),
        };
        // Fetch §2.2.6 "location URL": a Location without a fragment takes over the request's.
        if url.fragment().is_none() {
            url.set_fragment(self.url.fragment());
        }
        if !matches!(url.scheme(), "http" | "https") {
            let scheme = url.scheme().to_owned();
            return match self.mode {
                _ if UNSAFE_SCHEMES.contains(&scheme.as_str()) => Err(Refusal::UnsafeScheme(scheme)),
                Mode::Navigate => Ok(Redirect::CustomScheme { raw: location.into_owned(), scheme }),
                _ => Err(Refusal::SchemeInFetch(scheme)),
            };
        }
        if self.followed >= self.limit {
            return Err(Refusal::TooMany(self.followed));
        }
        let foreign_to_initiator = self.initiator.is_some_and(|origin| *origin != url.origin());
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        if self.mode == Mode::Follow && has_credentials && foreign_to_initiator {
            return Err(Refusal::CredentialsInFetch);
        }
        Ok(Redirect::Follow(Box::new(self.follow(url))))
    }

    fn follow(&self, url: Url) -> Follow {
        let becomes_get = match self.status {
            301 | 302 => self.method == "POST",
            303 => !matches!(self.method, "GET" | "HEAD"),
            _ => false,
        };
        let crosses_origin = url.origin() != self.url.origin();
        let mut drop_headers = Vec::new();
        if becomes_get {
            drop_headers.extend(BODY_HEADERS);
        }
        if crosses_origin {
            drop_headers.extend(ORIGIN_HEADERS);
        }
        Follow {
            taints_origin: crosses_origin && self.initiator.is_some_and(|origin| *origin != self.url.origin()),
            url,
            method: if becomes_get { "GET".to_owned() } else { self.method.to_owned() },
            keep_body: self.has_body && !becomes_get,
            drop_headers,
        }
    }
}

/// Whether a status redirects (Fetch §2.2.6 "redirect status"). 300, 304 and 305 do not.
#[must_use]
pub const fn is_redirect_status(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// The one `Location`, ready for the URL parser.
///
/// RFC 9110 §10.2.2 allows ASCII only. Chromium percent-encodes each other byte before it parses (Fetch's "isomorphic
/// decode" would turn UTF-8 into mojibake, which no browser does), so `/café` works whether sent as UTF-8 or Latin-1.
fn location(headers: &Headers) -> Result<Option<Cow<'_, str>>, Refusal> {
    let mut values = headers.get_all("location");
    let Some(first) = values.next() else { return Ok(None) };
    if values.any(|other| other != first) {
        return Err(Refusal::MultipleLocations(headers.get_all("location").map(|value| escape_non_ascii(value).into_owned()).collect()));
    }
    let trimmed = first.trim_ascii();
    Ok((!trimmed.is_empty()).then(|| escape_non_ascii(trimmed)))
}

fn escape_non_ascii(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes)
        && text.is_ascii()
    {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len() * 3);
    for &byte in bytes {
        if byte.is_ascii() {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    Cow::Owned(out)
}

/// A `Refresh` header or `<meta http-equiv=refresh>`: where the page goes by itself, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refresh {
    /// Seconds until then.
    pub delay: u64,
    /// Where to; the page itself when no URL was given.
    pub url: Url,
}

impl Refresh {
    /// Reads a refresh instruction (HTML §4.2.5.3 "shared declarative refresh steps"). `document` is the page's own URL,
    /// `base` what relative URLs resolve against (the same, unless there is a `<base href>`). `None` when the value is
    /// not one that a browser acts on; `javascript:` and `data:` targets are among those.
    #[must_use]
    pub fn parse(value: &str, document: &Url, base: &Url) -> Option<Self> {
        let input = value.trim_start_matches(is_html_space);
        let digits_end = input.find(|c: char| !c.is_ascii_digit()).unwrap_or(input.len());
        let (digits, rest) = input.split_at(digits_end);
        if digits.is_empty() && !rest.starts_with('.') {
            return None;
        }
        // Only digits, so the one way to fail is to be too large.
        let delay = if digits.is_empty() { 0 } else { digits.parse().unwrap_or(u64::MAX) };
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        if !rest.is_empty() && !rest.starts_with(|c: char| c == ';' || c == ',' || is_html_space(c)) {
            return None;
        }
        let rest = rest.trim_start_matches(is_html_space);
        let rest = rest.strip_prefix([';', ',']).unwrap_or(rest).trim_start_matches(is_html_space);
        if rest.is_empty() {
            return Some(Self { delay, url: document.clone() });
        }
        let url = base.join(refresh_target(rest)).ok()?;
        // `javascript:` by the standard; top-level navigation to `data:` is blocked by every browser.
        (!matches!(url.scheme(), "javascript" | "data")).then_some(Self { delay, url })
    }
}

/// The URL of a refresh, after the optional `url=` and out of its quotes.
fn refresh_target(text: &str) -> &str {
    let after_key = text.get(..3).filter(|key| key.eq_ignore_ascii_case("url")).and_then(|_| {
        let rest = text[3..].trim_start_matches(is_html_space).strip_prefix('=')?;
        Some(rest.trim_start_matches(is_html_space))
    });
    // `url` without `=` is the beginning of a URL, and is then not unquoted either.
    let target = match after_key {
        Some(target) => target,
        None if text.starts_with(['u', 'U']) => return text,
        None => text,
    };
    match target.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        Some(quote) => target[1..].split(quote).next().unwrap_or_default(),
        None => target,
    }
}

/// ASCII white space as HTML and the URL standard define it.
const fn is_html_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\x0c' | '\r' | ' ')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const APP: &str = "https://app.mosaic.test/login#top";

    fn decide(method: &str, status: u16, locations: &[&[u8]], mode: Mode) -> Redirect {
        let url = Url::parse(APP).unwrap();
        let headers: Headers = locations.iter().map(|value| ("Location", value.to_vec())).collect();
        let initiator = url.origin();
        Hop {
            method,
            url: &url,
            has_body: method == "POST",
            initiator: Some(&initiator),
            mode,
            followed: 0,
            limit: MAX_REDIRECTS,
            status,
            headers: &headers,
        }
        .redirect()
    }

    fn navigate(location: &[u8]) -> Redirect {
        decide("GET", 302, &[location], Mode::Navigate)
    }

    fn follow(redirect: Redirect) -> Follow {
        match redirect {
            Redirect::Follow(follow) => *follow,
            other => panic!("not followed: {other:?}"),
        }
    }

    #[test]
    fn the_method_changes_as_fetch_says() {
        for (method, status, then) in [
            ("POST", 301, "GET"),
            ("POST", 302, "GET"),
            ("POST", 303, "GET"),
            ("POST", 307, "POST"),
            ("POST", 308, "POST"),
            ("PUT", 302, "PUT"),
            ("DELETE", 303, "GET"),
            ("HEAD", 303, "HEAD"),
            ("GET", 308, "GET"),
        ] {
            let next = follow(decide(method, status, &[b"/next"], Mode::Navigate));
            assert_eq!(next.method, then, "{method} {status}");
            assert_eq!(next.keep_body, method == "POST" && then == "POST", "{method} {status}");
            assert_eq!(next.drop_headers.contains(&"content-type"), method != then, "{method} {status}");
        }
    }

    #[test]
    fn other_statuses_do_not_redirect() {
        for status in [200, 201, 300, 304, 305, 306, 401] {
            assert_eq!(decide("GET", status, &[b"/next"], Mode::Navigate), Redirect::None, "{status}");
        }
        assert_eq!(decide("GET", 302, &[b"/next"], Mode::Manual), Redirect::None);
        assert_eq!(decide("GET", 302, &[], Mode::Error), Redirect::Invalid { reason: Refusal::RedirectMode });
    }

    #[test]
    fn location_resolves_like_a_link_and_inherits_the_fragment() {
        for (location, url) in [
            (&b"/next"[..], "https://app.mosaic.test/next#top"),
            (b"next?x=1", "https://app.mosaic.test/next?x=1#top"),
            (b"//idp.test/a", "https://idp.test/a#top"),
            (b"?error=state_mismatch", "https://app.mosaic.test/login?error=state_mismatch#top"),
            (b"#", "https://app.mosaic.test/login#"),
            (b"/next#own", "https://app.mosaic.test/next#own"),
            (b" \t/next ", "https://app.mosaic.test/next#top"),
            ("/caf\u{e9}".as_bytes(), "https://app.mosaic.test/caf%C3%A9#top"),
            (b"/caf\xe9", "https://app.mosaic.test/caf%E9#top"),
            ("https://b\u{fc}cher.test/".as_bytes(), "https://xn--bcher-kva.test/#top"),
            (b"https://u:p@app.mosaic.test/", "https://u:p@app.mosaic.test/#top"),
        ] {
            assert_eq!(follow(navigate(location)).url.as_str(), url, "{}", String::from_utf8_lossy(location));
        }
    }

    #[test]
    fn without_a_location_the_response_is_the_answer() {
        assert_eq!(decide("GET", 302, &[], Mode::Navigate), Redirect::Missing);
        assert_eq!(navigate(b""), Redirect::Missing);
        assert_eq!(navigate(b"  "), Redirect::Missing);
    }

    #[test]
    fn a_custom_scheme_leaves_the_browser_but_ends_a_fetch() {
        let deep = b"alga://auth/callback?ott=abc&state=x";
        assert_eq!(navigate(deep), Redirect::CustomScheme { raw: "alga://auth/callback?ott=abc&state=x".into(), scheme: "alga".into() });
        let reason = Refusal::SchemeInFetch("alga".into());
        assert_eq!(decide("GET", 302, &[deep], Mode::Follow), Redirect::Invalid { reason });
    }

    #[test]
    fn unsafe_and_broken_targets_are_refused() {
        for scheme in ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "about:blank", "JavaScript:1"] {
            let redirect = navigate(scheme.as_bytes());
            assert!(matches!(&redirect, Redirect::Invalid { reason: Refusal::UnsafeScheme(_) }), "{scheme}: {redirect:?}");
        }
        for broken in ["https://", "https://a:99999/", "https://exa mple/"] {
            let redirect = navigate(broken.as_bytes());
            assert!(matches!(&redirect, Redirect::Invalid { reason: Refusal::Unparsable { .. } }), "{broken}: {redirect:?}");
        }
    }

    #[test]
    fn several_locations_are_an_error_only_when_they_differ() {
        assert_eq!(follow(decide("GET", 302, &[b"/a", b"/a"], Mode::Navigate)).url.path(), "/a");
        let reason = Refusal::MultipleLocations(vec!["/a".into(), "/b".into()]);
        assert_eq!(decide("GET", 302, &[b"/a", b"/b"], Mode::Navigate), Redirect::Invalid { reason });
    }

    #[test]
    fn credentials_stay_at_home() {
        assert!(follow(navigate(b"/same")).drop_headers.is_empty());
        for foreign in [&b"http://app.mosaic.test/"[..], b"https://app.mosaic.test:8443/", b"https://www.app.mosaic.test/"] {
            assert!(follow(navigate(foreign)).drop_headers.contains(&"authorization"));
        }
        let with_password = b"https://u:p@other.test/";
        let reason = Refusal::CredentialsInFetch;
        assert_eq!(decide("GET", 302, &[with_password], Mode::Follow), Redirect::Invalid { reason });
    }

    #[test]
    fn origin_is_tainted_when_a_foreign_origin_redirects_on_to_another() {
        let app = Url::parse("https://app.test/").unwrap().origin();
        let headers: Headers = [("Location", "https://third.test/")].into_iter().collect();
        let taints = |from: &str| {
            let url = Url::parse(from).unwrap();
            let hop = Hop {
                method: "POST",
                url: &url,
                has_body: true,
                initiator: Some(&app),
                mode: Mode::Navigate,
                followed: 0,
                limit: MAX_REDIRECTS,
                status: 307,
                headers: &headers,
            };
            follow(hop.redirect()).taints_origin
        };
        assert!(!taints("https://app.test/"));
        assert!(taints("https://idp.test/"));
        assert!(!taints("https://third.test/"));
    }

    #[test]
    fn the_twenty_first_redirect_is_refused() {
        let url = Url::parse(APP).unwrap();
        let headers: Headers = [("location", "/again")].into_iter().collect();
        let after = |followed| {
            let (mode, limit) = (Mode::Navigate, MAX_REDIRECTS);
            let hop =
                Hop { method: "GET", url: &url, has_body: false, initiator: None, mode, followed, limit, status: 302, headers: &headers };
            hop.redirect()
        };
        assert!(matches!(after(19), Redirect::Follow(_)));
        assert_eq!(after(20), Redirect::Invalid { reason: Refusal::TooMany(20) });
    }

    #[test]
    fn refresh_is_read_as_html_says() {
        let document = Url::parse("https://app.test/a/page").unwrap();
        let base = Url::parse("https://cdn.test/b/").unwrap();
        for (value, expected) in [
            ("0", Some((0, "https://app.test/a/page"))),
            ("5; url=next", Some((5, "https://cdn.test/b/next"))),
            ("0;URL='/x y'junk", Some((0, "https://cdn.test/x%20y"))),
            ("0, \"https://idp.test/\"", Some((0, "https://idp.test/"))),
            ("1.5 url = /z", Some((1, "https://cdn.test/z"))),
            (".5;/z", Some((0, "https://cdn.test/z"))),
            ("3;urls", Some((3, "https://cdn.test/b/urls"))),
            ("99999999999999999999", Some((u64::MAX, "https://app.test/a/page"))),
            ("", None),
            ("soon", None),
            ("5x;url=/", None),
            ("0;url=javascript:alert(1)", None),
        ] {
            let parsed = Refresh::parse(value, &document, &base);
            assert_eq!(parsed.as_ref().map(|r| (r.delay, r.url.as_str())), expected, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn no_location_and_no_refresh_make_it_panic(location: Vec<u8>, refresh: String) {
            let _ = navigate(&location);
            let url = Url::parse(APP).unwrap();
            let _ = Refresh::parse(&format!("0;{refresh}"), &url, &url);
        }
    }
}
