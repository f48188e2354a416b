//! The internal listener: sessions, their revocation, and blocks.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::contract::Version;
use super::service::{Answer, INVALID, Refusal, Service, envelope, now};
use super::store::{Session, Store};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    reason_code: String,
    actor: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    user_id: Option<String>,
    email: Option<String>,
    reason_code: String,
    actor: Value,
}

pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/api/v1/internal/sessions/{id}", get(session))
        .route("/api/v1/internal/sessions/{id}/revoke", post(revoke))
        .route("/api/v1/internal/users/{id}/sessions", get(sessions))
        .route("/api/v1/internal/users/{id}/sessions/revoke-all", post(revoke_all))
        .route("/api/v1/internal/user-blocks", post(block))
        .fallback(|| async { envelope(StatusCode::NOT_FOUND, "not_found") })
        .with_state(service)
}

async fn session(State(service): State<Arc<Service>>, Path(id): Path<String>) -> Response {
    let done = service.within(async |store| {
        let found = store.session(&id).await?.ok_or(Refusal::Because(StatusCode::NOT_FOUND, "session_not_found"))?;
        Ok(json!({ "session": shown(&found) }))
    });
    service.answer(done.await)
}

async fn sessions(State(service): State<Arc<Service>>, Path(user): Path<String>) -> Response {
    let done = service.within(async |store| {
        let found = store.sessions(&user).await?;
        if found.is_empty() && service.config.has("unknown-user-404") {
            return Err(Refusal::Because(StatusCode::NOT_FOUND, "user_not_found"));
        }
        Ok(json!({ "sessions": found.iter().map(shown).collect::<Vec<_>>() }))
    });
    service.answer(done.await)
}

async fn revoke(State(service): State<Arc<Service>>, Path(id): Path<String>, body: Bytes) -> Response {
    let done = match service.read::<Reason>(&body).and_then(Reason::sound) {
        Ok(reason) => {
            service
                .within(async |store| {
                    let found = store.session(&id).await?.ok_or(Refusal::Because(StatusCode::NOT_FOUND, "session_not_found"))?;
                    end(&service, store, found, &reason.reason_code).await?;
                    Ok(json!({ "outcome": "revoked", "device_session_id": id }))
                })
                .await
        }
        Err(refusal) => Err(refusal),
    };
    service.answer(done)
}

async fn revoke_all(State(service): State<Arc<Service>>, Path(user): Path<String>, body: Bytes) -> Response {
    let done = match service.read::<Reason>(&body).and_then(Reason::sound) {
        Ok(reason) => {
            service
                .within(async |store| {
                    let count = end_all(&service, store, &user, &reason.reason_code).await?;
                    Ok(json!({ "outcome": "revoked", "affected_session_count": count }))
                })
                .await
        }
        Err(refusal) => Err(refusal),
    };
    service.answer(done)
}

async fn block(State(service): State<Arc<Service>>, body: Bytes) -> Response {
    let asked = service.read::<Block>(&body).and_then(|asked| {
        let one = asked.user_id.is_some() != asked.email.is_some();
        if one && !asked.reason_code.trim().is_empty() && !asked.actor.is_null() { Ok(asked) } else { Err(INVALID) }
    });
    let done = match asked {
        Ok(asked) => {
            service
                .within(async |store| {
                    let subject = json!({ "user_id": asked.user_id, "email": asked.email, "reason_code": asked.reason_code });
                    service.downstream.block(&service.config, &subject).await?;
                    let count = match &asked.user_id {
                        Some(user) => end_all(&service, store, user, &asked.reason_code).await?,
                        None => 0,
                    };
                    Ok(json!({ "outcome": "blocked", "affected_session_count": count }))
                })
                .await
        }
        Err(refusal) => Err(refusal),
    };
    service.answer(done)
}

impl Reason {
    fn sound(self) -> Answer<Self> {
        if self.reason_code.trim().is_empty() || self.actor.is_null() { Err(INVALID) } else { Ok(self) }
    }
}

async fn end_all(service: &Service, store: &mut Store<'_>, user: &str, reason: &str) -> Answer<usize> {
    let mut count = 0;
    for session in store.sessions(user).await? {
        if session.status == "active" {
            end(service, store, session, reason).await?;
            count += 1;
        }
    }
    Ok(count)
}

/// Revokes a session, first in the source of truth. One that is revoked is published again: that repairs the projection.
async fn end(service: &Service, store: &mut Store<'_>, mut session: Session, reason: &str) -> Answer<()> {
    if session.status == "active" {
        "revoked".clone_into(&mut session.status);
        session.revoked_at = Some(now());
        session.revoke_reason_code = Some(reason.to_owned());
        store.put_session(&session).await?;
    }
    if service.config.version != Version::Backend {
        store.publish(&session).await?;
    }
    Ok(())
}

fn shown(session: &Session) -> Value {
    json!({
        "device_session_id": session.device_session_id, "user_id": session.user_id,
        "client_public_key": session.client_public_key_base64, "status": session.status, "created_at": session.created_at,
        "revoked_at": session.revoked_at, "revoke_reason_code": session.revoke_reason_code,
    })
}
