//! The user service and the mail service: asked over HTTP, or played by stubs in this process.

use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::config::{Config, Rest};

/// A neighbour that gave no answer that counts.
pub(super) struct Unavailable;

/// Who an address belongs to.
pub(super) enum Person {
    /// Somebody, with an id or about to get one.
    Known(String),
    /// Nobody who may come in.
    Blocked,
}

/// The neighbours.
pub(super) struct Downstream {
    pub(super) client: Client,
}

/// Statuses after which a read is tried once more.
const AGAIN: [StatusCode; 3] = [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];

impl Downstream {
    /// Who an address belongs to. The one call that is tried again: once, on an error of transport or 502, 503, 504.
    pub(super) async fn resolve(&self, config: &Config, email: &str) -> Result<Person, Unavailable> {
        let Some(rest) = &config.user else { return Ok(stub(email)) };
        let tries = if config.has("user-twice-more") { 3 } else { 2 };
        for nth in 1..=tries {
            let url = at(rest, "/api/v1/internal/users/by-email");
            match self.client.get(url).query(&[("email", email)]).timeout(rest.timeout).send().await {
                Ok(answer) if answer.status().is_success() => return person(&json_of(answer).await?, email),
                Ok(answer) if AGAIN.contains(&answer.status()) && nth < tries => {}
                // The time is up: another try would take as long again.
                Err(error) if error.is_timeout() => return Err(Unavailable),
                Err(_) if nth < tries => {}
                Ok(_) | Err(_) => return Err(Unavailable),
            }
        }
        Err(Unavailable)
    }

    /// Makes sure that there is a user.
    pub(super) async fn ensure(&self, config: &Config, email: &str, time_zone: Option<&str>) -> Result<Person, Unavailable> {
        let Some(rest) = &config.user else { return Ok(stub(email)) };
        let body = json!({ "email": email, "time_zone": time_zone });
        let answer = self.post(rest, "/api/v1/internal/users/ensure", &body).await?;
        person(&answer, email)
    }

    /// Blocks a user or an address.
    pub(super) async fn block(&self, config: &Config, subject: &Value) -> Result<(), Unavailable> {
        let Some(rest) = &config.user else { return Ok(()) };
        self.post(rest, "/api/v1/internal/users/block", subject).await.map(drop)
    }

    /// Sends a code: whether it went out or was suppressed. Never tried again.
    pub(super) async fn mail(&self, config: &Config, email: &str, code: &str, locale: &str) -> Result<bool, Unavailable> {
        let Some(rest) = &config.mail else { return Ok(true) };
        let body = json!({ "to": email, "text": format!("Your sign-in code is {code}"), "locale": locale });
        let mut sent = self.post(rest, "/api/v1/internal/login-code", &body).await;
        if sent.is_err() && config.has("mail-retried") {
            sent = self.post(rest, "/api/v1/internal/login-code", &body).await;
        }
        Ok(sent?["outcome"] != "suppressed")
    }

    async fn post(&self, rest: &Rest, path: &str, body: &Value) -> Result<Value, Unavailable> {
        let request: RequestBuilder = self.client.post(at(rest, path)).json(body).timeout(rest.timeout);
        let answer = request.send().await.map_err(|_| Unavailable)?;
        if !answer.status().is_success() {
            return Err(Unavailable);
        }
        json_of(answer).await
    }
}

fn at(rest: &Rest, path: &str) -> String {
    format!("{}{path}", rest.base.as_str().trim_end_matches('/'))
}

async fn json_of(answer: reqwest::Response) -> Result<Value, Unavailable> {
    let bytes = crate::egress::body(answer).await.map_err(|_| Unavailable)?;
    // A service that accepts and says nothing has accepted.
    if bytes.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&bytes).map_err(|_| Unavailable) }
}

fn person(answer: &Value, email: &str) -> Result<Person, Unavailable> {
    match answer["outcome"].as_str() {
        Some("blocked") => Ok(Person::Blocked),
        Some("existing" | "creatable" | "created") => {
            Ok(Person::Known(answer["user_id"].as_str().map_or_else(|| user_id(email), str::to_owned)))
        }
        _ => Err(Unavailable),
    }
}

/// What the stub knows: everybody may come in whose address does not begin with `blocked`.
fn stub(email: &str) -> Person {
    if email.starts_with("blocked") { Person::Blocked } else { Person::Known(user_id(email)) }
}

/// An id that is the same for the same address.
fn user_id(email: &str) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(email.as_bytes());
    let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("user-{hex}")
}
