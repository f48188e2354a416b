//! What the vendor's answers look like.

use super::Refusal;
use crate::plan::OtpFlag;
use axum::body::Body;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

/// A message is on its way; `success` is left out when `None`.
pub(super) fn sent(success: Option<bool>) -> Response {
    let message = if success == Some(false) { "OTP could not be sent" } else { "OTP sent successfully" };
    let mut body = json!({ "data": null, "message": message });
    if let Some(success) = success {
        body["success"] = success.into();
    }
    of(StatusCode::OK, &body)
}

/// Whether a code was right, under the name that the documents give it; left out when `None`.
pub(super) fn verified(flag: OtpFlag, right: Option<bool>) -> Response {
    let message = if right == Some(false) { "OTP is invalid or expired" } else { "OTP verified successfully" };
    let mut body = json!({ "message": message });
    if flag == OtpFlag::Success {
        body["data"] = Value::Null;
    }
    if let Some(right) = right {
        body[flag.name()] = right.into();
    }
    of(StatusCode::OK, &body)
}

pub(super) fn balance(left: u64) -> Response {
    of(StatusCode::OK, &json!({ "success": true, "data": { "balance": left }, "message": "Balance retrieved successfully" }))
}

/// An error. The documents name the statuses alone; the body has the members of every other answer.
pub(super) fn error(refusal: &Refusal) -> Response {
    let mut body = json!({ "success": false, "data": null, "message": refusal.message });
    if let Some(member) = refusal.member {
        body["errors"] = json!({ member: [refusal.message] });
    }
    of(refusal.status, &body)
}

/// What a status means.
pub(super) fn words(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or("Error").to_owned()
}

fn of(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
