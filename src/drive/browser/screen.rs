//! An actor's real browser, from the first step that needs it to the end of the run.

use super::clock::PageClock;
use super::jar;
use super::launch::{BrowserError, Browsers, Device, DeviceOptions};
use super::page::{Dialogs, Page, Passkeys, Tabs};
use super::record::{Settled, Tape};
use crate::base::Clock;
use crate::drive::error::StepError;
use crate::drive::recorder::Recorder;
use crate::web::cookie::{CookieRecord, Jar};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A device, what it tells, and what the run needs to know of it.
pub(crate) struct Screen {
    pub(super) device: Device,
    pub(super) tape: Tape,
    pub(super) tabs: Tabs,
    pub(super) dialogs: Dialogs,
    /// The device that keeps passkeys, if the actor has one.
    pub(super) passkeys: tokio::sync::Mutex<Option<Passkeys>>,
    clock: tokio::sync::Mutex<PageClock>,
    /// The browser's cookies when they were last read: what differs from them was changed by an HTTP step.
    mirror: Mutex<Vec<CookieRecord>>,
}

impl Screen {
    /// Opens a browser's window for an actor.
    pub(crate) async fn open(
        browsers: &Browsers,
        options: &DeviceOptions,
        actor: Arc<str>,
        recorder: Arc<Recorder>,
    ) -> Result<Self, BrowserError> {
        let device = browsers.device(options).await?;
        let tabs = Tabs::start(&device);
        // The tape notes what was asked.
        let dialogs = Dialogs::start(&device, |_| {});
        let tape = Tape::start(&device, options, actor, recorder).await?;
        Ok(Self { device, tape, tabs, dialogs, passkeys: Default::default(), clock: Default::default(), mirror: Mutex::default() })
    }

    /// The tab that is looked at.
    pub(crate) fn tab(&self) -> String {
        self.tabs.current()
    }

    /// The page of a tab.
    pub(crate) fn page<'a>(&'a self, tab: &'a str) -> Page<'a> {
        Page::new(&self.device.bidi, tab)
    }

    /// Waits until all that the last action began is over.
    pub(crate) async fn settle(&self, deadline: Instant) -> Settled {
        let tab = self.tab();
        let settled = self.tape.settle(&tab, deadline).await;
        if let Some(passkeys) = &*self.passkeys.lock().await {
            // What one tab made, every tab has. A browser that is gone says so at the next step.
            let _ = passkeys.carry(deadline).await;
        }
        settled
    }

    /// Takes the browser's cookies into `jar`, in place of what it held.
    pub(crate) async fn pull(&self, jar: &Mutex<Jar>, clock: &Clock) -> Result<(), StepError> {
        let cookies = jar::read(&self.device, clock, |key| self.tape.value(key)).await?;
        let mut jar = jar.lock().unwrap_or_else(PoisonError::into_inner);
        jar.remove_matching(|_| true);
        for cookie in &cookies {
            // What a browser keeps and our jar would not is the browser's affair; it goes back as it came.
            let _ = jar.insert(cookie.clone());
        }
        *self.mirror.lock().unwrap_or_else(PoisonError::into_inner) = cookies;
        Ok(())
    }

    /// Gives the browser what an HTTP step changed in `jar`.
    pub(crate) async fn push(&self, jar: &Mutex<Jar>, clock: &Clock) -> Result<(), StepError> {
        let now: Vec<CookieRecord> = jar.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        let before = std::mem::take(&mut *self.mirror.lock().unwrap_or_else(PoisonError::into_inner));
        let gone: Vec<_> = before.iter().filter(|old| !now.iter().any(|new| new.key == old.key)).cloned().collect();
        let changed: Vec<_> = now.iter().filter(|new| !before.iter().any(|old| is_same(old, new))).cloned().collect();
        if !gone.is_empty() {
            jar::delete(&self.device, &gone).await?;
        }
        if !changed.is_empty() {
            jar::write(&self.device, &changed, clock).await?;
        }
        self.tape.knows(&now);
        *self.mirror.lock().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(())
    }

    /// The run's clock was moved by `by`, to `offset` from the machine's.
    pub(crate) async fn clock_moved(&self, by: Duration, offset: Duration, deadline: Instant) -> Result<(), StepError> {
        jar::age(&self.device, by).await?;
        self.set_clock(offset, deadline).await
    }

    /// Has pages live by a clock that is `offset` ahead of the machine's.
    pub(crate) async fn set_clock(&self, offset: Duration, deadline: Instant) -> Result<(), StepError> {
        let mut clock = self.clock.lock().await;
        Ok(clock.set(&self.device.bidi, &self.device.user_context, offset, deadline).await?)
    }

    /// Waits until somebody closes the window, or the browser ends.
    pub(crate) async fn until_closed(&self) {
        let tab = self.tab();
        let mut events = self.device.bidi.events();
        while let Some(event) = events.recv().await {
            if event.method == "browsingContext.contextDestroyed" && event.params["context"] == tab.as_str() {
                return;
            }
        }
    }

    /// Puts the browser's window away. Nobody waits for it to be gone; from here on nothing more is recorded.
    pub(crate) fn close(self) {
        let Self { device, tape, .. } = self;
        drop(tape);
        tokio::spawn(device.close());
    }
}

/// Whether a cookie is as it was; when it was last used does not count.
fn is_same(old: &CookieRecord, new: &CookieRecord) -> bool {
    let facts = |cookie: &CookieRecord| (cookie.value.clone(), cookie.secure, cookie.http_only, cookie.same_site, cookie.expires);
    old.key == new.key && facts(old) == facts(new)
}
