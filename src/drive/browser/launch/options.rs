//! Which browser, and how it and the devices in it are set up.

use crate::plan::{BrowserPolicy, Policy};
use crate::web::origin::Origin;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use url::Url;

/// Kinds of browsers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BrowserKind {
    /// Chromium, Chrome, and what is made of them.
    #[default]
    Chromium,
    /// Firefox.
    Firefox,
}

/// Which browser a run uses.
#[derive(Debug, Clone, Default)]
pub struct BrowserOptions {
    /// Its kind.
    pub kind: BrowserKind,
    /// Its program; looked for when absent.
    pub binary: Option<PathBuf>,
    /// The program of its driver; looked for when absent.
    pub driver: Option<PathBuf>,
    /// A WebDriver server that has one, in place of a browser on this machine.
    pub webdriver: Option<Url>,
    /// An address of this machine that a browser on another one can reach; the loopback address when absent.
    pub edge: Option<IpAddr>,
    /// Whether its windows are shown.
    pub headed: bool,
}

impl BrowserOptions {
    /// Where the edge of a run listens for the browser.
    #[must_use]
    pub fn edge(&self) -> IpAddr {
        self.edge.unwrap_or(Ipv4Addr::LOCALHOST.into())
    }
}

/// How an actor's place in a browser is set up.
#[derive(Debug, Clone)]
pub(crate) struct DeviceOptions {
    /// The edge's listener of the actor; everything goes through it.
    pub(crate) proxy: SocketAddr,
    /// Whether cookies in third-party contexts are kept and sent.
    pub(crate) third_party_cookies: bool,
    /// The largest body of an answer that is kept, in bytes.
    pub(crate) max_body: usize,
    /// What pages get and see.
    pub(crate) policy: BrowserPolicy,
    /// Where the policy's permissions hold.
    pub(crate) origins: Vec<Origin>,
}

impl DeviceOptions {
    /// What a run's policy asks for.
    pub(crate) fn new(proxy: SocketAddr, policy: &Policy) -> Self {
        let Policy { third_party_cookies, max_body, ref browser, .. } = *policy;
        Self { proxy, third_party_cookies, max_body, policy: browser.clone(), origins: Vec::new() }
    }

    /// Has the policy's permissions hold at these origins.
    pub(crate) fn at(self, origins: &[Origin]) -> Self {
        Self { origins: origins.to_vec(), ..self }
    }
}

/// What only a whole browser can be set to. Devices that differ in it are in different browsers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Launch {
    /// Whether cookies in third-party contexts are kept and sent.
    pub(super) third_party_cookies: bool,
    /// Whether pages may run scripts; Chromium can be told for each device, Firefox cannot.
    pub(super) javascript: bool,
}

impl Launch {
    /// What a device needs of its browser.
    pub(super) fn of(kind: BrowserKind, options: &DeviceOptions) -> Self {
        let javascript = kind == BrowserKind::Chromium || options.policy.javascript;
        Self { third_party_cookies: options.third_party_cookies, javascript }
    }
}
