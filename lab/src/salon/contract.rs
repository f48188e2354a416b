//! What the answers look like. The documents of the modelled system name routes, settings and outcomes, but neither the answers'
//! JSON nor their codes; all of that is chosen here, and nowhere else, in the manner of Django REST framework: `{detail, code}`.

use std::time::Duration;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::faults::{Fault, Faults};

/// Chosen: sign-ups from one address within the risk window.
pub(super) const IP_MAX_PER_WINDOW: u32 = 20;
/// Chosen: sign-ups from one device within the risk window.
pub(super) const DEVICE_MAX_PER_WINDOW: u32 = 10;
/// Chosen.
pub(super) const RISK_WINDOW_MINUTES: u32 = 60;
/// Chosen: lifetime of an access token.
pub(super) const ACCESS_TTL: Duration = Duration::from_secs(15 * 60);
/// Chosen: a number as typed, in characters. The documents say at most 20.
pub(super) const LONGEST_NUMBER: usize = 20;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The body is no JSON object, or a member is missing or of the wrong type.
    Invalid(&'static str),
    /// Neither E.164 nor a Saudi mobile number.
    Phone,
    /// No such channel.
    Channel,
    /// The code is not the right one, or none was sent for this purpose.
    Code,
    /// The code is too old.
    Expired,
    /// Too many wrong codes; a fresh one is needed.
    Locked,
    /// Too many requests.
    Throttled(Limit, Duration),
    /// The vendor did not do its part, for a reason that may pass.
    Unavailable,
    /// The vendor does not take our key.
    Misconfigured,
    /// The vendor's failure was not caught.
    Crashed,
    /// Nobody is signed in.
    NotAuthenticated,
    /// Whoever is signed in never proved the number, or may not do this.
    Forbidden,
    /// Password sign-in is gone.
    Retired,
}

/// A limit on requests for codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    Cooldown,
    Number,
    Ip,
    Device,
}

impl Limit {
    pub(super) fn code(self) -> &'static str {
        match self {
            Limit::Cooldown => "otp_cooldown",
            Limit::Number => "otp_window_limit",
            Limit::Ip => "ip_window_limit",
            Limit::Device => "device_window_limit",
        }
    }
}

impl Refusal {
    pub(super) fn response(&self, faults: &Faults) -> Response {
        let (status, code, detail) = match self {
            Refusal::Invalid(detail) => (StatusCode::BAD_REQUEST, "invalid_request", *detail),
            Refusal::Phone => (StatusCode::BAD_REQUEST, "invalid_phone_number", "Enter a valid phone number."),
            Refusal::Channel => (StatusCode::BAD_REQUEST, "invalid_channel", "The channel is sms or whatsapp."),
            Refusal::Code => (StatusCode::BAD_REQUEST, "otp_invalid", "The code is not valid."),
            Refusal::Expired => (StatusCode::BAD_REQUEST, "otp_expired", "The code has expired."),
            Refusal::Locked => (StatusCode::BAD_REQUEST, "otp_locked", "Too many wrong codes. Request a new one."),
            Refusal::Throttled(limit, after) => return throttled(*limit, *after, faults),
            Refusal::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "otp_unavailable", "Codes cannot be sent or checked at the moment."),
            Refusal::Misconfigured => (StatusCode::SERVICE_UNAVAILABLE, "otp_misconfigured", "Codes cannot be sent or checked."),
            // As Django answers an exception that nobody caught.
            Refusal::Crashed => return (StatusCode::INTERNAL_SERVER_ERROR, "Server Error (500)").into_response(),
            Refusal::NotAuthenticated => (StatusCode::UNAUTHORIZED, "not_authenticated", "Authentication credentials were not provided."),
            Refusal::Forbidden => (StatusCode::FORBIDDEN, "permission_denied", "You do not have permission to perform this action."),
            Refusal::Retired => (StatusCode::GONE, "token_endpoint_retired", "Sign in with your phone number."),
        };
        (status, Json(json!({ "detail": detail, "code": code }))).into_response()
    }
}

/// Chosen: 429 with `Retry-After` in whole seconds (RFC 9110 §10.2.3, RFC 6585 §4).
fn throttled(limit: Limit, after: Duration, faults: &Faults) -> Response {
    let body = Json(json!({ "detail": "Request was throttled.", "code": limit.code() }));
    if faults.has(Fault::ThrottleAs400) {
        return (StatusCode::BAD_REQUEST, body).into_response();
    }
    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.max(1).to_string())], body).into_response()
}

/// A code was requested.
pub(super) fn requested(channel: &str, expires_in: Duration, resend_in: Duration, older_build: bool) -> Value {
    let mut body = json!({ "detail": "OTP sent.", "channel": channel, "expires_in": expires_in.as_secs() });
    // Told since the build of 2026-03-14 alone.
    if !older_build {
        body["resend_in"] = resend_in.as_secs().into();
    }
    body
}
