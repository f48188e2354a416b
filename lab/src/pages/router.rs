//! The routes, and the little that is remembered.

use crate::env::Env;
use crate::{LabError, wire};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Pages and scripts by path.
const SITE: [(&str, &str, &str); 18] = [
    ("/", HTML, include_str!("site/spa.html")),
    ("/home", HTML, include_str!("site/spa.html")),
    ("/spa.js", SCRIPT, include_str!("site/spa.js")),
    ("/shadow", HTML, include_str!("site/shadow.html")),
    ("/shadow.js", SCRIPT, include_str!("site/shadow.js")),
    ("/frames", HTML, include_str!("site/frames.html")),
    ("/frames/inner", HTML, include_str!("site/inner.html")),
    ("/frames/sign-in", HTML, include_str!("site/framed.html")),
    ("/framed.js", SCRIPT, include_str!("site/framed.js")),
    ("/popup", HTML, include_str!("site/popup.html")),
    ("/popup.js", SCRIPT, include_str!("site/popup.js")),
    ("/tabs", HTML, include_str!("site/tabs.html")),
    ("/dialogs", HTML, include_str!("site/dialogs.html")),
    ("/errors", HTML, include_str!("site/errors.html")),
    ("/app-link", HTML, include_str!("site/app-link.html")),
    ("/worker", HTML, include_str!("site/worker.html")),
    ("/worker.js", SCRIPT, include_str!("site/worker.js")),
    ("/cache", HTML, include_str!("site/cache.html")),
];
const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const COOKIE: &str = "pages_session";
/// Sessions that are kept; with more, all are forgotten.
const MOST: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    SilentPopup,
    StaleWorker,
    Throws,
    ForgetsToken,
}

struct App {
    password: String,
    fault: &'static str,
    widget: String,
    sessions: Mutex<HashSet<String>>,
}

#[derive(Deserialize)]
struct Login {
    name: String,
    password: String,
}

pub(crate) fn router(env: &Env<'_>) -> Result<Router, LabError> {
    let faults = [
        ("none", Fault::None),
        ("silent-popup", Fault::SilentPopup),
        ("stale-worker", Fault::StaleWorker),
        ("throws", Fault::Throws),
        ("forgets-token", Fault::ForgetsToken),
    ];
    let fault = env.choice("FAULT", &faults)?;
    let app = App {
        password: env.get("PASSWORD").unwrap_or_else(|| "lab-only".to_owned()),
        fault: faults.iter().find(|(_, known)| *known == fault).map_or("none", |(name, _)| name),
        widget: env.url("WIDGET")?.map(|url| url.origin().ascii_serialization()).unwrap_or_default(),
        sessions: Mutex::default(),
    };
    Ok(Router::new()
        .route("/api/login", post(login))
        .route("/api/me", get(me))
        .route("/api/rates", get(rates))
        .route("/cache/next", get(async || page(HTML, "<!doctype html><title>Next</title><h1>Next</h1>").into_response()))
        .route(
            "/app-link/done",
            get(async || wire::redirect(StatusCode::FOUND, "alga://callback?code=SplxlOBeZQQYbYS6WxSbIA&state=af0ifjsldkj")),
        )
        .route("/health", get(async || "ok"))
        .fallback(site)
        .with_state(Arc::new(app)))
}

/// A page with this app's settings in it, or a script.
async fn site(State(app): State<Arc<App>>, request: Request) -> Response {
    let path = request.uri().path();
    let Some((_, kind, content)) = SITE.iter().find(|(known, ..)| *known == path) else {
        return (StatusCode::NOT_FOUND, page(HTML, "<!doctype html><title>Not found</title><h1>Not found</h1>")).into_response();
    };
    let content = content.replace("{{widget}}", &app.widget).replace("{{fault}}", app.fault);
    page(kind, content).into_response()
}

fn page(kind: &'static str, content: impl Into<String>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], content.into())
}

async fn login(State(app): State<Arc<App>>, Json(Login { name, password }): Json<Login>) -> Response {
    if name != "ada" || password != app.password {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": "invalid_credentials" }))).into_response();
    }
    let token = token();
    let mut answer = Json(json!({ "name": "Ada", "token": token })).into_response();
    // A frame of another site is a place to sign in as well, so the cookie must be allowed there.
    wire::set_cookies(&mut answer, [format!("{COOKIE}={token}; Path=/; HttpOnly; Secure; SameSite=None")]);
    let mut sessions = app.sessions.lock().unwrap_or_else(PoisonError::into_inner);
    if sessions.len() >= MOST {
        sessions.clear();
    }
    sessions.insert(token);
    answer
}

async fn me(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let token = wire::cookie(&headers, COOKIE).and_then(|value| std::str::from_utf8(value).ok());
    let known = token.is_some_and(|token| app.sessions.lock().unwrap_or_else(PoisonError::into_inner).contains(token));
    let mut answer = match known {
        true => Json(json!({ "name": "Ada" })).into_response(),
        false => (StatusCode::UNAUTHORIZED, Json(json!({ "error": "not_signed_in" }))).into_response(),
    };
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

async fn rates() -> Response {
    ([(header::CACHE_CONTROL, "private, max-age=3600")], Json(json!({ "EUR": 1, "USD": 1.08 }))).into_response()
}

fn token() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has random bytes once it has started");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use tower::ServiceExt as _;

    async fn send(router: &Router, request: axum::http::request::Builder, body: String) -> (u16, HeaderMap, String) {
        let answer = router.clone().oneshot(request.body(Body::from(body)).expect("a request")).await.expect("a router cannot fail");
        let (parts, body) = answer.into_parts();
        let body = to_bytes(body, 1 << 20).await.expect("a body");
        (parts.status.as_u16(), parts.headers, String::from_utf8(body.to_vec()).expect("text"))
    }

    fn app() -> Router {
        let lookup = |name: &str| match name {
            "WIDGET" => Some("https://widget.test/x".to_owned()),
            "FAULT" => Some("throws".to_owned()),
            _ => None,
        };
        router(&Env::new(&lookup)).expect("complete")
    }

    async fn log_in(router: &Router, password: &str) -> (u16, HeaderMap) {
        let request = Request::post("/api/login").header("content-type", "application/json");
        let (status, headers, _) = send(router, request, json!({ "name": "ada", "password": password }).to_string()).await;
        (status, headers)
    }

    #[tokio::test]
    async fn the_right_password_gives_a_cookie_that_stands_for_somebody() {
        let router = app();
        assert_eq!(log_in(&router, "guess").await.0, 401);
        let (status, headers) = log_in(&router, "lab-only").await;
        let line = headers["set-cookie"].to_str().expect("text");
        let pair = line.split(';').next().expect("a pair").to_owned();
        assert_eq!(status, 200);
        assert_eq!(send(&router, Request::get("/api/me").header("cookie", pair), String::new()).await.0, 200);
        let forged = Request::get("/api/me").header("cookie", "pages_session=0");
        assert_eq!(send(&router, forged, String::new()).await.0, 401);
    }

    #[tokio::test]
    async fn every_page_knows_the_settings_and_leaves_no_hole() {
        let router = app();
        for (path, kind, _) in SITE {
            let (status, headers, text) = send(&router, Request::get(path), String::new()).await;
            assert_eq!((status, headers["content-type"].to_str().expect("text")), (200, kind), "{path}");
            assert!(!text.contains("{{"), "{path}");
        }
        assert!(send(&router, Request::get("/frames/inner"), String::new()).await.2.contains("https://widget.test/frames/sign-in"));
        assert!(send(&router, Request::get("/"), String::new()).await.2.contains("data-fault=\"throws\""));
        assert_eq!(send(&router, Request::get("/nowhere"), String::new()).await.0, 404);
    }
}
