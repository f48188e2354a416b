//! The steps of a run in a real browser.

use super::launch::BrowserError;
use super::page::ActError;
use super::picture;
use super::record::Settled;
use super::screen::Screen;
use crate::drive::actor::Actor;
use crate::drive::error::StepError;
use crate::drive::http::{Seen, folded};
use crate::drive::steps::Session;
use crate::plan::{Engine, Field, Step, Template, Verb, WaitPlan};
use crate::trace::{BrowserEventKind, Cause, Chain, Hop, Resource, WebStorage};
use serde_json::json;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// How long a look at the page may take when the step's own time is over.
const GRACE: Duration = Duration::from_secs(5);
/// Redirects in a row that a browser follows at least: Chromium gives up at the twentieth, the standard one later (Fetch §4.5).
const LIMIT: usize = 19;
/// Most of a page's text that a message shows, in characters.
const SHOWN_TEXT: usize = 200;

impl Session<'_> {
    /// The actor's browser, opened when it is needed first.
    pub(crate) async fn screen<'a>(&self, actor: &'a Actor) -> Result<&'a Screen, StepError> {
        actor.screen.get_or_try_init(|| self.open_screen(actor)).await
    }

    async fn open_screen(&self, actor: &Actor) -> Result<Screen, StepError> {
        let browsers = self.browsers.as_ref().ok_or(StepError::NeedsBrowser)?;
        let screen = Screen::open(browsers, &actor.device, actor.name.clone(), self.recorder.clone()).await?;
        let clock = self.recorder.clock();
        if self.plan.moves_clock() {
            screen.set_clock(clock.ahead(), self.ends).await?;
        }
        // What HTTP steps got before is there from the beginning.
        screen.push(actor.jar_lock(), clock).await?;
        Ok(screen)
    }

    /// Whether a step is done in a real browser.
    pub(crate) fn is_for_a_browser(&self, verb: &Verb) -> bool {
        verb.is_of_pages() && self.plan.engine == Engine::Browser
    }

    /// Does a step on the actor's page, waits until all that it began is over, and looks at what is there then.
    pub(crate) async fn act_in_browser(&self, actor: &Actor, index: usize, step: &Step, deadline: Instant) -> Result<(), StepError> {
        let began = Instant::now();
        let screen = self.screen(actor).await?;
        // The time that a browser takes to start is not the step's.
        let deadline = (deadline + began.elapsed()).min(self.ends);
        let done = self.act_on_screen(actor, screen, index, step, deadline).await;
        match done {
            // Whatever the socket says, it is better known why the browser does not answer.
            Err(error) if error.is_of_the_environment() => {
                let why = screen.device.obituary().await;
                Err(why.map_or(error, |why| BrowserError::Gone(why).into()))
            }
            other => other,
        }
    }

    async fn act_on_screen(&self, actor: &Actor, screen: &Screen, index: usize, step: &Step, deadline: Instant) -> Result<(), StepError> {
        screen.tape.enter(index, cause_of(&step.verb));
        if navigates(&step.verb) {
            actor.tab().left(None);
        }
        let done = self.operate(actor, screen, index, step, deadline).await;
        let settled = screen.settle(deadline).await;
        self.look(actor, screen, index, step, settled, deadline).await?;
        if self.recorder.awaits_page(index) {
            // On a busy machine a script may send the page on when all seems quiet.
            let settled = screen.settle(deadline).await;
            self.look(actor, screen, index, step, settled, deadline).await?;
        }
        let arrived = self.arrived(index);
        // Of a page that did not come its hop says more than the browser.
        if done.as_ref().is_err_and(StepError::is_of_a_page_that_did_not_come) {
            arrived?;
            return done;
        }
        done?;
        arrived?;
        tokio::time::sleep(self.slow_mo).await;
        Ok(())
    }

    async fn operate(&self, actor: &Actor, screen: &Screen, index: usize, step: &Step, deadline: Instant) -> Result<(), StepError> {
        let tab = screen.tab();
        let page = screen.page(&tab);
        let input = self.plan.policy.browser.input;
        match &step.verb {
            Verb::Open(url) => self.go(actor, screen, url, deadline).await,
            Verb::Click(locator) => Ok(page.click(locator, input, deadline).await?),
            Verb::Fill(fields) => {
                for Field { field, value } in fields {
                    page.fill(field, &self.recorder.render(value)?, input, deadline).await?;
                }
                Ok(())
            }
            Verb::Select(fields) => {
                for Field { field, value } in fields {
                    page.select(field, &[&self.recorder.render(value)?], deadline).await?;
                }
                Ok(())
            }
            Verb::Press(key) => Ok(page.press(key, deadline).await?),
            Verb::Wait(plan) => self.wait_in_browser(screen, plan, deadline).await,
            Verb::Reload => {
                let params = json!({ "context": tab, "wait": "none" });
                screen.device.bidi.send("browsingContext.reload", params, deadline).await?;
                Ok(())
            }
            Verb::Back => {
                let params = json!({ "context": tab, "delta": -1 });
                match screen.device.bidi.send("browsingContext.traverseHistory", params, deadline).await {
                    Err(error) if error.is("no such history entry") => Err(StepError::NoHistory),
                    other => Ok(other.map(drop)?),
                }
            }
            Verb::Screenshot(name) => self.photograph(actor, screen, index, name, deadline).await,
            verb => self.operate_browser(actor, screen, index, verb, deadline).await,
        }
    }

    pub(super) async fn go(&self, actor: &Actor, screen: &Screen, url: &Template, deadline: Instant) -> Result<(), StepError> {
        let url = self.url(actor, url)?;
        let params = json!({ "context": screen.tab(), "url": url.as_str(), "wait": "none" });
        screen.device.bidi.send("browsingContext.navigate", params, deadline).await?;
        Ok(())
    }

    /// Waits until the page is as described.
    async fn wait_in_browser(&self, screen: &Screen, plan: &WaitPlan, deadline: Instant) -> Result<(), StepError> {
        let tab = screen.tab();
        let page = screen.page(&tab);
        loop {
            let shown = page.shown(deadline).await?;
            let mut missed = Vec::new();
            if plan.url.as_ref().is_some_and(|matcher| !self.recorder.matches(matcher, Some(&shown.url.as_str().into()))) {
                missed.push("its URL is not as asked".to_owned());
            }
            if plan.text.as_ref().is_some_and(|matcher| !self.recorder.matches(matcher, Some(&folded(&shown.text).into()))) {
                missed.push("its text is not as asked".to_owned());
            }
            if let Some(locator) = &plan.visible
                && !page.visible(locator, deadline).await?
            {
                missed.push(format!("`{locator}` is not there"));
            }
            if missed.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                if let (Some(locator), 1) = (&plan.visible, missed.len()) {
                    // It knows what is there instead.
                    page.wait_visible(locator, deadline).await?;
                }
                let text: String = folded(&shown.text).chars().take(SHOWN_TEXT).collect();
                let reads = if text.is_empty() { "shows no text".to_owned() } else { format!("reads “{text}…”") };
                let url = Url::parse(&shown.url).map_or(String::new(), |url| crate::drive::http::shown(&url));
                return Err(StepError::Wait(format!("{}; the page is `{url}` and {reads}", missed.join("; "))));
            }
            page.changed(deadline).await?;
        }
    }

    /// Takes what the page shows and the browser keeps into the actor, for the record and for HTTP steps.
    async fn look(
        &self,
        actor: &Actor,
        screen: &Screen,
        index: usize,
        step: &Step,
        settled: Settled,
        deadline: Instant,
    ) -> Result<(), StepError> {
        // Even when the step took all of its time, it is worth knowing where it got to.
        let deadline = deadline.max(Instant::now() + GRACE);
        let tab = screen.tab();
        let page = screen.page(&tab);
        let (shown, pulled) = tokio::join!(page.shown(deadline), screen.pull(actor.jar_lock(), self.recorder.clock()));
        pulled?;
        let shown = match shown {
            Ok(shown) => shown,
            // A tab that the page closed shows nothing.
            Err(ActError::Closed) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if step.asks_for_storage() {
            let storage = WebStorage { local: shown.local.unwrap_or_default(), session: shown.session.unwrap_or_default() };
            self.recorder.set_storage(index, storage);
        }
        let mut seen = actor.tab();
        if let Ok(url) = Url::parse(&shown.url) {
            seen.see(Seen { url, title: Some(shown.title).filter(|title| !title.is_empty()), text: folded(&shown.text) });
        }
        if settled.deep_link.is_some() {
            seen.left(settled.deep_link);
        }
        Ok(())
    }

    /// Takes a picture of what the actor sees, and notes where it lies.
    async fn photograph(&self, actor: &Actor, screen: &Screen, index: usize, name: &str, deadline: Instant) -> Result<(), StepError> {
        let folder = self.pictures.as_deref().unwrap_or(Path::new("."));
        let cookies = actor.jar().iter().filter_map(|cookie| String::from_utf8(cookie.value.as_bytes().to_vec()).ok()).collect::<Vec<_>>();
        let secrets = self.plan.secrets.values().map(|secret| secret.expose().to_owned()).chain(cookies).collect::<Vec<_>>();
        let path = picture::take(&screen.device.bidi, &screen.tab(), folder, name, &secrets, deadline).await?;
        self.recorder.event(index, &actor.name, BrowserEventKind::Screenshot, path.display().to_string(), None);
        Ok(())
    }

    /// Takes a picture of where a step failed, for whoever reads the report; without one there is none.
    pub(crate) async fn photograph_failure(&self, actor: &Actor, index: usize) {
        let Some(screen) = actor.screen.get().filter(|_| self.pictures.is_some()) else { return };
        let name = format!("failed-step-{}", index + 1);
        let _ = self.photograph(actor, screen, index, &name, Instant::now() + GRACE).await;
    }

    /// A navigation that brought no answer is a step that could not be done.
    fn arrived(&self, index: usize) -> Result<(), StepError> {
        self.recorder.with_chain(|chain, _| {
            let last = chain.hops_of(index).rfind(|hop| hop.resource == Resource::Document && hop.cause != Cause::Subresource);
            match last.map(|hop| (hop, &hop.outcome)) {
                Some((_, Err(failure))) => Err(StepError::Request(failure.clone())),
                Some((hop, Ok(_))) => endless(chain, hop),
                None => Ok(()),
            }
        })
    }
}

/// A row of redirects that the browser left at its own limit: the last answer redirects, and nothing came after it.
fn endless(chain: &Chain, last: &Hop) -> Result<(), StepError> {
    let Some(target) = last.redirect_target().and_then(|target| Url::parse(&target).ok()) else { return Ok(()) };
    if !matches!(target.scheme(), "http" | "https") {
        return Ok(());
    }
    let before = |hop: &&Hop| if let Cause::Redirect(from) = hop.cause { chain.hop(from) } else { None };
    let followed = std::iter::successors(Some(last), before).count() - 1;
    if followed < LIMIT {
        return Ok(());
    }
    Err(StepError::TooManyRedirects { limit: followed, hop: last.id.0 + 1, target: crate::drive::http::shown(&target) })
}

/// Why the first request of a step is made, where the verb says it.
fn cause_of(verb: &Verb) -> Option<Cause> {
    match verb {
        Verb::Open(_) => Some(Cause::Open),
        Verb::Reload => Some(Cause::Reload),
        Verb::Back => Some(Cause::Back),
        _ => None,
    }
}

/// Whether a step leaves the page, as a rule.
fn navigates(verb: &Verb) -> bool {
    matches!(verb, Verb::Open(_) | Verb::Click(_) | Verb::Press(_) | Verb::Reload | Verb::Back)
}
