//! Programs from images, where a Docker engine answers.
//!
//! In: a [`Recipe`]: image, command, environment, files, ports. Out: a [`Container`], which is told signals and waited for as a
//! process is, and which is removed at every end: when it is asked to, when its value goes, and when nobody waits any more
//! for a start that is under way ([`settled`]). Environment and files travel through the engine's API, so that no list of
//! processes shows them.
//!
//! What runs in a container reaches this machine as [`INSIDE`]. Where the engine's bridge is an interface of this machine
//! (Linux), a [`Bridge`] listens there for it; Docker Desktop passes connections on by itself.

mod bridge;
mod engine;
mod running;

pub(crate) use bridge::{Bridge, INSIDE};
pub(crate) use engine::{NoContainer, reach};
pub(crate) use running::{Container, Recipe};

pub use engine::version;
pub use running::settled;
