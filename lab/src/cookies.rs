//! A sign-in whose cookies are written by the environment, and pages that lead to it in every way one site leads to another:
//! what it takes to see each reason for which a browser drops or withholds a cookie.
//!
//! | route | answer |
//! |---|---|
//! | `GET /` | who is signed in, by the cookie that came |
//! | `GET`, `POST /sign-in` | sets every line of `SET_COOKIE`; a page, or with `?next=URL` a redirect there |
//! | `GET`, `POST /callback` | where another site sends people back to: 200 with the cookie, 400 without |
//! | `GET /session` | the same as JSON: 200 or 401 |
//! | `GET /link?to=URL` | a page with a link to the URL |
//! | `GET /form?to=URL` | a page with a form that posts to the URL, as `response_mode=form_post` does |
//! | `GET /frame?of=URL` | a page with the URL in a frame |
//! | `GET /redirect?to=URL` | a redirect to the URL |
//! | `GET /health` | readiness |
//!
//! | variable | meaning | when absent |
//! |---|---|---|
//! | `SET_COOKIE` | the Set-Cookie lines of a sign-in, one a line, octet for octet | none |
//! | `FILL` | how many octets stand for `{fill}` in them | 0 |
//! | `COOKIE` | the name of the cookie that stands for a session | `sid` |
//! | `READERS` | origins whose scripts may ask with cookies (CORS, Fetch §3.2) | none |

use super::env::Env;
use super::{LabError, wire};
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use maud::{DOCTYPE, Markup, html};
use serde_json::json;
use std::sync::Arc;

/// The longest fill: a header field of more is refused by proxies before any browser sees it.
const MOST_FILL: usize = 8192;

struct App {
    lines: Vec<HeaderValue>,
    cookie: String,
    readers: Vec<String>,
}

pub(crate) fn router(env: &Env<'_>) -> Result<Router, LabError> {
    let fill = env.get("FILL").map_or(Ok(0), |text| text.parse().ok().filter(|octets| *octets <= MOST_FILL).ok_or(()));
    let fill = fill.map_err(|()| LabError::Invalid { name: "FILL", expected: format!("a number of octets from 0 to {MOST_FILL}") })?;
    let lines = env.get("SET_COOKIE").unwrap_or_default().replace("{fill}", &"x".repeat(fill));
    let lines: Result<Vec<HeaderValue>, _> = lines.lines().map(HeaderValue::from_str).collect();
    let lines = lines.map_err(|_| LabError::Invalid { name: "SET_COOKIE", expected: "what a header field can carry".to_owned() })?;
    let app = App { lines, cookie: env.get("COOKIE").unwrap_or_else(|| "sid".to_owned()), readers: env.list("READERS") };
    let app = Arc::new(app);
    let shared = middleware::from_fn_with_state(app.clone(), shared);
    Ok(Router::new()
        .route("/", get(home))
        .route("/sign-in", get(sign_in).post(sign_in))
        .route("/callback", get(callback).post(callback))
        .route("/session", get(session))
        .route("/link", get(link))
        .route("/form", get(form))
        .route("/frame", get(frame))
        .route("/redirect", get(redirect))
        .route("/health", get(async || "ok"))
        .layer(shared)
        .with_state(app))
}

impl App {
    fn knows(&self, headers: &HeaderMap) -> bool {
        wire::cookie(headers, &self.cookie).is_some_and(|value| !value.is_empty())
    }
}

async fn home(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let known = app.knows(&headers);
    page(
        StatusCode::OK,
        "Home",
        &html! {
            p { @if known { "You are signed in." } @else { "You are not signed in." } }
            p { a href="/sign-in" { "Sign in" } }
        },
    )
}

async fn sign_in(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    let mut answer = match wire::query(query.as_deref(), "next") {
        Some(next) => wire::redirect(StatusCode::SEE_OTHER, &next),
        None => page(StatusCode::OK, "Signed in", &html! { p { "Welcome." } p { a href="/" { "Home" } } }),
    };
    for line in &app.lines {
        answer.headers_mut().append(header::SET_COOKIE, line.clone());
    }
    answer
}

async fn callback(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if app.knows(&headers) {
        return page(StatusCode::OK, "Welcome back", &html! { p { "You are signed in." } });
    }
    page(StatusCode::BAD_REQUEST, "Sign-in failed", &html! { p role="alert" { "There is no sign-in under way in this browser." } })
}

async fn session(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if app.knows(&headers) {
        return Json(json!({ "signed_in": true })).into_response();
    }
    (StatusCode::UNAUTHORIZED, Json(json!({ "error": "not_signed_in" }))).into_response()
}

async fn link(RawQuery(query): RawQuery) -> Response {
    leading(query.as_deref(), "to", |url| html! { p { a href=(url) { "Go there" } } })
}

async fn form(RawQuery(query): RawQuery) -> Response {
    leading(query.as_deref(), "to", |url| {
        html! {
            form method="post" action=(url) {
                input type="hidden" name="code" value="SplxlOBeZQQYbYS6WxSbIA";
                input type="hidden" name="state" value="af0ifjsldkj";
                button type="submit" { "Continue" }
            }
        }
    })
}

async fn frame(RawQuery(query): RawQuery) -> Response {
    leading(query.as_deref(), "of", |url| html! { iframe title="Frame" src=(url) {} })
}

async fn redirect(RawQuery(query): RawQuery) -> Response {
    match wire::query(query.as_deref(), "to") {
        Some(to) => wire::redirect(StatusCode::FOUND, &to),
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// A page that leads to the http or https URL in a parameter. Anything else, a `javascript:` URL above all, is refused.
fn leading(query: Option<&str>, parameter: &str, content: impl FnOnce(&str) -> Markup) -> Response {
    let wanted = wire::query(query, parameter);
    match wanted.filter(|url| url.starts_with("https://") || url.starts_with("http://")) {
        Some(url) => page(StatusCode::OK, "Partner", &content(&url)),
        None => page(StatusCode::BAD_REQUEST, "Bad request", &html! { p { "The parameter " code { (parameter) } " holds no URL." } }),
    }
}

fn page(status: StatusCode, title: &str, content: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { (title) } link rel="icon" href="data:,"; }
            body { h1 { (title) } (content) }
        }
    };
    (status, Html(page.into_string())).into_response()
}

/// No answer is kept by caches, and scripts of the readers may see it.
async fn shared(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let reader =
        request.headers().get(header::ORIGIN).filter(|origin| app.readers.iter().any(|known| known.as_bytes() == origin.as_bytes()));
    let reader = reader.cloned();
    let mut answer = next.run(request).await;
    let fields = answer.headers_mut();
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = reader {
        fields.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        fields.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use tower::ServiceExt as _;

    async fn ask(method: &str, target: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, String) {
        let lookup = |name: &str| match name {
            "SET_COOKIE" => Some("sid={fill}; Secure\n__Host-x=a\tb\n=".to_owned()),
            "FILL" => Some("3".to_owned()),
            "READERS" => Some("https://partner.test".to_owned()),
            _ => None,
        };
        let router = router(&Env::new(&lookup)).expect("complete");
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = router.oneshot(request.body(Body::empty()).expect("a request")).await.expect("a router cannot fail");
        let (parts, body) = answer.into_parts();
        let body = to_bytes(body, 1 << 16).await.expect("a body");
        (parts.status.as_u16(), parts.headers, String::from_utf8(body.to_vec()).expect("text"))
    }

    #[tokio::test]
    async fn a_sign_in_sets_the_lines_as_they_are_and_goes_on() {
        let (status, headers, _) = ask("POST", "/sign-in?next=https://app.test/", &[]).await;
        let lines: Vec<&[u8]> = headers.get_all("set-cookie").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!((status, lines), (303, vec![&b"sid=xxx; Secure"[..], b"__Host-x=a\tb", b"="]));
        assert_eq!(headers["location"], "https://app.test/");
    }

    #[tokio::test]
    async fn only_the_cookie_lets_in() {
        assert_eq!(ask("POST", "/callback", &[]).await.0, 400);
        assert_eq!(ask("POST", "/callback", &[("cookie", "sid=1")]).await.0, 200);
        assert_eq!(ask("GET", "/session", &[("cookie", "sid=")]).await.0, 401);
        assert_eq!(ask("GET", "/session", &[("cookie", "a=1; sid=1")]).await.0, 200);
    }

    #[tokio::test]
    async fn readers_may_read_and_others_may_not() {
        let (_, headers, _) = ask("GET", "/session", &[("origin", "https://partner.test")]).await;
        assert_eq!(headers["access-control-allow-origin"], "https://partner.test");
        let (_, headers, _) = ask("GET", "/session", &[("origin", "https://evil.test")]).await;
        assert!(!headers.contains_key("access-control-allow-origin"));
    }

    #[tokio::test]
    async fn a_page_leads_only_to_web_addresses_and_writes_them_as_text() {
        let (status, _, page) = ask("GET", "/link?to=https://a.test/%22%3E%3Cb%3E", &[]).await;
        assert!(status == 200 && page.contains("href=\"https://a.test/&quot;&gt;&lt;b&gt;\""), "{page}");
        assert_eq!(ask("GET", "/frame?of=javascript:alert(1)", &[]).await.0, 400);
    }
}
