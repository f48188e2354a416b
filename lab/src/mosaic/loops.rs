//! Both apps together on real sockets, beside a provider that signs in without asking: the whole login, and the loops.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use serde_json::json;
use tokio::net::TcpListener;
use url::Url;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::{App, Log, Server};

/// A user agent without script: one jar for all of `mosaic.test`, since every cookie here is shared.
struct UserAgent {
    client: reqwest::Client,
    jar: BTreeMap<String, String>,
}

struct System {
    agent: UserAgent,
    app: String,
    api: String,
    _idp: MockServer,
}

/// A listener and its port: the apps must know each other's URLs before either is up.
async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    (listener, address)
}

/// Signs everybody in at once, as a provider does that has a session and implicit consent.
async fn provider() -> MockServer {
    let idp = MockServer::start().await;
    let at = |place: &str| format!("{}{place}", idp.uri());
    let discovery = json!({
        "issuer": idp.uri(), "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"), "userinfo_endpoint": at("/userinfo"),
    });
    let authorize = |request: &Request| {
        let parameter = |name: &str| request.url.query_pairs().find(|(known, _)| known == name).expect("sent").1.into_owned();
        let target = format!("{}?code=c&state={}", parameter("redirect_uri"), parameter("state"));
        ResponseTemplate::new(302).insert_header("location", target.as_str())
    };
    let says = |body: serde_json::Value| ResponseTemplate::new(200).set_body_json(body);
    let person = json!({"sub": "1", "email": "jarvis@mosaic.test", "name": "Jarvis"});
    Mock::given(path("/.well-known/openid-configuration")).respond_with(says(discovery)).mount(&idp).await;
    Mock::given(path("/authorize")).respond_with(authorize).mount(&idp).await;
    Mock::given(method("POST")).and(path("/token")).respond_with(says(json!({"access_token": "at"}))).mount(&idp).await;
    Mock::given(path("/userinfo")).respond_with(says(person)).mount(&idp).await;
    idp
}

impl System {
    async fn start(api_vars: &[(&str, &str)], web_vars: &[(&str, &str)]) -> System {
        let idp = provider().await;
        let ((api_listener, api_address), (app_listener, app_address)) = (listener().await, listener().await);
        let api = format!("http://api.mosaic.test:{}", api_address.port());
        let app = format!("http://app.mosaic.test:{}", app_address.port());
        let issuer = idp.uri();
        let internal = format!("http://{api_address}");
        let common = [
            ("BETTER_AUTH_URL", api.as_str()),
            ("BETTER_AUTH_SECRET", "a secret"),
            ("TRUSTED_ORIGINS", &app),
            ("COOKIE_DOMAIN", ".mosaic.test"),
            ("OIDC_ISSUER", &issuer),
            ("OIDC_CLIENT_ID", "mosaic"),
            ("OIDC_CLIENT_SECRET", "client secret"),
        ];
        run(api_listener, App::MosaicApi, &common, api_vars);
        let common = [("API_URL", api.as_str()), ("PUBLIC_URL", &app), ("API_INTERNAL_URL", &internal), ("GUARDED", "server")];
        run(app_listener, App::MosaicWeb, &common, web_vars);
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .resolve("api.mosaic.test", api_address)
            .resolve("app.mosaic.test", app_address)
            .tls_backend_preconfigured(
                rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                    .with_safe_default_protocol_versions()
                    .expect("versions")
                    .with_root_certificates(rustls::RootCertStore::empty())
                    .with_no_client_auth(),
            )
            .build()
            .expect("a client");
        System { agent: UserAgent { client, jar: BTreeMap::new() }, app, api, _idp: idp }
    }

    /// Follows redirects from `start`, at most `limit` of them; each hop as `status path`, and the last page.
    async fn follow(&mut self, start: &str, limit: usize) -> (Vec<String>, String) {
        let mut url = Url::parse(start).expect("a URL");
        let mut hops = Vec::new();
        loop {
            let jar = &self.agent.jar;
            let cookies: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let mut request = self.agent.client.get(url.clone());
            if !cookies.is_empty() && url.domain().is_some() {
                request = request.header(COOKIE, cookies.join("; "));
            }
            let answer = request.send().await.expect("answered");
            for line in answer.headers().get_all(SET_COOKIE) {
                let pair = line.to_str().expect("a text").split(';').next().expect("a pair");
                let (name, value) = pair.split_once('=').expect("a pair");
                match value {
                    "" => self.agent.jar.remove(name),
                    value => self.agent.jar.insert(name.to_owned(), value.to_owned()),
                };
            }
            hops.push(format!("{} {}", answer.status().as_u16(), url.path()));
            let next = answer.headers().get(LOCATION).map(|target| target.to_str().expect("a text").to_owned());
            let Some(next) = next.filter(|_| hops.len() < limit) else {
                return (hops, answer.text().await.expect("a body"));
            };
            url = url.join(&next).expect("a URL");
        }
    }
}

fn run(listener: TcpListener, app: App, common: &[(&str, &str)], vars: &[(&str, &str)]) {
    let lookup = |name: &str| vars.iter().chain(common).find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let log: Log = Arc::new(|_| {});
    let server = Server::on(listener, app, &lookup, log).expect("complete");
    tokio::spawn(server.run(std::future::pending()));
}

const ROUND: [&str; 4] = ["302 /", "302 /login", "302 /authorize", "302 /auth/oauth2/callback/authentik"];

#[tokio::test]
async fn a_guarded_page_leads_through_the_login_and_back() {
    let mut system = System::start(&[], &[("AUTO_LOGIN", "on")]).await;
    let start = format!("{}/", system.app);
    let (hops, page) = system.follow(&start, 10).await;
    assert_eq!(hops, [&ROUND[..], &["200 /"]].concat());
    assert!(page.contains("Signed in as Jarvis"), "{page}");
    let (_, session) = system.follow(&format!("{}/auth/session", system.api), 1).await;
    assert!(session.contains("jarvis@mosaic.test"), "{session}");
}

#[tokio::test]
async fn a_guard_that_reads_no_cookie_makes_silent_sign_on_a_loop() {
    let mut system = System::start(&[("GUARD", "bearer"), ("RATE_LIMIT", "off")], &[("AUTO_LOGIN", "on")]).await;
    let start = format!("{}/", system.app);
    let (hops, _) = system.follow(&start, 12).await;
    assert_eq!(hops, [ROUND, ROUND, ROUND].concat());
}

#[tokio::test]
async fn presence_here_and_validity_there_make_a_ping_pong() {
    let mut system = System::start(&[("GUARD", "bearer")], &[("LOGIN_GUARD", "presence")]).await;
    system.agent.jar.insert("better-auth.session_token".to_owned(), "dead".to_owned());
    let start = format!("{}/", system.app);
    let (hops, _) = system.follow(&start, 6).await;
    assert_eq!(hops, ["302 /", "302 /login"].repeat(3));
}

#[tokio::test]
async fn a_state_cookie_the_server_drops_ends_in_a_mismatch() {
    let mut system = System::start(&[], &[("AUTO_LOGIN", "on"), ("FORWARD_SET_COOKIE", "off")]).await;
    let start = format!("{}/", system.app);
    let (hops, page) = system.follow(&start, 10).await;
    assert_eq!(hops[3..], ["302 /auth/oauth2/callback/authentik", "302 /auth/error", "200 /"]);
    assert_eq!(page, "Mosaic API");
}
