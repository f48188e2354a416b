//! The provider as a browser and a client meet it, driven without a socket.

mod accounts;
mod authorize;
mod clients;
mod consent;
mod executor;
mod faults;
mod faults_of_answers;
mod faults_of_tokens;
mod fuzz;
mod fuzz_pages;
mod introspect;
mod keys;
mod load;
mod logout;
mod mfa;
mod pages;
mod refresh;
mod token;

use super::super::{Idp, Note, Surroundings};
use crate::base::Secret;
use crate::plan::{Claims, Consent, Fault, IdpClient, IdpPlan, IdpUser, Mfa, Pages, Service, SigningAlgorithm, TotpSeed};
use crate::topology::provider::fresh::s256;
use axum::body::{Body, to_bytes};
use base64::Engine as _;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, Request, StatusCode};
use scraper::{Html, Selector};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tower::ServiceExt as _;
use url::Url;

const BASE: &str = "https://auth.test";
const ISSUER: &str = "https://auth.test/application/o/mosaic/";
const CALLBACK: &str = "https://api.test/callback?keep=1";
const SPA: &str = "https://spa.test/callback";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn plan() -> IdpPlan {
    let claims: Claims =
        json!({ "email": "jarvis@mosaic.test", "name": "Jarvis", "groups": ["staff"], "phone_number": "+1" }).as_object().unwrap().clone();
    let user = |name: &str, claims| IdpUser {
        name: name.to_owned(),
        password: Secret::new(name, format!("{name}-pässword")),
        subject: format!("sub-{name}"),
        claims,
        mfa: None,
        locked: false,
    };
    let client = |id: &str, secret: Option<&str>, uri: &str| IdpClient {
        id: id.to_owned(),
        secret: secret.map(|secret| Secret::new(id, secret)),
        redirect_uris: vec![uri.to_owned()],
        post_logout_redirect_uris: vec![format!("https://{id}.test/bye")],
        ..IdpClient::default()
    };
    IdpPlan {
        slug: "mosaic".to_owned(),
        pages: Pages::Plain,
        consent: Consent::Implicit,
        users: vec![user("jarvis", claims), user("plain", Claims::new())],
        clients: vec![
            client("mosaic", Some("s3cr:t+%"), CALLBACK),
            client("other", Some("other-secret"), "https://other.test/cb"),
            client("spa", None, SPA),
        ],
        ..IdpPlan::default()
    }
}

/// An answer, read whole.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
    note: String,
}

impl Reply {
    fn location(&self) -> &str {
        self.headers.get(LOCATION).unwrap_or_else(|| panic!("no redirect: {} {} {}", self.status, self.note, self.body)).to_str().unwrap()
    }

    /// The parameters of the redirect to the client.
    fn returned(&self) -> BTreeMap<String, String> {
        let url = Url::parse(self.location()).unwrap();
        let parameters = url.fragment().or(url.query()).unwrap_or_default();
        url::form_urlencoded::parse(parameters.as_bytes()).into_owned().collect()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn html(&self) -> Html {
        assert_eq!(self.header("content-type"), "text/html; charset=utf-8");
        Html::parse_document(&self.body)
    }

    /// An attribute of the first element that fits.
    fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let html = self.html();
        let element = html.select(&Selector::parse(selector).unwrap()).next()?;
        element.value().attr(name).map(str::to_owned)
    }

    fn text(&self, selector: &str) -> String {
        self.html().select(&Selector::parse(selector).unwrap()).flat_map(|element| element.text().collect::<Vec<_>>()).collect()
    }

    fn transaction(&self) -> String {
        self.attribute("input[name=transaction]", "value").unwrap_or_else(|| panic!("no form: {} {}", self.note, self.body))
    }
}

/// One browser, with just enough of a cookie jar.
struct Browser {
    idp: Idp,
    surroundings: Surroundings,
    cookie: Option<String>,
}

impl Browser {
    fn new(change: impl FnOnce(&mut IdpPlan)) -> Self {
        let mut plan = plan();
        change(&mut plan);
        let surroundings = Surroundings::default();
        Self { idp: Idp::new(&plan, Url::parse(BASE).unwrap(), surroundings.clone()), surroundings, cookie: None }
    }

    fn with_fault(fault: Fault) -> Self {
        Self::new(|plan| plan.faults.push(fault))
    }

    /// Another browser before the same provider.
    fn another(&self) -> Self {
        Self { idp: self.idp.clone(), surroundings: self.surroundings.clone(), cookie: None }
    }

    async fn send(&mut self, mut request: Request<Body>) -> Reply {
        if let Some(cookie) = &self.cookie {
            request.headers_mut().insert(COOKIE, format!("theme=dark; authentik_session={cookie}").parse().unwrap());
        }
        let response = self.idp.router().oneshot(request).await.unwrap();
        let note = response.extensions().get::<Note>().expect("every response has a note").0.clone();
        assert!(!note.contains(['\n', '\r']), "{note}");
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        for line in parts.headers.get_all(SET_COOKIE) {
            let value = line.to_str().unwrap().strip_prefix("authentik_session=").unwrap().split(';').next().unwrap();
            self.cookie = Some(value.to_owned()).filter(|value| !value.is_empty());
        }
        Reply { status: parts.status, headers: parts.headers, body, note }
    }

    async fn get(&mut self, uri: &str) -> Reply {
        let uri = uri.strip_prefix(BASE).unwrap_or(uri);
        self.send(Request::get(uri).body(Body::empty()).unwrap()).await
    }

    async fn post(&mut self, uri: &str, form: &[(&str, &str)]) -> Reply {
        self.send(post(uri, form)).await
    }

    /// Types name and password on the login page at `uri`.
    async fn log_in(&mut self, uri: &str, name: &str, password: &str) -> Reply {
        let page = self.get(uri).await;
        assert_eq!(page.status, 200, "{}", page.note);
        self.post(uri, &[("transaction", &page.transaction()), ("uid_field", name), ("password", password)]).await
    }

    /// Goes from an authorization request through the login, if one is asked for, up to the page or redirect that follows it.
    async fn authorize(&mut self, parameters: &[(&str, &str)]) -> Reply {
        let hop = self.get(&authorize_uri(parameters)).await;
        let login = hop.location().to_owned();
        if !login.starts_with(super::LOGIN) {
            return hop;
        }
        let back = self.log_in(&login, "jarvis", "jarvis-pässword").await.location().to_owned();
        self.get(&back).await
    }

    /// A code for the client `mosaic`, with a nonce and PKCE.
    async fn code(&mut self) -> String {
        self.authorize(&healthy()).await.returned().remove("code").expect("a code")
    }

    async fn redeem(&mut self, code: &str) -> Reply {
        self.post("/application/o/token/", &redemption(code)).await
    }

    /// Access token and answer of a healthy login.
    async fn tokens(&mut self) -> Value {
        let code = self.code().await;
        let reply = self.redeem(&code).await;
        assert_eq!(reply.status, 200, "{}", reply.note);
        reply.json()
    }

    async fn userinfo(&mut self, token: &str) -> Reply {
        let request = Request::get("/application/o/userinfo/").header(AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// The claims of an ID token, verified against the published keys.
    async fn verify(&mut self, id_token: &str) -> Map<String, Value> {
        use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
        let set: jsonwebtoken::jwk::JwkSet = serde_json::from_value(self.get("/application/o/mosaic/jwks/").await.json()).unwrap();
        let header = decode_header(id_token).unwrap();
        let key = set.find(&header.kid.unwrap()).expect("the key is published");
        assert!([Algorithm::ES256, Algorithm::RS256, Algorithm::EdDSA].contains(&header.alg));
        let mut validation = Validation::new(header.alg);
        validation.validate_aud = false;
        decode(id_token, &DecodingKey::from_jwk(key).unwrap(), &validation).unwrap().claims
    }
}

fn fault(text: &str) -> Fault {
    Fault::parse(text, Service::Idp).unwrap()
}

fn post(uri: &str, form: &[(&str, &str)]) -> Request<Body> {
    let body = encode(form);
    Request::post(uri).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(Body::from(body)).unwrap()
}

fn encode(form: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

fn authorize_uri(parameters: &[(&str, &str)]) -> String {
    format!("/application/o/authorize/?{}", encode(parameters))
}

fn healthy() -> Vec<(&'static str, &'static str)> {
    vec![
        ("response_type", "code"),
        ("client_id", "mosaic"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid email profile"),
        ("state", "st ate/1"),
        ("nonce", "n-1"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ]
}

/// The healthy request with one parameter changed, or left out when the value is empty.
fn but(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut parameters = healthy();
    parameters.retain(|(key, _)| *key != name);
    if !value.is_empty() {
        parameters.push((name, value));
    }
    parameters
}

fn redemption(code: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("client_id", "mosaic"),
        ("client_secret", "s3cr:t+%"),
    ]
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}")))
}

#[test]
fn the_verifier_fits_the_challenge() {
    assert!(healthy().contains(&("code_challenge", s256(VERIFIER).as_str())));
}
