//! One running browser, and who uses it.

use super::driver::Driver;
use super::error::BrowserError;
use super::options::{BrowserKind, BrowserOptions, Launch};
use super::programs::Programs;
use super::{chromium, firefox, remote};
use crate::drive::browser::bidi::Bidi;
use crate::drive::browser::{page, record};
use fantoccini::{Client, ClientBuilder};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

/// How long a browser may take to start.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// How long a WebDriver server may take to end a session.
const ENDS_WITHIN: Duration = Duration::from_secs(10);
/// How many devices a browser may give out in its life: each leaves something behind.
const WORN_AFTER: usize = 64;

/// A running browser.
pub(super) struct Browser {
    pub(super) kind: BrowserKind,
    pub(super) bidi: Bidi,
    pub(super) client: Client,
    /// Whether it runs behind a WebDriver server that somebody else started.
    pub(super) remote: bool,
    driver: Mutex<Option<Driver>>,
    seats: Lock<Seats>,
}

/// Who uses a browser.
#[derive(Default)]
struct Seats {
    /// Devices so far.
    given: usize,
    /// Devices that are not closed yet.
    open: usize,
    /// Whether it ends with the last of them.
    retired: bool,
}

impl Browser {
    /// Starts one, and has it tell what is to be recorded.
    pub(super) async fn start(options: &BrowserOptions, launch: Launch) -> Result<Self, BrowserError> {
        let late = |_| BrowserError::Session(format!("it took longer than {STARTS_WITHIN:?}"));
        tokio::time::timeout(STARTS_WITHIN, Self::start_patiently(options, launch)).await.map_err(late)?
    }

    async fn start_patiently(options: &BrowserOptions, launch: Launch) -> Result<Self, BrowserError> {
        let kind = options.kind;
        let (url, driver, client) = match &options.webdriver {
            Some(url) => (url.clone(), None, session(url, options, launch, None).await?),
            None => {
                let programs = Programs::find(options);
                let (program, binary) = programs.both(kind)?;
                let driver = match kind {
                    BrowserKind::Chromium => Driver::start(program, &["--port=0"], chromium::port).await?,
                    // Both of its ports are of its own choice: others may run beside it.
                    BrowserKind::Firefox => Driver::start(program, &["--port=0", "--websocket-port=0"], firefox::port).await?,
                };
                match session(&driver.url, options, launch, Some(binary)).await {
                    Ok(client) => (driver.url.clone(), Some(driver), client),
                    Err(error) => return Err(programs.mismatch().await.unwrap_or(error)),
                }
            }
        };
        let socket = client.capabilities().and_then(|capabilities| capabilities.get("webSocketUrl")?.as_str().map(str::to_owned));
        let bidi = remote::socket(&url, &socket.ok_or(BrowserError::NoBidi)?).await?;
        let deadline = Instant::now() + STARTS_WITHIN;
        bidi.send("session.subscribe", json!({ "events": record::events(kind) }), deadline).await?;
        bidi.send("script.addPreloadScript", page::preload(), deadline).await?;
        let (remote, driver, seats) = (driver.is_none(), Mutex::new(driver), Lock::default());
        Ok(Self { kind, bidi, client, remote, driver, seats })
    }

    /// Why it is gone, if it is.
    pub(super) async fn obituary(&self) -> Option<String> {
        let why = self.bidi.ended()?;
        let mut driver = self.driver.lock().await;
        match driver.as_mut() {
            Some(driver) => Some(driver.obituary().await),
            None => Some(why),
        }
    }

    /// Takes a seat, unless it is gone or worn.
    pub(super) fn enter(&self) -> bool {
        let mut seats = self.seats();
        let free = self.bidi.ended().is_none() && !seats.retired && seats.given < WORN_AFTER;
        if free {
            seats.given += 1;
            seats.open += 1;
        }
        free
    }

    /// Gives a seat back.
    pub(super) fn leave(self: &Arc<Self>) {
        let mut seats = self.seats();
        seats.open -= 1;
        if seats.retired && seats.open == 0 {
            self.end_soon();
        }
    }

    /// Has it end with its last device.
    pub(super) fn retire(self: &Arc<Self>) {
        let mut seats = self.seats();
        seats.retired = true;
        if seats.open == 0 {
            self.end_soon();
        }
    }

    fn end_soon(self: &Arc<Self>) {
        // Without a runtime everything is being dropped, and the driver's group with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let browser = self.clone();
            runtime.spawn(async move { browser.end().await });
        }
    }

    /// Ends it and all that belongs to it.
    pub(super) async fn end(&self) {
        if let Some(driver) = self.driver.lock().await.take() {
            driver.stop().await;
        } else if self.remote && self.bidi.ended().is_none() {
            // A server that does not answer ends idle sessions itself.
            let _ = tokio::time::timeout(ENDS_WITHIN, self.client.clone().close()).await;
        }
    }

    /// Has it give out no more devices.
    #[cfg(test)]
    pub(super) fn wear_out(&self) {
        self.seats().given = WORN_AFTER;
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session with the driver or server at `url`.
async fn session(url: &Url, options: &BrowserOptions, launch: Launch, binary: Option<&std::path::Path>) -> Result<Client, BrowserError> {
    let wanted = match options.kind {
        BrowserKind::Chromium => chromium::capabilities(binary, options, launch),
        BrowserKind::Firefox => firefox::capabilities(binary, options, launch),
    };
    let Value::Object(wanted) = wanted else { return Err(BrowserError::NoBidi) };
    let mut session = ClientBuilder::new(remote::connector());
    let connected = session.capabilities(wanted).connect(url.as_str()).await;
    connected.map_err(|error| BrowserError::Session(error.to_string()))
}
