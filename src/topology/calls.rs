//! The log of calls that arrived at declared origins, and of those that were refused.

use crate::topology::provider::Decision;
use crate::web::origin::Origin;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::watch;

/// Calls kept in one run; a run that makes more is judged by its first ones.
const MOST_CALLS: usize = 100_000;
/// Bytes of a call's target that are kept.
const LONGEST_TARGET: usize = 4096;
/// Undeclared origins kept in one run.
const MOST_REFUSALS: usize = 1000;

/// Who makes a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    /// An actor of the scenario, by name.
    Actor(String),
    /// The process that stands behind this origin: a server-to-server call.
    Server(Origin),
}

impl std::fmt::Display for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Actor(name) => f.write_str(name),
            Self::Server(origin) => origin.fmt(f),
        }
    }
}

/// One request that the edge took for a declared origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The origin that was called.
    pub origin: Origin,
    /// Whether an actor called, and not a server.
    pub by_actor: bool,
    /// Who called: an actor by name, or a server by the origin that it stands for.
    pub caller: String,
    /// Method as sent.
    pub method: String,
    /// Path and query as sent (their first 4 KiB); may hold codes and tokens.
    pub target: String,
    /// Status of the answer; absent while there is none, and for ever if the caller left before.
    pub status: Option<u16>,
    /// When the request's head was complete, by the run's clock.
    pub at: OffsetDateTime,
    /// From `at` to the head of the answer, in real time; nothing while there is none.
    pub took: Duration,
    /// What whoever answered has to say about it, or why nobody did.
    pub note: Option<String>,
    /// Whether it reached a stub of which no route fits.
    pub unexpected: bool,
    /// What an embedded service decided.
    pub decision: Option<Decision>,
}

/// An origin that was asked for and is not declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What was asked for, as `scheme://host[:port]`, or `host:port` if it was a CONNECT.
    pub origin: String,
    /// Who asked first: an actor by name, or a server by the origin that it stands for.
    pub caller: String,
    /// When it was asked for first, by the run's clock.
    pub at: OffsetDateTime,
    /// How often it was asked for.
    pub times: u64,
}

/// What whoever answered a call has to say about it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    pub(crate) note: Option<String>,
    pub(crate) decision: Option<Decision>,
}

impl From<String> for Told {
    fn from(note: String) -> Self {
        Self { note: Some(note), decision: None }
    }
}

/// A place in the [`CallLog`] for the answer to a call; `None` when the log was full.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallId(Option<usize>);

/// Calls and refusals of one run, both bounded.
#[derive(Debug, Default)]
pub(crate) struct CallLog {
    calls: Mutex<Vec<Call>>,
    refused: Mutex<BTreeMap<String, Refusal>>,
    /// Changes with each answer.
    answered: watch::Sender<u64>,
}

impl CallLog {
    /// Notes that a call arrived.
    pub(crate) fn open(&self, mut call: Call) -> CallId {
        cut(&mut call.target);
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.len() >= MOST_CALLS {
            return CallId(None);
        }
        calls.push(call);
        CallId(Some(calls.len() - 1))
    }

    /// Notes how a call was answered.
    pub(crate) fn close(&self, id: CallId, status: Option<u16>, took: Duration, told: Told) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(call) = id.0.and_then(|at| calls.get_mut(at)) {
            call.status = status;
            call.took = took;
            call.note = told.note;
            call.decision = told.decision;
        }
        drop(calls);
        self.answered.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Changes with each answer.
    pub(crate) fn answered(&self) -> watch::Receiver<u64> {
        self.answered.subscribe()
    }

    /// The calls so far, without the first `from`.
    pub(crate) fn calls_from(&self, from: usize) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).get(from..).unwrap_or_default().to_vec()
    }

    /// Notes that no route of the stub that was called fits the call.
    pub(crate) fn unexpected(&self, id: CallId) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(call) = id.0.and_then(|at| calls.get_mut(at)) {
            call.unexpected = true;
        }
    }

    /// Notes that an undeclared origin was asked for.
    pub(crate) fn refuse(&self, origin: &str, caller: &Caller, at: OffsetDateTime) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = refused.get_mut(origin) {
            known.times += 1;
        } else if refused.len() < MOST_REFUSALS {
            refused.insert(origin.to_owned(), Refusal { origin: origin.to_owned(), caller: caller.to_string(), at, times: 1 });
        }
    }

    /// All calls so far, in the order they arrived.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All refusals so far, first one first.
    pub(crate) fn refused(&self) -> Vec<Refusal> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let mut refused: Vec<_> = refused.values().cloned().collect();
        refused.sort_by_key(|refusal| refusal.at);
        refused
    }
}

fn cut(target: &mut String) {
    if target.len() > LONGEST_TARGET {
        let at = (0..=LONGEST_TARGET).rev().find(|&at| target.is_char_boundary(at)).unwrap_or(0);
        target.truncate(at);
        target.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(target: &str) -> Call {
        Call {
            origin: "https://a.test".parse().unwrap(),
            by_actor: true,
            caller: "jarvis".into(),
            method: "GET".into(),
            target: target.into(),
            status: None,
            at: crate::base::clock::wall(),
            took: Duration::ZERO,
            note: None,
            unexpected: false,
            decision: None,
        }
    }

    #[test]
    fn an_answer_finds_its_call_and_an_abandoned_call_has_none() {
        let log = CallLog::default();
        let answered = log.answered();
        let first = log.open(call("/one"));
        assert!(!answered.has_changed().unwrap());
        log.open(call("/two"));
        log.close(first, Some(302), Duration::from_millis(3), Told { note: Some("consent given".into()), decision: None });
        assert!(answered.has_changed().unwrap());
        let calls = log.calls();
        assert_eq!((calls[0].status, calls[0].note.as_deref()), (Some(302), Some("consent given")));
        assert_eq!((calls[1].status, calls[1].took), (None, Duration::ZERO));
        assert_eq!(log.calls_from(1).len(), 1);
        assert!(log.calls_from(3).is_empty());
    }

    #[test]
    fn the_log_is_bounded_in_length_and_width() {
        let log = CallLog::default();
        for _ in 0..MOST_CALLS {
            log.open(call("/"));
        }
        let late = log.open(call("/late"));
        log.close(late, Some(200), Duration::ZERO, Told::default());
        assert_eq!(log.calls().len(), MOST_CALLS);
        let log = CallLog::default();
        log.open(call(&"ü".repeat(LONGEST_TARGET)));
        assert_eq!(log.calls()[0].target.len(), LONGEST_TARGET + '…'.len_utf8());
    }

    #[test]
    fn a_refused_origin_is_listed_once_with_its_count() {
        let log = CallLog::default();
        let caller = Caller::Actor("jarvis".into());
        let at = crate::base::clock::wall();
        log.refuse("https://z.test", &caller, at);
        log.refuse("https://b.test", &caller, at + Duration::from_millis(1));
        log.refuse("https://z.test", &caller, at + Duration::from_millis(2));
        let refused: Vec<_> = log.refused().into_iter().map(|refusal| (refusal.origin, refusal.times)).collect();
        assert_eq!(refused, [("https://z.test".to_owned(), 2), ("https://b.test".to_owned(), 1)]);
    }
}
