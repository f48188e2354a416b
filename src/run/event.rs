//! What a screen may want to know while runs are under way.

use crate::base::{Diagnostic, Sources};
use crate::report::Finished;
use crate::trace::Hop;
use std::sync::Arc;
use std::time::Duration;

/// Number of a run within one command.
pub(super) type RunId = usize;

/// Something happened.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// A scenario can be used, but something about it is odd.
    Warning(&'a Diagnostic, &'a Sources),
    /// Everything is read; so many runs follow.
    Planned(usize),
    /// A run began.
    Started(RunId, &'a str),
    /// An origin of a run is up.
    Ready(RunId, &'a str, Duration),
    /// A process of a run printed a line (redacted).
    Printed(RunId, &'a str, &'a str),
    /// A step of a run began.
    Step(RunId, &'a str),
    /// A hop of a run is over.
    Hop(RunId, &'a Hop),
    /// A run failed and is tried again.
    Retried(RunId, &'a Finished),
    /// A run is over.
    Finished(RunId, &'a Arc<Finished>),
    /// Somebody wants to stop; what is under way is being put away.
    Stopping,
}

/// Whoever wants to know.
pub trait Listener: Send + Sync {
    /// Called from many tasks; must not block for long.
    fn event(&self, event: Event<'_>);
}

impl Listener for () {
    fn event(&self, _: Event<'_>) {}
}
