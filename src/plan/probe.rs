//! Probes: requests beyond the login itself, on request only.

use super::step::HttpMethod;
use super::template::Template;
use crate::base::Span;
use crate::web::origin::Origin;
use crate::web::presented::Presented;
use serde_json_path::JsonPath;

/// What a probe asks, and how.
#[derive(Debug, Clone)]
pub struct ProbePlan {
    /// What it is about.
    pub about: ProbeAbout,
    /// The method of its requests.
    pub method: HttpMethod,
    /// Headers to send with each. An empty list of parts removes one.
    pub headers: Vec<(String, Option<Template>)>,
    /// Origins that it leaves alone.
    pub spares: Vec<Origin>,
    /// Whether the command line asked for it: then there may well be nothing to ask about.
    pub added: bool,
}

/// What a probe is about.
#[derive(Debug, Clone)]
pub enum ProbeAbout {
    /// In which form endpoints take the actor's session.
    Session(SessionProbe),
    /// Whether a session outlives signing out.
    Logout {
        /// The step that signs out.
        step: String,
        /// Who is asked.
        endpoints: Endpoints,
    },
    /// Whether everybody who may answer gives the same answer.
    Replicas {
        /// Who is asked.
        endpoints: Endpoints,
        /// How often.
        times: u32,
        /// Where an answer tells which build gives it, beside the usual fields.
        build: Option<Build>,
    },
    /// What the edge makes of an origin's answer.
    Edge(Template),
}

/// In which form endpoints take the actor's session.
#[derive(Debug, Clone)]
pub struct SessionProbe {
    /// Who is asked.
    pub endpoints: Endpoints,
    /// Names of the cookies; those of a session when there are none.
    pub cookies: Vec<String>,
    /// Forms that every endpoint must accept.
    pub accepted: Option<Forms>,
    /// Forms that every endpoint must refuse.
    pub refused: Option<Forms>,
}

/// Forms of a session, and where the scenario names them.
#[derive(Debug, Clone)]
pub struct Forms {
    /// The forms.
    pub forms: Vec<Presented>,
    /// Where they stand.
    pub span: Span,
}

/// Who is asked.
#[derive(Debug, Clone)]
pub enum Endpoints {
    /// Those that the run itself asked about the session.
    Met,
    /// These.
    Named(Vec<Template>),
}

/// Where an answer tells which build gives it.
#[derive(Debug, Clone)]
pub enum Build {
    /// A field of its header.
    Header(String),
    /// A value of its JSON body.
    Json(JsonPath),
}

impl ProbePlan {
    /// Most cookies that one probe presents.
    pub const MOST_COOKIES: usize = 4;
    /// Most endpoints that one probe asks.
    pub const MOST_ENDPOINTS: usize = 16;
    /// How often the same is asked unless the scenario says otherwise.
    pub const TIMES: u32 = 8;

    /// A probe with nothing but what it is about.
    #[must_use]
    pub fn about(about: ProbeAbout) -> Self {
        Self { about, method: HttpMethod::Get, headers: Vec::new(), spares: Vec::new(), added: false }
    }

    /// One line for people: `probe the session at https://api.test/session`.
    #[must_use]
    pub fn label(&self) -> String {
        let at = |endpoints: &Endpoints| match endpoints {
            Endpoints::Met => "what the run asked".to_owned(),
            Endpoints::Named(urls) => urls.iter().map(Template::display).collect::<Vec<_>>().join(", "),
        };
        match &self.about {
            ProbeAbout::Session(session) => format!("probe the session at {}", at(&session.endpoints)),
            ProbeAbout::Logout { step, endpoints } => format!("probe the session from before {step} at {}", at(endpoints)),
            ProbeAbout::Replicas { endpoints, times, .. } => format!("probe replicas of {}, {times} times", at(endpoints)),
            ProbeAbout::Edge(url) => format!("probe the edge at {}", url.display()),
        }
    }

    /// What the command line adds to a run: the forms in which the session is taken, and whether all replicas agree.
    #[must_use]
    pub fn added(spares: &[Origin]) -> [Self; 2] {
        let session = SessionProbe { endpoints: Endpoints::Met, cookies: Vec::new(), accepted: None, refused: None };
        let replicas = ProbeAbout::Replicas { endpoints: Endpoints::Met, times: Self::TIMES, build: None };
        [ProbeAbout::Session(session), replicas].map(|about| Self { spares: spares.to_vec(), added: true, ..Self::about(about) })
    }
}
