//! What stands behind each origin.

use super::fault::{Fault, Service};
use super::gotrue::GotruePlan;
use super::matcher::Matcher;
use super::provider::IdpPlan;
use super::service::{InboxHookPlan, OtpPlan};
use super::template::{JsonTemplate, Template};
use crate::base::Span;
use crate::web::origin::Origin;
use regex::bytes::Regex;
use serde_json_path::JsonPath;
use std::path::PathBuf;
use std::time::Duration;

/// One origin of the run.
#[derive(Debug, Clone)]
pub struct OriginPlan {
    /// The origin as the browser sees it.
    pub origin: Origin,
    /// What answers for it.
    pub backend: Backend,
    /// What goes wrong from the beginning: in the embedded service behind it, or on the way.
    pub faults: Vec<Fault>,
    /// Where the scenario declares it.
    pub span: Span,
}

/// What answers for an origin.
#[derive(Debug, Clone)]
pub enum Backend {
    /// A program that the run starts, from this machine or from an image.
    Process(ProcessPlan),
    /// Answers written in the scenario.
    Stub(StubPlan),
    /// The embedded OpenID provider.
    Idp(Box<IdpPlan>),
    /// The embedded auth server in the style of GoTrue.
    Gotrue(Box<GotruePlan>),
    /// The embedded vendor of one-time passwords.
    Otp(Box<OtpPlan>),
    /// A hook that takes text messages into the run's inbox.
    Inbox(InboxHookPlan),
    /// The answers of a recording.
    Replay(ReplayPlan),
    /// A real server somewhere else.
    Upstream(UpstreamPlan),
    /// Another port of the process behind another origin.
    PortOf(PortOfPlan),
}

/// Another port of a process.
#[derive(Debug, Clone)]
pub struct PortOfPlan {
    /// The origin of the process.
    pub process: Origin,
    /// The name of the port.
    pub port: String,
}

impl Backend {
    /// Which embedded service it is, if it is one.
    #[must_use]
    pub fn service(&self) -> Option<Service> {
        match self {
            Self::Idp(_) => Some(Service::Idp),
            Self::Gotrue(_) => Some(Service::Gotrue),
            Self::Otp(_) => Some(Service::Otp),
            Self::Process(_) | Self::Stub(_) | Self::Inbox(_) | Self::Replay(_) | Self::Upstream(_) | Self::PortOf(_) => None,
        }
    }
}

/// A program that the run starts and stops.
#[derive(Debug, Clone)]
pub struct ProcessPlan {
    /// The image that it is started from; a program of this machine without one.
    pub image: Option<Box<ImagePlan>>,
    /// Program and arguments. The word `authchain` in first place means this very executable. Of an image, what is run in it,
    /// and what the image says when empty.
    pub run: Vec<Template>,
    /// Environment on top of the bare one (`PATH`, `HOME`, `LANG`, `TMPDIR` are passed on); `${port}` is already a [capture](super::Part::Capture) called `port`.
    pub env: Vec<(String, Template)>,
    /// Where it is started.
    pub dir: PathBuf,
    /// The port it listens on, when it cannot be told; otherwise a free one is found and passed as `${port}` and `PORT`.
    pub port: Option<u16>,
    /// Further ports by name; each is already a [capture](super::Part::Capture) called `port.NAME`.
    pub ports: Vec<String>,
    /// Whether a step starts it, and not the run.
    pub later: bool,
    /// Origins whose processes serve before this one is started.
    pub after: Vec<Origin>,
    /// How many of it there are, one at least.
    pub replicas: usize,
    /// How one knows that it serves.
    pub ready: Ready,
    /// How long it may take until it serves.
    pub ready_within: Duration,
    /// How long it has between SIGTERM and SIGKILL.
    pub stop_within: Duration,
}

/// The image that a process is started from.
#[derive(Debug, Clone)]
pub struct ImagePlan {
    /// The image with its tag.
    pub name: String,
    /// The port that it listens on inside.
    pub port: u16,
    /// Further ports inside, in the order of [`ProcessPlan::ports`].
    pub ports: Vec<u16>,
    /// Files by their absolute path inside.
    pub files: Vec<(String, Template)>,
    /// What answers where no Docker engine does.
    pub otherwise: Option<Backend>,
}

/// How one knows that a process serves.
#[derive(Debug, Clone)]
pub enum Ready {
    /// Its port accepts connections.
    Tcp,
    /// `GET` on this path answers with a status below 500.
    Get(String),
    /// It prints a line that matches.
    Log(Regex),
}

/// Answers written in the scenario.
#[derive(Debug, Clone)]
pub struct StubPlan {
    /// Tried in order; the first that fits and has replies left answers.
    pub routes: Vec<StubRoute>,
}

/// One thing a stub answers to.
#[derive(Debug, Clone)]
pub struct StubRoute {
    /// Method, any when absent.
    pub method: Option<String>,
    /// Path without query.
    pub path: StubPath,
    /// Query parameters and what each must be.
    pub query: Vec<(String, Matcher)>,
    /// Headers and what each must be.
    pub headers: Vec<(String, Matcher)>,
    /// JSON that the body must contain (objects by subset).
    pub json: Option<serde_json::Value>,
    /// What the JSON of the body must be at these paths (RFC 9535).
    pub json_paths: Vec<(JsonPath, Matcher)>,
    /// Fields of a form and what each must be.
    pub form: Vec<(String, Matcher)>,
    /// Replies in order; the last one repeats unless it has a number of times.
    pub replies: Vec<StubReply>,
    /// Where the scenario declares it.
    pub span: Span,
}

/// The path that a stub answers to.
#[derive(Debug, Clone)]
pub enum StubPath {
    /// This very path.
    Exactly(String),
    /// Every path that begins so.
    Under(String),
    /// A path as a matcher asks.
    Like(Matcher),
}

/// How a stub's answer gets lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StubFault {
    /// The connection is reset before the answer.
    Reset,
    /// The connection ends after half of the body.
    HalfBody,
    /// Nothing ever comes.
    Blackhole,
}

impl StubFault {
    /// Every fault with its name.
    pub const ALL: [(&'static str, Self); 3] = [("reset", Self::Reset), ("half_body", Self::HalfBody), ("blackhole", Self::Blackhole)];
}

/// One answer of a stub.
#[derive(Debug, Clone)]
pub struct StubReply {
    /// Status code.
    pub status: u16,
    /// Headers in order; a name may repeat (Set-Cookie).
    pub headers: Vec<(String, Template)>,
    /// The body.
    pub body: StubBody,
    /// How long to wait before answering.
    pub delay: Duration,
    /// How it gets lost on its way.
    pub fault: Option<StubFault>,
    /// How many calls get this answer; without end when absent.
    pub times: Option<u64>,
}

/// The body of a stub's answer.
#[derive(Debug, Clone)]
pub enum StubBody {
    /// None.
    Empty,
    /// Text as it stands.
    Text(Template),
    /// JSON, with its content type.
    Json(JsonTemplate),
}

/// The answers of a recording.
#[derive(Debug, Clone)]
pub struct ReplayPlan {
    /// The HAR.
    pub file: PathBuf,
}

/// A real server somewhere else.
#[derive(Debug, Clone)]
pub struct UpstreamPlan {
    /// Where requests for the origin go. Usually the origin itself.
    pub url: url::Url,
    /// Whether the original Host header is kept (as a reverse proxy set to pass it on would).
    pub keep_host: bool,
    /// Whether it lies on this machine (loopback): reachable without `--live`.
    pub local: bool,
    /// The server behind its edge, when the scenario knows it.
    pub direct: Option<Box<UpstreamPlan>>,
}
