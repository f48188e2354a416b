//! One running API: its configuration and everything it keeps.

use std::sync::Arc;

use axum::http::HeaderMap;

use super::clock::Clock;
use super::config::Config;
use super::cookies::Cookies;
use super::idp::Idp;
use super::limit::RateLimit;
use super::store::{Device, SignedIn, Store};
use crate::{Log, wire};

/// The state behind every route.
pub(super) struct Api {
    pub(super) config: Config,
    pub(super) cookies: Cookies,
    pub(super) store: Store,
    pub(super) limit: RateLimit,
    pub(super) idp: Idp,
    pub(super) clock: Clock,
    pub(super) log: Log,
}

impl Api {
    pub(super) fn new(config: Config, client: reqwest::Client, clock: Clock, log: Log) -> Arc<Api> {
        Arc::new(Api {
            cookies: Cookies::new(&config),
            store: Store::new(&config.seed_users, clock.now()),
            limit: RateLimit::default(),
            idp: Idp::new(client, config.provider.clone()),
            config,
            clock,
            log,
        })
    }

    /// The session of a signed value as received, if it verifies and the session has not run out.
    pub(super) fn live_session(&self, signed: &[u8]) -> Option<SignedIn> {
        self.live(&self.cookies.open(signed)?)
    }

    /// The session behind `Authorization: Bearer`, which counts only with the bearer plugin. The plugin takes the
    /// signed value, encoded or not, and the bare token too.
    pub(super) fn bearer_session(&self, headers: &HeaderMap) -> Option<SignedIn> {
        let credential = bearer(headers).filter(|_| self.config.bearer_plugin)?;
        if credential.contains('.') { self.live_session(credential.as_bytes()) } else { self.live(credential) }
    }

    fn live(&self, token: &str) -> Option<SignedIn> {
        self.store.session(token).filter(|found| found.session.expires_at > self.clock.now())
    }
}

/// The credential of `Authorization: Bearer` (RFC 6750 §2.1; the scheme's case does not matter, RFC 9110 §11.1).
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, credential) = wire::text(headers, "authorization")?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !credential.trim().is_empty()).then(|| credential.trim())
}

/// Who is asking: the address the proxy forwards for, and the user agent's own word.
pub(super) fn device(headers: &HeaderMap) -> Device {
    let user_agent: String = wire::text(headers, "user-agent").unwrap_or_default().chars().take(512).collect();
    Device { ip_address: address(headers), user_agent }
}

/// The address requests are counted by: the first of `X-Forwarded-For` if it is one. All who come without share one.
pub(super) fn address(headers: &HeaderMap) -> String {
    let forwarded = wire::first_forwarded(headers, "x-forwarded-for").and_then(|text| text.parse().ok());
    forwarded.map_or_else(String::new, |address: std::net::IpAddr| address.to_string())
}
