//! Embedded services that a scenario declares instead of installing: each answers for one origin, in this process.
//!
//! They are products of their own (a team may run one alone), read the run's clock for every lifetime, and tell with
//! every response, in one line, what they decided and why: the [`Note`] in its extensions.

pub mod alone;
mod fresh;
pub mod gotrue;
mod guard;
mod hook;
pub mod idp;
mod note;
pub mod otp;
mod serve;

pub use alone::Alone;
pub use gotrue::Gotrue;
pub(crate) use hook::Hook;
pub use idp::Idp;
pub use note::{Decision, Note};
pub use otp::OtpVendor;
pub use serve::serve;

use super::inbox::Inbox;
use crate::base::Clock;

/// What every embedded service shares with the run around it.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Drives every lifetime.
    pub clock: Clock,
    /// Takes every mail and text message.
    pub inbox: Inbox,
}

impl Default for Surroundings {
    fn default() -> Self {
        let clock = Clock::default();
        Self { inbox: Inbox::new(clock.clone()), clock }
    }
}
