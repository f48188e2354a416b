//! What the API's tests share: an environment, a clock that can be turned, and requests without a socket.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::app::Api;
use super::clock::Clock;
use super::config::Config;
use super::router::routes;
use crate::egress;
use crate::env::Env;
use crate::serve::LogNote;

/// An environment, complete unless something is taken out.
#[derive(Clone)]
pub(super) struct Vars(BTreeMap<&'static str, String>);

pub(super) fn vars() -> Vars {
    Vars(BTreeMap::new())
        .put("BETTER_AUTH_URL", Some("https://api.mosaic.test"))
        .put("BETTER_AUTH_SECRET", Some("a secret of the tests"))
        .put("TRUSTED_ORIGINS", Some("https://app.mosaic.test"))
        .put("OIDC_ISSUER", Some("https://idp.test"))
        .put("OIDC_CLIENT_ID", Some("mosaic"))
        .put("OIDC_CLIENT_SECRET", Some("client secret"))
}

impl Vars {
    pub(super) fn put(mut self, name: &'static str, value: Option<&str>) -> Vars {
        match value {
            Some(value) => self.0.insert(name, value.to_owned()),
            None => self.0.remove(name),
        };
        self
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    pub(super) fn config(&self) -> Config {
        Config::read(&Env::new(&|name| self.get(name))).expect("the test's environment is complete")
    }
}

pub(super) fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let pair =
        |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header value"));
    fields.iter().map(pair).collect()
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// What the handler put into its log line.
    pub(super) note: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    pub(super) fn location(&self) -> &str {
        self.headers.get(header::LOCATION).expect("a redirect").to_str().expect("a text")
    }

    pub(super) fn set_cookies(&self) -> Vec<&str> {
        let lines = self.headers.get_all(header::SET_COOKIE).iter();
        lines.map(|line| line.to_str().expect("a text")).collect()
    }

    /// `name=value` of the one cookie whose line starts with `name=`, if it was set.
    pub(super) fn cookie(&self, name: &str) -> Option<String> {
        let start = format!("{name}=");
        let line = self.set_cookies().into_iter().find(|line| line.starts_with(&start))?;
        line.split(';').next().map(str::to_owned)
    }
}

/// An API whose clock the test turns, beside a provider that answers what the test says.
pub(super) struct Lab {
    router: Router,
    seconds: Arc<AtomicU64>,
    pub(super) idp: MockServer,
}

pub(super) const STATE: &str = "__Secure-better-auth.state";
pub(super) const SESSION: &str = "__Secure-better-auth.session_token";

impl Lab {
    /// A provider that knows Jarvis, and an API with `vars` in front of it.
    pub(super) async fn new(vars: Vars) -> Lab {
        let lab = Lab::without_profile(vars).await;
        let claims = json!({"sub": "1", "email": "Jarvis@Mosaic.test", "email_verified": true, "name": "Jarvis"});
        lab.answer_tokens(ResponseTemplate::new(200).set_body_json(json!({"access_token": "at"}))).await;
        lab.answer_userinfo(ResponseTemplate::new(200).set_body_json(claims)).await;
        lab
    }

    /// The same, with the token and userinfo endpoints still to be said.
    pub(super) async fn without_profile(vars: Vars) -> Lab {
        let idp = MockServer::start().await;
        let at = |place: &str| format!("{}{place}", idp.uri());
        let discovery = json!({
            "issuer": idp.uri(),
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "userinfo_endpoint": at("/userinfo"),
            "jwks_uri": at("/jwks"),
        });
        Mock::given(method("GET"))
            .and(path("/.well-known/openid-configuration"))
            .respond_with(ResponseTemplate::new(200).set_body_json(discovery))
            .mount(&idp)
            .await;
        let vars = vars.put("OIDC_ISSUER", Some(&idp.uri()));
        let seconds = Arc::new(AtomicU64::new(1_700_000_000));
        let shown = seconds.clone();
        let clock = Clock::from_fn(move || SystemTime::UNIX_EPOCH + Duration::from_secs(shown.load(Ordering::SeqCst)));
        let client = egress::client(&Env::new(&|_| None)).expect("a client");
        let router = routes(Api::new(vars.config(), client, clock, Arc::new(|_| {})));
        Lab { router, seconds, idp }
    }

    pub(super) async fn answer_tokens(&self, answer: ResponseTemplate) {
        Mock::given(method("POST")).and(path("/token")).respond_with(answer).mount(&self.idp).await;
    }

    pub(super) async fn answer_userinfo(&self, answer: ResponseTemplate) {
        Mock::given(method("GET")).and(path("/userinfo")).respond_with(answer).mount(&self.idp).await;
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(super) async fn send(&self, verb: &str, target: &str, fields: &[(&'static str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(verb).uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).expect("a request");
        let answer = self.router.clone().oneshot(request).await.expect("a router cannot fail");
        let (parts, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body").to_vec();
        let note = parts.extensions.get::<LogNote>().map(|note| note.0.clone()).unwrap_or_default();
        Answer { status: parts.status, headers: parts.headers, body, note }
    }

    pub(super) async fn get(&self, target: &str, cookie: Option<&str>) -> Answer {
        let fields: Vec<_> = cookie.map(|cookie| ("cookie", cookie)).into_iter().collect();
        self.send("GET", target, &fields, "").await
    }

    /// Starts a sign-in as the front end does; the answer, the state, and the state cookie.
    pub(super) async fn start(&self, more: Value) -> (Answer, String, String) {
        let mut body = json!({"providerId": "authentik", "callbackURL": "https://app.mosaic.test/"});
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let answer = self.send("POST", "/auth/sign-in/oauth2", &[("content-type", "application/json")], &body.to_string()).await;
        let url = url::Url::parse(answer.json()["url"].as_str().expect("a URL")).expect("a URL");
        let state = url.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
        let cookie = answer.cookie(STATE).expect("a state cookie");
        (answer, state, cookie)
    }

    pub(super) async fn call_back(&self, state: &str, cookie: Option<&str>) -> Answer {
        self.get(&format!("/auth/oauth2/callback/authentik?code=c&state={state}"), cookie).await
    }

    /// A whole sign-in; the session cookie as `name=value`.
    pub(super) async fn sign_in(&self) -> String {
        let (_, state, cookie) = self.start(json!({})).await;
        let answer = self.call_back(&state, Some(&cookie)).await;
        answer.cookie(SESSION).unwrap_or_else(|| panic!("no session: {answer:?}"))
    }
}
