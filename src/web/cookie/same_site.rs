//! Same-site and cross-site requests (RFC 6265bis §5.2), and what SameSite makes of them (§5.6.7, §5.8.3).
//!
//! Chromium works with a "context" that a cookie's mode needs at least; so does this module. Two points of practice:
//!
//! - The redirect chain does not count by default, in the current text as in Chromium; [`Policy::redirect_chain_counts`].
//! - A cross-site initiator within a same-site page makes the context lax rather than cross-site, which lets Lax cookies go with
//!   a safe request of a cross-site frame's making. That is Chromium; the standard looks at the client's site alone.

use time::{Duration, OffsetDateTime};
use url::Url;

use super::context::{Initiator, RedirectChain, SendContext, StoreContext, Target};
use super::profile::{Policy, Rules};
use super::reason::{SendBlock, SetBlock};
use super::record::{CookieRecord, SameSite};
use crate::web::site::Site;

/// How long a cookie without SameSite goes with cross-site POSTs: two minutes, as §5.6.7.2 suggests and Chromium has it.
const LAX_ALLOWING_UNSAFE: Duration = Duration::seconds(120);

/// How close a request is to the site of its URL; a later one allows all that an earlier one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Only cookies with SameSite=None.
    CrossSite,
    /// Top-level and cross-site by a method that is not safe: young cookies without SameSite too.
    LaxUnsafe,
    /// Top-level and cross-site by a safe method: Lax cookies too.
    Lax,
    /// Same-site: all.
    Strict,
}

/// The reach by the user agent's notion of a site, and with schemes passed over, to tell apart why a cookie is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reaches {
    effective: Reach,
    schemeless: Reach,
}

impl Reaches {
    fn new(rules: Rules, reach: impl Fn(fn(&Site, &Site) -> bool) -> Reach) -> Self {
        let schemeless = reach(Site::schemelessly_same_site);
        let effective = if rules.schemeful { reach(Site::same_site) } else { schemeless };
        Self { effective, schemeless }
    }

    /// How close a request is.
    pub(super) fn of_request(cx: &SendContext, policy: Policy) -> Self {
        Self::new(policy.profile.rules(), |same| {
            if is_foreign(&cx.url, &cx.target, same) {
                return Reach::CrossSite;
            }
            let chain_is_ours = !policy.redirect_chain_counts || cx.redirect_chain == RedirectChain::SameSite;
            if chain_is_ours && initiator_is_ours(cx, same) {
                Reach::Strict
            } else if cx.method.is_safe() {
                Reach::Lax
            } else {
                Reach::LaxUnsafe
            }
        })
    }

    /// How close a response is: storing knows near enough and too far alone (§5.7 step 18).
    pub(super) fn of_response(cx: &StoreContext, rules: Rules) -> Self {
        Self::new(rules, |same| if is_foreign(&cx.url, &cx.target, same) { Reach::CrossSite } else { Reach::Strict })
    }

    /// Why SameSite keeps a cookie from a request; `None` if it does not.
    pub(super) fn withhold(self, cookie: &CookieRecord, rules: Rules, now: OffsetDateTime) -> Option<SendBlock> {
        let young = now - cookie.created <= LAX_ALLOWING_UNSAFE;
        let (needed, plain, schemeful) = match cookie.same_site {
            _ if !rules.same_site => return None,
            SameSite::None => return None,
            SameSite::Unspecified if !rules.lax_by_default => return None,
            SameSite::Unspecified => (
                if young { Reach::LaxUnsafe } else { Reach::Lax },
                SendBlock::SameSiteUnspecifiedTreatedAsLax,
                SendBlock::SchemefulSameSiteUnspecifiedTreatedAsLax,
            ),
            SameSite::Lax => (Reach::Lax, SendBlock::SameSiteLax, SendBlock::SchemefulSameSiteLax),
            SameSite::Strict => (Reach::Strict, SendBlock::SameSiteStrict, SendBlock::SchemefulSameSiteStrict),
        };
        self.blocked(needed, plain, schemeful)
    }

    /// Why SameSite keeps a cookie from being stored; `None` if it does not.
    pub(super) fn refuse(self, same_site: SameSite, rules: Rules) -> Option<SetBlock> {
        let (plain, schemeful) = match same_site {
            _ if !rules.same_site => return None,
            SameSite::None => return None,
            SameSite::Unspecified if !rules.lax_by_default => return None,
            SameSite::Unspecified => (SetBlock::SameSiteUnspecifiedTreatedAsLax, SetBlock::SchemefulSameSiteUnspecifiedTreatedAsLax),
            SameSite::Lax => (SetBlock::SameSiteLax, SetBlock::SchemefulSameSiteLax),
            SameSite::Strict => (SetBlock::SameSiteStrict, SetBlock::SchemefulSameSiteStrict),
        };
        self.blocked(Reach::LaxUnsafe, plain, schemeful)
    }

    fn blocked<T>(self, needed: Reach, plain: T, schemeful: T) -> Option<T> {
        match (self.effective >= needed, self.schemeless >= needed) {
            (true, _) => None,
            (false, true) => Some(schemeful),
            (false, false) => Some(plain),
        }
    }
}

/// Whether the page that a URL is loaded into is of another site. A top-level navigation's page is its own.
fn is_foreign(url: &Url, target: &Target, same: fn(&Site, &Site) -> bool) -> bool {
    match (target, Site::of_url(url)) {
        (Target::MainFrame, _) => false,
        (Target::Inside { site_for_cookies: Some(page), .. }, Some(site)) => !same(page, &site),
        (Target::Inside { .. }, _) => true,
    }
}

impl SendContext {
    /// Whether a request stays within one domain if schemes are passed over.
    ///
    /// Chromium 156 words every SameSite reason as `Schemeful…`; where this is false, the plain word is what it means.
    pub fn is_schemelessly_same_site(&self) -> bool {
        self.response().is_schemelessly_same_site() && initiator_is_ours(self, Site::schemelessly_same_site)
    }
}

impl StoreContext {
    /// Whether the page that a response goes to is of the response's domain if schemes are passed over.
    pub fn is_schemelessly_same_site(&self) -> bool {
        !is_foreign(&self.url, &self.target, Site::schemelessly_same_site)
    }
}

fn initiator_is_ours(cx: &SendContext, same: fn(&Site, &Site) -> bool) -> bool {
    match &cx.initiator {
        Initiator::UserAgent => true,
        Initiator::Origin(origin) => Site::of_url(&cx.url).is_some_and(|site| same(&Site::of(origin), &site)),
        Initiator::Opaque => false,
    }
}

/// Whether a cookie of this URL would be a third party's.
pub(super) fn is_third_party(url: &Url, target: &Target, rules: Rules) -> bool {
    is_foreign(url, target, if rules.schemeful { Site::same_site } else { Site::schemelessly_same_site })
}
