//! Everything that a run's origins stand on.
//!
//! In: the [`OriginPlan`](crate::plan::OriginPlan)s of a plan, and a [`Context`]. Out: a [`Topology`]: addresses where actors
//! reach every declared origin under its real name, a log of the [`Call`]s that arrived, and whatever must be stopped again.
//!
//! ```text
//!  actor ──TLS or CONNECT──▶ edge ──▶ process | stub | embedded provider | recording | upstream
//!                             ▲                    │
//!                             └─────HTTPS_PROXY────┘  (server to server)
//! ```
//!
//! `edge` is the reverse and forward proxy that all of it goes through, `process` starts and stops programs, `stub`
//! answers from the scenario, `replay` from a recording, [`provider`] holds the services that a scenario declares instead of installing. Nothing here
//! prints: what happens meanwhile is told as [`Event`]s.

mod calls;
mod container;
mod context;
mod edge;
mod error;
pub mod inbox;
mod process;
pub mod provider;
mod redis;
mod replay;
mod running;
mod services;
mod smtp;
mod stand;
mod stub;
mod switchboard;
#[cfg(test)]
mod tests;
mod transport;

pub use calls::{Call, Refusal};
pub use container::{settled, version as docker_version};
pub use context::{Context, Event, Matches, Sink};
pub use edge::Authority;
pub use error::{Declared, TopologyError};
pub use inbox::{Channel, Draft, Inbox};
pub use process::{Casualty, fake_time};
pub use redis::RedisAccess;
pub use stand::Topology;
pub use switchboard::Switchboard;
pub use transport::Transport;
