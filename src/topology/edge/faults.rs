//! What goes wrong on the way to an origin, and on the way back, because a scenario wants it to.

use super::serve::{Line, text};
use crate::plan::{Fault, FaultKind};
use crate::topology::Switchboard;
use crate::topology::calls::Told;
use crate::topology::transport::Transport;
use crate::web::headers::EDGE;
use crate::web::origin::Origin;
use axum::body::{Body, to_bytes};
use http::header::{CONTENT_LENGTH, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use serde_json::Value;
use std::time::Duration;

/// Longest delay.
const LONGEST_DELAY: Duration = Duration::from_secs(600);
/// Largest body of JSON that is cut.
const LARGEST_BODY: usize = 8 * 1024 * 1024;

/// The faults of every origin.
#[derive(Debug, Default)]
pub(super) struct Boards(Vec<(Origin, Switchboard)>);

impl Boards {
    pub(super) fn new(origins: impl Iterator<Item = Origin>) -> Self {
        Self(origins.map(|origin| (origin, Switchboard::default())).collect())
    }

    pub(super) fn get(&self, origin: &Origin) -> Option<&Switchboard> {
        self.0.iter().find(|(known, _)| known == origin).map(|(_, board)| board)
    }
}

/// What became of a request on its way.
pub(super) enum Passed {
    /// It goes on.
    On,
    /// It goes no further; this is its answer.
    No(Box<(Response<Body>, Told)>),
}

/// The way of one call.
pub(super) struct Way<'a> {
    /// Nothing where no fault is on.
    faults: Option<&'a Switchboard>,
    path: String,
    caller: String,
}

impl<'a> Way<'a> {
    pub(super) fn of<B>(faults: Option<&'a Switchboard>, request: &Request<B>, line: &Line) -> Self {
        let faults = faults.filter(|board| !board.is_quiet());
        let (path, caller) = match faults {
            None => (String::new(), String::new()),
            Some(_) => (request.uri().path().to_owned(), line.caller.to_string()),
        };
        Self { faults, path, caller }
    }

    /// What happens before whoever stands behind the origin hears of the request.
    pub(super) async fn there(&self, headers: &mut HeaderMap) -> Passed {
        if self.faults.is_none() {
            return Passed::On;
        }
        if let Some(slow) = self.strikes(FaultKind::Slow) {
            tokio::time::sleep(slow.arguments.by.unwrap_or_default().min(LONGEST_DELAY)).await;
        }
        if self.strikes(FaultKind::Blackhole).is_some() {
            return lost("never answered", Transport::Blackhole);
        }
        if self.strikes(FaultKind::Reset).is_some() {
            return lost("connection reset before anything was done", Transport::Reset);
        }
        if let Some(error) = self.strikes(FaultKind::EndpointError) {
            return refused(&error, StatusCode::INTERNAL_SERVER_ERROR);
        }
        if let Some(throttled) = self.strikes(FaultKind::Throttled) {
            let mut refused = refused(&throttled, StatusCode::TOO_MANY_REQUESTS);
            if let (Passed::No(answer), Some(after)) = (&mut refused, throttled.arguments.retry_after) {
                // RFC 9110 §10.2.3: whole seconds; a client that is told less would come too early.
                let seconds = u64::try_from(after.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
                answer.0.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            return refused;
        }
        self.change(headers, true);
        Passed::On
    }

    /// What happens when the origin has done what was asked.
    pub(super) async fn back(&self, mut response: Response<Body>, mut told: Told) -> (Response<Body>, Told) {
        if self.faults.is_none() {
            return (response, told);
        }
        self.change(response.headers_mut(), false);
        let note = |outcome: &str| Told::from(format!("fault: {outcome}"));
        if self.strikes(FaultKind::MalformedJson).is_some() {
            let bytes = to_bytes(std::mem::take(response.body_mut()), LARGEST_BODY).await.unwrap_or_default();
            response.headers_mut().remove(CONTENT_LENGTH);
            *response.body_mut() = Body::from(bytes.slice(..bytes.len() / 2));
            told = note("the JSON ends too early");
        }
        if self.strikes(FaultKind::ResponseLost).is_some() {
            response.extensions_mut().insert(Transport::Reset);
            told = note("the answer was lost");
        } else if self.strikes(FaultKind::HalfBody).is_some() {
            response.extensions_mut().insert(Transport::HalfBody);
            told = note("the answer broke off");
        }
        (response, told)
    }

    fn change(&self, headers: &mut HeaderMap, request: bool) {
        for fault in self.all(FaultKind::HeaderStripped, request) {
            fault.arguments.header.map(|name| headers.remove(name));
        }
        for fault in self.all(FaultKind::HeaderRewritten, request) {
            let value = fault.arguments.value.map(|value| match value {
                Value::String(text) => text,
                other => other.to_string(),
            });
            let value = value.and_then(|value| HeaderValue::try_from(value).ok());
            if let (Some(name), Some(value)) = (fault.arguments.header, value) {
                headers.insert(name, value);
            }
        }
    }

    fn strikes(&self, kind: FaultKind) -> Option<Fault> {
        self.faults?.all_that(kind, |fault| self.is_concerned_by(fault)).into_iter().next()
    }

    fn all(&self, kind: FaultKind, request: bool) -> Vec<Fault> {
        let concerned = |fault: &Fault| fault.arguments.of_request == request && self.is_concerned_by(fault);
        self.faults.map(|faults| faults.all_that(kind, concerned)).unwrap_or_default()
    }

    fn is_concerned_by(&self, fault: &Fault) -> bool {
        let path = fault.arguments.endpoint.as_deref().is_none_or(|wanted| match wanted.strip_suffix('*') {
            Some(start) => self.path.starts_with(start),
            None => self.path == wanted,
        });
        path && fault.scope.client.as_deref().is_none_or(|caller| caller == self.caller)
    }
}

/// An answer that looks like one of the origin's own: nothing says that the edge made it.
fn refused(fault: &Fault, otherwise: StatusCode) -> Passed {
    let arguments = &fault.arguments;
    let status = arguments.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(otherwise);
    let said = arguments.description.as_deref().or(arguments.error.as_deref()).unwrap_or("fault injected");
    let mut response = text(status, said);
    response.headers_mut().remove(EDGE);
    Passed::No(Box::new((response, format!("fault: refused with {status}").into())))
}

fn lost(outcome: &str, how: Transport) -> Passed {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, outcome);
    response.extensions_mut().insert(how);
    Passed::No(Box::new((response, format!("fault: {outcome}").into())))
}
