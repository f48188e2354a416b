//! Request headers as Chromium writes them, in its order.
//!
//! Three manners of asking: a navigation of the tab, `fetch` in a page, and a program that is no browser. What a real
//! Chromium sends for the same hop is compared in `drive/tests/browser.rs`; the two differ in this, by nature:
//!
//! | field | why |
//! |---|---|
//! | `User-Agent` | ends with this program's name and version, so that a server's log tells the truth |
//! | `sec-ch-ua`, `sec-ch-ua-mobile`, `sec-ch-ua-platform` | name a browser build that this is not, and no login depends on them |
//! | `Connection`, `Proxy-Connection`, `Host`, `Content-Length` | belong to the connection and are added there |
//! | the order of `Content-Type` in a POST that is loaded again | Chromium puts it behind `Origin` then, and before `User-Agent` otherwise |
//! | the preflight | a browser's question before a cross-origin request that is not simple (Fetch §4.8); a hop of its own there |
//!
use super::referrer::{Policy, is_secure};
use crate::web::headers::Headers;
use crate::web::origin::Origin;
use crate::web::site::Site;
use url::Url;

/// The default `User-Agent` of a navigation and of `fetch`: Chromium's frozen form (the User-Agent Reduction of 2023),
/// with this program's name at the end so that a server's log tells the truth.
pub(super) const BROWSER: &str = concat!(
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 authchain/",
    env!("CARGO_PKG_VERSION")
);
/// The `User-Agent` of a request that comes from no page.
pub(super) const PROGRAM: &str = concat!("authchain/", env!("CARGO_PKG_VERSION"));

const NAVIGATION_ACCEPT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/jxl,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7";
const ACCEPT_ENCODING: &str = "gzip, deflate, br, zstd";
const ACCEPT_LANGUAGE: &str = "en-US,en;q=0.9";

/// How a request is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// The tab goes somewhere.
    Navigation {
        /// By a person's hand, not by the page itself (Fetch Metadata §2.4).
        activated: bool,
        /// Past the cache: a reload.
        reload: bool,
    },
    /// `fetch(url, {credentials: "include"})` in a page.
    Fetch,
    /// A program that is no browser.
    Program,
}

/// The page that a request comes from.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// Its origin; `null` is sent once a redirect has tainted it.
    pub(super) origin: Origin,
    /// What `Referer` tells of it: at first its URL. What a redirect cut off does not come back (Fetch §4.1 step 8: a request
    /// keeps the referrer that it was sent with).
    pub(super) referrer: Option<Url>,
    /// What it tells about itself.
    pub(super) policy: Policy,
}

/// `Sec-Fetch-Site` over all URLs of a redirect chain (Fetch Metadata §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Relation {
    SameOrigin,
    SameSite,
    CrossSite,
}

impl Relation {
    /// How `url` relates to the origin that asks for it.
    pub(super) fn of(origin: &Origin, url: &Url) -> Self {
        match Origin::of(url) {
            Ok(other) if other == *origin => Self::SameOrigin,
            Ok(other) if Site::of(&other).same_site(&Site::of(origin)) => Self::SameSite,
            _ => Self::CrossSite,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::SameOrigin => "same-origin",
            Self::SameSite => "same-site",
            Self::CrossSite => "cross-site",
        }
    }
}

/// All that headers depend on.
pub(super) struct Asked<'a> {
    pub(super) method: &'a http::Method,
    pub(super) url: &'a Url,
    pub(super) manner: Manner,
    pub(super) source: Option<&'a Source>,
    /// The furthest that the chain went from the source's origin.
    pub(super) relation: Relation,
    /// A redirect led from one foreign origin to another (Fetch §3.1, "redirect-tainted origin").
    pub(super) tainted: bool,
    pub(super) content_type: Option<&'a str>,
    /// What becomes of other sites' cookies, where any go with the request (Storage Access Headers §3): `active` or `none`.
    pub(super) storage_access: Option<&'static str>,
}

impl Asked<'_> {
    /// The headers without cookies.
    pub(super) fn headers(&self) -> Headers {
        let mut headers = Headers::new();
        match self.manner {
            Manner::Navigation { activated, reload } => self.navigation(&mut headers, activated, reload),
            Manner::Fetch => self.fetch(&mut headers),
            Manner::Program => {
                headers.append("User-Agent", PROGRAM);
                headers.append("Accept", "*/*");
                headers.extend(self.content_type.map(|value| ("Content-Type", value)));
            }
        }
        headers
    }

    fn navigation(&self, headers: &mut Headers, activated: bool, reload: bool) {
        if reload || self.method == http::Method::POST {
            headers.append("Cache-Control", "max-age=0");
        }
        headers.append("Upgrade-Insecure-Requests", "1");
        headers.extend(self.content_type.map(|value| ("Content-Type", value)));
        headers.append("User-Agent", BROWSER);
        headers.extend(self.origin().map(|value| ("Origin", value)));
        headers.append("Accept", NAVIGATION_ACCEPT);
        if is_secure(self.url) {
            headers.append("Sec-Fetch-Site", if self.source.is_some() { self.relation.as_str() } else { "none" });
            headers.append("Sec-Fetch-Mode", "navigate");
            if activated {
                headers.append("Sec-Fetch-User", "?1");
            }
            headers.append("Sec-Fetch-Dest", "document");
        }
        self.common(headers);
    }

    fn fetch(&self, headers: &mut Headers) {
        headers.append("User-Agent", BROWSER);
        headers.extend(self.content_type.map(|value| ("Content-Type", value)));
        headers.append("Accept", "*/*");
        headers.extend(self.origin().map(|value| ("Origin", value)));
        if is_secure(self.url) {
            headers.append("Sec-Fetch-Site", self.relation.as_str());
            headers.append("Sec-Fetch-Mode", "cors");
            headers.append("Sec-Fetch-Dest", "empty");
            let foreign = self.storage_access.filter(|_| self.relation == Relation::CrossSite);
            headers.extend(foreign.map(|value| ("Sec-Fetch-Storage-Access", value)));
        }
        self.common(headers);
    }

    fn common(&self, headers: &mut Headers) {
        let referer = self.source.and_then(|source| source.policy.referer(source.referrer.as_ref()?, self.url));
        headers.extend(referer.map(|value| ("Referer", value)));
        // Chromium offers the newer two codings to those alone whom no proxy in between can misunderstand.
        headers.append("Accept-Encoding", if is_secure(self.url) { ACCEPT_ENCODING } else { "gzip, deflate" });
        headers.append("Accept-Language", ACCEPT_LANGUAGE);
    }

    /// Fetch §3.1 "append a request `Origin` header".
    fn origin(&self) -> Option<String> {
        let source = self.source?;
        let serialised = || if self.tainted { "null".to_owned() } else { source.origin.to_string() };
        // Response tainting is "cors" once a fetch has left its origin, even if it comes back.
        if self.manner == Manner::Fetch && self.relation != Relation::SameOrigin {
            return Some(serialised());
        }
        if matches!(*self.method, http::Method::GET | http::Method::HEAD) {
            return None;
        }
        Some(if source.policy.hides_origin(&source.origin, self.url) { "null".to_owned() } else { serialised() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(method: http::Method, url: &str, manner: Manner, from: Option<&str>, tainted: bool) -> Vec<(String, String)> {
        let url = Url::parse(url).unwrap();
        let source = from.map(|from| {
            let page = Url::parse(from).unwrap();
            Source { origin: Origin::of(&page).unwrap(), referrer: Some(page), policy: Policy::default() }
        });
        let relation = source.as_ref().map_or(Relation::SameOrigin, |source| Relation::of(&source.origin, &url));
        let asked = Asked {
            method: &method,
            url: &url,
            manner,
            source: source.as_ref(),
            relation,
            tainted,
            content_type: None,
            storage_access: Some("active"),
        };
        asked.headers().iter().map(|header| (header.name.clone(), header.text().into_owned())).collect()
    }

    fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
        headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    const OPEN: Manner = Manner::Navigation { activated: true, reload: false };
    const APP: Option<&str> = Some("https://app.mosaic.test/login?next=1");

    #[test]
    fn a_typed_url_comes_from_nowhere() {
        let headers = ask(http::Method::GET, "https://app.mosaic.test/", OPEN, None, false);
        let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "Upgrade-Insecure-Requests",
                "User-Agent",
                "Accept",
                "Sec-Fetch-Site",
                "Sec-Fetch-Mode",
                "Sec-Fetch-User",
                "Sec-Fetch-Dest",
                "Accept-Encoding",
                "Accept-Language"
            ]
        );
        assert_eq!(value(&headers, "Sec-Fetch-Site"), Some("none"));
    }

    #[test]
    fn a_form_post_names_its_origin_and_a_cross_site_one_only_that() {
        let headers = ask(http::Method::POST, "https://idp.test/login", OPEN, APP, false);
        assert_eq!(value(&headers, "Origin"), Some("https://app.mosaic.test"));
        assert_eq!(value(&headers, "Referer"), Some("https://app.mosaic.test/"));
        assert_eq!(value(&headers, "Sec-Fetch-Site"), Some("cross-site"));
        let tainted = ask(http::Method::POST, "https://third.test/", OPEN, APP, true);
        assert_eq!(value(&tainted, "Origin"), Some("null"));
    }

    #[test]
    fn fetch_names_its_origin_unless_it_reads_its_own() {
        let own = ask(http::Method::GET, "https://app.mosaic.test/api", Manner::Fetch, APP, false);
        assert_eq!((value(&own, "Origin"), value(&own, "Sec-Fetch-Site")), (None, Some("same-origin")));
        let sibling = ask(http::Method::GET, "https://api.mosaic.test/", Manner::Fetch, APP, false);
        assert_eq!((value(&sibling, "Origin"), value(&sibling, "Sec-Fetch-Site")), (Some("https://app.mosaic.test"), Some("same-site")));
        let post = ask(http::Method::POST, "https://app.mosaic.test/api", Manner::Fetch, APP, false);
        assert_eq!(value(&post, "Origin"), Some("https://app.mosaic.test"));
        assert_eq!(value(&post, "Sec-Fetch-Mode"), Some("cors"));
    }

    #[test]
    fn a_plain_connection_gets_no_fetch_metadata() {
        let headers = ask(http::Method::GET, "http://app.mosaic.test/", OPEN, None, false);
        assert_eq!(value(&headers, "Sec-Fetch-Mode"), None);
        assert_eq!(value(&headers, "Accept-Encoding"), Some("gzip, deflate"));
    }

    #[test]
    fn a_program_says_little() {
        let headers = ask(http::Method::POST, "https://app.mosaic.test/", Manner::Program, None, false);
        assert_eq!(headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["User-Agent", "Accept"]);
    }
}
