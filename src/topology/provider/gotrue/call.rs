//! One request, read whole and within bounds, and what a handler learns while it answers.

use super::Endpoint;
use super::failure::Failure;
use axum::body::to_bytes;
use axum::extract::Request;
use bytes::Bytes;
use http::header::{AUTHORIZATION, REFERER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value};
use std::sync::OnceLock;
use time::OffsetDateTime;
use url::form_urlencoded;

/// Largest request body that is read, as the original has it.
const LARGEST_BODY: usize = 1 << 20;
/// Parameters that are read of a query or form.
const MOST_PARAMETERS: usize = 200;
/// Longest text in a field: addresses, codes and tokens are far below.
const LONGEST_TEXT: usize = 16 * 1024;

/// One request, read whole and within bounds.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) query: Parameters,
    body: Option<Bytes>,
}

/// Decoded parameters in order; of a repeated one the first counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Parameters(pub(super) Vec<(String, String)>);

impl Parameters {
    fn read(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).take(MOST_PARAMETERS).map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// The value of `name`; empty when it is absent.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

impl Call {
    pub(super) async fn read(request: Request) -> Self {
        let (parts, body) = request.into_parts();
        let query = Parameters::read(parts.uri.query().unwrap_or_default().as_bytes());
        let body = to_bytes(body, LARGEST_BODY).await.ok();
        Self { method: parts.method, headers: parts.headers, query, body }
    }

    /// The value of a header, if it is one line of ASCII; empty otherwise.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(super) fn referer(&self) -> &str {
        self.header(REFERER.as_str())
    }

    /// The token of `Authorization: Bearer …` (RFC 6750 §2.1).
    pub(super) fn bearer(&self) -> Option<&str> {
        let value = self.header(AUTHORIZATION.as_str());
        let (scheme, token) = value.split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && !token.contains(char::is_whitespace)).then_some(token)
    }

    /// Who calls, for the limits: what the gateway before the server appended last, which no client can write.
    pub(super) fn address(&self) -> &str {
        let chain = self.headers.get_all("x-forwarded-for").iter().next_back().and_then(|value| value.to_str().ok()).unwrap_or_default();
        chain.rsplit(',').next().unwrap_or_default().trim()
    }

    /// The body as a form.
    pub(super) fn form(&self) -> Parameters {
        Parameters::read(self.body.as_deref().unwrap_or_default())
    }

    /// The body as a JSON object; the original does not look at its content type.
    pub(super) fn json(&self) -> Result<Fields, Failure> {
        let Some(body) = &self.body else {
            let message = format!("Request body too large (max {LARGEST_BODY} bytes)");
            return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "request_entity_too_large", message));
        };
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Fields(fields)),
            Ok(Value::Null) => Ok(Fields(Map::new())),
            Ok(_) => Err(bad_json("it is no object")),
            Err(error) => Err(bad_json(&error.to_string())),
        }
    }
}

fn bad_json(why: &str) -> Failure {
    Failure::bad_request("bad_json", format!("Could not parse request body as JSON: {why}"))
}

/// The fields of a JSON body.
#[derive(Debug)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// A text; empty when it is absent or null.
    pub(super) fn text(&self, name: &str) -> Result<String, Failure> {
        Ok(self.given(name)?.unwrap_or_default())
    }

    /// A text, if it is there.
    pub(super) fn given(&self, name: &str) -> Result<Option<String>, Failure> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.len() <= LONGEST_TEXT => Ok(Some(text.clone())),
            Some(Value::String(_)) => Err(bad_json(&format!("`{name}` is longer than {LONGEST_TEXT} bytes"))),
            Some(_) => Err(bad_json(&format!("`{name}` must be text"))),
        }
    }

    /// A truth value, or what stands for it when it is absent.
    pub(super) fn flag(&self, name: &str, otherwise: bool) -> Result<bool, Failure> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(otherwise),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(bad_json(&format!("`{name}` must be true or false"))),
        }
    }

    /// An object, if it is there.
    pub(super) fn object(&self, name: &str) -> Result<Option<Map<String, Value>>, Failure> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object.clone())),
            Some(_) => Err(bad_json(&format!("`{name}` must be an object"))),
        }
    }
}

/// A call on its way through a handler.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) endpoint: Endpoint,
    pub(super) call: &'a Call,
    /// When it arrived, by the run's clock.
    pub(super) now: OffsetDateTime,
    /// Headers that the answer gets, whether it succeeds or not.
    pub(super) headers: HeaderMap,
    /// Whom it concerns, by address or number, once that is known.
    pub(super) user: Option<String>,
    /// The provider it concerns, once it is known to be one.
    pub(super) provider: Option<String>,
    /// Whether its messages are lost on purpose: asked once, as one call may send two.
    pub(super) undelivered: OnceLock<bool>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(endpoint: Endpoint, call: &'a Call, now: OffsetDateTime) -> Self {
        Self { endpoint, call, now: moment(now), headers: HeaderMap::new(), user: None, provider: None, undelivered: OnceLock::new() }
    }

    /// Adds a header to the answer.
    pub(super) fn set(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// A moment as the store keeps it: to the microsecond.
pub(super) fn moment(now: OffsetDateTime) -> OffsetDateTime {
    now.replace_microsecond(now.microsecond()).unwrap_or(now)
}
