//! Why a topology could not stand up.

use crate::base::{Diagnostic, Span};
use crate::plan::{OriginPlan, ServicePlan, TemplateError};
use crate::web::origin::Origin;
use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, io};

/// An origin, or a service that runs beside the origins, and where the scenario declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// The origin. A service has one of its own, by which its calls to other origins are known.
    pub origin: Origin,
    /// The service's name, when it is one.
    pub service: Option<String>,
    /// Where the scenario declares it.
    pub span: Span,
}

impl fmt::Display for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.service {
            Some(name) => write!(f, "service `{name}`"),
            None => self.origin.fmt(f),
        }
    }
}

impl Declared {
    /// A service that runs beside the origins.
    #[must_use]
    pub fn service(plan: &ServicePlan) -> Box<Self> {
        // A name of the domain that is kept for private use; letters, digits, `-` and `_` are all that it has.
        let origin = format!("http://{}.service.internal", plan.name).parse();
        // Of a name that no host can have, the domain is left.
        let origin = origin.unwrap_or_else(|_| "http://service.internal".parse().expect("a literal origin"));
        Box::new(Self { origin, service: Some(plan.name.clone()), span: plan.span })
    }

    /// The origin of `plan` and its place.
    #[must_use]
    pub fn of(plan: &OriginPlan) -> Box<Self> {
        Box::new(Self { origin: plan.origin.clone(), service: None, span: plan.span })
    }
}

/// Why a topology could not stand up. Texts hold no secrets: programs are shown by their templates, output is redacted.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum TopologyError {
    #[error("origin {} is declared twice", .at)]
    DeclaredTwice { at: Box<Declared>, before: Box<Declared> },
    #[error("origin {} stands on the real upstream {upstream}, and this run may not reach real origins", .at)]
    NeedsLive { at: Box<Declared>, upstream: String },
    #[error("origin {} cannot stand on {upstream}: {reason}", .at)]
    UpstreamInvalid { at: Box<Declared>, upstream: String, reason: &'static str },
    #[error("a stub route of {} cannot be served: {reason}", .at)]
    StubInvalid { at: Box<Declared>, reason: String },
    #[error("{what} of {} has no value: {cause}", .at)]
    Template { at: Box<Declared>, what: String, cause: TemplateError },
    #[error("the process of {} has no program to run", .at)]
    NothingToRun { at: Box<Declared> },
    #[error("the processes of {} and {} both want port {port}", .at, .before)]
    PortWantedTwice { at: Box<Declared>, before: Box<Declared>, port: u16 },
    #[error("the process of {} wants port {port}, which is already in use", .at)]
    PortInUse { at: Box<Declared>, port: u16 },
    #[error("the process of {} cannot be started: there is no program `{program}`", .at)]
    ProgramNotFound { at: Box<Declared>, program: String },
    #[error("the process of {} cannot be started: there is no directory `{}`", .at, .dir.display())]
    DirectoryNotFound { at: Box<Declared>, dir: PathBuf },
    #[error("the process of {} cannot be started: `{program}`: {cause}", .at)]
    NotStarted { at: Box<Declared>, program: String, cause: io::Error },
    #[error("the process of {} ended before it was ready ({status}){}", .at, told(.lines))]
    DiedEarly { at: Box<Declared>, status: String, lines: Vec<String> },
    #[error("the process of {} was not ready within {} ({waited_for}){}", .at, seconds(.within), told(.lines))]
    NotReady { at: Box<Declared>, waited_for: String, within: Duration, lines: Vec<String> },
    #[error("the process of {} cannot live by the run's clock, which this scenario moves: libfaketime is not installed", .at)]
    NoFakeTime { at: Box<Declared> },
    #[error("the recording `{}` behind {} cannot be served: {reason}", .file.display(), .at)]
    RecordingInvalid { at: Box<Declared>, file: PathBuf, reason: String },
    #[error("the recording `{}` has nothing of {}; it has {origins}", .file.display(), .at)]
    NotRecorded { at: Box<Declared>, file: PathBuf, origins: String },
    #[error("the process of {} wants ports for {} processes and names one itself", .at, .replicas)]
    PortOfReplicas { at: Box<Declared>, replicas: usize },
    #[error("service `{name}` cannot be started: there is no program `redis-server`")]
    NoRedis { name: String },
    #[error("service `{name}` is no Redis server that serves: {why}{}", told(.lines))]
    Redis { name: String, why: String, lines: Vec<String> },
    #[error("service `{name}` lies on {host}, and this run may not reach real servers")]
    RedisNeedsLive { name: String, host: String },
    #[error("{at} is to be started from image `{image}`, and no Docker engine answers ({why})")]
    NoEngine { at: Box<Declared>, image: String, why: String },
    #[error("{at} cannot be started from image `{image}`: {why}")]
    ContainerFailed { at: Box<Declared>, image: String, why: String },
    #[error("the container of {} cannot live by the run's clock, which this scenario moves", .at)]
    ContainerClock { at: Box<Declared> },
    #[error("{what} failed: {cause}")]
    System { what: &'static str, cause: Box<dyn std::error::Error + Send + Sync> },
}

impl TopologyError {
    /// Something that the machine refused, whatever the scenario says.
    pub(crate) fn system(what: &'static str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::System { what, cause: cause.into() }
    }

    /// Whether the scenario or the command line is to blame, and not the machine.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            Self::DeclaredTwice { .. }
            | Self::NeedsLive { .. }
            | Self::UpstreamInvalid { .. }
            | Self::StubInvalid { .. }
            | Self::Template { .. }
            | Self::NothingToRun { .. }
            | Self::RecordingInvalid { .. }
            | Self::NotRecorded { .. }
            | Self::PortWantedTwice { .. }
            | Self::PortOfReplicas { .. }
            | Self::ContainerClock { .. }
            | Self::RedisNeedsLive { .. } => true,
            Self::PortInUse { .. }
            | Self::ProgramNotFound { .. }
            | Self::DirectoryNotFound { .. }
            | Self::NotStarted { .. }
            | Self::DiedEarly { .. }
            | Self::NotReady { .. }
            | Self::NoFakeTime { .. }
            | Self::NoRedis { .. }
            | Self::Redis { .. }
            | Self::NoEngine { .. }
            | Self::ContainerFailed { .. }
            | Self::System { .. } => false,
        }
    }

    /// The origin it is about, and its place.
    #[must_use]
    pub fn declared(&self) -> Option<&Declared> {
        match self {
            Self::DeclaredTwice { at, .. }
            | Self::NeedsLive { at, .. }
            | Self::UpstreamInvalid { at, .. }
            | Self::StubInvalid { at, .. }
            | Self::Template { at, .. }
            | Self::RecordingInvalid { at, .. }
            | Self::NotRecorded { at, .. }
            | Self::NothingToRun { at }
            | Self::PortWantedTwice { at, .. }
            | Self::PortInUse { at, .. }
            | Self::ProgramNotFound { at, .. }
            | Self::DirectoryNotFound { at, .. }
            | Self::NotStarted { at, .. }
            | Self::DiedEarly { at, .. }
            | Self::NoFakeTime { at }
            | Self::PortOfReplicas { at, .. }
            | Self::ContainerClock { at }
            | Self::NoEngine { at, .. }
            | Self::ContainerFailed { at, .. }
            | Self::NotReady { at, .. } => Some(at),
            Self::NoRedis { .. } | Self::Redis { .. } | Self::RedisNeedsLive { .. } | Self::System { .. } => None,
        }
    }

    /// How to mend it, one sentence each.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::DeclaredTwice { .. } => vec!["keep one of the two; a default port (443, 80) may be written or left out".into()],
            Self::NeedsLive { .. } => {
                vec!["run with `--live`, or with a profile that says `live: true`".into(), "a loopback upstream needs neither".into()]
            }
            Self::UpstreamInvalid { .. } => vec!["write an absolute URL such as `https://auth.example.com`".into()],
            Self::RecordingInvalid { .. } => {
                vec!["`replay` names a HAR, relative to the scenario file; `authchain import FILE.har` writes both".into()]
            }
            Self::NotRecorded { .. } => vec!["put something else behind this origin, or leave it out".into()],
            Self::PortOfReplicas { .. } => vec!["leave `port` out: each gets a free one as `${port}` and `PORT`".into()],
            Self::NoRedis { .. } => vec![format!("install it: `{}`", super::redis::INSTALL)],
            Self::RedisNeedsLive { .. } => vec!["run with `--live`, or with a profile that says `live: true`".into()],
            Self::NoEngine { .. } => vec![
                "start the engine (`docker info` says whether it answers)".into(),
                "or write beside `container` what to do without one: `otherwise: { process: … }`, or for Redis `otherwise: process`".into(),
            ],
            Self::ContainerFailed { .. } => vec!["see whether `docker run` starts the image".into()],
            Self::ContainerClock { .. } => vec!["start it as a `process`, or leave its clock alone: wait for nothing that it times".into()],
            Self::StubInvalid { .. } | Self::Template { .. } | Self::Redis { .. } => Vec::new(),
            Self::NothingToRun { .. } => vec!["give `run` a program and its arguments, for example `run: [node, server.js]`".into()],
            Self::PortWantedTwice { .. } => vec!["leave `port` out of one: a free one is passed as `${port}` and `PORT`".into()],
            Self::PortInUse { port, .. } => vec![
                format!("see who has it: `ss -ltnp 'sport = :{port}'`"),
                "or leave `port` out: a free one is passed as `${port}` and `PORT`".into(),
            ],
            Self::ProgramNotFound { program, .. } if program.contains('/') => vec!["the path is relative to the process's `dir`".into()],
            Self::ProgramNotFound { program, .. } => vec![format!("install `{program}`, or add its directory to PATH")],
            Self::DirectoryNotFound { .. } => vec!["`dir` is relative to the scenario file".into()],
            Self::NotStarted { cause, .. } if cause.kind() == io::ErrorKind::PermissionDenied => vec!["make the file executable".into()],
            Self::NotStarted { .. } | Self::System { .. } => Vec::new(),
            Self::NoFakeTime { .. } => vec![format!("install it: `{}`", super::process::INSTALL_FAKE_TIME)],
            Self::DiedEarly { .. } => vec!["run the command by hand in the same directory; it must stay in the foreground".into()],
            Self::NotReady { .. } => vec![
                "it must listen on 127.0.0.1 (or ::1), on the port that `${port}` and `PORT` name".into(),
                "if it is only slow, give it longer with `ready_within`".into(),
            ],
        }
    }

    /// The error with its place and hints, for a person.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(self.to_string());
        if let Some(declared) = self.declared() {
            diagnostic = diagnostic.at(declared.span, "");
        }
        if let Self::DeclaredTwice { before, .. } | Self::PortWantedTwice { before, .. } = self {
            diagnostic = diagnostic.related(before.span, "the other one");
        }
        self.hints().into_iter().fold(diagnostic, Diagnostic::hint)
    }
}

fn told(lines: &[String]) -> String {
    if lines.is_empty() { "; it printed nothing".to_owned() } else { format!("; its last lines:\n  {}", lines.join("\n  ")) }
}

fn seconds(time: &Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Sources;

    #[test]
    fn a_clock_that_processes_cannot_have_is_the_fault_of_the_machine() {
        let at = Box::new(Declared {
            origin: "https://a.test".parse().unwrap(),
            service: None,
            span: Span::new(Sources::default().add("a.yaml", ""), 0..0),
        });
        let error = TopologyError::NoFakeTime { at };
        assert!(!error.is_usage() && error.to_string().contains("libfaketime is not installed"));
        assert_eq!(error.hints(), ["install it: `sudo apt-get install -y libfaketime`"]);
    }

    #[test]
    fn an_error_says_where_what_and_how_to_mend_it() {
        let mut sources = Sources::default();
        let text = "origins:\n  https://a.test:\n    process: x\n";
        let source = sources.add("a.yaml", text);
        let at = Box::new(Declared { origin: "https://a.test".parse().unwrap(), service: None, span: Span::new(source, 11..25) });
        let error = TopologyError::DiedEarly { at, status: "exit status: 1".into(), lines: vec!["no DATABASE_URL".into()] };
        assert!(!error.is_usage());
        let shown = error.diagnostic().render(&sources, false);
        for part in ["a.yaml:2:3", "ended before it was ready (exit status: 1)", "no DATABASE_URL", "hint: run the command by hand"] {
            assert!(shown.contains(part), "{part} is missing in\n{shown}");
        }
    }
}
