//! The public listener: sending a code, and confirming it.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;
use serde_json::{Value, json};

use super::contract::{ATTEMPTS, CHALLENGE_KEPT, CHALLENGE_TTL, CONFIRMED_KEPT, COOLDOWN, SESSION_LIMIT, Version};
use super::downstream::Person;
use super::service::{Answer, INVALID, Refusal, Service, envelope, fresh_code, fresh_id, is_public_key, now};
use super::store::{Challenge, Session, Store};

/// Members that bodies may have.
pub(super) const KNOWN: [&str; 5] = ["email", "challenge_id", "code", "client_public_key", "time_zone"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Send {
    email: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirm {
    challenge_id: String,
    code: String,
    client_public_key: String,
    #[serde(default)]
    time_zone: Option<String>,
}

pub(super) fn router(service: Arc<Service>) -> Router {
    let mut router = Router::new()
        .route("/api/v1/public/auth/send-email-code", post(send))
        .route("/api/v1/public/auth/confirm-email-code", post(confirm));
    if service.config.has("health") {
        router = router.route("/healthz", axum::routing::get(|| async { "ok" }));
    }
    router.fallback(|| async { envelope(StatusCode::NOT_FOUND, "not_found") }).with_state(service)
}

async fn send(State(service): State<Arc<Service>>, headers: HeaderMap, body: Bytes) -> Response {
    let locale = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let locale = if locale.starts_with("de") { "de" } else { "en" };
    let done = match service.read::<Send>(&body) {
        Ok(asked) => service.within(async |store| send_code(&service, store, &asked.email, locale).await).await,
        Err(refusal) => Err(refusal),
    };
    service.answer(done)
}

async fn send_code(service: &Service, store: &mut Store<'_>, typed: &str, locale: &str) -> Answer<Value> {
    let config = &service.config;
    let email = if config.has("raw-address") { typed.to_owned() } else { typed.trim().to_lowercase() };
    if !email.contains('@') {
        return Err(INVALID);
    }
    let mut challenge = Challenge {
        challenge_id: fresh_id(),
        email: email.clone(),
        code: fresh_code(),
        status: "pending_send".to_owned(),
        attempts: 0,
        expires_at: now() + seconds(CHALLENGE_TTL),
        device_session_id: None,
        client_public_key: None,
    };
    let kept = CHALLENGE_TTL + CHALLENGE_KEPT;
    if !store.reserve(&email, COOLDOWN, config.has("sliding-window")).await? {
        if config.has("cooldown-tells") {
            return Err(Refusal::Because(StatusCode::TOO_MANY_REQUESTS, "rate_limited"));
        }
        if config.version == Version::Backend
            && let Some(id) = store.newest(&email).await?
        {
            return Ok(json!({ "challenge_id": id }));
        }
        "delivery_throttled".clone_into(&mut challenge.status);
        store.put_challenge(&challenge, kept).await?;
        return Ok(json!({ "challenge_id": challenge.challenge_id }));
    }
    let person = service.downstream.resolve(config, &email).await?;
    store.put_challenge(&challenge, kept).await?;
    let status = match person {
        Person::Blocked if config.has("blocked-told") => return Err(Refusal::Because(StatusCode::FORBIDDEN, "user_blocked")),
        Person::Blocked if config.has("shared-status") => "delivery_throttled",
        Person::Blocked => "delivery_suppressed",
        Person::Known(_) => match service.downstream.mail(config, &email, &challenge.code, locale).await {
            Ok(true) => "sent",
            Ok(false) => "delivery_suppressed",
            Err(unavailable) => {
                "failed".clone_into(&mut challenge.status);
                store.put_challenge(&challenge, kept).await?;
                return Err(unavailable.into());
            }
        },
    };
    status.clone_into(&mut challenge.status);
    store.put_challenge(&challenge, kept).await?;
    if config.version == Version::Backend {
        store.set_newest(&email, &challenge.challenge_id, CHALLENGE_TTL).await?;
    }
    Ok(json!({ "challenge_id": challenge.challenge_id }))
}

async fn confirm(State(service): State<Arc<Service>>, body: Bytes) -> Response {
    let done = match service.read::<Confirm>(&body) {
        Ok(asked) => service.within(async |store| confirm_code(&service, store, &asked).await).await,
        Err(refusal) => Err(refusal),
    };
    service.answer(done)
}

async fn confirm_code(service: &Service, store: &mut Store<'_>, asked: &Confirm) -> Answer<Value> {
    let config = &service.config;
    let (id, code, key) = (asked.challenge_id.trim(), asked.code.trim(), asked.client_public_key.trim());
    let zone = asked.time_zone.as_deref().map(str::trim).filter(|zone| !zone.is_empty());
    let zone_fits = if config.version == Version::March { asked.time_zone.is_none() } else { zone.is_some() };
    if id.is_empty() || code.is_empty() || !is_public_key(key) || !zone_fits {
        return Err(INVALID);
    }
    let unified = config.version == Version::Backend;
    let refuse = |status, code| if unified { INVALID } else { Refusal::Because(status, code) };
    let not_found = || refuse(StatusCode::NOT_FOUND, "challenge_not_found");
    let Some((mut challenge, mut raw)) = store.challenge(id).await? else { return Err(not_found()) };
    if challenge.status == "confirmed_pending_expire" {
        let same = challenge.code == code && challenge.client_public_key.as_deref() == Some(key);
        if !same || config.has("not-idempotent") {
            return Err(refuse(StatusCode::CONFLICT, "challenge_already_confirmed"));
        }
        let session = challenge.device_session_id.unwrap_or_default();
        return publish(store, &session).await;
    }
    if now() >= challenge.expires_at {
        let forgotten = config.has("expired-forgotten");
        return Err(if forgotten { not_found() } else { refuse(StatusCode::GONE, "challenge_expired") });
    }
    if challenge.status != "sent" {
        // Whoever was never sent a code has none that fits.
        return Err(refuse(StatusCode::BAD_REQUEST, "invalid_code"));
    }
    let kept = CHALLENGE_TTL + CHALLENGE_KEPT;
    if challenge.code != code {
        challenge.attempts += 1;
        if challenge.attempts >= ATTEMPTS {
            "failed".clone_into(&mut challenge.status);
        }
        store.swap_challenge(&raw, &challenge, kept).await?;
        return Err(refuse(StatusCode::BAD_REQUEST, "invalid_code"));
    }
    let user = match service.downstream.ensure(config, &challenge.email, zone).await? {
        Person::Known(user) => user,
        Person::Blocked => return Err(refuse(StatusCode::FORBIDDEN, "user_blocked")),
    };
    if store.active(&user).await? >= store.limit(SESSION_LIMIT).await? {
        return Err(refuse(StatusCode::CONFLICT, "session_limit_exceeded"));
    }
    let session = Session {
        device_session_id: fresh_id(),
        user_id: user,
        client_public_key_base64: key.to_owned(),
        status: "active".to_owned(),
        created_at: now(),
        revoked_at: None,
        revoke_reason_code: None,
    };
    store.put_session(&session).await?;
    if unified {
        // One transaction in the original: the challenge is used up with the insert, and nothing is published.
        store.forget_challenge(id).await?;
        return Ok(json!({ "device_session_id": session.device_session_id }));
    }
    "confirmed_pending_expire".clone_into(&mut challenge.status);
    challenge.device_session_id = Some(session.device_session_id.clone());
    challenge.client_public_key = Some(key.to_owned());
    if !store.swap_challenge(&raw, &challenge, CONFIRMED_KEPT).await? {
        // Somebody was faster; theirs is the session.
        raw = store.challenge(id).await?.map(|(_, raw)| raw).unwrap_or_default();
        let winner: Option<Challenge> = serde_json::from_str(&raw).ok();
        let winner = winner.and_then(|challenge| challenge.device_session_id).ok_or_else(not_found)?;
        return publish(store, &winner).await;
    }
    publish(store, &session.device_session_id).await
}

/// Reads the session again and publishes what it says now.
async fn publish(store: &mut Store<'_>, id: &str) -> Answer<Value> {
    let Some(session) = store.session(id).await? else { return Err(Refusal::Unavailable("the session is gone".to_owned())) };
    store.publish(&session).await?;
    Ok(json!({ "device_session_id": session.device_session_id }))
}

fn seconds(time: std::time::Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}
