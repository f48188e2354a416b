//! The cookies of the API: names, prefix, attributes, and the optional session cache.
//!
//! `Set-Cookie` lines are written out literally, in the original's order of attributes:
//! `name=value; Max-Age; Domain; Path; HttpOnly; Secure; SameSite`.

use std::time::Duration;

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::clock::Instant;
use super::config::Config;
use super::signing::Signer;
use crate::wire;

/// How long the session cache cookie is believed.
const CACHE_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// The names the guard looks at, in the order of its fix.
pub(super) const SESSION_COOKIE_CANDIDATES: [&str; 3] =
    ["__Secure-better-auth.session_token", "better-auth.session_token", "__Host-better-auth.session_token"];

/// The cookies of one deployment.
#[derive(Clone, Debug)]
pub(super) struct Cookies {
    signer: Signer,
    secure: bool,
    domain: Option<String>,
    clear_with_attributes: bool,
    cache: bool,
}

impl Cookies {
    pub(super) fn new(config: &Config) -> Cookies {
        Cookies {
            signer: Signer::new(&config.secret),
            secure: config.secure_cookies,
            domain: config.cookie_domain.clone(),
            clear_with_attributes: config.clear_with_attributes,
            cache: config.cookie_cache,
        }
    }

    /// Better Auth looks at the one name its configuration gives; only the guard looks further.
    fn name(&self, short: &str) -> String {
        format!("{}better-auth.{short}", if self.secure { "__Secure-" } else { "" })
    }

    fn set(&self, short: &str, value: &str, max_age: Duration) -> String {
        let name = self.name(short);
        let domain = self.domain.as_ref().map(|domain| format!("; Domain={domain}")).unwrap_or_default();
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{name}={value}; Max-Age={}{domain}; Path=/; HttpOnly{secure}; SameSite=Lax", max_age.as_secs())
    }

    /// Expires a cookie. The bare form, without the attributes the cookie was set with, is the fault: its path is that
    /// of the request (RFC 6265bis §5.1.4), so the cookie at `/` stays, and the prefix makes user agents refuse the line.
    fn clear(&self, short: &str) -> String {
        if self.clear_with_attributes { self.set(short, "", Duration::ZERO) } else { format!("{}=; Max-Age=0", self.name(short)) }
    }

    pub(super) fn set_state(&self, state: &str, lifetime: Duration) -> String {
        self.set("state", &self.signer.seal(state), lifetime)
    }

    pub(super) fn clear_state(&self) -> String {
        self.clear("state")
    }

    /// The state cookie's value, if it is there and its signature holds.
    pub(super) fn state(&self, headers: &HeaderMap) -> Option<String> {
        self.open(wire::cookie(headers, &self.name("state"))?)
    }

    pub(super) fn set_session(&self, token: &str, lifetime: Duration) -> String {
        self.set("session_token", &self.signer.seal(token), lifetime)
    }

    /// Everything a session may have left in a jar.
    pub(super) fn clear_session(&self) -> [String; 3] {
        ["session_token", "session_data", "dont_remember"].map(|short| self.clear(short))
    }

    /// The session token in the configured cookie, if its signature holds.
    pub(super) fn session_token(&self, headers: &HeaderMap) -> Option<String> {
        self.open(wire::cookie(headers, &self.name("session_token"))?)
    }

    /// The token in a signed value as received: decoded once, signature checked.
    pub(super) fn open(&self, received: &[u8]) -> Option<String> {
        self.signer.open(received)
    }

    /// The cache cookie for an answer of `get-session`, if the cache is on: the answer itself, with a date and a signature.
    pub(super) fn set_cache(&self, answer: &Value, now: Instant) -> Option<String> {
        self.cache.then(|| {
            let until = now.after(CACHE_LIFETIME).as_millis();
            let sealed = json!({
                "session": answer,
                "expiresAt": until,
                "signature": self.signer.tag(&signed_text(answer, until)),
            });
            self.set("session_data", &URL_SAFE_NO_PAD.encode(sealed.to_string()), CACHE_LIFETIME)
        })
    }

    /// The cached answer, if the cache is on, holds, and is not too old.
    pub(super) fn cached(&self, headers: &HeaderMap, now: Instant) -> Option<Value> {
        if !self.cache {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(wire::cookie(headers, &self.name("session_data"))?).ok()?;
        let mut sealed: Value = serde_json::from_slice(&bytes).ok()?;
        let until = sealed.get("expiresAt")?.as_u64()?;
        let answer = sealed.get("session")?;
        let holds = self.signer.tag_holds(&signed_text(answer, until), sealed.get("signature")?.as_str()?);
        (holds && until > now.as_millis()).then(|| sealed["session"].take())
    }
}

fn signed_text(answer: &Value, until: u64) -> String {
    format!("{answer}.{until}")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::mosaic::api::clock::Clock;
    use crate::mosaic::api::testing::vars;

    fn jar(line: &str) -> HeaderMap {
        let pair = line.split(';').next().expect("a pair");
        HeaderMap::from_iter([(axum::http::header::COOKIE, HeaderValue::from_str(pair).expect("a header"))])
    }

    #[test]
    fn the_session_cookie_is_the_one_seen_in_production() {
        let line = Cookies::new(&vars().config()).set_session("tok", Duration::from_secs(604_800));
        let (pair, attributes) = line.split_once("; ").expect("attributes");
        assert!(pair.starts_with("__Secure-better-auth.session_token=tok."), "{pair}");
        assert_eq!(attributes, "Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Lax");
    }

    #[test]
    fn a_shared_domain_and_plain_http_change_the_line() {
        let config = vars().put("BETTER_AUTH_URL", Some("http://api.mosaic.test")).put("COOKIE_DOMAIN", Some(".mosaic.test")).config();
        let line = Cookies::new(&config).clear_state();
        assert_eq!(line, "better-auth.state=; Max-Age=0; Domain=.mosaic.test; Path=/; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_bare_clear_has_nothing_but_the_name() {
        let line = Cookies::new(&vars().put("COOKIE_CLEAR", Some("bare")).config()).clear_state();
        assert_eq!(line, "__Secure-better-auth.state=; Max-Age=0");
    }

    #[test]
    fn only_the_configured_name_is_read() {
        let cookies = Cookies::new(&vars().config());
        let line = cookies.set_session("tok", Duration::from_secs(1));
        assert_eq!(cookies.session_token(&jar(&line)).as_deref(), Some("tok"));
        assert_eq!(cookies.session_token(&jar(&line.replacen("__Secure-", "", 1))), None);
    }

    #[test]
    fn the_cache_is_believed_for_five_minutes_and_only_unchanged() {
        let cookies = Cookies::new(&vars().put("COOKIE_CACHE", Some("on")).config());
        let now = Clock::system().now();
        let answer = json!({"session": {"id": "1"}, "user": {"id": "2"}});
        let headers = jar(&cookies.set_cache(&answer, now).expect("the cache is on"));
        assert_eq!(cookies.cached(&headers, now), Some(answer.clone()));
        assert_eq!(cookies.cached(&headers, now.after(CACHE_LIFETIME)), None);
        let other = Cookies::new(&vars().put("COOKIE_CACHE", Some("on")).put("BETTER_AUTH_SECRET", Some("x")).config());
        assert_eq!(other.cached(&headers, now), None);
        assert_eq!(Cookies::new(&vars().config()).set_cache(&answer, now), None);
    }
}
