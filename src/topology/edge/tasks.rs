//! Tasks that end with their owner.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// A set of tasks that can be ended all at once.
#[derive(Debug)]
pub(super) struct Tasks {
    runtime: Handle,
    /// `None` once ended: whatever comes later does not start.
    set: Mutex<Option<JoinSet<()>>>,
}

impl Tasks {
    /// No tasks yet, on the runtime of the caller.
    pub(super) fn new() -> Self {
        Self { runtime: Handle::current(), set: Mutex::new(Some(JoinSet::new())) }
    }

    /// The runtime the tasks run on.
    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Starts a task, unless all were ended.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) = set.as_mut() {
            // Those that are through would stay in the set until somebody asks for them.
            while set.try_join_next().is_some() {}
            set.spawn_on(task, &self.runtime);
        }
    }

    /// Ends all, at their next point of rest.
    pub(super) fn end(&self) {
        let set = self.set.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(set);
    }
}
