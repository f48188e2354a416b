//! Browsers: found, started, shared by a run, and ended with all that belongs to them.
//!
//! One browser serves a run, as long as its scenarios agree on what only a whole browser can be set to. Each actor has a
//! user context in it (WebDriver BiDi §7.1.2): a jar, a cache and storage of its own, and the edge's listener of the actor
//! as its proxy.

mod browser;
mod browsers;
mod chromium;
mod device;
mod driver;
mod error;
mod firefox;
mod options;
mod policy;
mod programs;
mod remote;
#[cfg(test)]
mod testing;
mod watchdog;

pub use browsers::Browsers;
pub(crate) use device::Device;
pub(crate) use error::BrowserError;
pub(crate) use options::DeviceOptions;
pub use options::{BrowserKind, BrowserOptions};
pub use programs::Programs;
