//! Whom the API trusts: the Origin rule for requests that change something, and the URLs a caller may be sent to.
//!
//! | request other than GET, HEAD, OPTIONS | answer |
//! |---|---|
//! | no `Cookie` | passes, whatever its Origin |
//! | `Cookie`, but neither `Origin` nor `Referer`, or `Origin: null` | 403 `MISSING_OR_NULL_ORIGIN` |
//! | `Cookie` and an origin that is not trusted | 403 `INVALID_ORIGIN` |
//! | `Cookie` and a trusted origin | passes |
//!
//! A `callbackURL` (and its like) that is neither a plain path nor at a trusted origin answers 403 in any case.

use axum::http::HeaderMap;
use url::Url;

use super::config::{BASE_PATH, Config};
use super::reply::ApiError;
use crate::wire;

/// The public face of the API for one request: where the user agent thinks it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PublicBase {
    /// `https://api.mosaic.test`
    pub(super) origin: String,
}

impl PublicBase {
    /// From `BETTER_AUTH_URL`; without it from the request itself, as forwarded, which is what a deployment gets that
    /// lost the variable.
    pub(super) fn of(config: &Config, headers: &HeaderMap) -> PublicBase {
        if let Some(url) = &config.base_url {
            return PublicBase { origin: url.origin().ascii_serialization() };
        }
        let forwarded = |name| config.trust_proxy.then(|| wire::first_forwarded(headers, name)).flatten();
        let scheme = match forwarded("x-forwarded-proto") {
            Some("https") => "https",
            _ => "http",
        };
        let host = forwarded("x-forwarded-host").or_else(|| wire::text(headers, "host")).unwrap_or("localhost");
        // Through the parser, so that a made-up Host cannot put a path or credentials into the URLs built on this.
        let origin = Url::parse(&format!("{scheme}://{host}"))
            .map_or_else(|_| format!("{scheme}://localhost"), |url| url.origin().ascii_serialization());
        PublicBase { origin }
    }

    /// `https://api.mosaic.test/auth`
    pub(super) fn auth_url(&self) -> String {
        format!("{}{BASE_PATH}", self.origin)
    }
}

/// The origin of a URL or of an `Origin` field, as it is compared.
fn origin_of(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.origin().ascii_serialization())
}

/// Whether `text` is at the API's own origin or at one of `TRUSTED_ORIGINS`.
pub(super) fn is_trusted(config: &Config, base: &PublicBase, text: &str) -> bool {
    origin_of(text).is_some_and(|origin| origin == base.origin || config.trusted_origins.contains(&origin))
}

/// The Origin rule. Call it for methods that change something.
pub(super) fn check_origin(config: &Config, headers: &HeaderMap) -> Result<(), ApiError> {
    if !config.csrf_check || !headers.contains_key("cookie") {
        return Ok(());
    }
    match wire::text(headers, "origin").or_else(|| wire::text(headers, "referer")) {
        None | Some("" | "null") => Err(ApiError::forbidden("MISSING_OR_NULL_ORIGIN", "Missing or null Origin")),
        Some(origin) if is_trusted(config, &PublicBase::of(config, headers), origin) => Ok(()),
        Some(_) => Err(ApiError::forbidden("INVALID_ORIGIN", "Invalid origin")),
    }
}

/// Whether a caller may be sent to `target`: a plain path, or a URL at a trusted origin.
pub(super) fn may_redirect_to(config: &Config, base: &PublicBase, target: &str) -> bool {
    target.bytes().all(|byte| byte.is_ascii_graphic()) && (is_plain_path(target) || is_trusted(config, base, target))
}

/// One slash, then path characters, then perhaps a query. Two slashes, or a backslash in any spelling, name a host.
fn is_plain_path(target: &str) -> bool {
    let Some(rest) = target.strip_prefix('/') else { return false };
    let lower = rest.to_ascii_lowercase();
    if ["/", "\\", "%2f", "%5c"].iter().any(|start| lower.starts_with(start)) {
        return false;
    }
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let within = |text: &str, marks: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c));
    within(path, "_-.+/@") && within(query, "_-.+/=&%@")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mosaic::api::testing::{headers, vars};

    #[test]
    fn the_origin_rule_is_the_table() {
        let config = vars().config();
        let cookie = ("cookie", "a=1");
        let app = "https://app.mosaic.test";
        for (fields, refused) in [
            (vec![], None),
            (vec![("origin", "https://evil.test")], None),
            (vec![cookie], Some("MISSING_OR_NULL_ORIGIN")),
            (vec![cookie, ("origin", "null")], Some("MISSING_OR_NULL_ORIGIN")),
            (vec![cookie, ("origin", "https://evil.test")], Some("INVALID_ORIGIN")),
            (vec![cookie, ("origin", "https://app.mosaic.test.evil.test")], Some("INVALID_ORIGIN")),
            (vec![cookie, ("origin", "http://app.mosaic.test")], Some("INVALID_ORIGIN")),
            (vec![cookie, ("origin", app)], None),
            (vec![cookie, ("origin", "https://api.mosaic.test")], None),
            (vec![cookie, ("referer", "https://app.mosaic.test/login?x=1")], None),
            (vec![cookie, ("origin", "https://evil.test"), ("referer", app)], Some("INVALID_ORIGIN")),
        ] {
            let result = check_origin(&config, &headers(&fields));
            assert_eq!(result.err().map(|error| error.code), refused.map(str::to_owned), "{fields:?}");
        }
    }

    #[test]
    fn a_caller_is_sent_to_paths_and_trusted_origins_only() {
        let config = vars().config();
        let base = PublicBase::of(&config, &HeaderMap::new());
        for good in ["/", "/dashboard?x=%20", "https://app.mosaic.test/", "https://api.mosaic.test/x#y"] {
            assert!(may_redirect_to(&config, &base, good), "{good}");
        }
        for bad in [
            "",
            "dashboard",
            "//evil.test",
            "/\\evil.test",
            "/%2Fevil.test",
            "/%5cevil.test",
            "https://evil.test/",
            "https://app.mosaic.test@evil.test/",
            "javascript:alert(1)",
            "https://app.mosaic.test/\r\nX: y",
            "/a b",
        ] {
            assert!(!may_redirect_to(&config, &base, bad), "{bad}");
        }
    }

    #[test]
    fn without_a_base_url_the_request_says_where_it_came_in() {
        let config = vars().put("BETTER_AUTH_URL", None).config();
        let forwarded =
            headers(&[("host", "127.0.0.1:3001"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "api.mosaic.test, inner.test")]);
        assert_eq!(PublicBase::of(&config, &forwarded).auth_url(), "https://api.mosaic.test/auth");
        let deaf = vars().put("BETTER_AUTH_URL", None).put("TRUSTED_PROXY_HEADERS", Some("off")).config();
        assert_eq!(PublicBase::of(&deaf, &forwarded).origin, "http://127.0.0.1:3001");
        let crooked = headers(&[("host", "user@evil.test/path?x")]);
        assert_eq!(PublicBase::of(&config, &crooked).origin, "http://evil.test");
    }
}
