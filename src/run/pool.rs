//! Several runs at once, each on its own topology.

use super::attempt::Attempt;
use super::{Cancel, Event, Listener, Request};
use crate::base::Sources;
use crate::plan::Plan;
use crate::report::{Finished, Outcome, Summary};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;
use tokio::task::JoinSet;

/// What all workers share.
struct Pool {
    plans: Vec<(Arc<Plan>, Arc<Sources>)>,
    request: Arc<Request>,
    listener: Arc<dyn Listener>,
    cancel: Cancel,
    next: AtomicUsize,
    enough: AtomicBool,
}

/// Runs all `plans`, at most `request.jobs` at a time, and waits for every one of them.
pub(super) async fn run_all(
    plans: Vec<(Arc<Plan>, Arc<Sources>)>,
    request: Arc<Request>,
    listener: Arc<dyn Listener>,
    cancel: Cancel,
) -> Summary {
    let began = Instant::now();
    let count = plans.len();
    listener.event(Event::Planned(count));
    let jobs = request.jobs.clamp(1, count.max(1));
    let pool = Pool { plans, request, listener, cancel, next: AtomicUsize::new(0), enough: AtomicBool::new(false) };
    let pool = Arc::new(pool);
    let cancel = pool.cancel.clone();
    let mut workers = JoinSet::new();
    for _ in 0..jobs {
        workers.spawn(pool.clone().work());
    }
    let mut done: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
    done.sort_by_key(|(id, _)| *id);
    let interrupted = cancel.is_cancelled();
    let runs: Vec<_> = done.into_iter().map(|(_, finished)| finished).collect();
    Summary { not_started: count - runs.len(), runs, interrupted, took: began.elapsed() }
}

impl Pool {
    /// Takes one plan after the other until none is left.
    async fn work(self: Arc<Self>) -> Vec<(usize, Arc<Finished>)> {
        let mut done = Vec::new();
        while !self.cancel.is_cancelled() && !self.enough.load(Ordering::Relaxed) {
            let id = self.next.fetch_add(1, Ordering::Relaxed);
            let Some((plan, sources)) = self.plans.get(id) else { break };
            let finished = Arc::new(self.with_retries(id, plan, sources).await);
            self.listener.event(Event::Finished(id, &finished));
            if self.request.fail_fast && finished.outcome() != Outcome::Passed {
                self.enough.store(true, Ordering::Relaxed);
            }
            done.push((id, finished));
        }
        done
    }

    async fn with_retries(&self, id: usize, plan: &Arc<Plan>, sources: &Arc<Sources>) -> Finished {
        self.listener.event(Event::Started(id, &plan.id()));
        let mut tries = 1;
        loop {
            let attempt = Attempt { id, plan, sources, request: &self.request, listener: &self.listener, cancel: &self.cancel };
            let mut finished = attempt.make().await;
            finished.attempts = tries;
            if tries > self.request.retries || !matches!(finished.outcome(), Outcome::Failed | Outcome::Broken) {
                return finished;
            }
            self.listener.event(Event::Retried(id, &finished));
            tries += 1;
        }
    }
}
