//! The routes of the front end.

use std::sync::Arc;

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use maud::Markup;
use serde_json::json;

use super::config::{Config, Guarded, LoginGuard, SignIn};
use super::pages;
use super::upstream::Upstream;
use crate::env::Env;
use crate::{LabError, Log, egress, wire};

/// The session cookies whose mere presence `LOGIN_GUARD=presence` goes by.
const SESSION_COOKIES: [&str; 2] = ["__Secure-better-auth.session_token", "better-auth.session_token"];

/// The most of an error token that is shown on the page.
const SHOWN_PROBLEM: usize = 200;

struct Web {
    config: Config,
    upstream: Upstream,
    log: Log,
}

/// The front end as `env` wants it.
pub(crate) fn router(env: &Env<'_>, log: &Log) -> Result<Router, LabError> {
    let config = Config::read(env)?;
    let target = config.callback_target.split(['?', '#']).next().unwrap_or("/").to_owned();
    let upstream = Upstream::new(egress::client(env)?, &config);
    let web = Arc::new(Web { config, upstream, log: log.clone() });
    let mut router = Router::new()
        .route("/", get(dashboard))
        .route("/login", get(login))
        .route("/version.json", get(version))
        .route("/health", get(async || Json(json!({ "status": "ok" }))));
    if web.config.sign_in == SignIn::Server {
        router = router.route("/login/oauth2", post(sign_in));
    }
    // Compared and not routed: a target from the environment is a path, never a pattern.
    let fallback = move |state: State<Arc<Web>>, headers: HeaderMap, request: Request| async move {
        let found = request.uri().path() == target && request.method() == axum::http::Method::GET;
        if found { dashboard(state, headers).await } else { not_found(&state) }
    };
    Ok(router.fallback(fallback).layer(middleware::from_fn(never_stored)).with_state(web))
}

async fn dashboard(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    if web.config.guarded == Guarded::Browser {
        return page(StatusCode::OK, pages::dashboard(&web.config, None));
    }
    match web.upstream.person(&headers).await {
        Ok(Some(person)) => page(StatusCode::OK, pages::dashboard(&web.config, Some(&person))),
        Ok(None) => wire::redirect(StatusCode::FOUND, "/login?next=/"),
        Err(error) => {
            (web.log)(&format!("session unknown: {error}"));
            wire::redirect(StatusCode::FOUND, "/login?next=/")
        }
    }
}

async fn login(State(web): State<Arc<Web>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let problem = wire::query(query.as_deref(), "error").map(|text| text.chars().take(SHOWN_PROBLEM).collect::<String>());
    let present = SESSION_COOKIES.iter().any(|name| wire::cookie(&headers, name).is_some_and(|value| !value.is_empty()));
    if web.config.login_guard == LoginGuard::Presence && present {
        return wire::redirect(StatusCode::FOUND, "/");
    }
    // With an error to show, signing in again at once would hide it.
    if web.config.auto_login && problem.is_none() {
        return start(&web, &headers, StatusCode::FOUND).await;
    }
    page(StatusCode::OK, pages::login(&web.config, problem.as_deref()))
}

async fn sign_in(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    start(&web, &headers, StatusCode::SEE_OTHER).await
}

/// The sign-in request made by this server. What the API sets goes on to the user agent, unless this build drops it.
async fn start(web: &Web, headers: &HeaderMap, status: StatusCode) -> Response {
    match web.upstream.sign_in(&web.config, headers).await {
        Ok(started) => {
            let mut answer = wire::redirect(status, &started.url);
            if web.config.forward_set_cookie {
                for line in started.set_cookies {
                    answer.headers_mut().append(header::SET_COOKIE, line);
                }
            }
            answer
        }
        Err(error) => {
            (web.log)(&format!("sign-in not started: {error}"));
            page(StatusCode::BAD_GATEWAY, pages::login(&web.config, Some(&error.to_string())))
        }
    }
}

async fn version(State(web): State<Arc<Web>>) -> Response {
    Json(json!({ "buildId": web.config.build_id, "commit": web.config.commit })).into_response()
}

fn not_found(web: &Web) -> Response {
    page(StatusCode::NOT_FOUND, pages::not_found(&web.config))
}

fn page(status: StatusCode, markup: Markup) -> Response {
    (status, axum::response::Html(markup.into_string())).into_response()
}

/// Every page depends on who asks, or is too small to be worth keeping (RFC 9111 §5.2.2.5).
async fn never_stored(request: Request, next: Next) -> Response {
    let mut answer = next.run(request).await;
    let fields = answer.headers_mut();
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower::ServiceExt;
    use wiremock::matchers::{header as has_header, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    /// The front end with `vars` beside an API that answers what the test says.
    struct Lab {
        router: Router,
        api: MockServer,
    }

    struct Answer {
        status: u16,
        location: Option<String>,
        set_cookies: Vec<String>,
        text: String,
    }

    impl Lab {
        async fn new(vars: &[(&str, &str)]) -> Lab {
            let api = MockServer::start().await;
            let internal = api.uri();
            let lookup = |name: &str| match name {
                "API_URL" => Some("https://api.mosaic.test/".to_owned()),
                "PUBLIC_URL" => Some("https://app.mosaic.test/".to_owned()),
                "API_INTERNAL_URL" => Some(internal.clone()),
                _ => vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
            };
            let log: Log = Arc::new(|_| {});
            Lab { router: router(&Env::new(&lookup), &log).expect("complete"), api }
        }

        async fn session(&self, answer: ResponseTemplate) {
            Mock::given(method("GET"))
                .and(path("/auth/session"))
                .and(has_header("cookie", "s=a%2Bb%3D; t=1"))
                .respond_with(answer)
                .mount(&self.api)
                .await;
        }

        async fn signs_in(&self) {
            let answer = ResponseTemplate::new(200)
                .set_body_json(json!({"url": "https://idp.test/authorize?state=s", "redirect": true}))
                .append_header("set-cookie", "__Secure-better-auth.state=s.sig%3D; Domain=.mosaic.test; Path=/");
            Mock::given(method("POST"))
                .and(path("/auth/sign-in/oauth2"))
                .and(has_header("origin", "https://app.mosaic.test"))
                .respond_with(answer)
                .mount(&self.api)
                .await;
        }

        async fn send(&self, verb: &str, target: &str, cookie: &str) -> Answer {
            let request = Request::builder().method(verb).uri(target).header("cookie", cookie).body(Body::empty());
            let answer = self.router.clone().oneshot(request.expect("a request")).await.expect("a router cannot fail");
            let (parts, body) = answer.into_parts();
            let text = |value: &HeaderValue| value.to_str().expect("a text").to_owned();
            let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
            Answer {
                status: parts.status.as_u16(),
                location: parts.headers.get(header::LOCATION).map(text),
                set_cookies: parts.headers.get_all(header::SET_COOKIE).iter().map(text).collect(),
                text: String::from_utf8(body.to_vec()).expect("text"),
            }
        }

        async fn get(&self, target: &str) -> Answer {
            self.send("GET", target, "s=a%2Bb%3D; t=1").await
        }
    }

    const PERSON: &str = r#"{"user":{"id":"1","name":"Jarvis <b>","email":"jarvis@mosaic.test"},"session":{}}"#;

    #[tokio::test]
    async fn the_sign_in_form_goes_to_the_api_with_this_builds_targets() {
        let page = Lab::new(&[("BUILD_ID", "b42")]).await.get("/login").await.text;
        for part in [
            r#"action="https://api.mosaic.test/auth/sign-in/oauth2""#,
            r#"name="callbackURL" value="https://app.mosaic.test/""#,
            r#"name="errorCallbackURL" value="https://app.mosaic.test/login""#,
            r#"<button type="submit">Sign in with Authentik</button>"#,
            r#"<meta name="build-id" content="b42">"#,
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        let stale = Lab::new(&[("CALLBACK_TARGET", "/dashboard"), ("ERROR_CALLBACK", "off")]).await;
        let page = stale.get("/login").await.text;
        assert!(page.contains(r#"value="https://app.mosaic.test/dashboard""#) && !page.contains("errorCallbackURL"));
        assert_eq!(stale.get("/dashboard").await.status, 200);
    }

    #[tokio::test]
    async fn the_dashboard_is_a_shell_whose_script_asks_the_api() {
        let lab = Lab::new(&[]).await;
        let page = lab.get("/").await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains("Loading your session") && page.text.contains("location.replace('/login')"));
        assert_eq!(lab.get("/dashboard").await.status, 404);
        let bare = Lab::new(&[("SCRIPTS", "off")]).await;
        assert!(!bare.get("/").await.text.contains("<script") && !bare.get("/login").await.text.contains("<script"));
        assert!(lab.api.received_requests().await.expect("recorded").is_empty());
    }

    #[tokio::test]
    async fn an_error_is_shown_and_cannot_be_markup() {
        let page = Lab::new(&[]).await.get("/login?error=%3Cb%3Eemail_is_missing").await.text;
        assert!(page.contains("Sign-in failed: &lt;b&gt;email_is_missing"), "{page}");
    }

    #[tokio::test]
    async fn a_guarding_server_hands_the_cookie_bytes_on_and_lets_only_200_in() {
        let lab = Lab::new(&[("GUARDED", "server")]).await;
        lab.session(ResponseTemplate::new(200).set_body_raw(PERSON, "application/json")).await;
        let page = lab.get("/").await;
        assert!(page.text.contains("Signed in as Jarvis &lt;b&gt; (jarvis@mosaic.test)"), "{}", page.text);
        for answer in [
            ResponseTemplate::new(401),
            ResponseTemplate::new(500),
            ResponseTemplate::new(204),
            ResponseTemplate::new(200).set_body_string("no JSON"),
        ] {
            let lab = Lab::new(&[("GUARDED", "server")]).await;
            lab.session(answer).await;
            let sent = lab.get("/").await;
            assert_eq!((sent.status, sent.location.as_deref()), (302, Some("/login?next=/")));
        }
    }

    #[tokio::test]
    async fn automatic_sign_in_goes_on_at_once_with_the_state_cookie() {
        let lab = Lab::new(&[("AUTO_LOGIN", "on")]).await;
        lab.signs_in().await;
        let sent = lab.get("/login?next=/").await;
        assert_eq!((sent.status, sent.location.as_deref()), (302, Some("https://idp.test/authorize?state=s")));
        assert_eq!(sent.set_cookies, ["__Secure-better-auth.state=s.sig%3D; Domain=.mosaic.test; Path=/"]);
        assert_eq!(lab.get("/login?error=access_denied").await.status, 200, "an error is shown first");
    }

    #[tokio::test]
    async fn a_sign_in_by_the_server_can_lose_the_state_cookie() {
        let lab = Lab::new(&[("SIGN_IN", "server"), ("FORWARD_SET_COOKIE", "off")]).await;
        lab.signs_in().await;
        assert!(lab.get("/login").await.text.contains(r#"action="/login/oauth2""#));
        let sent = lab.send("POST", "/login/oauth2", "").await;
        assert_eq!((sent.status, sent.set_cookies.len()), (303, 0));
        assert_eq!(Lab::new(&[]).await.send("POST", "/login/oauth2", "").await.status, 404);
    }

    #[tokio::test]
    async fn a_sign_in_that_cannot_be_started_is_told_on_the_page() {
        let lab = Lab::new(&[("AUTO_LOGIN", "on")]).await;
        let page = lab.get("/login").await;
        assert_eq!(page.status, 502);
        assert!(page.text.contains("the API answered 404 Not Found"), "{}", page.text);
    }

    #[tokio::test]
    async fn presence_of_a_session_cookie_is_enough_to_be_sent_away_from_the_login() {
        let lab = Lab::new(&[("LOGIN_GUARD", "presence")]).await;
        assert_eq!(lab.get("/login").await.status, 200);
        let sent = lab.send("GET", "/login", "better-auth.session_token=dead").await;
        assert_eq!((sent.status, sent.location.as_deref()), (302, Some("/")));
    }

    #[tokio::test]
    async fn the_build_is_told() {
        let lab = Lab::new(&[("BUILD_ID", "b42"), ("GIT_COMMIT", "0af3")]).await;
        assert_eq!(lab.get("/version.json").await.text, r#"{"buildId":"b42","commit":"0af3"}"#);
    }
}
