//! A stored cookie and what makes it that cookie and no other (RFC 6265bis §5.7).

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use url::Url;

use super::text::{CookieName, CookiePath, CookieValue};
use crate::web::origin::Scheme;
use crate::web::site::Site;

/// The SameSite attribute as the server declared it (§5.6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SameSite {
    /// No SameSite, or one with a value that nobody knows. What it means depends on the user agent.
    #[default]
    Unspecified,
    /// Sent with every request.
    None,
    /// Sent with same-site requests and with top-level navigations by a safe method.
    Lax,
    /// Sent with same-site requests alone.
    Strict,
}

impl SameSite {
    /// Reads an attribute's value, in any case of letters.
    pub fn declared(value: &[u8]) -> Self {
        [Self::None, Self::Lax, Self::Strict]
            .into_iter()
            .find(|mode| value.eq_ignore_ascii_case(mode.as_str().as_bytes()))
            .unwrap_or_default()
    }

    /// The attribute's value in its usual spelling; `Unspecified` for none.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "Unspecified",
            Self::None => "None",
            Self::Lax => "Lax",
            Self::Strict => "Strict",
        }
    }
}

impl fmt::Display for SameSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A cookie's identity: a jar holds at most one cookie of a key (§5.7 step 23, and CHIPS for the partition).
///
/// A host-only cookie and a Domain cookie for the same host are two cookies.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CookieKey {
    /// The name.
    pub name: CookieName,
    /// The host that set it, or its Domain attribute: lower case, no leading dot.
    pub domain: String,
    /// Whether it is for that host alone and not for names below it.
    pub host_only: bool,
    /// The path.
    pub path: CookiePath,
    /// The top-level site under which alone it is sent; `None` for cookies without Partitioned.
    ///
    /// Chromium's partition key also tells whether a cross-site frame stood in between; this one does not.
    pub partition: Option<Site>,
}

impl CookieKey {
    /// The domain as developer tools show it: with a leading dot unless the cookie is host-only.
    pub fn dotted_domain(&self) -> String {
        if self.host_only { self.domain.clone() } else { format!(".{}", self.domain) }
    }
}

impl fmt::Display for CookieKey {
    /// For example `` `sid` for app.mosaic.test only, path / ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = if self.host_only { " only" } else { " and below" };
        if self.name.is_empty() {
            f.write_str("the cookie without a name")?;
        } else {
            write!(f, "`{}`", self.name)?;
        }
        write!(f, " for {}{scope}, path {}", self.domain, self.path)?;
        match &self.partition {
            Some(site) => write!(f, ", partitioned under {site}"),
            None => Ok(()),
        }
    }
}

/// A cookie in the jar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieRecord {
    /// What identifies it.
    pub key: CookieKey,
    /// Its value, octet for octet.
    pub value: CookieValue,
    /// When it came to be. A cookie that replaces another may inherit this (see [`Rules::creation_survives_new_value`]).
    ///
    /// [`Rules::creation_survives_new_value`]: super::Rules::creation_survives_new_value
    pub created: OffsetDateTime,
    /// When it was last stored or sent.
    pub last_access: OffsetDateTime,
    /// From when on it is no more; `None` for a session cookie.
    pub expires: Option<OffsetDateTime>,
    /// Whether it is for secure connections alone.
    pub secure: bool,
    /// Whether scripts are kept from it.
    pub http_only: bool,
    /// SameSite as declared.
    pub same_site: SameSite,
    /// The scheme it came over.
    pub source_scheme: Scheme,
    /// The port it came from. It plays no part in matching (§8.5).
    pub source_port: u16,
    /// Breaks ties between cookies of one instant.
    pub(super) order: u64,
}

impl CookieRecord {
    /// A session cookie for a URL's host alone, path `/`, without attributes: the start for a test that plants one by hand
    /// with [`Jar::insert`](super::Jar::insert). `None` if the URL's scheme has no cookies.
    pub fn new(url: &Url, name: &str, value: &[u8], now: OffsetDateTime) -> Option<Self> {
        let source_scheme = Scheme::for_cookies(url)?;
        Some(Self {
            key: CookieKey {
                name: CookieName::from(name),
                domain: url.host_str()?.to_owned(),
                host_only: true,
                path: CookiePath::from("/"),
                partition: None,
            },
            value: CookieValue::from(value),
            created: now,
            last_access: now,
            expires: None,
            secure: false,
            http_only: false,
            same_site: SameSite::Unspecified,
            source_scheme,
            source_port: url.port().unwrap_or(source_scheme.default_port()),
            order: 0,
        })
    }

    /// Whether it outlives the session (§5.7 step 6).
    pub const fn is_persistent(&self) -> bool {
        self.expires.is_some()
    }

    /// Whether its time is up.
    pub fn is_expired(&self, now: OffsetDateTime) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Octets of name and value together.
    pub(super) fn size(&self) -> usize {
        self.key.name.len() + self.value.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_key_reads_as_a_sentence_would() {
        let url = "https://app.mosaic.test/".parse().expect("a URL");
        let mut cookie = CookieRecord::new(&url, "sid", b"hunter2", datetime!(2026-01-01 00:00 UTC)).expect("https");
        assert_eq!(cookie.key.to_string(), "`sid` for app.mosaic.test only, path /");
        assert_eq!(cookie.key.dotted_domain(), "app.mosaic.test");
        cookie.key.host_only = false;
        assert_eq!(cookie.key.dotted_domain(), ".app.mosaic.test");
        cookie.key.partition = Site::of_url(&url);
        assert_eq!(cookie.key.to_string(), "`sid` for app.mosaic.test and below, path /, partitioned under https://mosaic.test");
        assert!(!format!("{cookie:?}").contains("hunter2"));
    }
}
