//! The gateway, as far as HTTP shows it: the two public routes with its limits, and commands of authenticated sessions.
//!
//! The original carries commands in a signed gRPC envelope. Here a command is `POST /api/v1/commands/{name}` with the
//! session's id in `X-Device-Session-Id`; what matters is whose session is let in, and when it is no longer.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use redis::{RedisError, Value as Answer, cmd};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::Url;

use super::config;
use super::contract::{CACHE_PREFIX, STREAM};
use super::service::{envelope, now};
use super::store::Pool;
use crate::LabError;
use crate::env::Env;
use crate::wire;

/// The header of a command's session. Chosen: the original has it in the envelope.
const SESSION: &str = "x-device-session-id";
/// Largest body. Chosen.
const LARGEST: usize = 8 * 1024;
/// Requests a minute by one address of a socket, for one e-mail address, and for one challenge. Chosen.
const BY_ADDRESS: u64 = 40;
const BY_EMAIL: u64 = 5;
const BY_CHALLENGE: u64 = 10;
/// Seconds of the fixed window.
const WINDOW: i64 = 60;

struct Gateway {
    pool: Pool,
    prefix: String,
    stream: String,
    upstream: Option<Url>,
    client: reqwest::Client,
    faults: Vec<String>,
    /// Sessions as last heard of, and the entry of the stream up to which that is.
    known: Mutex<(HashMap<String, Value>, String)>,
    buckets: Mutex<HashMap<String, (i64, u64)>>,
}

pub(crate) fn router(env: &Env<'_>) -> Result<Router, LabError> {
    const ADDRESS: &str = "GATEWAY_REDIS_MASTER_ADDR";
    let older = env.get("GATEWAY_SESSION_CACHE_REDIS_ADDR");
    let address = older.map_or_else(|| env.required(ADDRESS, "host and port of the Redis of the session cache"), Ok)?;
    let db = env.choice("GATEWAY_REDIS_DB", &[("0", 0), ("1", 1), ("2", 2)])?;
    let gateway = Gateway {
        pool: Pool::new(config::redis(&address, ADDRESS, env.get("GATEWAY_REDIS_PASSWORD"), db)?),
        prefix: env.get("GATEWAY_SESSION_CACHE_REDIS_KEY_PREFIX").unwrap_or_else(|| CACHE_PREFIX.to_owned()),
        stream: env.get("GATEWAY_SESSION_EVENTS_REDIS_STREAM").unwrap_or_else(|| STREAM.to_owned()),
        upstream: env.url("GATEWAY_AUTH_SERVICE_BASE_URL")?,
        client: crate::egress::client(env)?,
        faults: env.list("FAULTS"),
        known: Mutex::new((HashMap::new(), "0-0".to_owned())),
        buckets: Mutex::default(),
    };
    let gateway = Arc::new(gateway);
    Ok(Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(|| async { "ok" }))
        .route("/api/v1/public/auth/{route}", any(auth))
        .route("/api/v1/commands/{name}", post(command))
        .fallback(|| async { envelope(StatusCode::NOT_FOUND, "not_found") })
        .with_state(gateway))
}

impl Gateway {
    fn has(&self, fault: &str) -> bool {
        self.faults.iter().any(|known| known == fault)
    }

    /// Takes one from a bucket; otherwise the seconds until it is full again.
    async fn take(&self, bucket: String, most: u64) -> Result<(), i64> {
        let now = now();
        let mut buckets = self.buckets.lock().await;
        let (begun, used) = buckets.entry(bucket).or_insert((now, 0));
        if now - *begun >= WINDOW {
            (*begun, *used) = (now, 0);
        }
        *used += 1;
        if *used > most { Err((*begun + WINDOW - now).max(1)) } else { Ok(()) }
    }

    fn limited(&self, after: i64) -> Response {
        let mut answer = envelope(StatusCode::TOO_MANY_REQUESTS, "rate_limited");
        if !self.has("no-retry-after") {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after));
        }
        answer
    }

    /// What is known of a session: what the stream told since, or else what the cache holds.
    async fn session(&self, id: &str) -> Result<Option<Value>, RedisError> {
        let mut redis = self.pool.take().await?;
        let mut known = self.known.lock().await;
        let from = format!("({}", known.1);
        let news: Vec<(String, Vec<String>)> =
            cmd("XRANGE").arg(&self.stream).arg(from).arg("+").query_async(&mut redis).await.map(entries)?;
        for (entry, words) in news {
            let fields: HashMap<&str, &str> = words.chunks_exact(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect();
            if let Some(session) = fields.get("device_session_id") {
                known.0.insert((*session).to_owned(), json!(fields));
            }
            known.1 = entry;
        }
        if !known.0.contains_key(id) {
            let raw: Option<String> = cmd("GET").arg(format!("{}{id}", self.prefix)).query_async(&mut redis).await?;
            if let Some(snapshot) = raw.and_then(|raw| serde_json::from_str(&raw).ok()) {
                known.0.insert(id.to_owned(), snapshot);
            }
        }
        self.pool.back(redis).await;
        Ok(known.0.get(id).cloned())
    }
}

fn entries(answer: Answer) -> Vec<(String, Vec<String>)> {
    redis::from_redis_value(answer).unwrap_or_default()
}

async fn auth(State(gateway): State<Arc<Gateway>>, Path(route): Path<String>, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    if !["send-email-code", "confirm-email-code"].contains(&route.as_str()) {
        return envelope(StatusCode::NOT_FOUND, "not_found");
    }
    if method != Method::POST {
        let mut answer = envelope(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
        if !gateway.has("no-allow") {
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        return answer;
    }
    if body.len() > LARGEST && !gateway.has("no-body-limit") {
        return envelope(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large");
    }
    // Every socket is this machine's. Forwarding headers say what a client wants to be believed, and are not looked at.
    let forwarded = wire::first_forwarded(&headers, "x-forwarded-for").filter(|_| gateway.has("trust-forwarded"));
    let mut buckets = vec![(format!("address:{}", forwarded.unwrap_or("socket")), BY_ADDRESS)];
    if let Ok(body) = serde_json::from_slice::<Value>(&body) {
        buckets.extend(body["email"].as_str().map(|email| (format!("email:{}", email.trim().to_lowercase()), BY_EMAIL)));
        buckets.extend(body["challenge_id"].as_str().map(|id| (format!("challenge:{id}"), BY_CHALLENGE)));
    }
    for (bucket, most) in buckets {
        if let Err(after) = gateway.take(bucket, most).await {
            return gateway.limited(after);
        }
    }
    let Some(upstream) = &gateway.upstream else { return envelope(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable") };
    let url = format!("{}/api/v1/public/auth/{route}", upstream.as_str().trim_end_matches('/'));
    let sent = gateway.client.post(url).header(header::CONTENT_TYPE, "application/json").body(body).send().await;
    let Ok(answer) = sent else { return envelope(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable") };
    let status = answer.status();
    match crate::egress::body(answer).await {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(_) => envelope(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable"),
    }
}

async fn command(State(gateway): State<Arc<Gateway>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let unauthenticated = || envelope(StatusCode::UNAUTHORIZED, "unauthenticated");
    let Some(id) = wire::text(&headers, SESSION) else { return unauthenticated() };
    match gateway.session(id).await {
        Ok(Some(session)) if session["status"] == "active" => {
            Json(json!({ "command": name, "user_id": session["user_id"] })).into_response()
        }
        Ok(_) => unauthenticated(),
        Err(_) => envelope(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable"),
    }
}
