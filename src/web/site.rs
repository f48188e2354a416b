//! Sites: what browsers mean by "same site" (HTML standard §7.1.1.1), on top of the Public Suffix List.

use std::fmt;

use serde::{Serialize, Serializer};
use url::Url;

use crate::web::origin::{Origin, Scheme};

/// A scheme and a registrable domain.
///
/// Hosts without a registrable domain (IP addresses, single-label names, public suffixes) are each their own site.
/// A trailing dot counts: `example.com.` is another site than `example.com`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Site {
    scheme: Scheme,
    domain: String,
}

impl Site {
    /// The site of an origin.
    pub fn of(origin: &Origin) -> Self {
        let host = origin.host().to_string();
        Self { scheme: origin.scheme(), domain: family(&host).to_owned() }
    }

    /// The site that a URL belongs to where cookies are concerned; `None` for schemes without cookies.
    pub fn of_url(url: &Url) -> Option<Self> {
        let scheme = Scheme::for_cookies(url)?;
        Some(Self { scheme, domain: family(url.host_str()?).to_owned() })
    }

    /// Its scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Its registrable domain, or the whole host where there is none.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Same registrable domain and same scheme: "schemeful same site", what Chromium holds SameSite cookies to.
    pub fn same_site(&self, other: &Self) -> bool {
        self == other
    }

    /// Same registrable domain, whatever the schemes.
    pub fn schemelessly_same_site(&self, other: &Self) -> bool {
        self.domain == other.domain
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.domain)
    }
}

impl Serialize for Site {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The registrable domain of a host name: its public suffix and one label more. The list's private section counts
/// (`a.github.io` is one), and a top-level domain that the list does not know is a public suffix, so `.test` names work.
///
/// The answer is in lower case and spells international names as the question did: in Unicode or in punycode.
/// `None` for public suffixes, single labels, IP addresses, and names with an empty label, such as one with a leading dot.
pub fn registrable_domain(host: &str) -> Option<String> {
    let host = host.to_lowercase();
    registrable_tail(&host).map(str::to_owned)
}

/// Whether a host name is a public suffix, under which anyone may register names. Unknown top-level domains are.
pub fn is_public_suffix(host: &str) -> bool {
    let host = host.to_lowercase();
    is_name(&host) && registrable_tail(&host).is_none()
}

/// The key under which all hosts that can share a cookie meet: the registrable domain, or else the host itself.
/// `host` must be canonical, as [`Url::host_str`] gives it.
pub(crate) fn family(host: &str) -> &str {
    registrable_tail(host).unwrap_or(host)
}

fn registrable_tail(host: &str) -> Option<&str> {
    if !is_name(host) {
        return None;
    }
    let length = psl::domain(host.as_bytes())?.as_bytes().len();
    host.get(host.len().checked_sub(length)?..)
}

/// Whether the text can be a DNS name: no address, no empty label but the one a trailing dot makes.
fn is_name(host: &str) -> bool {
    let labels = host.strip_suffix('.').unwrap_or(host);
    !is_address(host) && labels.split('.').all(|label| !label.is_empty())
}

/// Whether a host is an IP address: IPv6 in brackets, or a last label that is a number, which the URL standard (§3.5, "ends in a
/// number") leaves to IPv4.
pub(crate) fn is_address(host: &str) -> bool {
    let labels = host.strip_suffix('.').unwrap_or(host);
    let last = labels.rsplit('.').next().unwrap_or_default();
    host.starts_with('[') || !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(url: &str) -> Site {
        Site::of_url(&Url::parse(url).expect("a URL")).expect("a scheme with cookies")
    }

    #[test]
    fn hosts_under_one_registrable_domain_are_one_site() {
        assert!(site("https://api.mosaic.test").same_site(&site("https://app.mosaic.test:8443/x")));
        assert!(!site("https://mosaic.test").same_site(&site("https://diversecanvas.test")));
        assert!(!site("https://a.github.io").same_site(&site("https://b.github.io")));
        assert!(!site("https://a.co.uk").same_site(&site("https://b.co.uk")));
    }

    #[test]
    fn the_scheme_parts_sites_unless_it_is_passed_over() {
        let (clear, tls) = (site("http://app.mosaic.test"), site("https://api.mosaic.test"));
        assert!(!clear.same_site(&tls));
        assert!(clear.schemelessly_same_site(&tls));
        assert_eq!(site("wss://api.mosaic.test"), tls);
    }

    #[test]
    fn hosts_without_a_registrable_domain_are_their_own_site() {
        assert_eq!(site("http://localhost:3000").to_string(), "http://localhost");
        assert_eq!(site("http://127.0.0.1").domain(), "127.0.0.1");
        assert_eq!(site("http://[::1]").domain(), "[::1]");
        assert!(!site("http://127.0.0.1").same_site(&site("http://127.0.0.2")));
        assert!(site("http://a.app.localhost").same_site(&site("http://b.app.localhost")));
    }

    #[test]
    fn a_trailing_dot_makes_another_site() {
        assert_eq!(registrable_domain("www.example.com.").as_deref(), Some("example.com."));
        assert!(!site("https://example.com.").same_site(&site("https://example.com")));
    }

    #[test]
    fn public_suffixes_are_listed_private_or_unknown_top_level_names() {
        for suffix in ["com", "CO.UK", "github.io", "test", "localhost"] {
            assert!(is_public_suffix(suffix), "{suffix}");
        }
        for name in ["example.com", "a.github.io", "mosaic.test", "10.0.0.1", "[::1]", ".com", "", "."] {
            assert!(!is_public_suffix(name), "{name}");
        }
    }
}
