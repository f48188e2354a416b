//! A running process: started, watched, and stopped with all of its group.

use super::Casualty;
use super::launch::Launch;
use super::output::Output;
use super::ready::{serves, waited_for};
use crate::plan::{ProcessPlan, Ready};
use crate::topology::{Context, Declared, Event, TopologyError};
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessGroup};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::{mpsc, oneshot, watch};
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

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    /// For people: `exit status: 1`.
    pub(crate) text: String,
    /// Its exit code, unless a signal ended it.
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
}

impl End {
    pub(crate) fn of(status: io::Result<ExitStatus>) -> Self {
        match status {
            Ok(status) => Self { text: status.to_string(), code: status.code(), signal: status.signal() },
            Err(cause) => Self { text: format!("status unknown: {cause}"), code: None, signal: None },
        }
    }
}

/// What the edge knows of the processes of an origin: of one, or of several that take turns.
#[derive(Debug)]
pub(crate) struct Station {
    port: u16,
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

    fn serves_at(&self, address: SocketAddr) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }

    fn ended_so(&self, end: End) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// A process and its whole group, killed when this value goes.
pub(crate) struct Group {
    child: Box<dyn ChildWrapper>,
    gone: bool,
}

impl Group {
    fn spawn(launch: &Launch) -> io::Result<Self> {
        let command = CommandWrap::with_new(&launch.program, |command| {
            command.args(&launch.args).current_dir(&launch.dir).env_clear();
            command.envs(launch.env.iter().map(|(name, value)| (name, value)));
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        });
        Self::of(command)
    }

    /// Starts a command as the leader of a group of its own.
    pub(crate) fn of(mut command: CommandWrap) -> io::Result<Self> {
        let child = command.wrap(ProcessGroup::leader()).wrap(KillOnDrop).spawn()?;
        Ok(Self { child, gone: false })
    }

    /// Its standard input, once.
    pub(crate) fn input(&mut self) -> Option<ChildStdin> {
        self.child.stdin().take()
    }

    /// Its standard output, once.
    pub(crate) fn output(&mut self) -> Option<ChildStdout> {
        self.child.stdout().take()
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Nobody is left of it.
    pub(crate) fn gone(&mut self) {
        self.gone = true;
    }

    /// Sends a signal to all of it.
    pub(crate) fn signal(&self, number: i32) {
        // Fails when nobody is left in the group.
        let _ = self.child.signal(number);
    }

    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    fn terminate(&self) {
        // Fails when nobody is left in the group, which is what is wanted.
        let _ = self.child.signal(SIGTERM);
    }

    pub(crate) fn kill(&self) {
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
        let origin = declared.origin.clone();
        context.tell(Event::Starting { origin: origin.clone() });
        let process = Self::spawn(declared, plan, &launch, station, context)?;
        match process.until_ready(plan).await {
            Ok(address) => {
                process.station.serves_at(address);
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
        let (signals, sent) = mpsc::unbounded_channel();
        let watcher = Watcher { group, readers, station: station.clone(), told, sent };
        let supervisor = tokio::spawn(watcher.watch(stopped, plan.stop_within)).abort_handle();
        Ok(Self { declared, station, output, stop: Mutex::new(Some(stop)), signals, ended, supervisor, stop_within: plan.stop_within })
    }

    async fn until_ready(&self, plan: &ProcessPlan) -> Result<SocketAddr, TopologyError> {
        let at = || Box::new(self.declared.clone());
        let mut ended = self.ended.clone();
        let serves = serves(&plan.ready, self.station.port, &self.declared.origin, &self.output);
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
        Some(Casualty { of: self.declared.origin.to_string(), status, lines: self.last_lines() })
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
    sent: mpsc::UnboundedReceiver<i32>,
}

impl Watcher {
    /// Waits for the process to end, or ends it when asked.
    async fn watch(mut self, stopped: oneshot::Receiver<()>, stop_within: Duration) {
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                status = self.group.wait() => break self.bury(status).await,
                _ = &mut stopped => break self.end(stop_within).await,
                Some(number) = self.sent.recv() => self.group.signal(number),
            }
        }
        self.group.gone = true;
        self.told.send_replace(true);
    }

    /// The process ended by itself: takes its last words, and its group with it.
    async fn bury(&mut self, status: io::Result<ExitStatus>) {
        self.group.kill();
        let _ = tokio::time::timeout(LAST_WORDS, drained(&mut self.readers)).await;
        self.station.ended_so(End::of(status));
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
