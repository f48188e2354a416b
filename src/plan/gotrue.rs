//! The embedded auth server in the style of GoTrue (Supabase Auth) as a scenario declares it.

use super::fault::Fault;
use super::provider::Claims;
use crate::base::Secret;
use regex::Regex;
use std::time::Duration;
use url::Url;

/// The embedded auth server of one origin.
#[derive(Debug, Clone)]
pub struct GotruePlan {
    /// Who has an account from the start.
    pub users: Vec<GotrueUser>,
    /// OpenID providers that users may come from.
    pub external: Vec<GotrueExternal>,
    /// Where users go when nothing else is asked for, or what was asked for is not allowed.
    pub site_url: Url,
    /// Further addresses that users may be sent to.
    pub redirect_urls: Vec<RedirectGlob>,
    /// The key that the hosted gateway demands with every call; nobody asks when absent.
    pub anon_key: Option<Secret>,
    /// Access tokens.
    pub jwt: GotrueJwt,
    /// Refresh tokens.
    pub refresh: GotrueRefresh,
    /// How long sessions live.
    pub session: GotrueSession,
    /// One-time codes and links.
    pub otp: GotrueOtp,
    /// Calls from one address within five minutes.
    pub rate_limits: GotrueLimits,
    /// Whether nobody may sign up.
    pub signup_disabled: bool,
    /// Whether who signs up need not confirm their address.
    pub autoconfirm: bool,
    /// Path before every endpoint, without a slash at its end: `/auth/v1`.
    pub prefix: String,
    /// Faults that are on from the start.
    pub faults: Vec<Fault>,
}

impl GotruePlan {
    /// A server with the defaults of a hosted project, without users and providers.
    #[must_use]
    pub fn new(site_url: Url) -> Self {
        Self {
            users: Vec::new(),
            external: Vec::new(),
            site_url,
            redirect_urls: Vec::new(),
            anon_key: None,
            jwt: GotrueJwt::default(),
            refresh: GotrueRefresh::default(),
            session: GotrueSession::default(),
            otp: GotrueOtp::default(),
            rate_limits: GotrueLimits::default(),
            signup_disabled: false,
            autoconfirm: false,
            prefix: "/auth/v1".to_owned(),
            faults: Vec::new(),
        }
    }
}

/// Somebody with an account.
#[derive(Debug, Clone)]
pub struct GotrueUser {
    /// Address in lower case; a user without one has a phone number.
    pub email: Option<String>,
    /// Number in E.164 form without `+`.
    pub phone: Option<String>,
    /// Without one, they come by code, link or another provider.
    pub password: Option<Secret>,
    /// UUID; derived from the address when the scenario gives none.
    pub id: Option<String>,
    /// Whether they are locked out.
    pub banned: bool,
    /// Whether their address and number are confirmed.
    pub confirmed: bool,
    /// What they may change themselves.
    pub user_metadata: Claims,
    /// What only the server changes.
    pub app_metadata: Claims,
}

/// An OpenID provider that users may come from.
#[derive(Debug, Clone)]
pub struct GotrueExternal {
    /// What `provider` calls it: `google`.
    pub name: String,
    /// Its issuer; its endpoints come from its discovery document.
    pub issuer: String,
    /// `client_id` there.
    pub client_id: String,
    /// `client_secret` there; a public client has none.
    pub secret: Option<Secret>,
    /// Scopes that are asked for.
    pub scopes: String,
}

/// Access tokens.
#[derive(Debug, Clone)]
pub struct GotrueJwt {
    /// How long one lives.
    pub ttl: Duration,
    /// How it is signed.
    pub algorithm: GotrueAlgorithm,
}

impl Default for GotrueJwt {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(3600), algorithm: GotrueAlgorithm::Es256 }
    }
}

/// How access tokens are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GotrueAlgorithm {
    /// With a key of its own, published as a JWK Set.
    Es256,
    /// With a shared secret, as older projects do.
    Hs256(Secret),
}

/// Refresh tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GotrueRefresh {
    /// Whether a reuse ends the whole family.
    pub rotate: bool,
    /// How long after its use a token is taken once more.
    pub reuse_interval: Duration,
    /// Which kind of token is issued.
    pub kind: RefreshKind,
}

impl Default for GotrueRefresh {
    fn default() -> Self {
        Self { rotate: true, reuse_interval: Duration::from_secs(10), kind: RefreshKind::Random }
    }
}

/// Which kind of refresh token is issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshKind {
    /// Twelve random characters, each with a row of its own.
    Random,
    /// Session and counter, signed.
    Counter,
}

/// How long sessions live; without end when nothing is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GotrueSession {
    /// From the sign-in on.
    pub timebox: Option<Duration>,
    /// From the last refresh on.
    pub inactivity: Option<Duration>,
}

/// One-time codes and links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GotrueOtp {
    /// How long what came by mail may be used.
    pub mail_ttl: Duration,
    /// How long a code that came by text message may be used.
    pub sms_ttl: Duration,
    /// How long one user waits between two messages.
    pub frequency: Duration,
    /// The link in mails, with `{token_hash}`, `{type}` and `{redirect_to}`; the server's own `verify` when absent.
    pub link: Option<String>,
}

impl Default for GotrueOtp {
    fn default() -> Self {
        Self { mail_ttl: Duration::from_secs(3600), sms_ttl: Duration::from_secs(60), frequency: Duration::from_secs(60), link: None }
    }
}

/// Calls from one address within five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GotrueLimits {
    /// At `token`, whatever the grant.
    pub token_refresh: u32,
    /// At `signup`, `otp`, `magiclink`, `recover`, `resend`, and changes of the user, each by itself.
    pub sign_in: u32,
    /// At `verify`.
    pub verify: u32,
}

impl Default for GotrueLimits {
    fn default() -> Self {
        Self { token_refresh: 150, sign_in: 30, verify: 30 }
    }
}

/// A pattern for addresses that users may be sent to: `*` is any text without `.` and `/`, `**` any text, `?` one character,
/// `[a-z]` a class and `{a,b}` a choice.
#[derive(Debug, Clone)]
pub struct RedirectGlob(Regex);

/// Longest pattern.
const LONGEST_GLOB: usize = 1024;

impl RedirectGlob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Why it is none, as a fragment.
    pub fn parse(glob: &str) -> Result<Self, String> {
        if glob.len() > LONGEST_GLOB {
            return Err(format!("it is longer than {LONGEST_GLOB} bytes"));
        }
        Regex::new(&translate(glob)?).map(Self).map_err(|_| "a class in it is not one".to_owned())
    }

    /// Whether the address fits, which must have no fragment.
    #[must_use]
    pub fn fits(&self, address: &str) -> bool {
        self.0.is_match(address)
    }
}

fn translate(glob: &str) -> Result<String, String> {
    let mut regex = String::from(r"\A(?s:");
    let mut characters = glob.chars().peekable();
    let mut choices = 0_usize;
    while let Some(character) = characters.next() {
        match character {
            '*' if characters.next_if_eq(&'*').is_some() => {
                while characters.next_if_eq(&'*').is_some() {}
                regex.push_str(".*");
            }
            '*' => regex.push_str("[^./]*"),
            '?' => regex.push_str("[^./]"),
            '[' => {
                regex.push('[');
                if characters.next_if_eq(&'!').is_some() {
                    regex.push('^');
                }
                loop {
                    match characters.next() {
                        Some(']') => break,
                        Some('-') => regex.push('-'),
                        Some(inside) => regex.push_str(&regex::escape(&inside.to_string())),
                        None => return Err("a class in it has no end (`]`)".to_owned()),
                    }
                }
                regex.push(']');
            }
            '{' => {
                choices += 1;
                regex.push_str("(?:");
            }
            '}' if choices > 0 => {
                choices -= 1;
                regex.push(')');
            }
            ',' if choices > 0 => regex.push('|'),
            '\\' => match characters.next() {
                Some(escaped) => regex.push_str(&regex::escape(&escaped.to_string())),
                None => return Err("it ends with a backslash".to_owned()),
            },
            other => regex.push_str(&regex::escape(&other.to_string())),
        }
    }
    if choices > 0 {
        return Err("a choice in it has no end (`}`)".to_owned());
    }
    regex.push_str(r")\z");
    Ok(regex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_stays_within_a_part_and_two_do_not() {
        let fits = |glob: &str, address: &str| RedirectGlob::parse(glob).unwrap().fits(address);
        assert!(fits("https://app.test/**", "https://app.test/a/b.html?x=1"));
        assert!(!fits("https://app.test/**", "https://app.test.evil.test/"));
        assert!(fits("https://*.app.test/*", "https://pr-1.app.test/cb"));
        assert!(!fits("https://*.app.test/*", "https://a.b.app.test/cb"));
        assert!(!fits("https://*.app.test/*", "https://pr-1.app.test/a/b"));
        assert!(fits("app.{one,two}://cb", "app.two://cb"));
        assert!(fits("http://localhost:300[0-9]/?", "http://localhost:3004/x"));
        assert!(!fits("http://localhost:300[!0-9]/", "http://localhost:3004/"));
        assert!(!fits("https://app.test/", "https://appxtest/"));
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        for glob in ["[a", "{a", "a\\", "[z-a]"] {
            assert!(RedirectGlob::parse(glob).is_err(), "{glob}");
        }
    }
}
