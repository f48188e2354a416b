//! Where the processes of an origin are found, and how each ended.

use super::body::End;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What the edge knows of the processes of an origin: of one, or of several that take turns.
#[derive(Debug)]
pub(crate) struct Station {
    pub(super) port: u16,
    /// Where the process was found, and how it ended. Both are of its last start.
    found: Mutex<Option<SocketAddr>>,
    ended: Mutex<Option<End>>,
    /// The process that this is another port of.
    of: Option<Arc<Self>>,
    /// Those that take turns with this one.
    others: Vec<Arc<Self>>,
    turn: AtomicUsize,
}

impl Station {
    /// A process that will listen on `port`.
    pub(crate) fn new(port: u16) -> Arc<Self> {
        Arc::new(Self::alone(port))
    }

    fn alone(port: u16) -> Self {
        Self { port, found: Mutex::default(), ended: Mutex::default(), of: None, others: Vec::new(), turn: AtomicUsize::new(0) }
    }

    /// Another port of a process.
    pub(crate) fn beside(process: &Arc<Self>, port: u16) -> Arc<Self> {
        Arc::new(Self { of: Some(process.clone()), ..Self::alone(port) })
    }

    /// Processes that take turns.
    pub(crate) fn in_turn(all: &[Arc<Self>]) -> Arc<Self> {
        match all {
            [one] => one.clone(),
            all => Arc::new(Self { others: all.to_vec(), ..Self::alone(all.first().map_or(0, |first| first.port)) }),
        }
    }

    /// Where it listens, as far as is known; of several the next that runs.
    pub(crate) fn address(&self) -> SocketAddr {
        if !self.others.is_empty() {
            let first = self.turn.fetch_add(1, Ordering::Relaxed);
            let in_turn = (0..self.others.len()).map(|n| &self.others[(first.wrapping_add(n)) % self.others.len()]);
            let next = in_turn.clone().find(|station| station.found().is_some()).or_else(|| in_turn.clone().next());
            return next.map_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)), |station| station.address());
        }
        self.found().unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)))
    }

    /// Where it was found to listen; nowhere once it ended.
    pub(crate) fn found(&self) -> Option<SocketAddr> {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&self) -> Option<String> {
        self.end().map(|end| end.text)
    }

    pub(crate) fn end(&self) -> Option<End> {
        if let Some(of) = &self.of {
            return of.end();
        }
        if !self.others.is_empty() {
            let ends: Vec<_> = self.others.iter().map(|station| station.end()).collect();
            return ends.into_iter().collect::<Option<Vec<_>>>().and_then(|mut ends| ends.pop());
        }
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It is about to be started anew.
    pub(crate) fn begin(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn serves_at(&self, address: SocketAddr) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }

    pub(super) fn ended_so(&self, end: End) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
