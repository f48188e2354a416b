//! Redis services: a server of the run's own or one elsewhere, and the proxy that stands before it.
//!
//! In: a [`RedisPlan`](crate::plan::backing::RedisPlan). Out: a [`RedisService`]: two addresses. Servers under test get that of the
//! proxy, which counts their commands and disturbs them when a step asks for that; steps look at the server itself.

mod proxy;
mod resp;
mod server;

pub(crate) use proxy::Proxy;
pub(crate) use server::{INSTALL, Server};

use crate::base::Secret;
use crate::plan::backing::RedisFaultPlan;

/// A Redis service while the run lasts.
pub(crate) struct RedisService {
    pub(crate) name: String,
    pub(crate) proxy: Proxy,
    /// Absent for one that runs elsewhere.
    pub(crate) server: Option<Server>,
    pub(crate) access: RedisAccess,
}

/// How steps reach a Redis server.
#[derive(Debug, Clone)]
pub struct RedisAccess {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its password.
    pub password: Option<Secret>,
    /// Whether the run started it, so that what is in it is the run's own.
    pub own: bool,
}

impl RedisService {
    /// Changes what happens to commands.
    pub(crate) fn switch(&self, change: &RedisFaultPlan) {
        if change.clear {
            self.proxy.clear();
        }
        for fault in &change.add {
            self.proxy.disturb(fault.clone());
        }
    }
}
