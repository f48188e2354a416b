//! Listening to what a person does in a browser, for a scenario that does it again.

use super::error::ActError;
use super::inject::{SANDBOX, library};
use super::tabs::{Tabs, is_tab_of};
use crate::drive::browser::bidi::{Bidi, Event};
use crate::drive::browser::launch::Device;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

/// The name of the channel (WebDriver BiDi §7.6.2.1) on which pages tell.
const CHANNEL: &str = "authchain-listen";
/// Longest message that is taken from a page, in bytes.
const LONGEST: usize = 64 * 1024;
/// How long a document may take to hear that it is listened to.
const TAKES_EAR: Duration = Duration::from_secs(30);

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
    bidi: Bidi,
    events: UnboundedReceiver<Arc<Event>>,
    tabs: Arc<Tabs>,
    user_context: String,
    /// From a frame to its tab.
    parents: BTreeMap<String, String>,
    /// Questions that wait for an answer, by their context.
    questions: BTreeMap<String, String>,
}

/// What puts the listener into a document, once. A preload script would be there earlier, but in Chromium its channel leads
/// nowhere when it lives in a sandbox.
static LISTEN: LazyLock<String> = LazyLock::new(|| {
    let listener = include_str!("js/listen.js");
    let library = library();
    format!(
        "(tell) => {{ if (globalThis.isListening) return; globalThis.isListening = true;\n\"use strict\";\n{library}\n{listener}\nlisten(tell);\n}}"
    )
});

impl Ear {
    /// Listens in every document from now on.
    ///
    /// # Errors
    /// When the browser does not take the subscription.
    pub(crate) async fn open(device: &Device, tabs: Arc<Tabs>, deadline: Instant) -> Result<Self, ActError> {
        let bidi = device.bidi.clone();
        let events = bidi.events();
        bidi.send("session.subscribe", json!({ "events": ["script.message"] }), deadline).await?;
        Ok(Self { bidi, events, tabs, user_context: device.user_context.clone(), parents: BTreeMap::new(), questions: BTreeMap::new() })
    }

    /// Listens in the document that a context shows now. What the browser says to it does not matter: a document that is gone
    /// already has a successor, which is told of.
    fn listen(&self, context: &str) {
        let bidi = self.bidi.clone();
        let params = json!({
            "functionDeclaration": LISTEN.as_str(),
            "arguments": [{ "type": "channel", "value": { "channel": CHANNEL } }],
            "target": { "context": context, "sandbox": SANDBOX },
            "awaitPromise": false,
        });
        tokio::spawn(async move { bidi.send("script.callFunction", params, Instant::now() + TAKES_EAR).await });
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
        let begins = matches!(
            event.method.as_str(),
            "browsingContext.contextCreated" | "browsingContext.navigationCommitted" | "browsingContext.domContentLoaded"
        );
        if let Some(context) = context.filter(|_| begins && text("userContext").is_none_or(|one| one == self.user_context)) {
            self.listen(context);
        }
        match event.method.as_str() {
            "browsingContext.contextCreated" => {
                if let (Some(context), Some(parent)) = (context, text("parent")) {
                    self.parents.insert(context.to_owned(), parent.to_owned());
                }
                None
            }
            "browsingContext.load" => self
                .heard(context?, Deed::Arrived { url: text("url")?.to_owned() })
                .filter(|_| !self.parents.contains_key(context.unwrap_or_default())),
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
