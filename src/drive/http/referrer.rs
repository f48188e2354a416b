//! What a request says about the page it comes from: the `Referer` and `Origin` fields (Referrer Policy §8, Fetch §3.1).

use crate::web::headers::Headers;
use crate::web::origin::{Origin, is_loopback};
use url::Url;

/// Referrer Policy §3.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Policy {
    NoReferrer,
    NoReferrerWhenDowngrade,
    SameOrigin,
    Origin,
    StrictOrigin,
    OriginWhenCrossOrigin,
    /// What holds for a page that says nothing.
    #[default]
    StrictOriginWhenCrossOrigin,
    UnsafeUrl,
}

impl Policy {
    /// The policy that a response sets, if any: the last word of `Referrer-Policy` that is one (Referrer Policy §8.1).
    /// A `<meta name=referrer>` is not read.
    pub(super) fn of(headers: &Headers) -> Option<Self> {
        let words =
            headers.get_all("referrer-policy").filter_map(|value| std::str::from_utf8(value).ok()).flat_map(|value| value.split(','));
        words.filter_map(|word| Self::named(word.trim())).last()
    }

    fn named(word: &str) -> Option<Self> {
        let known = [
            ("no-referrer", Self::NoReferrer),
            ("no-referrer-when-downgrade", Self::NoReferrerWhenDowngrade),
            ("same-origin", Self::SameOrigin),
            ("origin", Self::Origin),
            ("strict-origin", Self::StrictOrigin),
            ("origin-when-cross-origin", Self::OriginWhenCrossOrigin),
            ("strict-origin-when-cross-origin", Self::StrictOriginWhenCrossOrigin),
            ("unsafe-url", Self::UnsafeUrl),
        ];
        known.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, policy)| policy)
    }

    /// The `Referer` of a request from the page `from` to `to` (Referrer Policy §8.3).
    pub(super) fn referer(self, from: &Url, to: &Url) -> Option<String> {
        let same_origin = from.origin() == to.origin();
        let downgrade = is_secure(from) && !is_secure(to);
        let whole = match self {
            Self::NoReferrer => return None,
            Self::SameOrigin if !same_origin => return None,
            Self::NoReferrerWhenDowngrade | Self::StrictOrigin | Self::StrictOriginWhenCrossOrigin if downgrade => return None,
            Self::Origin | Self::StrictOrigin => false,
            Self::OriginWhenCrossOrigin | Self::StrictOriginWhenCrossOrigin => same_origin,
            Self::SameOrigin | Self::NoReferrerWhenDowngrade | Self::UnsafeUrl => true,
        };
        let stripped = stripped(from)?;
        // §8.3 step 4: a very long URL counts as its origin.
        Some(if whole && stripped.len() <= 4096 { stripped } else { format!("{}/", from.origin().ascii_serialization()) })
    }

    /// Whether `Origin` of a request that is not CORS and not GET or HEAD says `null` (Fetch §3.1 "append a request
    /// `Origin` header", step 4).
    pub(super) fn hides_origin(self, origin: &Origin, to: &Url) -> bool {
        match self {
            Self::NoReferrer => true,
            Self::NoReferrerWhenDowngrade | Self::StrictOrigin | Self::StrictOriginWhenCrossOrigin => {
                origin.scheme().as_str() == "https" && to.scheme() != "https"
            }
            Self::SameOrigin => Origin::of(to).as_ref() != Ok(origin),
            Self::Origin | Self::OriginWhenCrossOrigin | Self::UnsafeUrl => false,
        }
    }
}

/// Referrer Policy §8.4 "strip url for use as a referrer".
fn stripped(url: &Url) -> Option<String> {
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let mut url = url.clone();
    url.set_fragment(None);
    // Neither fails for a URL with a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Some(url.into())
}

/// Whether nobody on the way can read a request for this URL (Secure Contexts §3.1).
pub(super) fn is_secure(url: &Url) -> bool {
    url.scheme() == "https" || url.host().is_some_and(|host| is_loopback(&host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn referer(policy: Policy, to: &str) -> Option<String> {
        policy.referer(&Url::parse("https://me:pw@app.test/a?b=c#d").unwrap(), &Url::parse(to).unwrap())
    }

    #[test]
    fn the_default_tells_others_the_origin_alone_and_http_nothing() {
        let policy = Policy::default();
        assert_eq!(referer(policy, "https://app.test/x").as_deref(), Some("https://app.test/a?b=c"));
        assert_eq!(referer(policy, "https://api.app.test/x").as_deref(), Some("https://app.test/"));
        assert_eq!(referer(policy, "http://app.test/x"), None);
    }

    #[test]
    fn a_page_may_say_more_or_less() {
        let other = "https://idp.test/";
        assert_eq!(referer(Policy::NoReferrer, "https://app.test/"), None);
        assert_eq!(referer(Policy::SameOrigin, other), None);
        assert_eq!(referer(Policy::UnsafeUrl, "http://idp.test/").as_deref(), Some("https://app.test/a?b=c"));
        assert_eq!(referer(Policy::Origin, "https://app.test/").as_deref(), Some("https://app.test/"));
    }

    #[test]
    fn the_last_known_word_of_the_header_counts() {
        let of = |value: &str| Policy::of(&[("Referrer-Policy", value)].into_iter().collect());
        assert_eq!(of("no-referrer, Same-Origin, made-up"), Some(Policy::SameOrigin));
        assert_eq!(of("made-up"), None);
    }

    #[test]
    fn origin_is_hidden_by_policy_and_by_downgrade() {
        let app: Origin = "https://app.test".parse().unwrap();
        let (same, plain) = (Url::parse("https://app.test/x").unwrap(), Url::parse("http://app.test/x").unwrap());
        assert!(Policy::NoReferrer.hides_origin(&app, &same));
        assert!(Policy::default().hides_origin(&app, &plain));
        assert!(!Policy::default().hides_origin(&app, &same));
        assert!(Policy::SameOrigin.hides_origin(&app, &plain));
    }
}
