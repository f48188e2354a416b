//! Routes, challenges and accounts.

use super::ceremony::{self, Credential, Expected};
use super::config::{Config, Fault};
use crate::env::Env;
use crate::serve::LogNote;
use crate::{LabError, wire};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

const COOKIE: &str = "__Host-passkeys_session";
/// Of challenges, accounts and sessions this many are kept; with more, all of the kind are forgotten.
const MOST: usize = 10_000;
/// Largest answer of an authenticator that is read; keys and signatures are a few hundred bytes.
const LARGEST: usize = 64 * 1024;
/// How far the stored counter is ahead with the fault.
const AHEAD: u32 = 1000;

struct App {
    config: Config,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// Challenges that were given out and not yet answered, with the account that is to get the key.
    challenges: HashMap<Vec<u8>, (SystemTime, Option<String>)>,
    /// Names and their keys. The user handle is the name itself: a lab has no more private one.
    accounts: HashMap<String, Vec<Credential>>,
    sessions: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
}

/// A credential as `PublicKeyCredential.toJSON()` has it (WebAuthn Level 3 §5.1.6).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    id: String,
    response: Signed,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(default)]
    attestation_object: String,
    #[serde(default)]
    authenticator_data: String,
    #[serde(default)]
    signature: String,
}

pub(crate) fn router(env: &Env<'_>) -> Result<Router, LabError> {
    let app = App { config: Config::read(env)?, memory: Mutex::default() };
    Ok(Router::new()
        .route("/", get(async || page("text/html; charset=utf-8", include_str!("site/passkeys.html"))))
        .route("/passkeys.js", get(async || page("text/javascript; charset=utf-8", include_str!("site/passkeys.js"))))
        .route("/register/options", post(creation_options))
        .route("/register/verify", post(register))
        .route("/sign-in/options", post(request_options))
        .route("/sign-in/verify", post(sign_in))
        .route("/me", get(me))
        .route("/health", get(async || "ok"))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(Arc::new(app)))
}

fn page(kind: &'static str, content: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], content)
}

impl App {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new challenge (§13.4.3 wants 16 bytes at least) that remembers whose key is to come.
    fn challenge(&self, name: Option<String>) -> String {
        let challenge = random();
        let text = URL_SAFE_NO_PAD.encode(&challenge);
        keep(&mut self.memory().challenges, challenge, (now(), name));
        text
    }

    /// The challenge that client data speak of, taken away: it counts once and not for ever.
    fn take(&self, client_data: &[u8]) -> Option<(Vec<u8>, Option<String>)> {
        let data: Value = serde_json::from_slice(client_data).ok()?;
        let challenge = URL_SAFE_NO_PAD.decode(data.get("challenge")?.as_str()?).ok()?;
        let (given, name) = self.memory().challenges.remove(&challenge)?;
        let age = now().duration_since(given).unwrap_or_default();
        let alive = age < self.config.challenge_life && self.config.fault != Fault::ForgetsChallenge;
        alive.then_some((challenge, name))
    }

    fn expected<'a>(&'a self, challenge: &'a [u8]) -> Expected<'a> {
        let Config { origin, rp_id, demands_verification, .. } = &self.config;
        Expected { challenge, origin, rp_id, verification: *demands_verification }
    }
}

async fn creation_options(State(app): State<Arc<App>>, Json(Named { name }): Json<Named>) -> Response {
    if name.is_empty() || name.len() > 64 {
        return refused(StatusCode::BAD_REQUEST, "a name has 1 to 64 characters");
    }
    let known = app.memory().accounts.get(&name).map(|keys| descriptors(keys)).unwrap_or_default();
    let algorithms: Vec<Value> = app.config.algorithms.iter().map(|alg| json!({ "type": "public-key", "alg": alg })).collect();
    let challenge = app.challenge(Some(name.clone()));
    Json(json!({
        "challenge": challenge,
        "rp": { "name": "Passkeys", "id": app.config.offered_rp_id },
        "user": { "id": URL_SAFE_NO_PAD.encode(&name), "name": name, "displayName": name },
        "pubKeyCredParams": algorithms,
        "excludeCredentials": known,
        "authenticatorSelection": { "residentKey": "preferred", "userVerification": app.config.verification.name() },
        "attestation": "none",
    }))
    .into_response()
}

async fn register(State(app): State<Arc<App>>, Json(answer): Json<Answer>) -> Response {
    let (Some(client_data), Some(attestation)) = (decoded(&answer.response.client_data), decoded(&answer.response.attestation_object))
    else {
        return refused(StatusCode::BAD_REQUEST, "the answer is not well-formed");
    };
    let Some((challenge, Some(name))) = app.take(&client_data) else {
        return refused(StatusCode::BAD_REQUEST, "the challenge has expired, or was never given out");
    };
    match ceremony::register(app.expected(&challenge), &app.config.algorithms, &client_data, &attestation) {
        Err(error) => refused(StatusCode::BAD_REQUEST, &error.to_string()),
        Ok(credential) => {
            let algorithm = credential.key.algorithm();
            let mut memory = app.memory();
            if memory.accounts.values().flatten().any(|known| known.id == credential.id) {
                return refused(StatusCode::BAD_REQUEST, "the credential is known already");
            }
            if app.config.fault != Fault::ForgetsCredentials {
                let mut keys = memory.accounts.remove(&name).unwrap_or_default();
                keys.push(credential);
                keep(&mut memory.accounts, name.clone(), keys);
            }
            Json(json!({ "name": name, "algorithm": algorithm })).into_response()
        }
    }
}

async fn request_options(State(app): State<Arc<App>>, Json(Named { name }): Json<Named>) -> Response {
    let known = app.memory().accounts.get(&name).map(|keys| descriptors(keys)).unwrap_or_default();
    Json(json!({
        "challenge": app.challenge(None),
        "rpId": app.config.offered_rp_id,
        "allowCredentials": known,
        "userVerification": app.config.verification.name(),
    }))
    .into_response()
}

async fn sign_in(State(app): State<Arc<App>>, Json(answer): Json<Answer>) -> Response {
    let parts = [&answer.response.client_data, &answer.response.authenticator_data, &answer.response.signature, &answer.id];
    let [Some(client_data), Some(data), Some(signature), Some(id)] = parts.map(|text| decoded(text)) else {
        return refused(StatusCode::BAD_REQUEST, "the answer is not well-formed");
    };
    let Some((challenge, _)) = app.take(&client_data) else {
        return refused(StatusCode::UNAUTHORIZED, "the challenge has expired, or was never given out");
    };
    let mut memory = app.memory();
    let found = memory.accounts.iter_mut().find_map(|(name, keys)| keys.iter_mut().find(|key| key.id == id).map(|key| (name.clone(), key)));
    let Some((name, credential)) = found else {
        return refused(StatusCode::UNAUTHORIZED, "the credential is not known here");
    };
    if app.config.fault == Fault::CounterAhead {
        credential.counter = credential.counter.saturating_add(AHEAD);
    }
    match ceremony::sign_in(app.expected(&challenge), credential, &client_data, &data, &signature) {
        Err(error) => refused(StatusCode::UNAUTHORIZED, &error.to_string()),
        Ok(counter) => {
            credential.counter = counter;
            let session = URL_SAFE_NO_PAD.encode(random());
            keep(&mut memory.sessions, session.clone(), name.clone());
            let mut reply = Json(json!({ "name": name })).into_response();
            wire::set_cookies(&mut reply, [format!("{COOKIE}={session}; Path=/; HttpOnly; Secure; SameSite=Lax")]);
            reply
        }
    }
}

async fn me(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let session = wire::cookie(&headers, COOKIE).and_then(|value| std::str::from_utf8(value).ok());
    match session.and_then(|session| app.memory().sessions.get(session).cloned()) {
        Some(name) => Json(json!({ "name": name })).into_response(),
        None => refused(StatusCode::UNAUTHORIZED, "nobody is signed in"),
    }
}

fn refused(status: StatusCode, why: &str) -> Response {
    (status, Extension(LogNote(why.to_owned())), Json(json!({ "error": why }))).into_response()
}

fn descriptors(keys: &[Credential]) -> Vec<Value> {
    keys.iter().map(|key| json!({ "type": "public-key", "id": URL_SAFE_NO_PAD.encode(&key.id) })).collect()
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn keep<K: Eq + std::hash::Hash, V>(map: &mut HashMap<K, V>, key: K, value: V) {
    if map.len() >= MOST {
        map.clear();
    }
    map.insert(key, value);
}

fn random() -> Vec<u8> {
    let mut bytes = vec![0; 32];
    getrandom::fill(&mut bytes).expect("the system has random bytes once it has started");
    bytes
}

/// This server's own clock, which is nobody else's affair.
#[allow(clippy::disallowed_methods)]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt as _;

    fn app(fault: &'static str) -> Router {
        let lookup = move |name: &str| match name {
            "PUBLIC_URL" => Some("https://app.passkeys.test".to_owned()),
            "FAULT" => Some(fault.to_owned()),
            _ => None,
        };
        router(&Env::new(&lookup)).expect("complete")
    }

    async fn post(router: &Router, path: &str, body: &Value) -> (u16, Value) {
        let request = Request::post(path).header("content-type", "application/json").body(Body::from(body.to_string()));
        let answer = router.clone().oneshot(request.expect("a request")).await.expect("a router cannot fail");
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    #[tokio::test]
    async fn options_name_the_party_the_account_and_a_new_challenge() {
        let app = app("none");
        let (_, first) = post(&app, "/register/options", &json!({ "name": "ada" })).await;
        let (_, second) = post(&app, "/register/options", &json!({ "name": "ada" })).await;
        assert_eq!((&first["rp"]["id"], &first["user"]["id"]), (&json!("app.passkeys.test"), &json!("YWRh")));
        assert_ne!(first["challenge"], second["challenge"]);
        assert_eq!(first["challenge"].as_str().map(str::len), Some(43));
        assert_eq!(post(&app, "/register/options", &json!({})).await.0, 400);
    }

    #[tokio::test]
    async fn a_challenge_that_was_never_given_out_is_refused_before_anything_is_verified() {
        let vectors: Value = serde_json::from_str(include_str!("vectors.json")).expect("JSON");
        let app = app("none");
        let (status, answer) = post(&app, "/register/verify", &vectors["es256"]["registration"]).await;
        assert_eq!((status, &answer["error"]), (400, &json!("the challenge has expired, or was never given out")));
        assert_eq!(post(&app, "/sign-in/verify", &vectors["es256"]["assertion"]).await.0, 401);
        assert_eq!(post(&app, "/sign-in/verify", &json!({ "id": "!", "response": { "clientDataJSON": "e30" } })).await.0, 400);
    }

    #[tokio::test]
    async fn the_wrong_id_is_offered_only_with_the_fault() {
        let (_, options) = post(&app("wrong-rp-id"), "/sign-in/options", &json!({})).await;
        assert_eq!(options["rpId"], "passkeys.invalid");
    }
}
