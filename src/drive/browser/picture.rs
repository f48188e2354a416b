//! Pictures of pages, with the run's secrets hidden in them.

use super::bidi::{Bidi, BidiError};
use crate::base::write_atomically;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tokio::time::Instant;

/// What hides values while a picture is taken. Closed shadow roots, frames and canvases are out of its reach.
const HIDE: &str = include_str!("hide.js");
/// Shorter values occur by chance.
const SHORTEST: usize = 4;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PictureError {
    /// The browser took none.
    #[error(transparent)]
    Browser(#[from] BidiError),
    /// What it took is none.
    #[error("the browser's picture cannot be read: {0}")]
    Strange(String),
    /// It could not be kept.
    #[error("failed to write the picture {}: {source}", .path.display())]
    Write {
        /// Where to.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// Takes a picture of what a tab shows into `folder`, as PNG; says where it lies. `values` are hidden in it.
pub(crate) async fn take(
    bidi: &Bidi,
    tab: &str,
    folder: &Path,
    name: &str,
    values: &[String],
    deadline: Instant,
) -> Result<PathBuf, PictureError> {
    let values: Vec<&String> = values.iter().filter(|value| value.chars().count() >= SHORTEST).collect();
    hide(
        bidi,
        tab,
        &json!([{ "type": "array", "value": values.iter().map(|value| json!({ "type": "string", "value": value })).collect::<Vec<_>>() }]),
        deadline,
    )
    .await?;
    let taken = bidi.send("browsingContext.captureScreenshot", json!({ "context": tab }), deadline).await;
    // The page is put back even if there is no picture.
    let restored = hide(bidi, tab, &json!([]), deadline).await;
    let taken = taken?;
    restored?;
    let data = taken.get("data").and_then(Value::as_str).unwrap_or_default();
    let bytes = BASE64_STANDARD.decode(data).map_err(|error| PictureError::Strange(error.to_string()))?;
    let path = folder.join(format!("{name}.png"));
    write_atomically(&path, &bytes).map_err(|source| PictureError::Write { path: path.clone(), source })?;
    Ok(path)
}

/// Hides values, or shows them again.
async fn hide(bidi: &Bidi, tab: &str, arguments: &Value, deadline: Instant) -> Result<(), BidiError> {
    let call = json!({
        "functionDeclaration": HIDE,
        "arguments": arguments,
        "awaitPromise": false,
        "target": { "context": tab, "sandbox": "authchain" },
    });
    match bidi.send("script.callFunction", call, deadline).await {
        // A page that went away in between shows nothing any more.
        Err(error) if error.is_of_a_page_that_is_gone() => Ok(()),
        other => other.map(drop),
    }
}
