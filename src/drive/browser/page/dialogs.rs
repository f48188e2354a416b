//! Questions of a page that stop everything else in it until somebody answers: `alert`, `confirm`, `prompt` (HTML §8.8.1),
//! and the one before a page is left (`beforeunload`, HTML §7.4.2.4).
//!
//! They are answered in a task of their own, because whoever operates the page waits for it.

use crate::drive::browser::bidi::{Bidi, Event};
use crate::drive::browser::launch::Device;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long the browser may take to take an answer.
const WITHIN: Duration = Duration::from_secs(30);
/// Longest message that is kept, in characters.
const LONGEST: usize = 2000;

/// How questions are answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum DialogAnswer {
    /// Nobody said how: with no, but a page may be left.
    #[default]
    Unsaid,
    /// With yes.
    Accept,
    /// With no; a page that asks is not left.
    Dismiss,
    /// With yes, and this text where one is asked for.
    Text(String),
}

/// A question that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// `alert`, `confirm`, `prompt` or `beforeunload`.
    pub(crate) kind: String,
    /// What it says, bounded.
    pub(crate) message: String,
    /// Whether it was answered with yes.
    pub(crate) accepted: bool,
}

/// Answers the questions of one device's pages.
pub(crate) struct Dialogs {
    answer: Arc<Mutex<DialogAnswer>>,
    answering: JoinHandle<()>,
}

impl Dialogs {
    /// Answers from now on, and tells `note` of each question before its answer.
    pub(crate) fn start(device: &Device, note: impl Fn(Asked) + Send + Sync + 'static) -> Self {
        let answer = Arc::<Mutex<DialogAnswer>>::default();
        let own = Own { user_context: device.user_context.clone(), contexts: HashSet::from([device.tab.clone()]) };
        let answering = tokio::spawn(listen(device.bidi.clone(), device.bidi.events(), own, answer.clone(), note));
        Self { answer, answering }
    }

    /// How questions are answered from now on.
    pub(crate) fn answer_with(&self, answer: DialogAnswer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }
}

impl Drop for Dialogs {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

/// The browsing contexts of a device, frames included: other actors share the socket.
struct Own {
    user_context: String,
    contexts: HashSet<String>,
}

impl Own {
    fn has(&self, context: &str, params: &Value) -> bool {
        match params.get("userContext").and_then(Value::as_str) {
            Some(user_context) => user_context == self.user_context,
            None => self.contexts.contains(context),
        }
    }
}

async fn listen(
    bidi: Bidi,
    mut events: UnboundedReceiver<Arc<Event>>,
    mut own: Own,
    answer: Arc<Mutex<DialogAnswer>>,
    note: impl Fn(Asked) + Send + Sync + 'static,
) {
    while let Some(event) = events.recv().await {
        let Some(context) = event.params.get("context").and_then(Value::as_str) else { continue };
        match event.method.as_str() {
            "browsingContext.contextCreated" if own.has(context, &event.params) => {
                own.contexts.insert(context.to_owned());
            }
            "browsingContext.contextDestroyed" => {
                own.contexts.remove(context);
            }
            "browsingContext.userPromptOpened" if own.has(context, &event.params) => {
                let answer = answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let kind = event.params.get("type").and_then(Value::as_str).unwrap_or("alert");
                // Whoever says yes to a question leaves what stands in its field; browsers would send nothing.
                let standing = event.params.get("defaultValue").and_then(Value::as_str);
                let (accept, text) = decide(&answer, kind, standing);
                let message = event.params.get("message").and_then(Value::as_str).unwrap_or_default();
                note(Asked { kind: kind.to_owned(), message: message.chars().take(LONGEST).collect(), accepted: accept });
                let mut params = json!({ "context": context, "accept": accept });
                if let Some(text) = text {
                    params["userText"] = text.into();
                }
                // Whoever closed the page in the meantime has answered it.
                let _ = bidi.send("browsingContext.handleUserPrompt", params, Instant::now() + WITHIN).await;
            }
            _ => {}
        }
    }
}

fn decide(answer: &DialogAnswer, kind: &str, standing: Option<&str>) -> (bool, Option<String>) {
    match answer {
        DialogAnswer::Unsaid => (kind == "beforeunload", None),
        DialogAnswer::Dismiss => (false, None),
        DialogAnswer::Accept => (true, standing.filter(|_| kind == "prompt").map(str::to_owned)),
        DialogAnswer::Text(text) => (true, (kind == "prompt").then(|| text.clone())),
    }
}
