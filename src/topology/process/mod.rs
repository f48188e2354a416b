//! Programs that a run starts, watches and stops.
//!
//! In: a [`ProcessPlan`](crate::plan::ProcessPlan), a port, and how it reaches other origins. Out: a running [`Process`], ready
//! to serve. A process leads a process group of its own, and the whole group goes with it: grandchildren are not left behind.
//! One from an image runs in a container instead, and is the same to everybody else.
//!
//! A port is found by binding to it and letting it go just before the program starts. Somebody else may take it in between;
//! then the program says so and ends, which is reported as any early end is, with its last lines.

mod body;
mod fake_time;
mod launch;
mod output;
mod port;
mod ready;
mod station;
mod supervise;

pub(crate) use body::{Body, End, Group};
pub(crate) use fake_time::{FakeTime, INSTALL as INSTALL_FAKE_TIME};
pub(crate) use launch::{Launch, Outward, Surroundings};
pub(crate) use port::Ports;
pub(crate) use ready::Listener;
pub(crate) use station::Station;
pub(crate) use supervise::Process;

/// Where libfaketime is, which gives processes the run's clock.
#[must_use]
pub fn fake_time() -> Option<std::path::PathBuf> {
    FakeTime::library()
}

/// A process that ended although nobody asked it to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the process of {of} ended during the run ({status})")]
pub struct Casualty {
    /// The origin it stood for, or the service that it was.
    pub of: String,
    /// How it ended, for example `signal: 9 (SIGKILL)`.
    pub status: String,
    /// Its last lines, redacted.
    pub lines: Vec<String>,
}
