//! Listening to what a person does in a browser, for a scenario that does it again.

use super::error::ActError;
use super::inject::{SANDBOX, library};
use super::tabs::{Tabs, is_tab_of};
use crate::drive::browser::bidi::{Bidi, Event};
use crate::drive::browser::launch::Device;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

/// The name of the channel (WebDriver BiDi §7.6.2.1) on which pages tell.
const CHANNEL: &str = "authchain-listen";
/// Longest message that is taken from a page, in bytes.
const LONGEST: usize = 64 * 1024;

/// Something that happened while a person used the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Something was pressed.
    Click {
        /// How it is named.
        locator: String,
    },
    /// A field was filled, a box ticked.
    Fill {
        /// How it is named.
        locator: String,
        /// What it holds now.
        value: String,
        /// Whether nobody but the person should know it.
        secret: bool,
        /// What a person calls it.
        label: String,
    },
    /// Of a list was chosen.
    Select {
        /// How it is named.
        locator: String,
        /// The option's label.
        value: String,
    },
    /// A key was pressed that means something beside its character.
    Press {
        /// Its name.
        key: String,
    },
    /// A page came.
    Arrived {
        /// Its URL.
        url: String,
    },
    /// A question of the page was answered.
    Answered {
        /// Its kind.
        kind: String,
        /// With yes.
        accepted: bool,
        /// What was typed, for `prompt`.
        text: Option<String>,
    },
}

/// A deed, and the number of the tab in which it was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) tab: usize,
    pub(crate) deed: Deed,
}

#[derive(Deserialize)]
#[serde(tag = "did", rename_all = "lowercase")]
enum Told {
    Click { locator: String },
    Fill { locator: String, value: String, secret: bool, label: String },
    Select { locator: String, value: String },
    Press { key: String },
}

/// Hears what is done in all tabs and frames of a device.
pub(crate) struct Ear {
    events: UnboundedReceiver<Arc<Event>>,
    tabs: Arc<Tabs>,
    user_context: String,
    /// From a frame to its tab.
    parents: BTreeMap<String, String>,
    /// Questions that wait for an answer, by their context.
    questions: BTreeMap<String, String>,
}

impl Ear {
    /// Listens from the next document of every tab on.
    ///
    /// # Errors
    /// When the browser does not take the listener.
    pub(crate) async fn open(device: &Device, tabs: Arc<Tabs>, deadline: Instant) -> Result<Self, ActError> {
        let bidi: &Bidi = &device.bidi;
        let events = bidi.events();
        bidi.send("session.subscribe", json!({ "events": ["script.message"] }), deadline).await?;
        let listener = include_str!("js/listen.js");
        let function = format!("(tell) => {{\n\"use strict\";\n{}\n{listener}\nlisten(tell);\n}}", library());
        let params = json!({
            "functionDeclaration": function,
            "arguments": [{ "type": "channel", "value": { "channel": CHANNEL } }],
            "sandbox": SANDBOX,
            "userContexts": [device.user_context],
        });
        bidi.send("script.addPreloadScript", params, deadline).await?;
        Ok(Self { events, tabs, user_context: device.user_context.clone(), parents: BTreeMap::new(), questions: BTreeMap::new() })
    }

    /// The next deed; nothing when the last window was closed, or the browser is gone.
    pub(crate) async fn next(&mut self) -> Option<Heard> {
        loop {
            let event = self.events.recv().await?;
            if let Some(heard) = self.hear(&event) {
                return Some(heard);
            }
            if event.method == "browsingContext.contextDestroyed" && is_tab_of(&event.params, &self.user_context) {
                let gone = event.params.get("context").and_then(Value::as_str);
                if self.tabs.all().iter().all(|tab| Some(tab.as_str()) == gone) {
                    return None;
                }
            }
        }
    }

    fn hear(&mut self, event: &Event) -> Option<Heard> {
        let text = |name: &str| event.params.get(name).and_then(Value::as_str);
        let context = text("context");
        match event.method.as_str() {
            "browsingContext.contextCreated" => {
                if let (Some(context), Some(parent)) = (context, text("parent")) {
                    self.parents.insert(context.to_owned(), parent.to_owned());
                }
                None
            }
            "browsingContext.load" => self.heard(context?, Deed::Arrived { url: text("url")?.to_owned() }).filter(|_| !self.parents.contains_key(context.unwrap_or_default())),
            "browsingContext.userPromptOpened" => {
                self.questions.insert(context?.to_owned(), text("type").unwrap_or("alert").to_owned());
                None
            }
            "browsingContext.userPromptClosed" => {
                let kind = self.questions.remove(context?)?;
                let accepted = event.params.get("accepted").and_then(Value::as_bool).unwrap_or_default();
                self.heard(context?, Deed::Answered { kind, accepted, text: text("userText").map(str::to_owned) })
            }
            "script.message" if text("channel") == Some(CHANNEL) => {
                let told = event.params.pointer("/data/value").and_then(Value::as_str).filter(|told| told.len() <= LONGEST)?;
                let deed = match serde_json::from_str(told).ok()? {
                    Told::Click { locator } => Deed::Click { locator },
                    Told::Fill { locator, value, secret, label } => Deed::Fill { locator, value, secret, label },
                    Told::Select { locator, value } => Deed::Select { locator, value },
                    Told::Press { key } => Deed::Press { key },
                };
                self.heard(event.params.pointer("/source/context")?.as_str()?, deed)
            }
            _ => None,
        }
    }

    /// A deed in a tab of this device, or in a frame of one.
    fn heard(&self, context: &str, deed: Deed) -> Option<Heard> {
        let mut tab = context;
        // A page cannot nest frames without end, but what it tells is not trusted.
        for _ in 0..100 {
            match self.parents.get(tab) {
                Some(parent) => tab = parent,
                None => break,
            }
        }
        self.tabs.number(tab).map(|tab| Heard { tab, deed })
    }
}
