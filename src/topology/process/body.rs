//! What a started program is to the system: a group of processes, or a container.

use super::launch::Program;
use crate::topology::container::Container;
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessGroup};
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::io::AsyncRead;
use tokio::process::ChildStdin;

/// POSIX number of the signal that nobody survives.
const SIGKILL: i32 = 9;
/// How long a killed process is waited for when that blocks a thread.
const DIES_WITHIN: Duration = Duration::from_millis(100);

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
    fn of(status: io::Result<ExitStatus>) -> Self {
        match status {
            Ok(status) => Self { text: status.to_string(), code: status.code(), signal: status.signal() },
            Err(cause) => Self { text: format!("status unknown: {cause}"), code: None, signal: None },
        }
    }
}

/// A started program. It is gone when this value is.
pub(crate) enum Body {
    /// A process of this machine and its whole group.
    Group(Group),
    /// A container.
    Container(Box<Container>),
}

impl Body {
    /// What it prints, once.
    pub(crate) fn output(&mut self) -> Vec<Pin<Box<dyn AsyncRead + Send>>> {
        match self {
            Self::Group(group) => group.output(),
            Self::Container(container) => container.output().into_iter().map(|pipe| pipe as _).collect(),
        }
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, number: i32) {
        match self {
            Self::Group(group) => group.signal(number),
            Self::Container(container) => container.signal(number),
        }
    }

    /// Ends it at once.
    pub(crate) fn kill(&self) {
        self.signal(SIGKILL);
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<End> {
        match self {
            Self::Group(group) => group.child.try_wait().ok().flatten().map(|status| End::of(Ok(status))),
            Self::Container(container) => container.ended(),
        }
    }

    /// Waits until it has ended.
    pub(crate) async fn wait(&mut self) -> End {
        match self {
            Self::Group(group) => End::of(group.child.wait().await),
            Self::Container(container) => container.wait().await,
        }
    }

    /// Nobody is left of it, but for what a container leaves: that is removed.
    pub(crate) async fn bury(self) {
        match self {
            Self::Group(mut group) => group.gone(),
            Self::Container(container) => container.remove().await,
        }
    }
}

/// A process and its whole group, killed when this value goes.
pub(crate) struct Group {
    child: Box<dyn ChildWrapper>,
    gone: bool,
}

impl Group {
    pub(super) fn spawn(launch: &Program) -> io::Result<Self> {
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

    /// What it prints, once: standard output and standard error, as far as they were asked for.
    fn output(&mut self) -> Vec<Pin<Box<dyn AsyncRead + Send>>> {
        let mut pipes: Vec<Pin<Box<dyn AsyncRead + Send>>> = Vec::new();
        pipes.extend(self.child.stdout().take().map(|pipe| Box::pin(pipe) as _));
        pipes.extend(self.child.stderr().take().map(|pipe| Box::pin(pipe) as _));
        pipes
    }

    /// Nobody is left of it.
    pub(crate) fn gone(&mut self) {
        self.gone = true;
    }

    /// Sends a signal to all of it.
    fn signal(&self, number: i32) {
        // Fails when nobody is left in the group.
        let _ = self.child.signal(number);
    }
}

impl Drop for Group {
    /// The last resort, when nobody can wait any more: kills, and blocks for the moment that dying takes, so that a program
    /// which ends right after this leaves nobody behind.
    fn drop(&mut self) {
        if self.gone {
            return;
        }
        self.signal(SIGKILL);
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && began.elapsed() < DIES_WITHIN {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
