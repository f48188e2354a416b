//! The browsers of a run: started when first needed, shared by all its scenarios.

use super::chromium;
use super::device::Device;
use super::driver::Driver;
use super::error::BrowserError;
use super::options::{BrowserOptions, DeviceOptions};
use super::programs::Programs;
use crate::drive::browser::bidi::Bidi;
use crate::drive::browser::record;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long a browser may take to start.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// The browsers of a run. Clones share them.
#[derive(Clone)]
pub struct Browsers {
    shared: Arc<Shared>,
}

struct Shared {
    options: BrowserOptions,
    /// By what only a whole browser can be set to: whether third-party cookies are allowed.
    running: Mutex<BTreeMap<bool, Arc<Browser>>>,
}

/// A running browser.
pub(super) struct Browser {
    pub(super) bidi: Bidi,
    pub(super) client: Client,
    driver: Mutex<Option<Driver>>,
}

impl std::fmt::Debug for Browsers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Browsers")
    }
}

impl Browsers {
    /// Browsers of this kind; none is started yet.
    #[must_use]
    pub fn new(options: BrowserOptions) -> Self {
        Self { shared: Arc::new(Shared { options, running: Mutex::default() }) }
    }

    /// A place for an actor, in a browser that runs already if there is one.
    ///
    /// # Errors
    /// When there is no browser, or it does not do what it is told.
    pub(crate) async fn device(&self, options: &DeviceOptions) -> Result<Device, BrowserError> {
        let browser = self.browser(options.third_party_cookies).await?;
        Device::open(browser, self.shared.options.kind, options).await
    }

    /// Ends all of them.
    pub async fn stop(&self) {
        for browser in std::mem::take(&mut *self.shared.running.lock().await).into_values() {
            if let Some(driver) = browser.driver.lock().await.take() {
                driver.stop().await;
            }
        }
    }

    async fn browser(&self, third_party_cookies: bool) -> Result<Arc<Browser>, BrowserError> {
        let mut running = self.shared.running.lock().await;
        if let Some(browser) = running.get(&third_party_cookies).filter(|browser| browser.bidi.ended().is_none()) {
            return Ok(browser.clone());
        }
        let browser = Arc::new(Browser::start(&self.shared.options, third_party_cookies).await?);
        running.insert(third_party_cookies, browser.clone());
        Ok(browser)
    }
}

impl Browser {
    /// Why it is gone, if it is.
    pub(super) async fn obituary(&self) -> Option<String> {
        let why = self.bidi.ended()?;
        let mut driver = self.driver.lock().await;
        Some(driver.as_mut().map_or(why, Driver::obituary))
    }

    async fn start(options: &BrowserOptions, third_party_cookies: bool) -> Result<Self, BrowserError> {
        let Programs { browser, driver } = Programs::find(options);
        let program = driver.ok_or(BrowserError::Missing { program: "chromedriver" })?;
        let binary = browser.ok_or(BrowserError::Missing { program: "chromium" })?;
        let driver = Driver::start(&program, &["--port=0"], chromium::port).await?;
        let capabilities = chromium::capabilities(&binary, options, third_party_cookies);
        let mut session = ClientBuilder::new(HttpConnector::new());
        let client = tokio::time::timeout(STARTS_WITHIN, session.capabilities(capabilities).connect(driver.url.as_str()))
            .await
            .map_err(|_| BrowserError::Session(format!("it took longer than {STARTS_WITHIN:?}")))?
            .map_err(|error| BrowserError::Session(error.to_string()))?;
        let socket = client.capabilities().and_then(|capabilities| capabilities.get("webSocketUrl")?.as_str().map(str::to_owned));
        let bidi = Bidi::connect(&socket.ok_or(BrowserError::NoBidi)?).await?;
        let deadline = Instant::now() + STARTS_WITHIN;
        bidi.send("session.subscribe", json!({ "events": record::events(options.kind) }), deadline).await?;
        Ok(Self { bidi, client, driver: Mutex::new(Some(driver)) })
    }
}
