//! A person on a device: a jar, connections, and a tab.

use super::browser::launch::DeviceOptions;
use super::browser::screen::Screen;
use super::http::{Client, Tab};
use crate::plan::Policy;
use crate::web::cookie::{self, Jar, ThirdPartyCookies};
use crate::web::origin::Origin;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;

/// One actor of a run. Steps that run at the same time share it: its locks are held for a decision,
/// never for a request, and are taken before the recorder's.
pub(crate) struct Actor {
    pub(crate) name: Arc<str>,
    pub(crate) client: Client,
    /// How the person's browser is set up, if there is to be one.
    pub(crate) device: DeviceOptions,
    /// The person's browser, from the first step that needs it.
    pub(crate) screen: OnceCell<Screen>,
    jar: Mutex<Jar>,
    tab: Mutex<Tab>,
}

impl Actor {
    pub(crate) fn new(name: Arc<str>, edge: SocketAddr, tls: Arc<rustls::ClientConfig>, policy: &Policy, declared: &[Origin]) -> Self {
        let third_party_cookies = if policy.third_party_cookies { ThirdPartyCookies::Allow } else { ThirdPartyCookies::Block };
        let jar = Jar::new(cookie::Policy { third_party_cookies, ..cookie::Policy::default() });
        Self {
            name,
            client: Client::new(edge, tls, policy.max_body),
            device: DeviceOptions::new(edge, policy).at(declared),
            screen: OnceCell::new(),
            jar: Mutex::new(jar),
            tab: Mutex::default(),
        }
    }

    /// The cookies.
    pub(crate) fn jar(&self) -> MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock of the cookies.
    pub(crate) fn jar_lock(&self) -> &Mutex<Jar> {
        &self.jar
    }

    /// What the person looks at.
    pub(crate) fn tab(&self) -> MutexGuard<'_, Tab> {
        self.tab.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
