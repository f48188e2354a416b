//! Origins: `scheme://host[:port]` as the browser sees it (RFC 6454 §4, URL standard §4.7).

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::{Host, Url};

/// The two schemes that an origin of a login chain can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// `http`, clear text.
    Http,
    /// `https`, over TLS.
    Https,
}

impl Scheme {
    /// The scheme's name, without the colon.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that is meant when a URL names none (RFC 9110 §4.2).
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// The scheme whose cookies a URL shares: `ws` counts as `http` and `wss` as `https`, because a WebSocket opens
    /// with an HTTP request (RFC 6455 §4.1). `None` for schemes without cookies.
    pub fn for_cookies(url: &Url) -> Option<Self> {
        match url.scheme() {
            "http" | "ws" => Some(Self::Http),
            "https" | "wss" => Some(Self::Https),
            _ => None,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text or URL is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Not a URL at all.
    #[error("`{text}` is not a URL: {cause}; write an origin as `https://host` or `https://host:port`")]
    NotAUrl {
        /// What was given.
        text: String,
        /// What the URL parser says.
        cause: url::ParseError,
    },
    /// A URL whose scheme has no origin of ours.
    #[error("an origin's scheme is `http` or `https`, not `{scheme}`")]
    Scheme {
        /// The scheme that was given.
        scheme: String,
    },
    /// A URL that says more than an origin may.
    #[error("`{text}` has a path, query, fragment or user name; an origin ends after host and port")]
    MoreThanAnOrigin {
        /// What was given.
        text: String,
    },
}

/// A scheme, a host and a port.
///
/// The host is canonical as the URL standard has it: lower case, internationalised names in punycode, IPv4 numbers in
/// dotted form. A trailing dot stays: `example.com.` is another host than `example.com`, as it is to a browser.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: Host<String>,
    port: u16,
}

impl Origin {
    /// The origin of an absolute `http` or `https` URL; path and query are passed over.
    ///
    /// # Errors
    /// [`OriginError::Scheme`] for every other scheme.
    pub fn of(url: &Url) -> Result<Self, OriginError> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => return Err(OriginError::Scheme { scheme: other.to_owned() }),
        };
        let Some(host) = url.host() else {
            return Err(OriginError::NotAUrl { text: url.to_string(), cause: url::ParseError::EmptyHost });
        };
        let port = url.port().unwrap_or(scheme.default_port());
        Ok(Self { scheme, host: host.to_owned(), port })
    }

    /// Its scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Its host, canonical.
    pub const fn host(&self) -> &Host<String> {
        &self.host
    }

    /// Its port; the scheme's default if the text named none.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether the host is this machine by name or number (Secure Contexts §3.1, "potentially trustworthy").
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// Whether what comes from here may be taken as delivered unaltered: `https`, or a loopback host.
    pub fn is_potentially_trustworthy(&self) -> bool {
        self.scheme == Scheme::Https || self.is_loopback()
    }
}

/// Whether a host is `localhost`, `*.localhost` (RFC 6761 §6.3), `127.0.0.0/8` or `::1`.
pub fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.as_ref();
            let name = name.strip_suffix('.').unwrap_or(name);
            name.eq_ignore_ascii_case("localhost") || name.rsplit_once('.').is_some_and(|(_, last)| last.eq_ignore_ascii_case("localhost"))
        }
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// Whether a host means something only within a machine or a private network: loopback, the unspecified address, private
/// and link-local addresses (RFC 1918, RFC 3927, RFC 4193), names of one label, and names below `.local` (RFC 6762),
/// `.internal`, `.localdomain` and `.svc` (pods).
pub fn is_internal<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.as_ref().trim_end_matches('.').to_ascii_lowercase();
            is_loopback(host)
                || !name.contains('.')
                || [".local", ".internal", ".localdomain", ".svc"].iter().any(|end| name.ends_with(end))
        }
        Host::Ipv4(address) => address.is_loopback() || address.is_unspecified() || address.is_private() || address.is_link_local(),
        Host::Ipv6(address) => {
            address.is_loopback() || address.is_unspecified() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|cause| OriginError::NotAUrl { text: text.to_owned(), cause })?;
        let origin = Self::of(&url)?;
        let bare =
            url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
        if bare { Ok(origin) } else { Err(OriginError::MoreThanAnOrigin { text: text.to_owned() }) }
    }
}

impl TryFrom<&Url> for Origin {
    type Error = OriginError;

    fn try_from(url: &Url) -> Result<Self, Self::Error> {
        Self::of(url)
    }
}

impl fmt::Display for Origin {
    /// The ASCII serialisation of RFC 6454 §6.2: the port is written only if it is not the scheme's default.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        if self.port == self.scheme.default_port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl Ord for Origin {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.scheme, &self.host, self.port).cmp(&(other.scheme, &other.host, other.port))
    }
}

impl PartialOrd for Origin {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        text.parse().expect("a valid origin")
    }

    #[test]
    fn the_default_port_is_not_written_and_others_are() {
        assert_eq!(origin("https://App.Mosaic.test:443/").to_string(), "https://app.mosaic.test");
        assert_eq!(origin("http://app.mosaic.test:8080").to_string(), "http://app.mosaic.test:8080");
        assert_eq!(origin("http://[::1]:3000").to_string(), "http://[::1]:3000");
        assert_eq!(origin("https://食狮.公司.cn").to_string(), "https://xn--85x722f.xn--55qx5d.cn");
    }

    #[test]
    fn what_is_more_or_less_than_an_origin_is_refused() {
        assert!(matches!("https://a.test/x".parse::<Origin>(), Err(OriginError::MoreThanAnOrigin { .. })));
        assert!(matches!("https://me@a.test".parse::<Origin>(), Err(OriginError::MoreThanAnOrigin { .. })));
        assert!(matches!("a.test".parse::<Origin>(), Err(OriginError::NotAUrl { .. })));
        assert!(matches!("alga://callback".parse::<Origin>(), Err(OriginError::Scheme { .. })));
    }

    #[test]
    fn loopback_is_a_name_or_an_address_of_this_machine() {
        for host in ["localhost", "app.localhost", "LOCALHOST.", "127.0.0.1", "127.9.9.9", "[::1]"] {
            assert!(origin(&format!("http://{host}")).is_loopback(), "{host}");
        }
        for host in ["localhost.test", "notlocalhost", "128.0.0.1", "[::2]", "0.0.0.0"] {
            assert!(!origin(&format!("http://{host}")).is_loopback(), "{host}");
        }
        assert!(origin("https://a.test").is_potentially_trustworthy());
        assert!(!origin("http://a.test").is_potentially_trustworthy());
    }

    #[test]
    fn an_origin_survives_json() {
        let json = serde_json::to_string(&origin("http://a.test:81")).expect("origins serialise");
        assert_eq!(json, r#""http://a.test:81""#);
        assert_eq!(serde_json::from_str::<Origin>(&json).expect("and parse"), origin("http://a.test:81"));
    }
}
