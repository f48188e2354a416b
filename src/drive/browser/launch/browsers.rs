//! The browsers of a run: started when first needed, shared by all its scenarios, replaced when they are worn or gone.

use super::browser::Browser;
use super::device::Device;
use super::error::BrowserError;
use super::options::{BrowserOptions, DeviceOptions, Launch};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::watch;

/// The browsers of a run. Clones share them.
#[derive(Clone)]
pub struct Browsers {
    shared: Arc<Shared>,
}

struct Shared {
    options: BrowserOptions,
    /// Those that give out places.
    slots: Mutex<BTreeMap<Launch, Slot>>,
    /// Those that were replaced; they live until their last device is closed.
    retired: Mutex<Vec<Weak<Browser>>>,
    /// Whether the run is over.
    over: watch::Sender<bool>,
}

/// A browser of one kind of launch. It is locked while one starts: whoever else needs it waits for the same one.
type Slot = Arc<tokio::sync::Mutex<Option<Arc<Browser>>>>;

impl std::fmt::Debug for Browsers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Browsers")
    }
}

impl Browsers {
    /// Browsers of this kind; none is started yet.
    #[must_use]
    pub fn new(options: BrowserOptions) -> Self {
        let (slots, retired, over) = (Mutex::default(), Mutex::default(), watch::Sender::new(false));
        Self { shared: Arc::new(Shared { options, slots, retired, over }) }
    }

    /// A place for an actor, in a browser that runs already if there is one.
    ///
    /// # Errors
    /// When there is no browser, or it does not do what it is told.
    pub(crate) async fn device(&self, options: &DeviceOptions) -> Result<Device, BrowserError> {
        let (shared, options) = (self.shared.clone(), options.clone());
        // A task of its own: whoever asks may be cancelled, and what was begun for them is put away all the same. Others may
        // wait for the browser that it starts.
        let made = tokio::spawn(async move {
            let seat = shared.seat(Launch::of(shared.options.kind, &options)).await?;
            Device::open(seat, &options).await
        });
        made.await.unwrap_or_else(|error| Err(BrowserError::Gone(error.to_string())))
    }

    /// Ends all of them, for good.
    pub async fn stop(&self) {
        // Those that are starting are let go at once.
        self.shared.over.send_replace(true);
        let slots = std::mem::take(&mut *self.shared.slots());
        let mut browsers: Vec<_> = self.shared.retired().drain(..).filter_map(|browser| browser.upgrade()).collect();
        for slot in slots.into_values() {
            browsers.extend(slot.lock().await.take());
        }
        futures_util::future::join_all(browsers.iter().map(|browser| browser.end())).await;
    }
}

impl Shared {
    /// A seat in a browser of this launch.
    async fn seat(&self, launch: Launch) -> Result<Seat, BrowserError> {
        let slot = self.slots().entry(launch).or_default().clone();
        let mut slot = slot.lock().await;
        if let Some(seat) = slot.as_ref().and_then(Seat::take) {
            return Ok(seat);
        }
        if let Some(browser) = slot.take() {
            self.retire(&browser);
        }
        let mut over = self.over.subscribe();
        let browser = tokio::select! {
            biased;
            _ = over.wait_for(|over| *over) => return Err(BrowserError::Over),
            started = Browser::start(&self.options, launch) => Arc::new(started?),
        };
        *slot = Some(browser.clone());
        Seat::take(&browser).ok_or_else(|| BrowserError::Gone("it ended as soon as it was there".to_owned()))
    }

    fn retire(&self, browser: &Arc<Browser>) {
        let mut retired = self.retired();
        retired.retain(|browser| browser.strong_count() > 0);
        retired.push(Arc::downgrade(browser));
        drop(retired);
        browser.retire();
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<Launch, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn retired(&self) -> MutexGuard<'_, Vec<Weak<Browser>>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A device's share in a browser, given back when it is dropped.
pub(super) struct Seat {
    pub(super) browser: Arc<Browser>,
}

impl Seat {
    fn take(browser: &Arc<Browser>) -> Option<Self> {
        browser.enter().then(|| Self { browser: browser.clone() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.browser.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Policy;
    use std::time::Duration;
    use tokio::time::Instant;

    fn options() -> DeviceOptions {
        DeviceOptions::new(std::net::SocketAddr::from(([127, 0, 0, 1], 9)), &Policy::default())
    }

    async fn contexts(device: &Device) -> usize {
        let deadline = Instant::now() + Duration::from_secs(60);
        let made = device.bidi.send("browser.getUserContexts", serde_json::json!({}), deadline).await.unwrap();
        made["userContexts"].as_array().unwrap().len()
    }

    #[tokio::test]
    async fn those_who_ask_at_once_share_a_browser_that_is_replaced_when_worn() {
        let (browsers, options) = (Browsers::new(BrowserOptions::default()), options());
        let (one, other) = tokio::join!(browsers.device(&options), browsers.device(&options));
        let (one, other) = (one.expect("Chromium and chromedriver are installed"), other.unwrap());
        assert!(one.shares_a_browser_with(&other) && one.user_context != other.user_context);

        let cancelled = browsers.device(&options);
        assert!(tokio::time::timeout(Duration::from_millis(1), cancelled).await.is_err(), "a context is not made in a millisecond");
        while contexts(&one).await != 3 {
            tokio::task::yield_now().await;
        }
        other.close().await;
        assert_eq!(contexts(&one).await, 2, "the default, and one");

        one.wear_out();
        let (next, bidi) = (browsers.device(&options).await.unwrap(), one.bidi.clone());
        assert!(!next.shares_a_browser_with(&one) && bidi.ended().is_none());
        one.close().await;
        // With its last device the worn one ends.
        tokio::time::timeout(Duration::from_secs(60), bidi.when_ended()).await.unwrap();

        browsers.stop().await;
        assert!(matches!(browsers.device(&options).await, Err(BrowserError::Over)));
        tokio::time::timeout(Duration::from_secs(60), next.bidi.when_ended()).await.unwrap();
    }
}
