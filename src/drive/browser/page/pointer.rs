//! Presses by the browser's own pointer (WebDriver BiDi §7.8.4), whose events pages trust.

use super::error::{ActError, Unanswered};
use super::inject::ask;
use crate::drive::browser::bidi::Bidi;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

#[derive(Deserialize)]
struct Landed {
    /// Whether the press reached the element; nothing when no press came to the document.
    landed: Option<bool>,
}

/// Presses the middle of an element, and says whether the press got there: the page may have changed since it was found.
pub(super) async fn press(bidi: &Bidi, context: &str, element: &str, deadline: Instant) -> Result<bool, ActError> {
    let origin = json!({ "type": "element", "element": { "sharedId": element } });
    let params = json!({
        "context": context,
        "actions": [{
            "type": "pointer", "id": "mouse", "parameters": { "pointerType": "mouse" },
            "actions": [
                { "type": "pointerMove", "x": 0, "y": 0, "origin": origin },
                { "type": "pointerDown", "button": 0 },
                { "type": "pointerUp", "button": 0 },
            ],
        }],
    });
    match bidi.send("input.performActions", params, deadline).await {
        Ok(_) => {}
        // It was taken away between being found and being pressed.
        Err(error) if error.is("no such element") || error.is("no such node") || error.is("move target out of bounds") => return Ok(false),
        Err(error) if error.is_of_a_page_that_is_gone() => return Ok(true),
        Err(error) => return Err(error.into()),
    }
    match ask::<Landed>(bidi, context, &json!({ "ask": "landed" }), false, deadline).await {
        Ok(answer) => Ok(answer.data.landed != Some(false)),
        // The press led to another page.
        Err(Unanswered::Gone) => Ok(true),
        Err(error) => Err(error.into()),
    }
}
