//! Presses by the browser's own pointer (WebDriver BiDi §7.8.4), whose events pages trust.

use super::error::{ActError, Unanswered};
use super::inject::ask;
use super::task::Point;
use crate::drive::browser::bidi::Bidi;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

#[derive(Deserialize)]
struct Landed {
    /// Whether the press reached the element; nothing when no press came to the document.
    landed: Option<bool>,
}

/// Presses at a point, and says whether the press got to the element that is expected there: the page may have changed
/// since it was found.
pub(super) async fn press(bidi: &Bidi, context: &str, point: Point, deadline: Instant) -> Result<bool, ActError> {
    let (x, y) = (point.x.floor(), point.y.floor());
    let params = json!({
        "context": context,
        "actions": [{
            "type": "pointer", "id": "mouse", "parameters": { "pointerType": "mouse" },
            "actions": [
                { "type": "pointerMove", "x": x, "y": y },
                { "type": "pointerDown", "button": 0 },
                { "type": "pointerUp", "button": 0 },
            ],
        }],
    });
    match bidi.send("input.performActions", params, deadline).await {
        Ok(_) => {}
        // The window has become smaller.
        Err(error) if error.is("move target out of bounds") => return Ok(false),
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
