//! What both listeners share: stores, answers, and the reading of bodies.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde_json::json;
use time::OffsetDateTime;

use super::config::Config;
use super::contract::{ADAPTERS, APPLICATION_TIMEOUT, PING_WITHIN, Version};
use super::downstream::Downstream;
use super::store::{Pool, Store};
use crate::LabError;
use crate::serve::Log;

/// The service behind both listeners.
pub(super) struct Service {
    pub(super) config: Config,
    pub(super) downstream: Downstream,
    pools: Vec<Pool>,
    log: Log,
}

/// Why a request gets no success.
pub(super) enum Refusal {
    /// With this status and code.
    Because(StatusCode, &'static str),
    /// Redis or a neighbour gave no answer.
    Unavailable(String),
}

pub(super) type Answer<T> = Result<T, Refusal>;

pub(super) const INVALID: Refusal = Refusal::Because(StatusCode::BAD_REQUEST, "invalid_request");

impl From<redis::RedisError> for Refusal {
    fn from(error: redis::RedisError) -> Self {
        Self::Unavailable(format!("redis: {error}"))
    }
}

impl From<super::downstream::Unavailable> for Refusal {
    fn from(_: super::downstream::Unavailable) -> Self {
        Self::Unavailable("a neighbour did not answer".to_owned())
    }
}

impl Service {
    pub(super) fn new(config: Config, client: reqwest::Client, log: Log) -> Arc<Self> {
        let adapters = if config.version == Version::March { ADAPTERS.len() } else { 1 };
        let pools = (0..adapters).map(|_| Pool::new(config.redis.clone())).collect();
        Arc::new(Self { config, downstream: Downstream { client }, pools, log })
    }

    /// Asks Redis for a sign of life, once for each adapter, all of them within one bound.
    pub(super) async fn ping(&self) -> Result<(), LabError> {
        let each = async {
            for (pool, adapter) in self.pools.iter().zip(ADAPTERS) {
                let name = if self.pools.len() == 1 { "redis client" } else { adapter };
                let told = |error: redis::RedisError| LabError::Redis { adapter: name, why: error.to_string() };
                let mut connection = pool.take().await.map_err(told)?;
                redis::cmd("PING").query_async::<()>(&mut connection).await.map_err(told)?;
                pool.back(connection).await;
            }
            Ok(())
        };
        let late = || LabError::Redis { adapter: "redis client", why: format!("no answer to PING within {PING_WITHIN:?}") };
        tokio::time::timeout(PING_WITHIN, each).await.map_err(|_| late())?
    }

    pub(super) fn say(&self, line: &str) {
        (self.log)(line);
    }

    /// Does the work of one request with a connection of its own, within the time of the application.
    pub(super) async fn within<T>(&self, work: impl AsyncFnOnce(&mut Store<'_>) -> Answer<T>) -> Answer<T> {
        // The publisher's pool, where adapters are apart: any will do, as each is to the same server.
        let Some(pool) = self.pools.last() else { return Err(Refusal::Unavailable("no pool".to_owned())) };
        let done = tokio::time::timeout(APPLICATION_TIMEOUT, async {
            let mut store = Store { config: &self.config, redis: pool.take().await? };
            let done = work(&mut store).await;
            // After an error nobody knows what is still under way on the connection.
            if !matches!(done, Err(Refusal::Unavailable(_))) {
                pool.back(store.redis).await;
            }
            done
        });
        done.await.unwrap_or_else(|_| Err(Refusal::Unavailable("the application's time is up".to_owned())))
    }

    pub(super) async fn close(&self) {
        for pool in &self.pools {
            pool.close().await;
        }
    }

    /// A refusal on the wire.
    pub(super) fn refuse(&self, refusal: &Refusal) -> Response {
        match refusal {
            Refusal::Because(status, code) => envelope(*status, code),
            Refusal::Unavailable(why) => {
                self.say(&format!("service_unavailable: {why}"));
                if self.config.has("downstream-500") {
                    return envelope(StatusCode::INTERNAL_SERVER_ERROR, "internal_error");
                }
                envelope(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable")
            }
        }
    }

    pub(super) fn answer(&self, done: Answer<serde_json::Value>) -> Response {
        match done {
            Ok(body) => Json(body).into_response(),
            Err(refusal) => self.refuse(&refusal),
        }
    }

    /// Reads a body: one JSON object with known members alone, unless a switch makes it lenient.
    pub(super) fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Answer<T> {
        if self.config.has("lenient-json") {
            let first = serde_json::Deserializer::from_slice(body).into_iter::<serde_json::Value>().next();
            let mut value = first.and_then(Result::ok).unwrap_or_else(|| json!({}));
            if let Some(members) = value.as_object_mut() {
                members.retain(|name, _| super::public::KNOWN.contains(&name.as_str()));
                members.entry("email").or_insert_with(|| json!("anybody@x.test"));
                if members.contains_key("challenge_id") {
                    members.remove("email");
                }
            }
            return serde_json::from_value(value).map_err(|_| INVALID);
        }
        serde_json::from_slice(body).map_err(|_| INVALID)
    }
}

pub(super) fn envelope(status: StatusCode, code: &str) -> Response {
    let message = code.replace('_', " ");
    (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response()
}

/// Seconds since the epoch. This is an app of its own, and its clock that of its process.
#[allow(clippy::disallowed_methods)]
pub(super) fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

/// An id that nobody guesses: a random UUID (RFC 9562 §5.4).
pub(super) fn fresh_id() -> String {
    let mut bytes = [0_u8; 16];
    // Without random bytes no id is safe to give out; the system always has some.
    if getrandom::fill(&mut bytes).is_err() {
        return String::new();
    }
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// Six digits.
pub(super) fn fresh_code() -> String {
    let mut bytes = [0; 4];
    if getrandom::fill(&mut bytes).is_err() {
        return String::new();
    }
    format!("{:06}", u32::from_le_bytes(bytes) % 1_000_000)
}

/// Whether a key is 32 bytes in base64, as an Ed25519 public key is.
pub(super) fn is_public_key(text: &str) -> bool {
    STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_random_uuids_and_codes_have_six_digits() {
        let (one, other) = (fresh_id(), fresh_id());
        assert_ne!(one, other);
        let parts: Vec<_> = one.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        // Version and variant (RFC 9562 §4.1, §4.2).
        assert!(one.as_bytes()[14] == b'4' && b"89ab".contains(&one.as_bytes()[19]), "{one}");
        let code = fresh_code();
        assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    }

    #[test]
    fn a_public_key_is_32_bytes_in_base64() {
        assert!(is_public_key(&STANDARD.encode([7; 32])));
        for wrong in [STANDARD.encode([7; 31]), STANDARD.encode([7; 33]), String::new(), "no base64!".to_owned()] {
            assert!(!is_public_key(&wrong), "{wrong}");
        }
    }
}
