//! The shapes of the API's answers: Better Auth's errors, and those of the framework around it.

use axum::Json;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// An error of a Better Auth route: a status and `{code, message}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) code: String,
    pub(super) message: String,
}

impl ApiError {
    fn new(status: StatusCode, code: &str, message: &str) -> ApiError {
        ApiError { status, code: code.to_owned(), message: message.to_owned() }
    }

    pub(super) fn forbidden(code: &str, message: &str) -> ApiError {
        ApiError::new(StatusCode::FORBIDDEN, code, message)
    }

    pub(super) fn bad_request(code: &str, message: &str) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(super) fn with_status(status: StatusCode, code: &str, message: &str) -> ApiError {
        ApiError::new(status, code, message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "code": self.code, "message": self.message }))).into_response()
    }
}

/// 200 with JSON.
pub(super) fn ok(body: &Value) -> Response {
    Json(body).into_response()
}

/// The rate limit's answer. The field is `X-Retry-After`: a client that looks for `Retry-After` finds nothing.
pub(super) fn too_many_requests(seconds: u64) -> Response {
    let message = json!({ "message": "Too many requests. Please try again later." });
    let field = [(HeaderName::from_static("x-retry-after"), seconds.to_string())];
    (StatusCode::TOO_MANY_REQUESTS, field, Json(message)).into_response()
}

/// An `HttpException` of the framework: `{message, error, statusCode}`.
pub(super) fn http_exception(status: StatusCode, message: &str) -> Response {
    let reason = status.canonical_reason().unwrap_or("Error");
    (status, Json(json!({ "message": message, "error": reason, "statusCode": status.as_u16() }))).into_response()
}

/// Anything else that was thrown, as the global filter tells it: the cause stays in the log, under `error_id`.
pub(super) fn unexpected(error_id: &str, path: &str, timestamp: &str) -> Response {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    let body = json!({
        "success": false,
        "message": "An unexpected error occurred",
        "errorId": error_id,
        "timestamp": timestamp,
        "path": path,
        "statusCode": status.as_u16(),
    });
    (status, Json(body)).into_response()
}
