//! Why a cookie was not stored or not sent, in Chromium's words.
//!
//! The words are those of the DevTools protocol (`Network.SetCookieBlockedReason`, `Network.CookieBlockedReason`). The few
//! decisions for which the protocol has no word carry Chromium's internal one, or ours; [`SetBlock::protocol_word`] tells
//! what a browser would report instead.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A word that is no reason of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a known reason for blocking a cookie")]
pub struct UnknownReason(String);

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($word:ident [$protocol:expr, $section:literal] $text:literal)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = concat!("Because ", $text, ".")] $word,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$word),*];

            /// The word itself.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => stringify!($word),)* }
            }

            /// The word in which the DevTools protocol reports the same decision; `None` if it reports nothing.
            pub const fn protocol_word(self) -> Option<&'static str> {
                match self { $(Self::$word => word($protocol, stringify!($word)),)* }
            }

            /// One plain clause for people: what is wrong, as a lower-case fragment.
            pub const fn explain(self) -> &'static str {
                match self { $(Self::$word => $text,)* }
            }

            /// Where the rule stands.
            pub const fn section(self) -> &'static str {
                match self { $(Self::$word => $section,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownReason;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|reason| reason.as_str() == text)
                    .ok_or_else(|| UnknownReason(text.to_owned()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

/// How the protocol words a reason: the same way, another way, or not at all.
enum Protocol {
    Same,
    As(&'static str),
    Silent,
}
use Protocol::{As, Same, Silent};

const fn word(protocol: Protocol, own: &'static str) -> Option<&'static str> {
    match protocol {
        Same => Some(own),
        As(other) => Some(other),
        Silent => None,
    }
}

reasons! {
    /// Why a cookie was not stored.
    SetBlock {
        NoCookieContent [Same, "RFC 6265bis §5.7 step 2"]
            "the line has neither a name nor a value"
        DisallowedCharacter [Same, "RFC 6265bis §5.6 step 1"]
            "the line holds a control character (Chromium counts a tab within a name or value as one)"
        NameValuePairExceedsMaxSize [Same, "RFC 6265bis §5.6 step 5"]
            "name and value together exceed 4096 octets"
        SyntaxError [Same, "RFC 6265bis §5.6"]
            "the line does not parse as a cookie"
        SchemeNotSupported [Same, "RFC 6265bis §5.7"]
            "the URL's scheme has no cookies"
        InvalidDomain [Same, "RFC 6265bis §5.7 steps 8 to 10"]
            "the Domain attribute is neither the response's host nor a parent of it under one registrable domain"
        InvalidPrefix [Same, "RFC 6265bis §5.7 steps 20 to 22"]
            "the name's prefix promises attributes that the cookie does not have"
        InvalidPartitioned [Silent, "CHIPS (draft-cutler-httpbis-partitioned-cookies)"]
            "a Partitioned cookie must also be Secure and belong to a page with a site"
        SecureOnly [Same, "RFC 6265bis §5.7 step 13"]
            "a Secure cookie came over a connection that is not secure"
        HttpOnly [As("UnknownError"), "RFC 6265bis §5.7 step 15"]
            "a script cannot set an HttpOnly cookie"
        SameSiteStrict [Same, "RFC 6265bis §5.7 step 18"]
            "a SameSite=Strict cookie came with a cross-site response that is no top-level navigation"
        SameSiteLax [Same, "RFC 6265bis §5.7 step 18"]
            "a SameSite=Lax cookie came with a cross-site response that is no top-level navigation"
        SameSiteUnspecifiedTreatedAsLax [Same, "RFC 6265bis §5.7 step 18"]
            "a cookie without SameSite counts as Lax and came with a cross-site response that is no top-level navigation"
        SameSiteNoneInsecure [Same, "RFC 6265bis §5.7 step 19"]
            "a SameSite=None cookie must also be Secure"
        SchemefulSameSiteStrict [Same, "RFC 6265bis §5.2"]
            "a SameSite=Strict cookie came from the page's domain under another scheme, which is cross-site"
        SchemefulSameSiteLax [Same, "RFC 6265bis §5.2"]
            "a SameSite=Lax cookie came from the page's domain under another scheme, which is cross-site"
        SchemefulSameSiteUnspecifiedTreatedAsLax [Same, "RFC 6265bis §5.2"]
            "a cookie without SameSite counts as Lax and came from the page's domain under another scheme, which is cross-site"
        UserPreferences [Same, "RFC 6265bis §7.1"]
            "the user agent is set to block third-party cookies"
        ThirdPartyPhaseout [Same, "RFC 6265bis §7.1"]
            "the browser blocks third-party cookies by its own schedule"
        ThirdPartyBlockedInFirstPartySet [Same, "RFC 6265bis §7.1"]
            "the browser blocks third-party cookies even within a set of related sites"
        OverwriteSecure [Same, "RFC 6265bis §5.7 step 16"]
            "a cookie from a connection that is not secure would cover a stored Secure one"
        OverwriteHttpOnly [As("UnknownError"), "RFC 6265bis §5.7 step 23.2"]
            "a script cannot replace an HttpOnly cookie"
        UnknownError [Same, "none"]
            "the browser gave no reason"
    }
}

reasons! {
    /// Why a stored cookie was not sent.
    SendBlock {
        DomainMismatch [Same, "RFC 6265bis §5.8.3"]
            "the cookie is for another host of this domain"
        NotOnPath [Same, "RFC 6265bis §5.1.4"]
            "the request's path is not under the cookie's path"
        SecureOnly [Same, "RFC 6265bis §5.8.3"]
            "a Secure cookie does not go over a connection that is not secure"
        HttpOnly [Silent, "RFC 6265bis §5.8.3"]
            "a script cannot read an HttpOnly cookie"
        SameSiteStrict [Same, "RFC 6265bis §5.8.3"]
            "a SameSite=Strict cookie does not go with a request that another site caused"
        SameSiteLax [Same, "RFC 6265bis §5.8.3"]
            "a SameSite=Lax cookie goes with a cross-site request only if that is a top-level navigation by a safe method"
        SameSiteUnspecifiedTreatedAsLax [Same, "RFC 6265bis §5.6.7.2"]
            "a cookie without SameSite counts as Lax: it goes cross-site only with a top-level navigation, and with a POST only in its first two minutes"
        SameSiteNoneInsecure [Same, "RFC 6265bis §5.7 step 19"]
            "a SameSite=None cookie must also be Secure"
        SchemefulSameSiteStrict [Same, "RFC 6265bis §5.2"]
            "a SameSite=Strict cookie does not go with a request that the same domain caused under another scheme"
        SchemefulSameSiteLax [Same, "RFC 6265bis §5.2"]
            "a SameSite=Lax cookie does not go with such a request of the same domain under another scheme"
        SchemefulSameSiteUnspecifiedTreatedAsLax [Same, "RFC 6265bis §5.2"]
            "a cookie without SameSite counts as Lax and does not go with such a request of the same domain under another scheme"
        UserPreferences [Same, "RFC 6265bis §7.1"]
            "the user agent is set to block third-party cookies"
        ThirdPartyPhaseout [Same, "RFC 6265bis §7.1"]
            "the browser blocks third-party cookies by its own schedule"
        ThirdPartyBlockedInFirstPartySet [Same, "RFC 6265bis §7.1"]
            "the browser blocks third-party cookies even within a set of related sites"
        PartitionMismatch [Silent, "CHIPS (draft-cutler-httpbis-partitioned-cookies)"]
            "a Partitioned cookie goes only with requests under the top-level site where it was set"
        PortMismatch [Same, "none"]
            "the cookie is bound to another port"
        SchemeMismatch [Same, "none"]
            "the cookie is bound to another scheme"
        AnonymousContext [Same, "none"]
            "the page is loaded without credentials"
        UnknownError [Same, "none"]
            "the browser gave no reason"
    }
}

/// What in a Set-Cookie line went without effect, though the cookie itself may be fine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetWarning {
    /// RFC 6265bis §5.6, attributes, step 6.
    #[error("`{attribute}` has a value of more than 1024 octets and is passed over")]
    AttributeTooLong {
        /// Its name.
        attribute: String,
    },
    /// RFC 6265bis §5.6.1 step 2.
    #[error("`Expires` holds no date and is passed over")]
    ExpiresNotADate,
    /// RFC 6265bis §5.6.2 steps 1 and 2.
    #[error("`Max-Age` is not a whole number of seconds and is passed over")]
    MaxAgeNotANumber,
    /// RFC 6265bis §5.6.7.
    #[error("`SameSite={value}` is none of `Strict`, `Lax` and `None` and counts as absent")]
    SameSiteUnknown {
        /// What it holds, shortened.
        value: String,
    },
    /// RFC 6265bis §5.6.1 step 4 and §5.6.2 step 5.
    #[error("the cookie's life is cut to 400 days")]
    LifetimeCapped,
    /// RFC 6265bis §5.7 step 9.1.
    #[error("`Domain` names a public suffix, single label or address: the cookie is for this host alone")]
    DomainIsBare,
    /// The profile does not know Partitioned.
    #[error("this user agent does not know `Partitioned`")]
    PartitionedUnknown,
}

/// What might have been decided otherwise about a request's cookies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendWarning {
    /// Chromium's `WarnCrossSiteRedirectDowngradeChangesInclusion`.
    #[error(
        "a redirect of the chain was cross-site: user agents that count it (earlier drafts of RFC 6265bis did) would not send `{name}`"
    )]
    CrossSiteRedirect {
        /// The cookie's name.
        name: super::CookieName,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for &reason in SetBlock::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
        }
        for &reason in SendBlock::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
        }
        assert!("Whim".parse::<SetBlock>().is_err());
    }

    #[test]
    fn what_the_protocol_has_no_word_for_says_so() {
        assert_eq!(SetBlock::SecureOnly.protocol_word(), Some("SecureOnly"));
        assert_eq!(SetBlock::HttpOnly.protocol_word(), Some("UnknownError"));
        assert_eq!(SetBlock::InvalidPartitioned.protocol_word(), None);
        assert_eq!(SendBlock::PartitionMismatch.protocol_word(), None);
    }
}
