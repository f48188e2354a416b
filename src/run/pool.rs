//! Several runs at once, each on its own topology.

use super::attempt::{Attempt, Made};
use super::{Cancel, Event, Listener, Request};
use crate::base::Sources;
use crate::drive::Browsers;
use crate::plan::Plan;
use crate::report::{Finished, Outcome, Summary};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;
use tokio::task::JoinSet;

/// What all workers share.
struct Pool {
    plans: Vec<(Arc<Plan>, Arc<Sources>)>,
    /// Runs that follow one another because they are compared.
    rows: Vec<Range<usize>>,
    browsers: Browsers,
    request: Arc<Request>,
    listener: Arc<dyn Listener>,
    cancel: Cancel,
    next: AtomicUsize,
    enough: AtomicBool,
}

/// Runs all `plans`, at most `request.jobs` at a time, and waits for every one of them. Real browsers come from `browsers`
/// and are left running.
pub(super) async fn run_all(
    plans: Vec<(Arc<Plan>, Arc<Sources>)>,
    request: Arc<Request>,
    browsers: Browsers,
    listener: Arc<dyn Listener>,
    cancel: Cancel,
) -> Summary {
    let began = Instant::now();
    let count = plans.len();
    listener.event(Event::Planned(count));
    let jobs = request.jobs.clamp(1, count.max(1));
    let rows = rows(&plans);
    let pool = Pool { plans, rows, browsers, request, listener, cancel, next: AtomicUsize::new(0), enough: AtomicBool::new(false) };
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
    /// Takes one row after the other until none is left.
    async fn work(self: Arc<Self>) -> Vec<(usize, Arc<Finished>)> {
        let mut done = Vec::new();
        while let Some(row) = self.rows.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let mut reference = None;
            for id in row.clone() {
                if self.cancel.is_cancelled() || self.enough.load(Ordering::Relaxed) {
                    return done;
                }
                let (plan, sources) = &self.plans[id];
                let made = self.with_retries(id, plan, sources, reference.as_deref()).await;
                let finished = Arc::new(made.finished);
                reference = made.common;
                self.listener.event(Event::Finished(id, &finished));
                if self.request.fail_fast && finished.outcome() != Outcome::Passed {
                    self.enough.store(true, Ordering::Relaxed);
                }
                done.push((id, finished));
            }
        }
        done
    }

    async fn with_retries(&self, id: usize, plan: &Arc<Plan>, sources: &Arc<Sources>, reference: Option<&str>) -> Made {
        self.listener.event(Event::Started(id, &plan.id()));
        let mut tries = 1;
        loop {
            let (request, listener, cancel, browsers) = (&self.request, &self.listener, &self.cancel, &self.browsers);
            let mut made = Attempt { id, plan, sources, request, listener, cancel, browsers, reference }.make().await;
            made.finished.attempts = tries;
            if tries > self.request.retries || !matches!(made.finished.outcome(), Outcome::Failed | Outcome::Broken) {
                return made;
            }
            self.listener.event(Event::Retried(id, &made.finished));
            tries += 1;
        }
    }
}

/// Runs of the same plan by several engines stand side by side and belong together.
fn rows(plans: &[(Arc<Plan>, Arc<Sources>)]) -> Vec<Range<usize>> {
    let same = |one: &Plan, other: &Plan| one.file == other.file && one.variant == other.variant && one.engine != other.engine;
    let mut rows: Vec<Range<usize>> = Vec::new();
    for (at, (plan, _)) in plans.iter().enumerate() {
        match rows.last_mut() {
            Some(row) if same(&plans[row.start].0, plan) => row.end = at + 1,
            _ => rows.push(at..at + 1),
        }
    }
    rows
}
