//! The routes of the API.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde_json::{Value, json};

use super::config::Config;
use super::contract::Refusal;
use super::faults::Fault;
use super::otp::{Call, Fields, Salon, profile};
use super::phone::normalise;
use super::store::{Purpose, User};
use super::tokens;
use crate::serve::LogNote;
use crate::wire;

/// Largest body, in bytes.
const LARGEST: usize = 16 * 1024;
/// Every path, for those who forget the slash.
const PATHS: [&str; 9] = [
    "/api/auth/otp/request/",
    "/api/auth/otp/verify/",
    "/api/auth/phone/request/",
    "/api/auth/phone/verify/",
    "/api/auth/me/",
    "/api/auth/token/",
    "/api/bookings/",
    "/api/payments/",
    "/api/version/",
];

type Body = Result<Bytes, BytesRejection>;

pub(super) fn routes(salon: Arc<Salon>) -> Router {
    let mut routes = Router::new()
        .route("/health", get(async || "ok"))
        .route("/api/auth/phone/request/", post(phone_request))
        .route("/api/auth/phone/verify/", post(phone_verify))
        .route("/api/auth/me/", get(me).patch(rename))
        .route("/api/auth/token/", post(token))
        .route("/api/auth/social/{provider}/", post(social))
        .route("/api/bookings/", post(gated))
        .route("/api/payments/", post(gated))
        .route("/api/version/", get(version))
        .route("/api/staff/state/", get(state))
        .route("/api/staff/log/", get(log));
    if !salon.config.has(Fault::OtpFamilyGone) {
        routes = routes.route("/api/auth/otp/request/", post(otp_request)).route("/api/auth/otp/verify/", post(otp_verify));
    }
    routes
        .fallback(slash)
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(middleware::from_fn_with_state(salon.clone(), stamp))
        .with_state(salon)
}

/// Every answer says which request, build and start it comes from, and what time it is.
async fn stamp(State(salon): State<Arc<Salon>>, mut request: Request, next: Next) -> Response {
    let call = Call::new(request.headers().clone());
    let id = call.id.clone();
    request.extensions_mut().insert(Arc::new(call));
    let mut answer = next.run(request).await;
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            answer.headers_mut().insert(name, value);
        }
    };
    if !salon.config.has(Fault::RequestIdsLost) {
        set("x-request-id", &id);
    }
    set("x-build-id", &salon.config.build);
    set("x-boot-id", &salon.boot);
    set("cache-control", "no-store");
    if let Some(date) = salon.config.clock.date() {
        set("date", &date);
    }
    if !salon.config.has(Fault::RequestIdsLost) {
        answer.extensions_mut().insert(LogNote(format!("request_id={id}")));
    }
    answer
}

type Asked = Extension<Arc<Call>>;

async fn otp_request(State(salon): State<Arc<Salon>>, Extension(call): Asked, body: Body) -> Response {
    answer(&salon, async { salon.request(Purpose::Verify, &fields(body)?, &call).await }).await
}

async fn otp_verify(State(salon): State<Arc<Salon>>, Extension(call): Asked, body: Body) -> Response {
    answer(&salon, async { salon.verify(Purpose::Verify, &fields(body)?, &call).await }).await
}

async fn phone_request(State(salon): State<Arc<Salon>>, Extension(call): Asked, body: Body) -> Response {
    answer(&salon, async { salon.request(Purpose::Auth, &fields(body)?, &call).await }).await
}

async fn phone_verify(State(salon): State<Arc<Salon>>, Extension(call): Asked, body: Body) -> Response {
    answer(&salon, async { salon.verify(Purpose::Auth, &fields(body)?, &call).await }).await
}

async fn answer(salon: &Salon, work: impl Future<Output = Result<Value, Refusal>>) -> Response {
    match work.await {
        Ok(body) => Json(body).into_response(),
        Err(refusal) => refusal.response(&salon.config.faults),
    }
}

fn fields(body: Body) -> Result<Fields, Refusal> {
    let bytes = body.map_err(|_| Refusal::Invalid("The body is too large or ends early."))?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(fields)) => Ok(Fields(fields)),
        _ => Err(Refusal::Invalid("JSON parse error.")),
    }
}

/// Whoever is signed in.
fn signed_in(salon: &Salon, headers: &HeaderMap) -> Result<User, Refusal> {
    let id = tokens::user(headers, salon.now(), &salon.config.secret_key).ok_or(Refusal::NotAuthenticated)?;
    salon.store.lock().user_by_id(id).map(|user| user.clone()).ok_or(Refusal::NotAuthenticated)
}

async fn me(State(salon): State<Arc<Salon>>, headers: HeaderMap) -> Response {
    answer(&salon, async { Ok(profile(&signed_in(&salon, &headers)?)) }).await
}

async fn rename(State(salon): State<Arc<Salon>>, headers: HeaderMap, body: Body) -> Response {
    answer(&salon, async {
        let user = signed_in(&salon, &headers)?;
        let name = match fields(body)?.0.get("name") {
            Some(Value::String(name)) if name.chars().count() <= 100 => name.clone(),
            _ => return Err(Refusal::Invalid("name is required.")),
        };
        let mut tables = salon.store.lock();
        let user = tables.user_by_id(user.id).ok_or(Refusal::NotAuthenticated)?;
        user.name = name;
        Ok(profile(user))
    })
    .await
}

/// Booking and payment: for users with a verified number alone.
async fn gated(State(salon): State<Arc<Salon>>, headers: HeaderMap) -> Response {
    answer(&salon, async {
        let user = signed_in(&salon, &headers)?;
        if !user.is_phone_verified || salon.config.has(Fault::GateShut) {
            return Err(Refusal::Forbidden);
        }
        Ok(json!({ "detail": "Done.", "user": user.id }))
    })
    .await
}

/// Password sign-in, which was retired.
async fn token(State(salon): State<Arc<Salon>>) -> Response {
    let refusal = if salon.config.has(Fault::TokenEndpointAlive) { Refusal::NotAuthenticated } else { Refusal::Retired };
    refusal.response(&salon.config.faults)
}

/// A placeholder, as in the original.
async fn social(Path(provider): Path<String>) -> Response {
    let provider: String = provider.chars().take(32).collect();
    let body = json!({ "detail": format!("Sign-in with {provider} is not available."), "code": "not_implemented" });
    (StatusCode::NOT_IMPLEMENTED, Json(body)).into_response()
}

async fn version(State(salon): State<Arc<Salon>>) -> Response {
    let Config { environment, build, provider, .. } = &salon.config;
    Json(json!({ "build": build, "environment": environment, "provider": provider.name(), "boot": salon.boot })).into_response()
}

/// The rows and the user of a number, for staff alone.
async fn state(State(salon): State<Arc<Salon>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    answer(&salon, async {
        if wire::text(&headers, "x-staff-token") != Some(salon.config.staff_token.as_str()) {
            return Err(Refusal::NotAuthenticated);
        }
        let typed = wire::query(query.as_deref(), "phone_number").ok_or(Refusal::Invalid("phone_number is required."))?;
        let number = normalise(&typed).ok_or(Refusal::Phone)?;
        let tables = salon.store.lock();
        let rows: Vec<_> = tables.rows.iter().filter(|row| normalise(&row.number).as_ref() == Some(&number)).collect();
        let users: Vec<_> = tables.users.values().filter(|user| normalise(&user.number).as_ref() == Some(&number)).map(profile).collect();
        Ok(json!({
            "users": users,
            "rows": rows.len(),
            "sent": rows.iter().filter(|row| row.sent).count(),
            "attempts": rows.last().map_or(0, |row| row.attempts),
        }))
    })
    .await
}

/// The last errors, for staff alone.
async fn log(State(salon): State<Arc<Salon>>, headers: HeaderMap) -> Response {
    answer(&salon, async {
        if wire::text(&headers, "x-staff-token") != Some(salon.config.staff_token.as_str()) {
            return Err(Refusal::NotAuthenticated);
        }
        Ok(json!({ "errors": salon.window.lines() }))
    })
    .await
}

/// Django's `APPEND_SLASH`: a path that exists with a slash is redirected there, and a POST loses its body on the way.
async fn slash(State(salon): State<Arc<Salon>>, request: Request) -> Response {
    let path = request.uri().path();
    let gone = |path: &str| salon.config.has(Fault::OtpFamilyGone) && path.starts_with("/api/auth/otp/");
    let target = PATHS.into_iter().find(|known| known.strip_suffix('/') == Some(path) && !gone(known));
    match target {
        Some(target) if !salon.config.has(Fault::NoSlashRedirect) => {
            (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, target)]).into_response()
        }
        _ => (StatusCode::NOT_FOUND, Json(json!({ "detail": "Not found.", "code": "not_found" }))).into_response(),
    }
}
