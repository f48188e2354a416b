//! The task that reads one device's events, and the wait for quiet.

use super::body::{Bodies, Wanted};
use super::fold::Fold;
use super::route::Route;
use super::write::{Closing, Writer};
use crate::drive::browser::bidi::{Bidi, BidiError, Event};
use crate::drive::browser::launch::{BrowserKind, Device, DeviceOptions};
use crate::drive::browser::page::SANDBOX;
use crate::drive::recorder::Recorder;
use crate::trace::{Body, Cause};
use crate::web::cookie::{CookieKey, CookieRecord, CookieValue, Jar, Policy, Profile, ThirdPartyCookies};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long nothing may happen before all is quiet.
const QUIET: Duration = Duration::from_millis(10);
/// The same in Firefox, which tells of what a page did a moment after its scripts have had their turn.
const QUIET_IN_FIREFOX: Duration = Duration::from_millis(100);
/// How long a page may take to say that it did what it was about to do. One that is busy for longer does not hold up more.
const BARRIER: Duration = Duration::from_secs(5);
/// How long the browser may take for a subscription.
const WITHIN: Duration = Duration::from_secs(30);

/// Records what happens in one device's tabs. It ends when it is dropped.
pub(crate) struct Tape {
    bidi: Bidi,
    shared: Arc<Shared>,
    quiet: Duration,
    /// Asks the task whether it has taken in what has come.
    asks: mpsc::UnboundedSender<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// What came of an action, once all is quiet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    /// Where a navigation led out of the browser, as it stood in the redirect.
    pub(crate) deep_link: Option<String>,
    /// Tabs that were opened, oldest first.
    pub(crate) opened: Vec<String>,
    /// Whether a dialog waits for an answer; until it has one, nothing else happens in its tab.
    pub(crate) dialog: bool,
    /// What was still under way at the deadline, for people.
    pub(crate) busy: Option<String>,
}

struct Shared {
    state: Mutex<State>,
    /// Counts what happened.
    changed: watch::Sender<u64>,
    bodies: Bodies,
}

struct State {
    fold: Fold,
    route: Route,
    writer: Writer,
    /// When something last happened that a page may be waited for.
    last: Instant,
    /// Bodies that are asked for and not there so far.
    reading: usize,
}

impl Tape {
    /// Records from now on; `options` are those that the device was made with.
    ///
    /// # Errors
    /// When the browser does not tell what is needed.
    pub(crate) async fn start(
        device: &Device,
        options: &DeviceOptions,
        actor: Arc<str>,
        recorder: Arc<Recorder>,
    ) -> Result<Self, BidiError> {
        let bidi = device.bidi.clone();
        let events = bidi.events();
        let chromium = device.kind == BrowserKind::Chromium;
        let profile = if chromium { Profile::Chrome } else { Profile::Firefox };
        let third_party_cookies = if options.third_party_cookies { ThirdPartyCookies::Allow } else { ThirdPartyCookies::Block };
        let policy = Policy { profile, third_party_cookies, ..Policy::default() };
        if !chromium {
            recorder.withheld_is_unseen();
        }
        let collect = Bodies::collect(&bidi, &device.user_context, options.max_body, !chromium);
        let (bodies, tree) = tokio::join!(collect, tree(&bidi));
        let state = State {
            fold: Fold::default(),
            route: Route::new(&device.user_context),
            writer: Writer::new(recorder, actor, Jar::new(policy)),
            last: Instant::now(),
            reading: 0,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: watch::Sender::new(0), bodies });
        shared.learn(&tree?);
        let quiet = if chromium { QUIET } else { QUIET_IN_FIREFOX };
        let (asks, asked) = mpsc::unbounded_channel();
        let task = tokio::spawn(read(shared.clone(), events, asked));
        Ok(Self { bidi, shared, quiet, asks, task })
    }

    /// What begins from now on belongs to this step. `cause` is that of its first navigation, where the verb knows it.
    pub(crate) fn enter(&self, step: usize, cause: Option<Cause>) {
        let mut state = self.shared.state();
        state.writer.enter(step, cause);
        state.fold.frames.act(Instant::now());
    }

    /// The browser's jar is as `cookies` say: HTTP steps and steps on cookies changed it, of which no answer tells.
    pub(crate) fn knows(&self, cookies: &[CookieRecord]) {
        let mut state = self.shared.state();
        state.writer.jar.remove_matching(|_| true);
        for cookie in cookies {
            let _ = state.writer.jar.insert(cookie.clone());
        }
    }

    /// The value that a cookie was last seen to be set to, byte for byte.
    pub(crate) fn value(&self, key: &CookieKey) -> Option<CookieValue> {
        let state = self.shared.state();
        state.writer.jar.for_host(&key.domain).find(|cookie| cookie.key == *key).map(|cookie| cookie.value.clone())
    }

    /// Waits until all is quiet behind an action in `tab`: what the page had begun is done, no frame is on its way, no
    /// document and no fetch is under way, and every header and body that must come has come. Requests that are not meant
    /// to end do not hold it up.
    pub(crate) async fn settle(&self, tab: &str, deadline: Instant) -> Settled {
        let mut changed = self.shared.changed.subscribe();
        loop {
            self.barrier(tab, deadline).await;
            let before = self.shared.state().fold.stirred();
            if !self.quiet(&mut changed, deadline).await || self.shared.state().fold.stirred() == before {
                break;
            }
            // A page that came since then may have begun something too.
        }
        self.settled()
    }

    fn settled(&self) -> Settled {
        let mut state = self.shared.state();
        Settled {
            deep_link: state.writer.deep_link.clone(),
            opened: state.fold.frames.opened().to_vec(),
            dialog: state.fold.frames.has_dialog(),
            busy: state.busy(Instant::now()),
        }
    }

    /// Waits until nothing is under way and nothing has happened for a moment. `false` when there is nothing to wait for
    /// any more: the deadline has passed, or a dialog is open.
    async fn quiet(&self, changed: &mut watch::Receiver<u64>, deadline: Instant) -> bool {
        loop {
            let now = Instant::now();
            self.shared.tick(now);
            let (busy, last, dialog) = {
                let mut state = self.shared.state();
                (state.busy(now).is_some(), state.last, state.fold.frames.has_dialog())
            };
            let quiet = last + self.quiet;
            if dialog || now >= deadline || self.bidi.ended().is_some() {
                return false;
            }
            if !busy && now >= quiet {
                return true;
            }
            let wake = if busy { now + Duration::from_millis(50) } else { quiet };
            let _ = tokio::time::timeout_at(wake.min(deadline), changed.changed()).await;
        }
    }

    /// Waits until a page has done what it was about to do, and all that the browser told until then is taken in.
    async fn barrier(&self, tab: &str, deadline: Instant) {
        let until = deadline.min(Instant::now() + BARRIER);
        let turn = json!({
            // In a world of its own: pages put clocks of their own in place of timers. Without scripts there are no timers, and no turns.
            "expression": "matchMedia('(scripting: none)').matches || new Promise(done => setTimeout(done, 0))",
            "target": { "context": tab, "sandbox": SANDBOX },
            "awaitPromise": true,
            "resultOwnership": "none",
        });
        let mut changed = self.shared.changed.subscribe();
        let asked = self.bidi.send("script.evaluate", turn, until);
        tokio::pin!(asked);
        loop {
            if self.shared.state().fold.frames.has_dialog() {
                return;
            }
            tokio::select! {
                // A page that is gone has nothing more to do.
                _ = &mut asked => break,
                _ = changed.changed() => {}
            }
        }
        let (done, taken_in) = oneshot::channel();
        if self.asks.send(done).is_ok() {
            let _ = taken_in.await;
        }
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// All tabs and frames of the browser.
async fn tree(bidi: &Bidi) -> Result<Value, BidiError> {
    bidi.send("browsingContext.getTree", json!({}), Instant::now() + WITHIN).await
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, tree: &Value) {
        let mut state = self.state();
        for context in tree.get("contexts").and_then(Value::as_array).into_iter().flatten() {
            if state.route.learn(context) {
                state.fold.context_created(context);
            }
        }
        state.fold.frames.act(Instant::now());
    }

    fn take(self: &Arc<Self>, event: &Arc<Event>) {
        let mut state = self.state();
        let mine = state.route.admit(event);
        if mine.is_empty() {
            return;
        }
        let before = state.fold.stirred();
        for event in &mine {
            state.fold.take(event);
        }
        if state.fold.stirred() != before {
            state.last = Instant::now();
        }
        self.write(state);
        self.changed.send_modify(|count| *count += 1);
    }

    /// Gives up on what is too late.
    fn tick(self: &Arc<Self>, now: Instant) {
        let mut state = self.state();
        state.fold.tick(now);
        self.write(state);
    }

    /// Writes down what is complete, and asks for the bodies of the rest.
    fn write(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        for fact in state.fold.facts() {
            let Some(closing) = state.writer.take(fact) else { continue };
            match self.bodies.wanted(&closing) {
                Some(wanted) => {
                    state.reading += 1;
                    tokio::spawn(self.clone().close_with_body(closing, wanted));
                }
                None => state.writer.close(closing, None, Body::default()),
            }
        }
    }

    async fn close_with_body(self: Arc<Self>, closing: Closing, wanted: Wanted) {
        let (request, response) = self.bodies.read(wanted).await;
        let mut state = self.state();
        state.reading -= 1;
        state.writer.close(closing, request, response);
        drop(state);
        self.changed.send_modify(|count| *count += 1);
    }
}

impl State {
    /// What is still under way, for people.
    fn busy(&mut self, now: Instant) -> Option<String> {
        let reading = || (self.reading > 0).then(|| "the reading of an answer's body".to_owned());
        self.fold.busy(now).or_else(reading)
    }
}

async fn read(
    shared: Arc<Shared>,
    mut events: mpsc::UnboundedReceiver<Arc<Event>>,
    mut asked: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
) {
    loop {
        tokio::select! {
            // What has come goes before the question whether it was taken in.
            biased;
            event = events.recv() => match event {
                Some(event) => shared.take(&event),
                None => break,
            },
            Some(done) = asked.recv() => drop(done.send(())),
        }
    }
    shared.changed.send_modify(|count| *count += 1);
}
