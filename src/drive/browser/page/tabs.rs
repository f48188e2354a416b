//! An actor's tabs and windows: those that are opened for it, and those that its pages open.

use super::error::ActError;
use super::page::Page;
use crate::drive::browser::bidi::{Bidi, Event};
use crate::drive::browser::launch::{BrowserKind, Device};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How often titles are looked at while one is waited for: nothing tells when they change.
const TITLES_EVERY: Duration = Duration::from_millis(200);
/// How long Chromium may take to tell of its script worlds.
const TELLS_WITHIN: Duration = Duration::from_secs(30);
/// Most tabs that a message lists.
const LISTED: usize = 10;

/// The tabs of one device, in the order of their opening.
pub(crate) struct Tabs {
    bidi: Bidi,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

struct Shared {
    tabs: Mutex<Open>,
    /// Counts openings and closings.
    turns: watch::Sender<u64>,
}

struct Open {
    /// With their numbers, which are never given twice.
    all: Vec<(usize, String)>,
    next: usize,
    /// Those that were looked at, the last one last.
    looked_at: Vec<String>,
}

impl Tabs {
    /// Keeps account of a device's tabs from now on.
    pub(crate) fn start(device: &Device) -> Self {
        let open = Open { all: vec![(1, device.tab.clone())], next: 2, looked_at: vec![device.tab.clone()] };
        let shared = Arc::new(Shared { tabs: Mutex::new(open), turns: watch::Sender::new(0) });
        let (bidi, events) = (device.bidi.clone(), device.bidi.events());
        let listening = tokio::spawn(listen(bidi, device.kind, events, device.user_context.clone(), shared.clone()));
        Self { bidi: device.bidi.clone(), shared, listening }
    }

    /// The tab that is looked at; when that one was closed, the one before it that is still open.
    pub(crate) fn current(&self) -> String {
        self.shared.open().looked_at.last().cloned().unwrap_or_default()
    }

    /// All that are open, in the order of their opening.
    pub(crate) fn all(&self) -> Vec<String> {
        self.shared.open().all.iter().map(|(_, tab)| tab.clone()).collect()
    }

    /// The number of a tab, if it is open.
    pub(crate) fn number(&self, tab: &str) -> Option<usize> {
        self.shared.open().number(tab)
    }

    /// Looks at a tab from now on, and brings it to the front.
    ///
    /// # Errors
    /// When it is not there any more.
    pub(crate) async fn turn_to(&self, tab: &str, deadline: Instant) -> Result<(), ActError> {
        self.bidi.send("browsingContext.activate", json!({ "context": tab }), deadline).await?;
        let mut open = self.shared.open();
        open.add(tab);
        open.looked_at.retain(|other| other != tab);
        open.looked_at.push(tab.to_owned());
        Ok(())
    }

    /// Closes the tab that is looked at. The one before it is looked at then.
    ///
    /// # Errors
    /// When it is the last one, or gone already.
    pub(crate) async fn close(&self, deadline: Instant) -> Result<(), ActError> {
        let current = self.current();
        if self.all().len() < 2 {
            return Err(ActError::Tab("this is the actor's only tab, and without one there is nothing to look at".to_owned()));
        }
        self.bidi.send("browsingContext.close", json!({ "context": current }), deadline).await?;
        self.shared.closed(&current);
        let now = self.current();
        self.turn_to(&now, deadline).await
    }

    /// Waits for a tab that was opened after the one that is looked at, and says which.
    ///
    /// # Errors
    /// When none is there before `deadline`.
    pub(crate) async fn newest(&self, deadline: Instant) -> Result<String, ActError> {
        let current = self.current();
        let newest = |open: &Open| {
            let number = open.number(&current);
            open.all.last().filter(|(last, _)| number.is_none_or(|number| *last > number)).map(|(_, tab)| tab.clone())
        };
        match self.wait_for(newest, deadline).await {
            Some(tab) => Ok(tab),
            None => Err(self.none("no tab was opened after the one that is shown", deadline).await),
        }
    }

    /// Waits for the tab with this number, counted from one in the order of opening, closed ones included.
    ///
    /// # Errors
    /// When it is not there before `deadline`.
    pub(crate) async fn numbered(&self, number: usize, deadline: Instant) -> Result<String, ActError> {
        let wanted = |open: &Open| open.all.iter().find(|(at, _)| *at == number).map(|(_, tab)| tab.clone());
        match self.wait_for(wanted, deadline).await {
            Some(tab) => Ok(tab),
            None => Err(self.none(&format!("there is no tab {number}"), deadline).await),
        }
    }

    /// Waits for a tab whose page has such a URL and title; of several the one that was opened last.
    ///
    /// # Errors
    /// When there is none before `deadline`.
    pub(crate) async fn like(&self, fits: impl Fn(&str, &str) -> bool, deadline: Instant) -> Result<String, ActError> {
        let mut turns = self.shared.turns.subscribe();
        loop {
            turns.mark_unchanged();
            for tab in self.all().into_iter().rev() {
                // A tab without a page to ask, or that is gone by now, is not the one.
                if let Ok((url, title)) = Page::new(&self.bidi, &tab).address(deadline).await
                    && fits(&url, &title)
                {
                    return Ok(tab);
                }
            }
            if Instant::now() >= deadline {
                return Err(self.none("no tab is like that", deadline).await);
            }
            // Whichever is first: a tab that opens or closes, or the time to look again.
            let _ = tokio::time::timeout_at(deadline.min(Instant::now() + TITLES_EVERY), turns.changed()).await;
        }
    }

    /// Waits until a tab is the one that is looked at, because those after it were closed.
    #[cfg(test)]
    pub(crate) async fn until_current(&self, tab: &str, deadline: Instant) {
        let is_current = |open: &Open| open.looked_at.last().filter(|current| *current == tab).cloned();
        self.wait_for(is_current, deadline).await;
    }

    async fn wait_for(&self, wanted: impl Fn(&Open) -> Option<String>, deadline: Instant) -> Option<String> {
        let mut turns = self.shared.turns.subscribe();
        loop {
            turns.mark_unchanged();
            let found = wanted(&self.shared.open());
            if found.is_some() {
                return found;
            }
            tokio::time::timeout_at(deadline, turns.changed()).await.ok()?.ok()?;
        }
    }

    /// What to say when the wanted tab is not there: which are.
    async fn none(&self, what: &str, deadline: Instant) -> ActError {
        let deadline = deadline.max(Instant::now() + Duration::from_secs(2));
        let tabs: Vec<_> = self.shared.open().all.clone();
        let mut listed = Vec::new();
        for (number, tab) in tabs.iter().take(LISTED) {
            let address = Page::new(&self.bidi, tab).address(deadline).await;
            let (url, title) = address.unwrap_or_default();
            let url = url::Url::parse(&url).map_or(url, |url| crate::drive::http::shown(&url));
            listed.push(format!("{number}: `{url}`{}", if title.is_empty() { String::new() } else { format!(" “{title}”") }));
        }
        let more = if tabs.len() > LISTED { format!(", and {} more", tabs.len() - LISTED) } else { String::new() };
        ActError::Tab(format!("{what}; open tabs: {}{more}", listed.join(", ")))
    }
}

impl Drop for Tabs {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.tabs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn closed(&self, tab: &str) {
        {
            let mut open = self.open();
            open.all.retain(|(_, other)| other != tab);
            // The last one stays: what is done there says that it is gone.
            if open.looked_at.len() > 1 {
                open.looked_at.retain(|other| other != tab);
            } else if let (true, Some((_, other))) = (open.looked_at.iter().any(|other| other == tab), open.all.last().cloned()) {
                open.looked_at = vec![other];
            }
        }
        self.turns.send_modify(|turns| *turns += 1);
    }
}

impl Open {
    fn number(&self, tab: &str) -> Option<usize> {
        self.all.iter().find(|(_, other)| other == tab).map(|(number, _)| *number)
    }

    fn add(&mut self, tab: &str) -> bool {
        let new = self.number(tab).is_none();
        if new {
            self.all.push((self.next, tab.to_owned()));
            self.next += 1;
        }
        new
    }
}

/// Whether an event is about a top-level context of a user context.
pub(super) fn is_tab_of(params: &Value, user_context: &str) -> bool {
    params.get("parent").is_none_or(Value::is_null) && params.get("userContext").and_then(Value::as_str) == Some(user_context)
}

async fn listen(bidi: Bidi, kind: BrowserKind, mut events: UnboundedReceiver<Arc<Event>>, user_context: String, shared: Arc<Shared>) {
    // Tabs that a page opened and that have no document yet.
    let mut opened = HashSet::new();
    while let Some(event) = events.recv().await {
        let Some(context) = event.params.get("context").and_then(Value::as_str) else { continue };
        match event.method.as_str() {
            "browsingContext.contextCreated" if is_tab_of(&event.params, &user_context) => {
                if event.params.get("originalOpener").is_some_and(Value::is_string) {
                    opened.insert(context.to_owned());
                }
                if shared.open().add(context) {
                    shared.turns.send_modify(|turns| *turns += 1);
                }
            }
            "browsingContext.domContentLoaded" if opened.remove(context) && kind == BrowserKind::Chromium => {
                tokio::spawn(tell_again(bidi.clone(), context.to_owned()));
            }
            "browsingContext.contextDestroyed" if shared.open().number(context).is_some() => {
                opened.remove(context);
                shared.closed(context);
            }
            _ => {}
        }
    }
}

/// Has Chromium tell its driver once more which script worlds a tab has. The driver (chromedriver 156) misses that of a
/// window which a page opened on its own origin, and every command for that window waits for it without end.
async fn tell_again(bidi: Bidi, tab: String) {
    let deadline = Instant::now() + TELLS_WITHIN;
    let Ok(answer) = bidi.send("goog:cdp.getSession", json!({ "context": tab }), deadline).await else { return };
    let session = answer.get("session").and_then(Value::as_str);
    for method in ["Runtime.disable", "Runtime.enable"] {
        // A window that is gone by now needs nothing.
        let _ = bidi.cdp(session, method, json!({}), deadline).await;
    }
}
