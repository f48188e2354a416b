//! Redis as the source of truth, and the projection for the gateway.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, RedisError, cmd};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::config::{Config, Publish, RedisConfig};
use super::contract::STREAM_LENGTH;

/// Sets a key if it still holds what was read, and keeps its time to live.
const SWAP: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) return 1 end return 0";
/// Publishes a snapshot and its event, unless that would follow a revocation.
const PUBLISH: &str = "local old = redis.call('GET', KEYS[1]) \
    if old and cjson.decode(old).status == 'revoked' and ARGV[2] ~= 'revoked' then return 0 end \
    redis.call('SET', KEYS[1], ARGV[1]) \
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'device_session_id', ARGV[4], 'user_id', ARGV[5], 'client_public_key', ARGV[6], 'status', ARGV[2]) \
    return 1";

/// A challenge as it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Challenge {
    pub(super) challenge_id: String,
    pub(super) email: String,
    pub(super) code: String,
    pub(super) status: String,
    pub(super) attempts: u64,
    /// Seconds since the epoch.
    pub(super) expires_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) device_session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_public_key: Option<String>,
}

/// A session as it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) device_session_id: String,
    pub(super) user_id: String,
    pub(super) client_public_key_base64: String,
    pub(super) status: String,
    pub(super) created_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) revoked_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) revoke_reason_code: Option<String>,
}

/// Connections to one Redis. Each request takes one of its own, so that a command that hangs holds up nobody else.
pub(super) struct Pool {
    config: RedisConfig,
    idle: Mutex<Vec<MultiplexedConnection>>,
}

impl Pool {
    pub(super) fn new(config: RedisConfig) -> Self {
        Self { config, idle: Mutex::default() }
    }

    pub(super) async fn take(&self) -> Result<MultiplexedConnection, RedisError> {
        if let Some(connection) = self.idle.lock().await.pop() {
            return Ok(connection);
        }
        let RedisConfig { host, port, password, db } = &self.config;
        let mut settings = RedisConnectionInfo::default().set_db(*db);
        if let Some(password) = password {
            settings = settings.set_password(password);
        }
        let info = ConnectionAddr::Tcp(host.clone(), *port).into_connection_info()?.set_redis_settings(settings);
        // The bound of a request is that of the application; a connection has none of its own.
        let limits = redis::AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        redis::Client::open(info)?.get_multiplexed_async_connection_with_config(&limits).await
    }

    /// Gives a connection back that still works.
    pub(super) async fn back(&self, connection: MultiplexedConnection) {
        self.idle.lock().await.push(connection);
    }

    pub(super) async fn close(&self) {
        self.idle.lock().await.clear();
    }
}

/// One connection and what keys are called.
pub(super) struct Store<'a> {
    pub(super) config: &'a Config,
    pub(super) redis: MultiplexedConnection,
}

type Done<T> = Result<T, RedisError>;

impl Store<'_> {
    fn key(&self, rest: &str) -> String {
        format!("{}{rest}", self.config.source_prefix)
    }

    /// Whether the address may get a mail now; if so, not again for `window`.
    pub(super) async fn reserve(&mut self, address: &str, window: Duration, sliding: bool) -> Done<bool> {
        let key = self.key(&format!("throttle:send-email-code:{address}"));
        let set: Option<String> =
            cmd("SET").arg(&key).arg("1").arg("NX").arg("EX").arg(window.as_secs()).query_async(&mut self.redis).await?;
        if set.is_none() && sliding {
            let _: i64 = cmd("EXPIRE").arg(&key).arg(window.as_secs()).query_async(&mut self.redis).await?;
        }
        Ok(set.is_some())
    }

    pub(super) async fn put_challenge(&mut self, challenge: &Challenge, kept: Duration) -> Done<()> {
        let key = self.key(&format!("challenge:{}", challenge.challenge_id));
        cmd("SET").arg(key).arg(text(challenge)).arg("EX").arg(kept.as_secs()).query_async(&mut self.redis).await
    }

    pub(super) async fn challenge(&mut self, id: &str) -> Done<Option<(Challenge, String)>> {
        let raw: Option<String> = cmd("GET").arg(self.key(&format!("challenge:{id}"))).query_async(&mut self.redis).await?;
        Ok(raw.and_then(|raw| Some((serde_json::from_str(&raw).ok()?, raw))))
    }

    /// Replaces a challenge if nobody else did meanwhile.
    pub(super) async fn swap_challenge(&mut self, raw: &str, challenge: &Challenge, kept: Duration) -> Done<bool> {
        let key = self.key(&format!("challenge:{}", challenge.challenge_id));
        let swapped: i64 =
            cmd("EVAL").arg(SWAP).arg(1).arg(key).arg(raw).arg(text(challenge)).arg(kept.as_secs()).query_async(&mut self.redis).await?;
        Ok(swapped == 1)
    }

    pub(super) async fn forget_challenge(&mut self, id: &str) -> Done<()> {
        cmd("DEL").arg(self.key(&format!("challenge:{id}"))).query_async(&mut self.redis).await
    }

    /// The newest challenge of an address that was not confirmed, as the consolidated backend keeps it.
    pub(super) async fn newest(&mut self, address: &str) -> Done<Option<String>> {
        cmd("GET").arg(self.key(&format!("newest-challenge:{address}"))).query_async(&mut self.redis).await
    }

    pub(super) async fn set_newest(&mut self, address: &str, id: &str, kept: Duration) -> Done<()> {
        let key = self.key(&format!("newest-challenge:{address}"));
        cmd("SET").arg(key).arg(id).arg("EX").arg(kept.as_secs()).query_async(&mut self.redis).await
    }

    pub(super) async fn limit(&mut self, default: u64) -> Done<u64> {
        let found: Option<u64> = cmd("GET").arg(self.key("config:active-session-limit")).query_async(&mut self.redis).await?;
        Ok(found.unwrap_or(default))
    }

    pub(super) async fn active(&mut self, user: &str) -> Done<u64> {
        cmd("SCARD").arg(self.key(&format!("user:{user}:active-sessions"))).query_async(&mut self.redis).await
    }

    pub(super) async fn put_session(&mut self, session: &Session) -> Done<()> {
        let (id, user) = (&session.device_session_id, &session.user_id);
        let mut pipe = redis::pipe();
        pipe.atomic().cmd("SET").arg(self.key(&format!("session:{id}"))).arg(text(session)).ignore();
        pipe.cmd("ZADD").arg(self.key(&format!("user:{user}:sessions"))).arg(session.created_at).arg(id).ignore();
        let active = self.key(&format!("user:{user}:active-sessions"));
        pipe.cmd(if session.status == "active" { "SADD" } else { "SREM" }).arg(active).arg(id).ignore();
        pipe.query_async(&mut self.redis).await
    }

    pub(super) async fn session(&mut self, id: &str) -> Done<Option<Session>> {
        let raw: Option<String> = cmd("GET").arg(self.key(&format!("session:{id}"))).query_async(&mut self.redis).await?;
        Ok(raw.and_then(|raw| serde_json::from_str(&raw).ok()))
    }

    /// Sessions of a user, newest first.
    pub(super) async fn sessions(&mut self, user: &str) -> Done<Vec<Session>> {
        let ids: Vec<String> =
            cmd("ZREVRANGE").arg(self.key(&format!("user:{user}:sessions"))).arg(0).arg(-1).query_async(&mut self.redis).await?;
        let mut all = Vec::new();
        for id in ids {
            all.extend(self.session(&id).await?);
        }
        Ok(all)
    }

    /// Publishes the snapshot of a session and the event for it.
    pub(super) async fn publish(&mut self, session: &Session) -> Done<()> {
        let mode = self.config.publish;
        if mode == Publish::NotRevoked && session.status == "revoked" {
            return Ok(());
        }
        let key = format!("{}{}", self.config.cache_prefix, session.device_session_id);
        let Session { device_session_id, user_id, client_public_key_base64, status, .. } = session;
        let snapshot = serde_json::json!({
            "device_session_id": device_session_id, "user_id": user_id, "client_public_key": client_public_key_base64, "status": status,
        });
        let snapshot = snapshot.to_string();
        if mode == Publish::Guarded {
            let mut command = cmd("EVAL");
            command.arg(PUBLISH).arg(2).arg(&key).arg(&self.config.stream).arg(snapshot).arg(status).arg(STREAM_LENGTH);
            let _: i64 = command.arg(device_session_id).arg(user_id).arg(client_public_key_base64).query_async(&mut self.redis).await?;
            return Ok(());
        }
        let _: String = cmd("SET").arg(&key).arg(snapshot).query_async(&mut self.redis).await?;
        if mode == Publish::NoEvents {
            return Ok(());
        }
        let mut command = cmd("XADD");
        command.arg(&self.config.stream).arg("MAXLEN").arg("~").arg(STREAM_LENGTH).arg("*");
        command.arg("device_session_id").arg(device_session_id).arg("user_id").arg(user_id);
        command.arg("client_public_key").arg(client_public_key_base64).arg("status").arg(status);
        let _: String = command.query_async(&mut self.redis).await?;
        Ok(())
    }
}

fn text(record: &impl Serialize) -> String {
    // Plain structs of text and numbers: there is nothing in them that JSON cannot say.
    serde_json::to_string(record).unwrap_or_default()
}
