//! A running process: started, watched, and stopped with all of its group, or its container.

use super::Casualty;
use super::body::{Body, End, Group};
use super::launch::{Launch, Program};
use super::output::Output;
use super::ready::{Listener, serves, waited_for};
use super::station::Station;
use crate::plan::{ProcessPlan, Ready};
use crate::topology::container::Container;
use crate::topology::{Context, Declared, Event, TopologyError};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};

/// POSIX number of the signal that asks a group to end.
const SIGTERM: i32 = 15;
/// How long output that is still on its way is waited for once a process ended by itself.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long a killed process may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(2);
/// How long what is left of one may take to be removed.
const REMOVED_WITHIN: Duration = Duration::from_secs(10);
/// Lines of output in an error.
const LINES_TOLD: usize = 20;

/// A running process.
pub(crate) struct Process {
    declared: Declared,
    station: Arc<Station>,
    output: Arc<Output>,
    /// Asks the supervisor to end the group; taken by the first who asks.
    stop: Mutex<Option<oneshot::Sender<()>>>,
    signals: mpsc::UnboundedSender<i32>,
    ended: watch::Receiver<bool>,
    supervisor: AbortHandle,
    stop_within: Duration,
}

impl Process {
    /// Starts a process and waits until it serves.
    ///
    /// # Errors
    /// When it cannot be started, ends early, or does not serve in time. Whatever was started is gone by then.
    pub(crate) async fn start(
        declared: Declared,
        plan: &ProcessPlan,
        launch: Launch,
        station: Arc<Station>,
        context: &Context,
    ) -> Result<Self, TopologyError> {
        let began = Instant::now();
        let of = declared.to_string();
        context.tell(Event::Starting { of: of.clone() });
        let process = Self::spawn(declared, plan, launch, station, context).await?;
        match process.until_ready(plan).await {
            Ok(address) => {
                process.station.serves_at(address);
                context.tell(Event::Ready { of, took: began.elapsed() });
                Ok(process)
            }
            Err(error) => {
                process.stop().await;
                Err(error)
            }
        }
    }

    async fn spawn(
        declared: Declared,
        plan: &ProcessPlan,
        launch: Launch,
        station: Arc<Station>,
        context: &Context,
    ) -> Result<Self, TopologyError> {
        let mut body = match launch {
            Launch::Program(program) => Body::Group(Group::spawn(&program).map_err(|cause| not_started(&declared, &program, cause))?),
            Launch::Image(recipe) => {
                let image = recipe.image.clone();
                let container = Container::start(recipe).await;
                Body::Container(Box::new(container.map_err(|why| why.error(&declared, &image))?))
            }
        };
        let wanted = if let Ready::Log(regex) = &plan.ready { Some(regex.clone()) } else { None };
        let output = Arc::new(Output::new(declared.to_string(), context.redactor.clone(), context.log.clone(), wanted));
        let mut readers = JoinSet::new();
        for pipe in body.output() {
            let output = output.clone();
            readers.spawn(async move { output.follow(pipe).await });
        }
        let (stop, stopped) = oneshot::channel();
        let (told, ended) = watch::channel(false);
        let (signals, sent) = mpsc::unbounded_channel();
        let watcher = Watcher { body, readers, station: station.clone(), told, sent };
        let supervisor = tokio::spawn(watcher.watch(stopped, plan.stop_within)).abort_handle();
        Ok(Self { declared, station, output, stop: Mutex::new(Some(stop)), signals, ended, supervisor, stop_within: plan.stop_within })
    }

    async fn until_ready(&self, plan: &ProcessPlan) -> Result<SocketAddr, TopologyError> {
        let at = || Box::new(self.declared.clone());
        let mut ended = self.ended.clone();
        let listener = Listener { port: self.station.port, beyond_proxy: plan.image.is_some() };
        let serves = serves(&plan.ready, listener, &self.declared.origin, &self.output);
        tokio::select! {
            biased;
            // An error means that the supervisor is gone, and the process with it.
            _ = ended.wait_for(|ended| *ended) => {
                let status = self.station.ended().unwrap_or_else(|| "it was stopped".to_owned());
                Err(TopologyError::DiedEarly { at: at(), status, lines: self.last_lines() })
            }
            served = tokio::time::timeout(plan.ready_within, serves) => served.map_err(|_| TopologyError::NotReady {
                at: at(),
                waited_for: waited_for(&plan.ready, self.station.port),
                within: plan.ready_within,
                lines: self.last_lines(),
            }),
        }
    }

    fn last_lines(&self) -> Vec<String> {
        let lines = self.output.lines();
        lines[lines.len().saturating_sub(LINES_TOLD)..].to_vec()
    }

    /// What it printed last.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.output.lines()
    }

    /// How it ended, if it did without being asked.
    pub(crate) fn casualty(&self) -> Option<Casualty> {
        let status = self.station.ended()?;
        Some(Casualty { of: self.declared.to_string(), status, lines: self.last_lines() })
    }

    /// Sends a signal to its group.
    pub(crate) fn signal(&self, number: i32) {
        // Fails when it has ended, and then nobody is there to be told.
        let _ = self.signals.send(number);
    }

    /// Waits until it has ended; `false` when that takes longer than `within`.
    pub(crate) async fn until_ended(&self, within: Duration) -> bool {
        let mut ended = self.ended.clone();
        tokio::time::timeout(within, ended.wait_for(|ended| *ended)).await.is_ok()
    }

    /// Ends the group: SIGTERM, then SIGKILL for whoever is left after the time that the plan gives.
    pub(crate) async fn stop(&self) {
        if let Some(stop) = self.stop.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Fails if the process ended before, and then there is nothing to stop.
            let _ = stop.send(());
        }
        let mut ended = self.ended.clone();
        // The supervisor goes, and what it tells with it, when nothing is left to be done.
        let gone = async { while ended.changed().await.is_ok() {} };
        if tokio::time::timeout(self.stop_within + 2 * GONE_WITHIN + REMOVED_WITHIN, gone).await.is_err() {
            self.supervisor.abort();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // With the task goes its `Group`, which kills everything.
        self.supervisor.abort();
    }
}

/// What the supervising task of one process holds.
struct Watcher {
    body: Body,
    /// The tasks that read the two pipes. They end when the last holder of the pipes does, and that may be a grandchild.
    readers: JoinSet<()>,
    station: Arc<Station>,
    told: watch::Sender<bool>,
    sent: mpsc::UnboundedReceiver<i32>,
}

impl Watcher {
    /// Waits for the process to end, or ends it when asked.
    async fn watch(mut self, stopped: oneshot::Receiver<()>, stop_within: Duration) {
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                end = self.body.wait() => break self.ended(end).await,
                _ = &mut stopped => break self.end(stop_within).await,
                Some(number) = self.sent.recv() => self.body.signal(number),
            }
        }
        let Self { body, told, .. } = self;
        told.send_replace(true);
        body.bury().await;
    }

    /// The process ended by itself: takes its last words, and its group with it.
    async fn ended(&mut self, end: End) {
        self.body.kill();
        let _ = tokio::time::timeout(LAST_WORDS, drained(&mut self.readers)).await;
        self.station.ended_so(end);
    }

    /// Ends the group. It is through when the process is gone and nobody holds its output any more: a grandchild that still
    /// cleans up gets the same time.
    async fn end(&mut self, within: Duration) {
        self.body.signal(SIGTERM);
        let (body, readers) = (&mut self.body, &mut self.readers);
        let through = async {
            body.wait().await;
            drained(readers).await;
        };
        let _ = tokio::time::timeout(within, through).await;
        // Also after a quiet end: a grandchild may have given its output away and stayed.
        self.body.kill();
        let _ = tokio::time::timeout(GONE_WITHIN, self.body.wait()).await;
    }
}

async fn drained(readers: &mut JoinSet<()>) {
    while readers.join_next().await.is_some() {}
}

/// Tells apart why a program did not start: the system says `not found` for program and directory alike.
fn not_started(declared: &Declared, launch: &Program, cause: io::Error) -> TopologyError {
    let at = Box::new(declared.clone());
    let program = launch.shown.clone();
    if !launch.dir.is_dir() {
        TopologyError::DirectoryNotFound { at, dir: launch.dir.clone() }
    } else if cause.kind() == io::ErrorKind::NotFound {
        TopologyError::ProgramNotFound { at, program }
    } else {
        TopologyError::NotStarted { at, program, cause }
    }
}
