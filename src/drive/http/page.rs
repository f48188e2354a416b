//! Page steps without a browser: what a person does with links, fields and buttons.

use super::failure::shown;
use super::follow::Errand;
use super::navigate::{Before, Document, Tab, submitted};
use crate::drive::actor::Actor;
use crate::drive::error::StepError;
use crate::drive::steps::Session;
use crate::plan::{Field, Template, WaitPlan};
use crate::trace::Cause;
use crate::web::html::{Click, ControlKind, ElementId, Locator, Page, PageError, Wanted};
use tokio::time::Instant;
use url::Url;

/// Most of a page's text that a message shows, in characters.
const SHOWN_TEXT: usize = 200;

impl Session<'_> {
    /// Goes to a URL as if typed.
    pub(crate) async fn open(&self, actor: &Actor, step: usize, url: &Template, deadline: Instant) -> Result<(), StepError> {
        let url = self.url(actor, url)?;
        let errand = Errand::navigation(Cause::Open, http::Method::GET, url, None, true);
        self.navigate(actor, step, errand, Before::Kept, deadline).await
    }

    /// Follows a link, presses a button, ticks a box.
    pub(crate) async fn click(&self, actor: &Actor, step: usize, locator: &Locator, deadline: Instant) -> Result<(), StepError> {
        let click = actor.tab().act(|page| page.click(locator))?;
        self.follow_click(actor, step, click, deadline).await
    }

    /// Presses a key in the field that was filled last.
    pub(crate) async fn press(&self, actor: &Actor, step: usize, key: &str, deadline: Instant) -> Result<(), StepError> {
        if !key.eq_ignore_ascii_case("enter") {
            return Err(StepError::Key(key.to_owned()));
        }
        let click = {
            let mut tab = actor.tab();
            let focus = tab.document()?.focus.ok_or(StepError::NothingFilled)?;
            tab.act(|page| page.press_enter_at(focus))?
        };
        self.follow_click(actor, step, click, deadline).await
    }

    /// Fills fields; a check box or radio button takes `true` or `false`.
    pub(crate) fn fill(&self, actor: &Actor, fields: &[Field]) -> Result<(), StepError> {
        for field in fields {
            let value = self.recorder.render(&field.value)?;
            let mut tab = actor.tab();
            let filled = tab.act(|page| fill(page, &field.field, &value))?;
            tab.document()?.focus = Some(filled);
        }
        Ok(())
    }

    /// Chooses options of lists.
    pub(crate) fn select(&self, actor: &Actor, fields: &[Field]) -> Result<(), StepError> {
        for field in fields {
            let value = self.recorder.render(&field.value)?;
            actor.tab().act(|page| page.choose(&field.field, &[&value]))?;
        }
        Ok(())
    }

    /// Checks that the page is as described. Without script nothing changes by itself, so there is nothing to wait for.
    pub(crate) fn wait(&self, actor: &Actor, plan: &WaitPlan) -> Result<(), StepError> {
        let tab = actor.tab();
        let Some(document) = &tab.current else { return Err(tab.no_page()) };
        // A navigation that left the browser ended there, whatever page is still shown.
        let url = tab.deep_link.clone().unwrap_or_else(|| document.url.to_string());
        let mut missed = Vec::new();
        if plan.url.as_ref().is_some_and(|matcher| !self.recorder.matches(matcher, Some(&url.into()))) {
            missed.push("its URL is not as asked".to_owned());
        }
        if plan.text.as_ref().is_some_and(|matcher| !self.recorder.matches(matcher, Some(&document.text.as_str().into()))) {
            missed.push("its text is not as asked".to_owned());
        }
        if let Some(locator) = &plan.visible {
            match &document.page {
                Some(page) => missed.extend(page.find(locator, Wanted::Element).err().map(|error| error.to_string())),
                None => missed.push(format!("it is no HTML page (its content type is {}), so nothing is visible", document.content_type)),
            }
        }
        if missed.is_empty() {
            return Ok(());
        }
        let place = match &tab.deep_link {
            Some(link) => format!("the navigation left the browser for a `{}:` URL", scheme(link)),
            None => format!("the page is `{}`", shown(&document.url)),
        };
        let text: String = document.text.chars().take(SHOWN_TEXT).collect();
        let more = if text.len() < document.text.len() { "…" } else { "" };
        let reads = if text.is_empty() { "shows no text".to_owned() } else { format!("reads “{text}{more}”") };
        Err(StepError::Wait(format!(
            "{}; {place} and {reads} (without script it does not change any more; if it should, use the browser engine)",
            missed.join("; ")
        )))
    }

    /// Loads the page again: the request that brought it, once more, a POST with its body.
    pub(crate) async fn reload(&self, actor: &Actor, step: usize, deadline: Instant) -> Result<(), StepError> {
        let errand = actor.tab().document()?.errand.again(Cause::Reload, true);
        self.navigate(actor, step, errand, Before::Replaced, deadline).await
    }

    /// Goes back in the history. The page before is asked for again; one that came by a POST is sent again, as after the
    /// question that a browser asks then.
    pub(crate) async fn back(&self, actor: &Actor, step: usize, deadline: Instant) -> Result<(), StepError> {
        let errand = {
            let mut tab = actor.tab();
            // From outside of the browser one comes back to the page that was left.
            if tab.deep_link.take().is_some() && tab.current.is_some() {
                return Ok(());
            }
            tab.history.pop().ok_or(StepError::NoHistory)?
        };
        self.navigate(actor, step, errand.again(Cause::Back, false), Before::Replaced, deadline).await
    }

    async fn follow_click(&self, actor: &Actor, step: usize, click: Click, deadline: Instant) -> Result<(), StepError> {
        let source = actor.tab().source();
        match click {
            Click::Changed => Ok(()),
            Click::CustomScheme { raw, .. } => {
                actor.tab().deep_link = Some(raw);
                Ok(())
            }
            Click::Navigate { url, same_document: true } => {
                actor.tab().document()?.url = url;
                Ok(())
            }
            // A download is a navigation that ends without a page.
            Click::Navigate { url, same_document: false } | Click::Download { url } => {
                let errand = Errand::navigation(Cause::Link, http::Method::GET, url, source, true);
                self.navigate(actor, step, errand, Before::Kept, deadline).await
            }
            Click::Submit(submission) => {
                let errand = match source {
                    Some(source) => submitted(submission, Cause::Form, source, true),
                    None => return Err(actor.tab().no_page()),
                };
                self.navigate(actor, step, errand, Before::Kept, deadline).await
            }
        }
    }

    /// The URL of a template; a relative one stands against the page.
    pub(crate) fn url(&self, actor: &Actor, template: &Template) -> Result<Url, StepError> {
        let text = self.recorder.render(template)?;
        match Url::parse(&text) {
            Err(url::ParseError::RelativeUrlWithoutBase) => {
                let base = actor.tab().current.as_ref().map(|document| document.url.clone());
                let base = base.ok_or_else(|| StepError::Relative(without_query(&text)))?;
                base.join(&text).map_err(|cause| no_url(&text, cause))
            }
            parsed => parsed.map_err(|cause| no_url(&text, cause)),
        }
    }
}

impl Tab {
    /// The loaded page.
    pub(super) fn document(&mut self) -> Result<&mut Document, StepError> {
        let nothing = self.no_page();
        self.current.as_mut().ok_or(nothing)
    }

    pub(super) fn no_page(&self) -> StepError {
        StepError::NoPage(self.deep_link.as_deref().map(scheme).map(str::to_owned))
    }

    /// Something done to the page; what the page does not allow says on which page.
    fn act<T>(&mut self, act: impl FnOnce(&mut Page) -> Result<T, PageError>) -> Result<T, StepError> {
        let document = self.document()?;
        let url = document.url.clone();
        let Some(page) = &mut document.page else {
            return Err(StepError::NoHtml { url: shown(&url), content_type: document.content_type.clone() });
        };
        act(page).map_err(|error| StepError::on(&url, error))
    }
}

/// Types into a field; what is ticked rather than typed into takes `true` or `false`.
fn fill(page: &mut Page, field: &Locator, value: &str) -> Result<ElementId, PageError> {
    let tickable = |is: &str| is == ControlKind::Checkbox.noun() || is == ControlKind::Radio.noun();
    match (page.fill(field, value), value) {
        (Err(PageError::WrongKind { is, .. }), "true") if tickable(is) => page.check(field),
        (Err(PageError::WrongKind { is, .. }), "false") if tickable(is) => page.uncheck(field),
        (Err(PageError::WrongKind { is, control, .. }), _) if tickable(is) => {
            Err(PageError::WrongKind { control, is, hint: "so fill it with `true` or `false`, or click it" })
        }
        (filled, _) => filled,
    }
}

fn scheme(link: &str) -> &str {
    link.split(':').next().unwrap_or_default()
}

/// A URL that a scenario gives as text.
pub(crate) fn parse_url(text: &str) -> Result<Url, StepError> {
    Url::parse(text).map_err(|cause| no_url(text, cause))
}

fn no_url(text: &str, cause: url::ParseError) -> StepError {
    StepError::Url { text: without_query(text), cause }
}

/// Text that may be a URL, without what may be secret in it.
fn without_query(text: &str) -> String {
    text.split(['?', '#']).next().unwrap_or_default().to_owned()
}
