//! What stands between the wire and a service: faults that concern a whole endpoint, whatever it does.

use super::note::{Decision, Outcome};
use crate::plan::{Fault, FaultKind};
use crate::topology::Switchboard;
use crate::topology::switchboard::Who;
use crate::topology::transport::Transport;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::header::{CONTENT_LENGTH, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use std::time::Duration;

/// Longest delay of an answer.
const LONGEST_DELAY: Duration = Duration::from_secs(600);
/// Largest body of JSON that is cut.
const LARGEST_BODY: usize = 8 * 1024 * 1024;

/// An error that an endpoint was told to answer with, for the service to put into its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) status: StatusCode,
    /// The error code, when one was given.
    pub(super) error: Option<String>,
    /// The message, when one was given.
    pub(super) description: Option<String>,
}

/// Answers a call as the faults want it: by `refuse`, by what `handle` does, or not at all.
pub(super) async fn guarded(
    faults: &Switchboard,
    who: &Who<'_>,
    handle: impl AsyncFnOnce() -> Outcome,
    refuse: impl FnOnce(&Told) -> Response,
) -> Outcome {
    let fault = |outcome: &str| {
        let decision = Decision::new(who.endpoint, format!("fault: {outcome}"));
        if let Some(client) = who.client { decision.client(client) } else { decision }
    };
    if let Some(slow) = faults.strikes(FaultKind::Slow, who) {
        tokio::time::sleep(slow.arguments.by.unwrap_or_default().min(LONGEST_DELAY)).await;
    }
    if faults.strikes(FaultKind::Blackhole, who).is_some() {
        return lost(Outcome::new(StatusCode::SERVICE_UNAVAILABLE, fault("never answered")), Transport::Blackhole);
    }
    if faults.strikes(FaultKind::Reset, who).is_some() {
        return lost(Outcome::new(StatusCode::SERVICE_UNAVAILABLE, fault("connection reset before anything was done")), Transport::Reset);
    }
    if let Some(error) = faults.strikes(FaultKind::EndpointError, who) {
        let told = told(&error, StatusCode::INTERNAL_SERVER_ERROR);
        let decision = fault(&format!("refused with {}", told.status));
        return Outcome::new(refuse(&told), decision);
    }
    if let Some(throttled) = faults.strikes(FaultKind::Throttled, who) {
        let told = told(&throttled, StatusCode::TOO_MANY_REQUESTS);
        let mut response = refuse(&told);
        if let Some(after) = throttled.arguments.retry_after {
            // RFC 9110 §10.2.3: whole seconds; a client that is told less would come too early.
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(after.as_millis().div_ceil(1000) as u64));
        }
        return Outcome::new(response, fault("throttled"));
    }
    let mut outcome = handle().await;
    if faults.strikes(FaultKind::MalformedJson, who).is_some() {
        outcome = cut(outcome).await;
    }
    if faults.strikes(FaultKind::ResponseLost, who).is_some() {
        outcome.decision.outcome = format!("{}; fault: the answer was lost", outcome.decision.outcome).into();
        return lost(outcome, Transport::Reset);
    }
    if faults.strikes(FaultKind::HalfBody, who).is_some() {
        outcome.decision.outcome = format!("{}; fault: the answer broke off", outcome.decision.outcome).into();
        return lost(outcome, Transport::HalfBody);
    }
    outcome
}

fn told(fault: &Fault, otherwise: StatusCode) -> Told {
    let arguments = &fault.arguments;
    Told {
        status: arguments.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(otherwise),
        error: arguments.error.clone(),
        description: arguments.description.clone(),
    }
}

fn lost(mut outcome: Outcome, how: Transport) -> Outcome {
    outcome.response.extensions_mut().insert(how);
    outcome
}

/// Leaves off the second half of a body.
async fn cut(mut outcome: Outcome) -> Outcome {
    let body = std::mem::take(outcome.response.body_mut());
    let bytes = to_bytes(body, LARGEST_BODY).await.unwrap_or_default();
    outcome.response.headers_mut().remove(CONTENT_LENGTH);
    *outcome.response.body_mut() = Body::from(bytes.slice(..bytes.len() / 2));
    outcome.decision.outcome = format!("{}; fault: the JSON ends too early", outcome.decision.outcome).into();
    outcome
}
