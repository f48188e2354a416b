//! The OpenID provider alone, for local development: with a log of what it decided, and with an API to switch its faults.
//!
//! In: an [`IdpPlan`] and the address under which clients see it. Out: two routers, one for everybody and one for whoever
//! administers it, which belongs on an address of its own.

mod admin;
mod log;
#[cfg(test)]
mod tests;

pub use log::Log;

use super::{Idp, Surroundings};
use crate::plan::IdpPlan;
use axum::Router;
use log::Calls;
use std::sync::Arc;
use url::Url;

/// The provider alone. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Alone {
    idp: Idp,
    surroundings: Surroundings,
    calls: Arc<Calls>,
}

impl Alone {
    /// A provider that clients see at the origin of `base`.
    #[must_use]
    pub fn new(plan: &IdpPlan, base: Url) -> Self {
        let surroundings = Surroundings::default();
        Self { idp: Idp::new(plan, base, surroundings.clone()), surroundings, calls: Arc::default() }
    }

    /// The provider itself.
    #[must_use]
    pub fn idp(&self) -> &Idp {
        &self.idp
    }

    /// The service for clients and browsers; each request is one line for `log`.
    pub fn router(&self, log: Log) -> Router {
        log::logged(self.idp.router(), self.calls.clone(), self.surroundings.clock.clone(), log)
    }

    /// The admin API. Whoever reaches it may do all it can: it asks for no password, and refuses pages of other origins and
    /// names that somebody else could point here.
    pub fn admin(&self) -> Router {
        admin::router(self.clone())
    }
}
