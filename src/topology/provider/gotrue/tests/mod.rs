//! The server as clients meet it, driven without a socket.

mod external;
mod messages;
mod sessions;
mod surface;

use super::super::{Gotrue, Note, Surroundings};
use crate::base::Secret;
use crate::plan::{Claims, Fault, GotrueExternal, GotruePlan, GotrueUser, RedirectGlob, Service};
use crate::topology::provider::fresh::s256;
use axum::body::{Body, to_bytes};
use http::header::{AUTHORIZATION, LOCATION};
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tower::ServiceExt as _;
use url::{Url, form_urlencoded};

const BASE: &str = "https://proj.supabase.test";
const ADA: &str = "ada@x.test";
const PASSWORD: &str = "correct-horse";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn user(email: &str) -> GotrueUser {
    GotrueUser {
        email: Some(email.to_owned()),
        phone: None,
        password: Some(Secret::new("password", PASSWORD)),
        id: None,
        banned: false,
        confirmed: true,
        user_metadata: Claims::new(),
        app_metadata: Claims::new(),
    }
}

fn plan() -> GotruePlan {
    let mut plan = GotruePlan::new(Url::parse("https://app.test").unwrap());
    plan.users = vec![
        GotrueUser { phone: Some("491701234567".to_owned()), ..user(ADA) },
        GotrueUser { banned: true, ..user("mallory@x.test") },
        GotrueUser { confirmed: false, ..user("new@x.test") },
        GotrueUser { password: None, ..user("link@x.test") },
    ];
    plan.redirect_urls = vec![RedirectGlob::parse("https://*.preview.test/**").unwrap(), RedirectGlob::parse("app.mobile://**").unwrap()];
    plan.external = vec![GotrueExternal {
        name: "google".to_owned(),
        issuer: "http://127.0.0.1:9/".to_owned(),
        client_id: "supabase".to_owned(),
        secret: Some(Secret::new("client", "client-secret")),
        scopes: "openid email profile".to_owned(),
    }];
    plan.rate_limits.token_refresh = 30_000;
    plan
}

/// An answer, read whole.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
    note: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {} {} {}", self.status, self.note, self.body))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn location(&self) -> &str {
        self.headers.get(LOCATION).unwrap_or_else(|| panic!("no redirect: {} {} {}", self.status, self.note, self.body)).to_str().unwrap()
    }

    fn query(&self) -> BTreeMap<String, String> {
        let url = Url::parse(self.location()).unwrap();
        url.query_pairs().into_owned().collect()
    }

    fn fragment(&self) -> BTreeMap<String, String> {
        let url = Url::parse(self.location()).unwrap();
        form_urlencoded::parse(url.fragment().unwrap_or_default().as_bytes()).into_owned().collect()
    }

    /// Status and error code, however it comes.
    fn error(&self) -> (u16, String) {
        (self.status.as_u16(), self.header("x-sb-error-code").to_owned())
    }

    fn text(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("no {name}: {} {}", self.note, self.body)).to_owned()
    }
}

/// A client of one server.
#[derive(Clone)]
struct Client {
    gotrue: Gotrue,
    surroundings: Surroundings,
}

impl Client {
    fn new(change: impl FnOnce(&mut GotruePlan)) -> Self {
        let mut plan = plan();
        change(&mut plan);
        let surroundings = Surroundings::default();
        Self { gotrue: Gotrue::new(&plan, Url::parse(BASE).unwrap(), surroundings.clone()), surroundings }
    }

    fn faulty(fault: &str) -> Self {
        let fault = Fault::parse(fault, Service::Gotrue).unwrap();
        Self::new(|plan| plan.faults.push(fault))
    }

    fn advance(&self, seconds: u64) {
        self.surroundings.clock.advance(Duration::from_secs(seconds));
    }

    async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.gotrue.router().oneshot(request).await.unwrap();
        let note = response.extensions().get::<Note>().expect("every response has a note").0.clone();
        assert!(!note.contains(['\n', '\r']), "{note}");
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Reply { status: parts.status, headers: parts.headers, body, note }
    }

    async fn get(&self, path: &str) -> Reply {
        let path = path.strip_prefix(BASE).map_or_else(|| format!("/auth/v1{path}"), str::to_owned);
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        let request = Request::post(format!("/auth/v1{path}")).header("X-Supabase-Api-Version", "2024-01-01");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn with_token(&self, method: &str, path: &str, token: &str, body: Value) -> Reply {
        let request = Request::builder().method(method).uri(format!("/auth/v1{path}")).header(AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn get_user(&self, token: &str) -> Reply {
        self.with_token("GET", "/user", token, Value::Null).await
    }

    async fn sign_in(&self, email: &str, password: &str) -> Reply {
        self.post("/token?grant_type=password", json!({ "email": email, "password": password })).await
    }

    /// A session of Ada's.
    async fn session(&self) -> Value {
        let reply = self.sign_in(ADA, PASSWORD).await;
        assert_eq!(reply.status, 200, "{} {}", reply.note, reply.body);
        reply.json()
    }

    async fn refresh(&self, token: &str) -> Reply {
        self.post("/token?grant_type=refresh_token", json!({ "refresh_token": token })).await
    }

    /// Refreshes and gives the next token.
    async fn rotate(&self, token: &str) -> String {
        let reply = self.refresh(token).await;
        assert_eq!(reply.status, 200, "{} {}", reply.note, reply.body);
        reply.text("refresh_token")
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}
