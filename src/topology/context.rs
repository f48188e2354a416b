//! What a topology gets from the run that wants it.

use crate::base::{Clock, Redactor};
use crate::plan::{Matcher, Scope, ServicePlan};
use serde_json::Value;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where [`Event`]s go. Called from many tasks at once, so it must not block for long.
pub type Sink = Arc<dyn Fn(Event) + Send + Sync>;

/// Whether a value, or none, is as a matcher asks.
pub type Matches = Arc<dyn Fn(&Matcher, Option<&Value>, &Scope) -> bool + Send + Sync>;

/// What a topology gets from the run that wants it.
#[derive(Clone)]
pub struct Context {
    /// The run's clock: calls are stamped with it, and the embedded provider lives by it.
    pub clock: Clock,
    /// Takes secrets out of process output and of everything that is told.
    pub redactor: Redactor,
    /// Whether upstreams beyond this machine may be reached.
    pub live: bool,
    /// The authchain executable, for processes whose program is `authchain`.
    pub exe: PathBuf,
    /// Captures and secrets that templates of processes and stubs may use.
    pub scope: Scope,
    /// What the run provides beside its origins.
    pub services: Vec<ServicePlan>,
    /// Whether the clock will be moved, so that processes have to live by it.
    pub moves_clock: bool,
    /// What judges the conditions of stubs.
    pub matches: Matches,
    /// Largest request body that a stub or the embedded provider reads, in bytes.
    pub max_body: usize,
    /// Where the edge listens for actors: an address of this machine that their browsers can reach.
    pub edge: IpAddr,
    /// Where events go.
    pub log: Sink,
}

impl Context {
    pub(super) fn tell(&self, event: Event) {
        (self.log)(event);
    }
}

/// Something that happened while origins stood up or served. `of` is the origin, or the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A process is being started.
    Starting {
        /// What stands on it.
        of: String,
    },
    /// A process serves.
    Ready {
        /// What stands on it.
        of: String,
        /// From its start until it served.
        took: Duration,
    },
    /// A process wrote a line; secrets and control characters are already out of it.
    Log {
        /// What stands on it.
        of: String,
        /// The line without its end.
        line: String,
    },
}
