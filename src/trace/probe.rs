//! Requests beyond the login itself, each with what it was to show.

use super::hop::HopId;
use crate::web::presented::Presented;
use bytes::Bytes;

/// What one probe asked, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Index into [`Chain::steps`](super::Chain::steps).
    pub step: usize,
    /// What it is about.
    pub kind: ProbeKind,
    /// Its requests.
    pub asked: Vec<Asked>,
}

/// What probes are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProbeKind {
    /// In which form an endpoint takes a session.
    Session,
    /// Whether a session outlives signing out.
    Logout,
    /// Whether everybody who may answer gives the same answer.
    Replicas,
    /// What the edge makes of an origin's answer.
    Edge,
}

impl ProbeKind {
    /// Its name in scenarios and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Logout => "logout",
            Self::Replicas => "replicas",
            Self::Edge => "edge",
        }
    }
}

/// One request of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The hop.
    pub hop: HopId,
    /// What it was to show.
    pub role: Role,
}

/// What a request of a probe was to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// What the endpoint makes of the cookie with this name, presented so.
    Cookie(Bytes, Presented),
    /// Whether the cookie with this name, as it was stored, is taken as it was at first, when all else was asked.
    StoredAgain(Bytes),
    /// Whether the cookies from before signing out are still taken.
    SignedOut,
    /// What the endpoint says to whom it does not know.
    Nobody,
    /// Whether the answer is the same again; and the build that gave it, where the scenario says where that is told.
    Same(Option<String>),
    /// The answer through the edge.
    ThroughEdge,
    /// The answer of whoever stands behind the edge.
    BehindEdge,
}
