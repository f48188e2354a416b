//! The circumstances of a request, as far as cookies depend on them.

use http::Method;
use time::OffsetDateTime;
use url::Url;

use crate::web::origin::Origin;
use crate::web::site::Site;

/// What caused a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Initiator {
    /// The person, through the browser itself: an address typed, a bookmark, a link from another program.
    ///
    /// Also a reload by button. RFC 6265bis §5.2 lets a reloaded document keep the standing of its first request; a driver that
    /// knows that one may pass its initiator on instead.
    UserAgent,
    /// A document or script of this origin. A redirect does not change it.
    Origin(Origin),
    /// A document whose origin is nobody's: a sandboxed frame, a `data:` URL. Never same-site.
    Opaque,
}

/// Where the response will end up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// In the tab itself: a top-level navigation.
    MainFrame,
    /// Within a page: a fetch, an image, a frame.
    Inside {
        /// The site of the tab's top-level document; `None` if its origin is opaque. It names the cookie partition.
        top_level: Option<Site>,
        /// The "site for cookies" of the document that asks (§5.2.1): the top-level site if all frames above it are of that
        /// site too, `None` otherwise.
        site_for_cookies: Option<Site>,
    },
}

impl Target {
    /// Within a top-level document of this origin.
    pub fn page(origin: &Origin) -> Self {
        let site = Some(Site::of(origin));
        Self::Inside { top_level: site.clone(), site_for_cookies: site }
    }

    /// Within a frame that has a document of another site above it, in a tab that shows this origin.
    pub fn cross_site_frame(top_level: &Origin) -> Self {
        Self::Inside { top_level: Some(Site::of(top_level)), site_for_cookies: None }
    }

    /// The top-level site during a request for this URL.
    pub(super) fn top_level_site(&self, url: &Url) -> Option<Site> {
        match self {
            Self::MainFrame => Site::of_url(url),
            Self::Inside { top_level, .. } => top_level.clone(),
        }
    }
}

/// Whether the redirects that led to a request stayed on its site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RedirectChain {
    /// No redirect, or all URLs of the chain are same-site with the current one.
    #[default]
    SameSite,
    /// At least one URL was of another site.
    CrossSite,
}

/// What the Cookie header of one request depends on. Each hop of a redirect chain is a request of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendContext {
    /// Where the request goes.
    pub url: Url,
    /// Its method; for a redirect, the method of this hop.
    pub method: Method,
    /// What caused it.
    pub initiator: Initiator,
    /// Where its response goes.
    pub target: Target,
    /// How it came here.
    pub redirect_chain: RedirectChain,
    /// True for HTTP; false for `document.cookie` and the like, from which HttpOnly cookies are kept.
    pub is_http_api: bool,
}

impl SendContext {
    /// A top-level navigation: link, form, redirect or address bar.
    pub const fn navigation(url: Url, method: Method, initiator: Initiator) -> Self {
        Self { url, method, initiator, target: Target::MainFrame, redirect_chain: RedirectChain::SameSite, is_http_api: true }
    }

    /// A fetch with credentials, or another subresource, asked for by a top-level document of this origin.
    pub fn subresource(url: Url, method: Method, page: Origin) -> Self {
        Self { target: Target::page(&page), ..Self::navigation(url, method, Initiator::Origin(page)) }
    }

    /// The same request after a redirect: another URL and method; what caused it stays.
    #[must_use]
    pub fn redirected(&self, url: Url, method: Method) -> Self {
        let stayed = match (Site::of_url(&self.url), Site::of_url(&url)) {
            (Some(from), Some(to)) => from.same_site(&to),
            _ => false,
        };
        let redirect_chain = if stayed { self.redirect_chain } else { RedirectChain::CrossSite };
        Self { url, method, redirect_chain, ..self.clone() }
    }

    /// The circumstances of storing what the response to this request sets.
    pub fn response(&self) -> StoreContext {
        StoreContext { url: self.url.clone(), target: self.target.clone(), is_http_api: self.is_http_api, server_date: None }
    }
}

/// What storing a cookie depends on. The initiator is not among it: any response to a top-level navigation may set any
/// cookie (§5.7 step 18.3), and within a page only the site for cookies counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreContext {
    /// The URL whose response sets the cookie.
    pub url: Url,
    /// Where the response goes.
    pub target: Target,
    /// True for HTTP; false for scripts, which can neither set nor overwrite HttpOnly cookies.
    pub is_http_api: bool,
    /// The response's Date, if it has a valid one; see [`Rules::expires_by_server_clock`](super::Rules::expires_by_server_clock).
    pub server_date: Option<OffsetDateTime>,
}

impl StoreContext {
    /// The response to a top-level navigation.
    pub const fn navigation(url: Url) -> Self {
        Self { url, target: Target::MainFrame, is_http_api: true, server_date: None }
    }

    /// The response to a subresource request of a page.
    pub fn subresource(url: Url, page: &Origin) -> Self {
        Self { target: Target::page(page), ..Self::navigation(url) }
    }
}
