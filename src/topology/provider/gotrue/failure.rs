//! What goes wrong, in the two shapes that clients know: by API version, and as an OAuth error.

use super::answer::{Told, json};
use super::call::Call;
use crate::topology::provider::guard::Told as Fault;
use crate::topology::provider::note::quoted;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;

/// The header by which a client says which API it knows, and the server which one it answers with.
const API_VERSION: HeaderName = HeaderName::from_static("x-supabase-api-version");
/// The newer of the two versions, from which on errors have a code in words.
const NEWER: &str = "2024-01-01";
/// Carries the error code, whatever the version.
const ERROR_CODE: HeaderName = HeaderName::from_static("x-sb-error-code");

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    pub(super) kind: Kind,
    pub(super) message: String,
    /// For the log, when the message would not do.
    why: Option<String>,
    /// Whether it is about a password that is too easy, which clients want to know in detail.
    weak: bool,
}

/// Which of the two shapes it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// With an error code.
    Code(String),
    /// `error` and `error_description` (RFC 6749 §5.2).
    OAuth(String),
}

impl Failure {
    pub(super) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, kind: Kind::Code(code.to_owned()), message: message.into(), why: None, weak: false }
    }

    /// A password that is too short.
    pub(super) fn weak(message: impl Into<String>) -> Self {
        Self { weak: true, ..Self::unprocessable("weak_password", message) }
    }

    pub(super) fn bad_request(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(super) fn forbidden(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    pub(super) fn unprocessable(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::bad_request("validation_failed", message)
    }

    pub(super) fn too_many(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, message)
    }

    /// A failure of the server's own, or of a provider behind it. Only a redirect carries one.
    pub(super) fn unexpected(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "unexpected_failure", message)
    }

    pub(super) fn oauth(error: impl Into<String>, description: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind: Kind::OAuth(error.into()), message: description.into(), why: None, weak: false }
    }

    /// Says more to the log than to the client.
    #[must_use]
    pub(super) fn because(self, why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..self }
    }

    /// What the log says.
    pub(super) fn told(&self) -> Told {
        let what = match &self.kind {
            Kind::Code(code) => format!("refused with {code}"),
            Kind::OAuth(error) => format!("refused with {}", quoted(error)),
        };
        Told::new(what).because(self.why())
    }

    pub(super) fn why(&self) -> String {
        self.why.clone().unwrap_or_else(|| quoted(&self.message))
    }

    /// The answer to a program.
    pub(super) fn response(&self, call: &Call) -> Response {
        let code = match &self.kind {
            Kind::OAuth(error) => {
                return json(self.status, &json!({ "error": error, "error_description": self.message }));
            }
            Kind::Code(code) => code,
        };
        let newer = knows_newer(call.header(API_VERSION.as_str()));
        let mut body = if newer {
            json!({ "code": code, "message": self.message })
        } else {
            json!({ "code": self.status.as_u16(), "error_code": code, "msg": self.message })
        };
        if self.weak {
            body["weak_password"] = json!({ "reasons": ["length"] });
        }
        let mut response = json(self.status, &body);
        if newer {
            response.headers_mut().insert(API_VERSION, HeaderValue::from_static(NEWER));
        }
        if let Ok(code) = HeaderValue::from_str(code) {
            response.headers_mut().insert(ERROR_CODE, code);
        }
        response
    }

    /// `error`, `error_code` and `error_description` for a redirect. A status that OAuth has no word for is a server error.
    pub(super) fn parameters(&self) -> Vec<(&'static str, &str)> {
        let code = match &self.kind {
            Kind::OAuth(error) => return vec![("error", error), ("error_description", &self.message)],
            Kind::Code(code) => code.as_str(),
        };
        let error = match code {
            "signup_disabled" | "user_banned" | "provider_email_needs_verification" => "access_denied",
            _ => self.word().unwrap_or("server_error"),
        };
        vec![("error", error), ("error_code", code), ("error_description", &self.message)]
    }

    /// The OAuth error that a status stands for, if there is one.
    pub(super) fn word(&self) -> Option<&'static str> {
        Some(match self.status.as_u16() {
            400 => "invalid_request",
            401 => "unauthorized_client",
            403 => "access_denied",
            500 => "server_error",
            503 => "temporarily_unavailable",
            _ => return None,
        })
    }

    #[cfg(test)]
    pub(super) fn code(&self) -> &str {
        match &self.kind {
            Kind::Code(code) | Kind::OAuth(code) => code,
        }
    }
}

/// What a fault told the server to answer.
pub(super) fn told(fault: &Fault) -> Failure {
    let code = fault.error.as_deref().unwrap_or(match fault.status {
        StatusCode::TOO_MANY_REQUESTS => "over_request_rate_limit",
        StatusCode::GATEWAY_TIMEOUT => "request_timeout",
        status if status.is_server_error() => "unexpected_failure",
        _ => "unknown",
    });
    let message = fault.description.as_deref().unwrap_or(match fault.status {
        StatusCode::TOO_MANY_REQUESTS => "Request rate limit reached",
        _ => "Unexpected failure, please check server logs for more information",
    });
    Failure::new(fault.status, code, message)
}

/// Whether the client knows the newer API: it names a day from which on that is served. Text that is no day is no version.
fn knows_newer(version: &str) -> bool {
    let is_day = version.len() == 10
        && version.bytes().enumerate().all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    is_day && version >= NEWER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_day() {
        assert!(knows_newer("2024-01-01") && knows_newer("2030-12-31"));
        assert!(!knows_newer("2023-12-31") && !knows_newer("") && !knows_newer("latest") && !knows_newer("2024/01/01"));
    }
}
