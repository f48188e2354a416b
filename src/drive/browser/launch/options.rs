//! Which browser, and how it and the devices in it are set up.

use crate::plan::{BrowserPolicy, Policy};
use std::net::SocketAddr;
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
    /// Whether its windows are shown.
    pub headed: bool,
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
}

impl DeviceOptions {
    /// What a run's policy asks for.
    pub(crate) fn new(proxy: SocketAddr, policy: &Policy) -> Self {
        Self { proxy, third_party_cookies: policy.third_party_cookies, max_body: policy.max_body, policy: policy.browser.clone() }
    }
}
