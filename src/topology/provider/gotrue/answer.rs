//! The shapes of answers, each with what the log says about it.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;
use std::borrow::Cow;

/// What may not stand in a header as it is. Everything beyond ASCII is encoded anyway.
const NOT_IN_HEADERS: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\');

/// An answer, and what the log says about it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) response: Response,
    pub(super) told: Told,
}

/// What the log says: a lower-case fragment, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) outcome: Cow<'static, str>,
    pub(super) why: Option<String>,
}

impl Told {
    pub(super) fn new(outcome: impl Into<Cow<'static, str>>) -> Self {
        Self { outcome: outcome.into(), why: None }
    }

    pub(super) fn because(self, why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..self }
    }
}

impl Answer {
    /// 200 with JSON.
    pub(super) fn json(value: &Value, outcome: impl Into<Cow<'static, str>>) -> Self {
        Self { response: json(StatusCode::OK, value), told: Told::new(outcome) }
    }

    /// 204.
    pub(super) fn empty(outcome: impl Into<Cow<'static, str>>) -> Self {
        Self { response: StatusCode::NO_CONTENT.into_response(), told: Told::new(outcome) }
    }

    /// A redirect: 302 from `authorize` and `callback`, 303 from `verify`.
    pub(super) fn redirect(status: StatusCode, location: &str, outcome: impl Into<Cow<'static, str>>) -> Self {
        Self { response: redirect(status, location), told: Told::new(outcome) }
    }

    pub(super) fn because(self, why: impl Into<String>) -> Self {
        Self { told: self.told.because(why), ..self }
    }
}

/// JSON as the server sends all of it.
pub(super) fn json(status: StatusCode, value: &Value) -> Response {
    let mut response = (status, value.to_string()).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Sends the user agent on.
pub(super) fn redirect(status: StatusCode, location: &str) -> Response {
    let location = utf8_percent_encode(location, NOT_IN_HEADERS).to_string();
    let mut response = status.into_response();
    response.headers_mut().insert(LOCATION, HeaderValue::from_str(&location).expect("percent-encoded text is visible ASCII"));
    response
}
