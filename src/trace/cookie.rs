//! Stations in a cookie's life: set, stored or not, sent or not.

use bytes::Bytes;

/// Why a cookie was not stored or not sent, in Chromium's vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Chromium's word, such as `SameSiteNoneInsecure`.
    pub code: String,
    /// One sentence for people.
    pub explanation: String,
}

/// One Set-Cookie line and what the jar made of it.
#[derive(Debug, Clone)]
pub struct CookieSet {
    /// The line's value as it came.
    pub raw: Bytes,
    /// Name, bytes untouched.
    pub name: Bytes,
    /// Value, bytes untouched.
    pub value: Bytes,
    /// Attributes in order, names as they came.
    pub attributes: Vec<(String, Option<String>)>,
    /// What became of it.
    pub verdict: SetVerdict,
    /// Things worth knowing about a cookie that was stored all the same.
    pub warnings: Vec<Reason>,
}

impl CookieSet {
    /// The name for people.
    #[must_use]
    pub fn name_text(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }

    /// The last attribute with this name, as it came.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Option<String>> {
        self.attributes.iter().rev().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// What became of a Set-Cookie line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetVerdict {
    /// A new cookie.
    Stored,
    /// It took the place of a cookie with the same key.
    Replaced,
    /// It expired a stored cookie.
    Deleted,
    /// It was to expire a cookie that was not there. Cookies of the same name under another key, if any.
    DeletedNothing(Vec<String>),
    /// It was refused.
    Blocked(Vec<Reason>),
    /// Nobody looked (an HTTP client without a jar, a HAR).
    Unknown,
}

impl SetVerdict {
    /// Whether the cookie is in the jar because of this line.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        matches!(self, Self::Stored | Self::Replaced)
    }
}

/// A cookie of a Cookie header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieSent {
    /// Name, bytes untouched.
    pub name: Bytes,
    /// Value, bytes untouched.
    pub value: Bytes,
}

/// A stored cookie that did not go with a request to its site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieWithheld {
    /// Name, bytes untouched.
    pub name: Bytes,
    /// Its domain, with a leading dot unless it is host-only.
    pub domain: String,
    /// Its path.
    pub path: String,
    /// Why it stayed.
    pub reasons: Vec<Reason>,
}
