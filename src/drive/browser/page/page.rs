//! One tab's page.

use super::act::Done;
use super::error::ActError;
use super::inject::ask;
use super::task::{Action, Task};
use super::{keys, pointer};
use crate::drive::browser::bidi::Bidi;
use crate::plan::Input;
use crate::web::html::Locator;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;

/// How often a real press is tried whose place in the page something else took in the meantime.
const PRESSES: usize = 5;

/// A page as it is now in a tab; a navigation puts another one in its place.
#[derive(Clone, Copy)]
pub(crate) struct Page<'a> {
    pub(super) bidi: &'a Bidi,
    /// The tab: a top-level browsing context.
    pub(super) context: &'a str,
}

/// What a page shows and keeps.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    /// Its URL, fragment included.
    pub(crate) url: String,
    /// Its title, on one line.
    pub(crate) title: String,
    /// The text that a person sees, that of its frames behind its own.
    pub(crate) text: String,
    /// `localStorage`; nothing where the page may not have one.
    pub(crate) local: Option<BTreeMap<String, String>>,
    /// `sessionStorage`.
    pub(crate) session: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Look {
    url: String,
    title: String,
    text: String,
    frames: usize,
    local: Option<BTreeMap<String, String>>,
    session: Option<BTreeMap<String, String>>,
}

impl<'a> Page<'a> {
    /// The page of a tab.
    pub(crate) fn new(bidi: &'a Bidi, context: &'a str) -> Self {
        Self { bidi, context }
    }

    /// Presses a link, a button, a check box, or whatever a text or selector leads to.
    ///
    /// # Errors
    /// When it does not come to be there, or nobody could get at it before `deadline`.
    pub(crate) async fn click(&self, locator: &Locator, input: Input, deadline: Instant) -> Result<(), ActError> {
        let task = Task::new(Action::Click, locator).real(input == Input::Real);
        self.enact(&task, locator, "", deadline).await
    }

    /// Puts a value into a field in place of what it held. What is ticked takes `true` or `false`; a file field takes
    /// paths, a line each.
    ///
    /// # Errors
    /// As [`click`](Self::click); also when the field does not take such a value.
    pub(crate) async fn fill(&self, locator: &Locator, value: &str, input: Input, deadline: Instant) -> Result<(), ActError> {
        let task = Task::new(Action::Fill, locator).text(value).real(input == Input::Real);
        self.enact(&task, locator, value, deadline).await
    }

    /// Chooses options of a list, or one of a group of radio buttons, by label or by value, in place of what was chosen.
    ///
    /// # Errors
    /// As [`click`](Self::click); also when there is no such option.
    pub(crate) async fn select(&self, locator: &Locator, wanted: &[&str], deadline: Instant) -> Result<(), ActError> {
        let task = Task::new(Action::Select, locator).options(wanted);
        self.enact(&task, locator, "", deadline).await
    }

    async fn enact(&self, task: &Task, locator: &Locator, value: &str, deadline: Instant) -> Result<(), ActError> {
        let mut task = task.clone();
        for tries in 1.. {
            let Done { outcome, context, element } = self.perform(&task, locator, deadline).await?;
            let element = element.unwrap_or_default();
            if outcome.file {
                return self.give_files(locator, &context, &element, value, deadline).await;
            }
            if outcome.focused {
                return keys::type_text(self.bidi, self.context, value, deadline).await;
            }
            let Some(point) = outcome.ready else { return Ok(()) };
            if pointer::press(self.bidi, &context, point, deadline).await? {
                return Ok(());
            }
            if tries == PRESSES {
                return Err(ActError::Missed { control: locator.to_string(), tries });
            }
            task = task.again();
        }
        Ok(())
    }

    /// Presses a key where the focus is: `Enter`, `Tab`, `a`, `Control+A`. Keys are always real ones.
    ///
    /// # Errors
    /// When there is no such key, or the tab is gone.
    pub(crate) async fn press(&self, key: &str, deadline: Instant) -> Result<(), ActError> {
        keys::press(self.bidi, self.context, key, deadline).await
    }

    /// Waits until exactly one thing that a locator fits shows.
    ///
    /// # Errors
    /// When that is not so before `deadline`: with what was there instead.
    pub(crate) async fn wait_visible(&self, locator: &Locator, deadline: Instant) -> Result<(), ActError> {
        self.perform(&Task::new(Action::See, locator), locator, deadline).await.map(drop)
    }

    /// Whether anything that a locator fits shows now, once or several times.
    ///
    /// # Errors
    /// When the tab is gone.
    pub(crate) async fn visible(&self, locator: &Locator, deadline: Instant) -> Result<bool, ActError> {
        self.shows(&Task::new(Action::See, locator), deadline).await
    }

    /// What the page shows and keeps now.
    ///
    /// # Errors
    /// When the tab is gone.
    pub(crate) async fn shown(&self, deadline: Instant) -> Result<Shown, ActError> {
        let question = json!({ "ask": "look" });
        let look: Look = self.steadily(&question, deadline).await?;
        let mut text = look.text;
        if look.frames > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            let frames = self.frames(left).await?;
            let inner = frames.get(1..).unwrap_or_default();
            for (_, answer) in self.ask_all::<Look>(inner, &question, left).await {
                // A frame that went away in between shows nothing.
                if let Ok(inner) = answer
                    && !inner.text.is_empty()
                {
                    text.push('\n');
                    text.push_str(&inner.text);
                }
            }
        }
        Ok(Shown { url: look.url, title: look.title, text, local: look.local, session: look.session })
    }

    /// The page's URL and title.
    ///
    /// # Errors
    /// When the tab is gone.
    pub(crate) async fn address(&self, deadline: Instant) -> Result<(String, String), ActError> {
        self.steadily(&json!({ "ask": "address" }), deadline).await
    }

    /// Ends with the next change of the page: of its content, its address, or the document as a whole; or at `deadline`.
    ///
    /// # Errors
    /// When the tab is gone.
    pub(crate) async fn changed(&self, deadline: Instant) -> Result<(), ActError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let frames = self.frames(left).await?;
        self.any_change(&frames, left.min(Duration::from_millis(500))).await;
        Ok(())
    }

    /// An answer from whatever document is there, if need be from the next one.
    pub(super) async fn steadily<A: serde::de::DeserializeOwned>(
        &self,
        question: &serde_json::Value,
        deadline: Instant,
    ) -> Result<A, ActError> {
        loop {
            match ask(self.bidi, self.context, question, false, deadline).await {
                Ok(answer) => return Ok(answer.data),
                Err(super::error::Unanswered::Gone) => {
                    // Whether it was the document or the whole tab that went.
                    self.frames(Duration::ZERO).await?;
                    if Instant::now() >= deadline {
                        return Err(ActError::Closed);
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn give_files(&self, locator: &Locator, context: &str, element: &str, paths: &str, deadline: Instant) -> Result<(), ActError> {
        let mut files = Vec::new();
        for path in paths.lines().map(str::trim).filter(|path| !path.is_empty()) {
            let given = |why: String| ActError::File { control: locator.to_string(), why };
            let whole: PathBuf = std::path::absolute(path).map_err(|error| given(format!("`{path}` is no path: {error}")))?;
            if !tokio::fs::try_exists(&whole).await.unwrap_or(false) {
                return Err(given(format!("there is no file `{}`", whole.display())));
            }
            files.push(whole.to_string_lossy().into_owned());
        }
        let params = json!({ "context": context, "element": { "sharedId": element }, "files": files });
        self.bidi.send("input.setFiles", params, deadline).await?;
        Ok(())
    }
}
