//! The routes, and what stands before them.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;

use super::app::{Api, address};
use super::clock::Clock;
use super::config::{BASE_PATH, Config};
use super::origin::{PublicBase, check_origin, is_trusted};
use super::{callback, guard, reply, session, sign_in};
use crate::env::Env;
use crate::{LabError, Log, egress, wire};

/// The most of a body that is read; sign-in bodies are a few hundred bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// The API as `env` wants it.
pub(crate) fn router(env: &Env<'_>, log: &Log) -> Result<Router, LabError> {
    let api = Api::new(Config::read(env)?, egress::client(env)?, Clock::system(), log.clone());
    Ok(routes(api))
}

pub(super) fn routes(api: Arc<Api>) -> Router {
    let better_auth = Router::new()
        .route("/sign-in/oauth2", post(sign_in::sign_in))
        .route("/oauth2/link", post(sign_in::link))
        .route("/oauth2/callback/{provider}", get(callback::callback))
        .route("/get-session", get(session::get_session))
        .route("/sign-out", post(session::sign_out))
        .route("/error", get(callback::error))
        .fallback(StatusCode::NOT_FOUND)
        .method_not_allowed_fallback(async || StatusCode::NOT_FOUND)
        .layer(middleware::from_fn_with_state(api.clone(), better_auth_rules));
    // The guard's controller is mounted before the handler that gives everything else under `/auth` to Better Auth.
    Router::new()
        .route("/auth/session", get(guard::session))
        .nest(BASE_PATH, better_auth)
        .route("/", get(async || Html("Mosaic API")))
        .route("/health", get(async || reply::ok(&json!({ "status": "ok" }))))
        .route("/version", get(version))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(api.clone(), cors))
        .with_state(api)
}

async fn version(State(api): State<Arc<Api>>) -> Response {
    reply::ok(&json!({ "buildId": api.config.build_id }))
}

async fn not_found(request: Request) -> Response {
    let message = format!("Cannot {} {}", request.method(), request.uri().path());
    reply::http_exception(StatusCode::NOT_FOUND, &message)
}

/// Rate limit first, then the Origin rule: a burst is refused even where its requests would be refused anyway.
async fn better_auth_rules(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    if api.config.rate_limit {
        // Nested, so the path is already the one below `/auth`.
        let counted = api.limit.count(&address(request.headers()), request.uri().path(), api.clock.now());
        if let Err(seconds) = counted {
            return reply::too_many_requests(seconds);
        }
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        && let Err(error) = check_origin(&api.config, request.headers())
    {
        return error.into_response();
    }
    next.run(request).await
}

/// Lets scripts of trusted origins in, with their cookies (Fetch §3.2). Others get no CORS fields at all.
async fn cors(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let allowed = allowed_origin(&api, request.headers());
    let preflight = request.method() == Method::OPTIONS && request.headers().contains_key("access-control-request-method");
    let mut answer = if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let fields = answer.headers_mut();
    fields.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed {
        fields.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        fields.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        if preflight {
            let methods = HeaderValue::from_static("GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS");
            let headers = HeaderValue::from_static("Content-Type,Authorization");
            fields.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
            fields.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, headers);
            fields.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
        }
    }
    answer
}

fn allowed_origin(api: &Api, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = wire::text(headers, "origin")?;
    let base = PublicBase::of(&api.config, headers);
    is_trusted(&api.config, &base, origin).then(|| headers.get("origin").cloned()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mosaic::api::testing::{Answer, Lab, vars};

    const APP: &str = "https://app.mosaic.test";

    fn field<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
        answer.headers.get(name).map(|value| value.to_str().expect("a text"))
    }

    async fn sign_ins(lab: &Lab, address: &str, times: usize) -> Vec<u16> {
        let fields = [("content-type", "application/json"), ("x-forwarded-for", address)];
        let mut statuses = Vec::new();
        for _ in 0..times {
            let body = r#"{"providerId":"authentik"}"#;
            statuses.push(lab.send("POST", "/auth/sign-in/oauth2", &fields, body).await.status.as_u16());
        }
        statuses
    }

    #[tokio::test]
    async fn the_fourth_sign_in_of_an_address_is_too_many() {
        let lab = Lab::new(vars()).await;
        assert_eq!(sign_ins(&lab, "203.0.113.7, 10.0.0.1", 4).await, [200, 200, 200, 429]);
        assert_eq!(sign_ins(&lab, "203.0.113.8", 1).await, [200]);
        lab.pass(4);
        let fields = [("x-forwarded-for", "203.0.113.7")];
        let refused = lab.send("POST", "/auth/sign-in/oauth2", &fields, "").await;
        assert_eq!(field(&refused, "x-retry-after"), Some("6"));
        assert_eq!(field(&refused, "retry-after"), None);
        assert_eq!(refused.json(), json!({"message": "Too many requests. Please try again later."}));
        lab.pass(7);
        assert_eq!(sign_ins(&lab, "203.0.113.7", 1).await, [200]);
    }

    #[tokio::test]
    async fn outside_production_nobody_counts() {
        let lab = Lab::new(vars().put("NODE_ENV", Some("development"))).await;
        assert_eq!(sign_ins(&lab, "203.0.113.7", 5).await, [200; 5]);
    }

    #[tokio::test]
    async fn a_cookie_without_an_origin_is_refused_where_something_changes() {
        let lab = Lab::new(vars()).await;
        let cookie = ("cookie", "a=1");
        let refused = lab.send("POST", "/auth/sign-out", &[cookie], "").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert_eq!(refused.json(), json!({"code": "MISSING_OR_NULL_ORIGIN", "message": "Missing or null Origin"}));
        let strange = lab.send("POST", "/auth/sign-out", &[cookie, ("origin", "https://evil.test")], "").await;
        assert_eq!(strange.json(), json!({"code": "INVALID_ORIGIN", "message": "Invalid origin"}));
        assert_eq!(lab.send("POST", "/auth/sign-out", &[cookie, ("origin", APP)], "").await.status, StatusCode::OK);
        assert_eq!(lab.send("POST", "/auth/sign-out", &[], "").await.status, StatusCode::OK);
        assert_eq!(lab.get("/auth/get-session", Some("a=1")).await.status, StatusCode::OK);
        let open = Lab::new(vars().put("CSRF_CHECK", Some("off"))).await;
        assert_eq!(open.send("POST", "/auth/sign-out", &[cookie], "").await.status, StatusCode::OK);
    }

    #[tokio::test]
    async fn scripts_of_trusted_origins_are_let_in_with_their_cookies() {
        let lab = Lab::new(vars()).await;
        let answer = lab.send("GET", "/auth/session", &[("origin", APP)], "").await;
        assert_eq!(field(&answer, "access-control-allow-origin"), Some(APP));
        assert_eq!(field(&answer, "access-control-allow-credentials"), Some("true"));
        let preflight = [("origin", APP), ("access-control-request-method", "POST")];
        let answer = lab.send("OPTIONS", "/auth/sign-in/oauth2", &preflight, "").await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert!(field(&answer, "access-control-allow-headers").is_some_and(|names| names.contains("Content-Type")));
        let answer = lab.send("GET", "/auth/session", &[("origin", "https://evil.test")], "").await;
        assert_eq!(field(&answer, "access-control-allow-origin"), None);
        assert_eq!(field(&answer, "vary"), Some("Origin"));
    }

    #[tokio::test]
    async fn the_routes_beside_better_auth_are_the_frameworks() {
        let lab = Lab::new(vars().put("BUILD_ID", Some("b42"))).await;
        assert_eq!(lab.get("/", None).await.status, StatusCode::OK);
        assert_eq!(lab.get("/health", None).await.json(), json!({"status": "ok"}));
        assert_eq!(lab.get("/version", None).await.json(), json!({"buildId": "b42"}));
        let missing = lab.get("/nowhere", None).await;
        assert_eq!(missing.json(), json!({"message": "Cannot GET /nowhere", "error": "Not Found", "statusCode": 404}));
        assert_eq!(lab.get("/auth/nowhere", None).await.status, StatusCode::NOT_FOUND);
        assert_eq!(lab.get("/auth/sign-out", None).await.status, StatusCode::NOT_FOUND);
    }
}
