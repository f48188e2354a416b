//! What stands behind each origin.

use super::fault::Service;
use super::gotrue::GotruePlan;
use super::provider::IdpPlan;
use super::template::{JsonTemplate, Template};
use crate::base::Span;
use crate::web::origin::Origin;
use regex::bytes::Regex;
use std::path::PathBuf;
use std::time::Duration;

/// One origin of the run.
#[derive(Debug, Clone)]
pub struct OriginPlan {
    /// The origin as the browser sees it.
    pub origin: Origin,
    /// What answers for it.
    pub backend: Backend,
    /// Where the scenario declares it.
    pub span: Span,
}

/// What answers for an origin.
#[derive(Debug, Clone)]
pub enum Backend {
    /// A program that the run starts.
    Process(ProcessPlan),
    /// Answers written in the scenario.
    Stub(StubPlan),
    /// The embedded OpenID provider.
    Idp(Box<IdpPlan>),
    /// The embedded auth server in the style of GoTrue.
    Gotrue(Box<GotruePlan>),
    /// A real server somewhere else.
    Upstream(UpstreamPlan),
}

impl Backend {
    /// Which embedded service it is, if it is one.
    #[must_use]
    pub fn service(&self) -> Option<Service> {
        match self {
            Self::Idp(_) => Some(Service::Idp),
            Self::Gotrue(_) => Some(Service::Gotrue),
            Self::Process(_) | Self::Stub(_) | Self::Upstream(_) => None,
        }
    }
}

/// A program that the run starts and stops.
#[derive(Debug, Clone)]
pub struct ProcessPlan {
    /// Program and arguments. The word `authchain` in first place means this very executable.
    pub run: Vec<Template>,
    /// Environment on top of the bare one (`PATH`, `HOME`, `LANG`, `TMPDIR` are passed on); `${port}` is already a [capture](super::Part::Capture) called `port`.
    pub env: Vec<(String, Template)>,
    /// Where it is started.
    pub dir: PathBuf,
    /// The port it listens on, when it cannot be told; otherwise a free one is found and passed as `${port}` and `PORT`.
    pub port: Option<u16>,
    /// How one knows that it serves.
    pub ready: Ready,
    /// How long it may take until it serves.
    pub ready_within: Duration,
    /// How long it has between SIGTERM and SIGKILL.
    pub stop_within: Duration,
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
    /// Path without query; `*` at the end stands for any rest.
    pub path: String,
    /// Query pairs that must be there.
    pub query: Vec<(String, String)>,
    /// Headers that must be there with these values.
    pub headers: Vec<(String, String)>,
    /// JSON that the body must contain (objects by subset).
    pub json: Option<serde_json::Value>,
    /// Replies in order; the last one repeats unless it has a number of times.
    pub replies: Vec<StubReply>,
    /// Where the scenario declares it.
    pub span: Span,
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

/// A real server somewhere else.
#[derive(Debug, Clone)]
pub struct UpstreamPlan {
    /// Where requests for the origin go. Usually the origin itself.
    pub url: url::Url,
    /// Whether the original Host header is kept (as a reverse proxy set to pass it on would).
    pub keep_host: bool,
    /// Whether it lies on this machine (loopback): reachable without `--live`.
    pub local: bool,
}
