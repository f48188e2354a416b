//! Speaking to a page: a library in a world of its own beside the page's scripts, and questions to it.
//!
//! The library lives in a sandbox (WebDriver BiDi §7.6.4.3): it sees the same document, but neither does the page see it, nor
//! can the page put itself between it and the browser's own setters and methods. The browser puts it into each document before
//! the page's own scripts run; a document that it was not put into gets it with the first question.

use super::error::Unanswered;
use crate::drive::browser::bidi::{Bidi, BidiError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::LazyLock;
use tokio::time::Instant;

/// The name of the world beside the page's own.
pub(crate) const SANDBOX: &str = "authchain";
/// Longest text of an exception that is kept, in bytes.
const LONGEST_EXCEPTION: usize = 2000;

/// The library's parts, in the order in which they build on each other.
const PARTS: [&str; 8] = [
    include_str!("js/tree.js"),
    include_str!("js/names.js"),
    include_str!("js/controls.js"),
    include_str!("js/find.js"),
    include_str!("js/ready.js"),
    include_str!("js/enter.js"),
    include_str!("js/look.js"),
    include_str!("js/main.js"),
];

/// Asks the library, if the document has it.
const ASK: &str = "(question) => globalThis.askPage?.(question) ?? null";
/// Brings the library along and asks it.
static BRING: LazyLock<String> = LazyLock::new(|| {
    let library = library();
    format!(
        "(question) => {{ globalThis.askPage ??= (() => {{\n\"use strict\";\n{library}\nreturn askPage;\n}})(); return globalThis.askPage(question); }}"
    )
});

/// The parameters of `script.addPreloadScript` (WebDriver BiDi §7.6.6.1) that have every document bring the library along. Sending
/// it with a question instead costs tens of milliseconds a document.
pub(crate) fn preload() -> Value {
    let library = library();
    json!({ "functionDeclaration": format!("() => {{\n\"use strict\";\n{library}\nglobalThis.askPage = askPage;\n}}"), "sandbox": SANDBOX })
}

/// The library's text.
pub(super) fn library() -> String {
    PARTS.join("\n")
}

/// What a page answered.
#[derive(Debug)]
pub(super) struct Answer<A> {
    pub(super) data: A,
    /// The element that the answer is about, where one was asked for: its `sharedId` (WebDriver BiDi §7.6.2.6).
    pub(super) element: Option<String>,
}

/// Puts a question to the document of a browsing context. With `activation` it counts as something that the person did
/// (HTML §6.4), which windows and passkeys ask for.
pub(super) async fn ask<A: DeserializeOwned>(
    bidi: &Bidi,
    context: &str,
    question: &impl Serialize,
    activation: bool,
    deadline: Instant,
) -> Result<Answer<A>, Unanswered> {
    let question = serde_json::to_string(question).map_err(strange)?;
    let mut result = call(bidi, context, ASK, &question, activation, deadline).await?;
    if is_null(&result) {
        result = call(bidi, context, &BRING, &question, activation, deadline).await?;
    }
    let part = |at: usize| result.get("value")?.get(at);
    let (text, element) = match result.get("value") {
        Some(Value::String(text)) => (Some(text.as_str()), None),
        _ => (
            part(0).and_then(|text| text.get("value")).and_then(Value::as_str),
            part(1).and_then(|node| node.get("sharedId")).and_then(Value::as_str),
        ),
    };
    let data = serde_json::from_str(text.unwrap_or_default()).map_err(strange)?;
    Ok(Answer { data, element: element.map(str::to_owned) })
}

async fn call(
    bidi: &Bidi,
    context: &str,
    function: &str,
    question: &str,
    activation: bool,
    deadline: Instant,
) -> Result<Value, Unanswered> {
    let mut params = json!({
        "functionDeclaration": function,
        "arguments": [{ "type": "string", "value": question }],
        "target": { "context": context, "sandbox": SANDBOX },
        "awaitPromise": true,
    });
    if activation {
        params["userActivation"] = true.into();
    }
    let answer = bidi.send("script.callFunction", params, deadline).await?;
    outcome(answer)
}

/// The value of a script's result, or what it threw.
pub(super) fn outcome(mut answer: Value) -> Result<Value, Unanswered> {
    if answer.get("type").and_then(Value::as_str) == Some("exception") {
        let text = answer.pointer("/exceptionDetails/text").and_then(Value::as_str).unwrap_or("an exception without a text");
        return Err(Unanswered::Threw(bounded(text)));
    }
    Ok(answer.get_mut("result").map(Value::take).unwrap_or_default())
}

fn bounded(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_EXCEPTION).collect()
}

fn is_null(value: &Value) -> bool {
    matches!(value.get("type").and_then(Value::as_str), Some("null" | "undefined"))
}

fn strange(error: serde_json::Error) -> Unanswered {
    Unanswered::Browser(BidiError::Strange { command: "script.callFunction".to_owned(), why: error.to_string() })
}
