//! A running process: started, watched, and stopped with all of its group.

use super::Casualty;
use super::launch::Launch;
use super::output::Output;
use super::ready::{serves, waited_for};
use crate::plan::{ProcessPlan, Ready};
use crate::topology::{Context, Declared, Event, TopologyError};
use crate::web::origin::Origin;
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessGroup};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};

/// POSIX numbers of the two signals that end a group.
const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;
/// How long output that is still on its way is waited for once a process ended by itself.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long a killed process may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(2);
/// How long a killed process is waited for when that blocks a thread.
const DIES_WITHIN: Duration = Duration::from_millis(100);
/// Lines of output in an error.
const LINES_TOLD: usize = 20;

/// What the edge knows of a process.
#[derive(Debug)]
pub(crate) struct Station {
    port: u16,
    found: OnceLock<SocketAddr>,
    ended: OnceLock<String>,
}

impl Station {
    /// A process that will listen on `port`.
    pub(crate) fn new(port: u16) -> Arc<Self> {
        Arc::new(Self { port, found: OnceLock::new(), ended: OnceLock::new() })
    }

    /// The port it shall listen on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where it listens, as far as is known.
    pub(crate) fn address(&self) -> SocketAddr {
        self.found.get().copied().unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)))
    }

    /// How it ended, if it did without being asked.
    pub(crate) fn ended(&self) -> Option<&str> {
        self.ended.get().map(String::as_str)
    }
}

/// A process and its whole group, killed when this value goes.
struct Group {
    child: Box<dyn ChildWrapper>,
    gone: bool,
}

impl Group {
    fn spawn(launch: &Launch) -> io::Result<Self> {
        let mut command = CommandWrap::with_new(&launch.program, |command| {
            command.args(&launch.args).current_dir(&launch.dir).env_clear();
            command.envs(launch.env.iter().map(|(name, value)| (name, value)));
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        });
        let child = command.wrap(ProcessGroup::leader()).wrap(KillOnDrop).spawn()?;
        Ok(Self { child, gone: false })
    }

    async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    fn terminate(&self) {
        // Fails when nobody is left in the group, which is what is wanted.
        let _ = self.child.signal(SIGTERM);
    }

    fn kill(&self) {
        let _ = self.child.signal(SIGKILL);
    }
}

impl Drop for Group {
    /// The last resort, when nobody can wait any more: kills, and blocks for the moment that dying takes, so that a program
    /// which ends right after this leaves nobody behind.
    fn drop(&mut self) {
        if self.gone {
            return;
        }
        self.kill();
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && began.elapsed() < DIES_WITHIN {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A running process.
pub(crate) struct Process {
    declared: Declared,
    station: Arc<Station>,
    output: Arc<Output>,
    /// Asks the supervisor to end the group; taken by the first who asks.
    stop: Mutex<Option<oneshot::Sender<()>>>,
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
        let origin = declared.origin.clone();
        context.tell(Event::Starting { origin: origin.clone() });
        let process = Self::spawn(declared, plan, &launch, station, context)?;
        match process.until_ready(plan).await {
            Ok(address) => {
                // Set once: nothing but this line does.
                let _ = process.station.found.set(address);
                context.tell(Event::Ready { origin, took: began.elapsed() });
                Ok(process)
            }
            Err(error) => {
                process.stop().await;
                Err(error)
            }
        }
    }

    fn spawn(
        declared: Declared,
        plan: &ProcessPlan,
        launch: &Launch,
        station: Arc<Station>,
        context: &Context,
    ) -> Result<Self, TopologyError> {
        let mut group = Group::spawn(launch).map_err(|cause| not_started(&declared, launch, cause))?;
        let wanted = if let Ready::Log(regex) = &plan.ready { Some(regex.clone()) } else { None };
        let output = Arc::new(Output::new(declared.origin.clone(), context.redactor.clone(), context.log.clone(), wanted));
        let mut readers = JoinSet::new();
        if let Some(pipe) = group.child.stdout().take() {
            let output = output.clone();
            readers.spawn(async move { output.follow(pipe).await });
        }
        if let Some(pipe) = group.child.stderr().take() {
            let output = output.clone();
            readers.spawn(async move { output.follow(pipe).await });
        }
        let (stop, stopped) = oneshot::channel();
        let (told, ended) = watch::channel(false);
        let watcher = Watcher { group, readers, station: station.clone(), told };
        let supervisor = tokio::spawn(watcher.watch(stopped, plan.stop_within)).abort_handle();
        Ok(Self { declared, station, output, stop: Mutex::new(Some(stop)), ended, supervisor, stop_within: plan.stop_within })
    }

    async fn until_ready(&self, plan: &ProcessPlan) -> Result<SocketAddr, TopologyError> {
        let at = || Box::new(self.declared.clone());
        let mut ended = self.ended.clone();
        let serves = serves(&plan.ready, self.station.port, &self.declared.origin, &self.output);
        tokio::select! {
            biased;
            // An error means that the supervisor is gone, and the process with it.
            _ = ended.wait_for(|ended| *ended) => {
                let status = self.station.ended().unwrap_or("it was stopped").to_owned();
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

    /// The origin it stands for.
    pub(crate) fn origin(&self) -> &Origin {
        &self.declared.origin
    }

    /// What it printed last.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.output.lines()
    }

    /// How it ended, if it did without being asked.
    pub(crate) fn casualty(&self) -> Option<Casualty> {
        let status = self.station.ended()?.to_owned();
        Some(Casualty { origin: self.declared.origin.clone(), status, lines: self.last_lines() })
    }

    /// Ends the group: SIGTERM, then SIGKILL for whoever is left after the time that the plan gives.
    pub(crate) async fn stop(&self) {
        if let Some(stop) = self.stop.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Fails if the process ended before, and then there is nothing to stop.
            let _ = stop.send(());
        }
        let mut ended = self.ended.clone();
        if tokio::time::timeout(self.stop_within + 2 * GONE_WITHIN, ended.wait_for(|ended| *ended)).await.is_err() {
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
    group: Group,
    /// The tasks that read the two pipes. They end when the last holder of the pipes does, and that may be a grandchild.
    readers: JoinSet<()>,
    station: Arc<Station>,
    told: watch::Sender<bool>,
}

impl Watcher {
    /// Waits for the process to end, or ends it when asked.
    async fn watch(mut self, stopped: oneshot::Receiver<()>, stop_within: Duration) {
        tokio::select! {
            status = self.group.wait() => self.bury(status).await,
            _ = stopped => self.end(stop_within).await,
        }
        self.group.gone = true;
        self.told.send_replace(true);
    }

    /// The process ended by itself: takes its last words, and its group with it.
    async fn bury(&mut self, status: io::Result<ExitStatus>) {
        self.group.kill();
        let _ = tokio::time::timeout(LAST_WORDS, drained(&mut self.readers)).await;
        let status = status.map_or_else(|cause| format!("status unknown: {cause}"), |status| status.to_string());
        // Set once: a process ends once.
        let _ = self.station.ended.set(status);
    }

    /// Ends the group. It is through when the process is gone and nobody holds its output any more: a grandchild that still
    /// cleans up gets the same time.
    async fn end(&mut self, within: Duration) {
        self.group.terminate();
        let (group, readers) = (&mut self.group, &mut self.readers);
        let through = async {
            let _ = group.wait().await;
            drained(readers).await;
        };
        let _ = tokio::time::timeout(within, through).await;
        // Also after a quiet end: a grandchild may have given its output away and stayed.
        self.group.kill();
        let _ = tokio::time::timeout(GONE_WITHIN, self.group.wait()).await;
    }
}

async fn drained(readers: &mut JoinSet<()>) {
    while readers.join_next().await.is_some() {}
}

/// Tells apart why a program did not start: the system says `not found` for program and directory alike.
fn not_started(declared: &Declared, launch: &Launch, cause: io::Error) -> TopologyError {
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
