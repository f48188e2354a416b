//! One line for each request, and the last of them kept.

use super::super::Note;
use crate::base::{Clock, escape};
use crate::topology::Transport;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Calls that are kept; the oldest goes first.
const MOST: usize = 1000;

/// Characters of a path that are kept.
const LONGEST_PATH: usize = 200;

/// Where log lines go, one call a line and no line ending in it. Requests run at the same time, so it is shared.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// The last calls.
#[derive(Debug, Default)]
pub(super) struct Calls(Mutex<VecDeque<Call>>);

/// One request and what became of it. Its query stays out: it carries codes and states.
#[derive(Debug, Clone)]
struct Call {
    at: OffsetDateTime,
    method: String,
    path: String,
    /// Nothing when no answer was sent.
    status: Option<u16>,
    took: Duration,
    note: String,
}

impl Calls {
    fn keep(&self, call: Call) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.len() == MOST {
            calls.pop_front();
        }
        calls.push_back(call);
    }

    /// The last `count` calls, oldest first.
    pub(super) fn last(&self, count: usize) -> Value {
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().skip(calls.len().saturating_sub(count)).map(Call::to_json).collect()
    }
}

impl Call {
    fn to_json(&self) -> Value {
        json!({
            "at": timestamp(self.at),
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "took_ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            "note": self.note,
        })
    }

    fn line(&self) -> String {
        let status = self.status.map_or_else(|| "---".to_owned(), |status| status.to_string());
        let text = format!("{} {} {status} {}ms  {}", self.method, self.path, self.took.as_millis(), self.note);
        escape::line(&text).into_owned()
    }
}

/// A moment as JSON has it (RFC 3339).
pub(super) fn timestamp(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// `router`, with every call kept and told.
pub(super) fn logged(router: Router, calls: Arc<Calls>, clock: Clock, log: Log) -> Router {
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let (calls, clock, log) = (calls.clone(), clock.clone(), log.clone());
        async move {
            let (at, began) = (clock.now(), Instant::now());
            let method = request.method().as_str().chars().take(20).collect();
            let path = request.uri().path().chars().take(LONGEST_PATH).collect();
            let response = next.run(request).await;
            let silent = Transport::of(&response).is_some_and(Transport::is_silent);
            let status = Some(response.status().as_u16()).filter(|_| !silent);
            let note = response.extensions().get::<Note>().map(|note| note.0.clone()).unwrap_or_default();
            let call = Call { at, method, path, status, took: began.elapsed(), note };
            log(&call.line());
            calls.keep(call);
            response
        }
    }))
}
