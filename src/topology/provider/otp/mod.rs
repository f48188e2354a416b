//! A vendor of one-time passwords that makes the code, sends it and checks it, with the API of Authentica.
//!
//! | call | current path | older path |
//! |---|---|---|
//! | send | `POST /api/v2/send-otp` | `POST /api/v1/send-otp` |
//! | verify | `POST /api/v2/verify-otp` | `POST /api/sdk/v1/verifyOTP` |
//! | balance | `GET /api/v2/balance` | – |
//!
//! Every call carries the key in `X-Authorization`. What the vendor's documents leave open is decided here, and in one place each:
//! the body of an error (`reply`), and that a code which is wrong, expired or used up is answered with 200 and a false flag
//! (`verify`), which is what a client must not take for a success. Codes live by the run's clock.

mod recipient;
mod reply;
mod send;
mod store;
mod verify;

#[cfg(test)]
mod tests;

use super::Surroundings;
use super::guard::{Told, guarded};
use super::note::{Decision, Outcome, quoted};
use crate::plan::OtpPlan;
use crate::topology::Switchboard;
use crate::topology::switchboard::Who;
use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::ALLOW;
use http::{HeaderValue, Method, StatusCode};
use recipient::Recipient;
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::Store;

/// The header that carries the key.
const KEY: &str = "x-authorization";
/// Largest body, in bytes.
const LARGEST: usize = 64 * 1024;

/// A vendor for one origin. Cloning shares it.
#[derive(Clone)]
pub struct OtpVendor {
    inner: Arc<Inner>,
}

struct Inner {
    plan: OtpPlan,
    surroundings: Surroundings,
    faults: Switchboard,
    store: Mutex<Store>,
}

impl std::fmt::Debug for OtpVendor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OtpVendor").finish_non_exhaustive()
    }
}

impl OtpVendor {
    /// A vendor that sent nothing yet. Its messages go to the inbox of `surroundings`.
    #[must_use]
    pub fn new(plan: &OtpPlan, surroundings: Surroundings) -> Self {
        let store = Mutex::new(Store::new(plan.balance));
        let faults = Switchboard::new(plan.faults.clone());
        Self { inner: Arc::new(Inner { plan: plan.clone(), surroundings, faults, store }) }
    }

    /// The service. Every response carries a [`Note`](super::Note) in its extensions.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// The faults that are on, to be changed while it runs.
    #[must_use]
    pub fn switchboard(&self) -> &Switchboard {
        &self.inner.faults
    }
}

/// What answers on a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Send,
    Verify,
    Balance,
}

impl Endpoint {
    fn of(path: &str) -> Option<Self> {
        Some(match path {
            "/api/v2/send-otp" | "/api/v1/send-otp" => Self::Send,
            "/api/v2/verify-otp" | "/api/sdk/v1/verifyOTP" => Self::Verify,
            "/api/v2/balance" => Self::Balance,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Verify => "verify",
            Self::Balance => "balance",
        }
    }

    fn method(self) -> Method {
        if self == Self::Balance { Method::GET } else { Method::POST }
    }
}

/// A call refused: status, message for the client, and the member that is wrong, if it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    status: StatusCode,
    member: Option<&'static str>,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, member: None, message: message.into() }
    }

    /// A parameter that is missing or of the wrong kind.
    fn parameter(member: &'static str, message: impl Into<String>) -> Self {
        Self { member: Some(member), ..Self::new(StatusCode::BAD_REQUEST, message) }
    }

    /// A parameter of the right kind whose value cannot be taken.
    fn value(member: &'static str, message: impl Into<String>) -> Self {
        Self { member: Some(member), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, message) }
    }

    fn outcome(self, endpoint: Endpoint) -> Outcome {
        let decision = Decision::new(endpoint.name(), format!("refused with {}", self.status.as_u16())).because(self.message.clone());
        Outcome::new(reply::error(&self), decision)
    }
}

/// Members of a JSON body.
type Fields = Map<String, Value>;

async fn answer(State(vendor): State<OtpVendor>, request: Request) -> Response {
    let inner = &vendor.inner;
    let (parts, body) = request.into_parts();
    let Some(endpoint) = Endpoint::of(parts.uri.path()) else {
        let refusal = Refusal::new(StatusCode::NOT_FOUND, "there is no such endpoint");
        let decision = Decision::new("none", "not found").because(format!("no endpoint has the path {}", quoted(parts.uri.path())));
        return Outcome::new(reply::error(&refusal), decision).into_response();
    };
    if parts.method != endpoint.method() {
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this endpoint does not take this method");
        let mut outcome = refusal.outcome(endpoint);
        let allowed = if endpoint == Endpoint::Balance { "GET" } else { "POST" };
        outcome.response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
        return outcome.into_response();
    }
    let fields = match to_bytes(body, LARGEST).await {
        Ok(bytes) => fields(endpoint, &bytes),
        Err(_) => Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the body ends early or is larger than 64 KiB")),
    };
    let concerned = fields.as_ref().ok().and_then(Recipient::named).map(|recipient| recipient.address);
    let who = Who { endpoint: endpoint.name(), client: None, user: concerned.as_deref() };
    let refuse = |told: &Told| {
        let message = told.description.clone().or_else(|| told.error.clone()).unwrap_or_else(|| reply::words(told.status));
        reply::error(&Refusal::new(told.status, message))
    };
    let handle = async || {
        if parts.headers.get(KEY).is_none_or(|key| key.as_bytes() != inner.plan.key.expose().as_bytes()) {
            return Refusal::new(StatusCode::UNAUTHORIZED, "X-Authorization holds no valid key").outcome(endpoint);
        }
        let outcome = fields.and_then(|fields| match endpoint {
            Endpoint::Send => inner.send(&fields, &who),
            Endpoint::Verify => inner.verify(&fields, &who),
            Endpoint::Balance => Ok(inner.balance()),
        });
        outcome.unwrap_or_else(|refusal| refusal.outcome(endpoint))
    };
    guarded(&inner.faults, &who, handle, refuse).await.into_response()
}

fn fields(endpoint: Endpoint, body: &[u8]) -> Result<Fields, Refusal> {
    if endpoint == Endpoint::Balance {
        return Ok(Fields::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(Refusal::new(StatusCode::BAD_REQUEST, "the body must be a JSON object")),
    }
}

impl Inner {
    fn balance(&self) -> Outcome {
        let left = self.store().balance;
        Outcome::new(reply::balance(left), Decision::new(Endpoint::Balance.name(), "told"))
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        // A panic elsewhere leaves the store whole: every change to it is one insertion or removal.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
