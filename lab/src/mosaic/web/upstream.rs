//! This server's own requests to the API, made for a caller: with their cookies as they came, not re-encoded, and
//! with their address.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use super::config::Config;
use crate::egress;

/// Whom the API says the caller is.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) email: String,
}

#[derive(Deserialize)]
struct SessionAnswer {
    user: Person,
}

#[derive(Deserialize)]
struct SignInAnswer {
    url: String,
}

/// A sign-in that has been started: where the user agent goes, and the cookies the API wants set.
pub(super) struct Started {
    pub(super) url: String,
    pub(super) set_cookies: Vec<HeaderValue>,
}

/// Why this server could not do its part. For the log, and for the page in `Display`'s words.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpstreamError {
    #[error("the API could not be reached")]
    Unreachable(#[from] egress::EgressError),
    #[error("the API answered {0}")]
    Refused(StatusCode),
    #[error("the API answered no usable JSON")]
    Json,
}

impl From<reqwest::Error> for UpstreamError {
    fn from(error: reqwest::Error) -> Self {
        UpstreamError::Unreachable(error.into())
    }
}

/// The API, seen from the front end's server.
pub(super) struct Upstream {
    client: reqwest::Client,
    base: String,
    origin: String,
}

impl Upstream {
    pub(super) fn new(client: reqwest::Client, config: &Config) -> Upstream {
        Upstream { client, base: config.api_internal_url.clone(), origin: config.public_url.clone() }
    }

    /// Who the guarded endpoint says the caller is; `None` is any answer but 200.
    pub(super) async fn person(&self, headers: &HeaderMap) -> Result<Option<Person>, UpstreamError> {
        let request = self.client.get(format!("{}/auth/session", self.base)).headers(self.on_behalf(headers));
        let answer = request.send().await?;
        if answer.status() != StatusCode::OK {
            return Ok(None);
        }
        let bytes = egress::body(answer).await?;
        let answer: SessionAnswer = serde_json::from_slice(&bytes).map_err(|_| UpstreamError::Json)?;
        Ok(Some(answer.user))
    }

    /// Starts a sign-in.
    pub(super) async fn sign_in(&self, config: &Config, headers: &HeaderMap) -> Result<Started, UpstreamError> {
        let mut body = json!({ "providerId": "authentik", "callbackURL": config.callback_url() });
        if let Some(url) = config.error_callback_url() {
            body["errorCallbackURL"] = url.into();
        }
        let request = self.client.post(format!("{}/auth/sign-in/oauth2", self.base)).headers(self.on_behalf(headers));
        let answer = request.json(&body).send().await?;
        if answer.status() != StatusCode::OK {
            return Err(UpstreamError::Refused(answer.status()));
        }
        let set_cookies = answer.headers().get_all(header::SET_COOKIE).iter().cloned().collect();
        let bytes = egress::body(answer).await?;
        let SignInAnswer { url } = serde_json::from_slice(&bytes).map_err(|_| UpstreamError::Json)?;
        Ok(Started { url, set_cookies })
    }

    fn on_behalf(&self, caller: &HeaderMap) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for name in [header::COOKIE, header::USER_AGENT, HeaderName::from_static("x-forwarded-for")] {
            for value in caller.get_all(&name) {
                headers.append(&name, value.clone());
            }
        }
        // A server's request has no Origin of itself, and the API wants one beside a Cookie.
        if let Ok(origin) = HeaderValue::try_from(&self.origin) {
            headers.insert(header::ORIGIN, origin);
        }
        headers
    }
}
