//! How user agents differ where the standard leaves room, or is not followed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Whose cookie rules to follow, with the defaults of an ordinary window.
///
/// Not modelled are the ways in which Firefox (Total Cookie Protection) and Safari (Intelligent Tracking Prevention) part or
/// block other sites' cookies of their own accord; [`ThirdPartyCookies::Block`] comes nearest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Chromium and what is built on it.
    #[default]
    Chrome,
    /// Firefox with release defaults.
    Firefox,
    /// Safari.
    Safari,
    /// libcurl's cookie engine, which knows no pages and so no sites.
    Curl,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Chrome, Self::Firefox, Self::Safari, Self::Curl];

    /// The profile's name in scenarios.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chrome => "chrome",
            Self::Firefox => "firefox",
            Self::Safari => "safari",
            Self::Curl => "curl",
        }
    }

    /// Where this user agent stands on each point in dispute.
    pub const fn rules(self) -> Rules {
        match self {
            Self::Chrome => Rules {
                secure_on_loopback: true,
                same_site: true,
                lax_by_default: true,
                schemeful: true,
                none_requires_secure: true,
                nameless: true,
                tabs: false,
                empty_domain_resets: true,
                dotted_bare_host: false,
                partitioned: true,
                creation_survives_new_value: false,
                expires_by_server_clock: true,
            },
            Self::Firefox => Rules {
                tabs: true,
                lax_by_default: false,
                schemeful: false,
                dotted_bare_host: true,
                creation_survives_new_value: true,
                ..Self::Chrome.rules()
            },
            Self::Safari => Rules {
                secure_on_loopback: false,
                none_requires_secure: false,
                expires_by_server_clock: false,
                partitioned: false,
                ..Self::Firefox.rules()
            },
            Self::Curl => {
                Rules { secure_on_loopback: true, same_site: false, nameless: false, empty_domain_resets: false, ..Self::Safari.rules() }
            }
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is no profile's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a user agent profile; there are `chrome`, `firefox`, `safari` and `curl`")]
pub struct UnknownProfile(String);

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == text).ok_or_else(|| UnknownProfile(text.to_owned()))
    }
}

/// The points on which user agents differ. What is not here they are taken to share; in particular all prefixes
/// (`__Secure-`, `__Host-`, `__Http-`, `__Host-Http-`) and Chromium's limits on how many cookies there may be hold for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// `http` to a loopback host counts as secure: Secure cookies are stored from it and sent to it. The standard leaves
    /// "secure protocol" to the user agent (§5.7 step 13); Chrome 89, Firefox 75 and curl 7.79 and later do it, Safari does not.
    pub secure_on_loopback: bool,
    /// SameSite has an effect at all. Not in curl.
    pub same_site: bool,
    /// A cookie without SameSite is taken as Lax, and goes with a cross-site POST while it is young. In Chrome alone;
    /// Firefox and Safari send it everywhere.
    pub lax_by_default: bool,
    /// `http` and `https` of one domain are two sites. In Chrome since 89; off in Firefox and Safari.
    pub schemeful: bool,
    /// SameSite=None without Secure is refused (§5.7 step 19). Chrome 80, Firefox 131; not Safari.
    pub none_requires_secure: bool,
    /// `Set-Cookie: x` and `Set-Cookie: =x` make a cookie without a name (§5.6 step 3). curl wants a name, as RFC 6265 §5.2 did.
    pub nameless: bool,
    /// A tab may stand within a name, a value or an attribute (§5.6 step 1). Chrome counts it among the control characters,
    /// except at their ends, where it is trimmed.
    pub tabs: bool,
    /// An empty Domain attribute undoes an earlier one (§5.6.3). curl passes it over, as RFC 6265 §5.2.3 did.
    pub empty_domain_resets: bool,
    /// `Domain=.localhost` is good on `localhost`: the dot is taken off before hosts are compared (§5.6.3). Chrome compares
    /// single labels, public suffixes and addresses with the dot on, and refuses.
    pub dotted_bare_host: bool,
    /// Partitioned has an effect (CHIPS). Without it the attribute is passed over.
    pub partitioned: bool,
    /// A cookie that replaces another is as old as that one (§5.7 step 23.3). Chrome does so only if the value stays the same,
    /// which matters for the order of the Cookie header and for Lax+POST.
    pub creation_survives_new_value: bool,
    /// Expires is read by the server's clock: the distance to the response's Date counts. The standard knows no such
    /// correction; Chrome and Firefox make it.
    pub expires_by_server_clock: bool,
}

/// What to do about cookies of sites other than the page's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThirdPartyCookies {
    /// Leave it to SameSite.
    #[default]
    Allow,
    /// Neither store nor send them, unless they are partitioned.
    Block,
}

/// A user agent's settings; a jar is made with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Whose rules.
    pub profile: Profile,
    /// Cookies of other sites.
    pub third_party_cookies: ThirdPartyCookies,
    /// Whether a redirect through another site makes a request cross-site.
    ///
    /// It did in earlier drafts of RFC 6265bis; too much broke in browsers, and the text now looks at the current URL
    /// alone (§5.2). Chromium has the stricter reading behind a switch that is off.
    pub redirect_chain_counts: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chrome_alone_takes_lax_for_granted() {
        let lax: Vec<_> = Profile::ALL.into_iter().filter(|profile| profile.rules().lax_by_default).collect();
        assert_eq!(lax, [Profile::Chrome]);
    }

    #[test]
    fn names_are_read_back() {
        for profile in Profile::ALL {
            assert_eq!(profile.to_string().parse(), Ok(profile));
        }
        assert!("opera".parse::<Profile>().is_err());
    }
}
