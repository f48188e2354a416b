//! Scripts of a scenario in the page's own world, and requests that the page itself makes.

use super::error::{ActError, Unanswered};
use super::inject::outcome;
use super::page::Page;
use crate::plan::Credentials;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::time::Instant;

/// Largest result of a script, in bytes of JSON.
const LARGEST_RESULT: usize = 4 * 1024 * 1024;
/// Largest body of an answer that is handed back, in bytes.
const LARGEST_BODY: usize = 4 * 1024 * 1024;

const FETCH: &str = include_str!("js/fetch.js");

/// A request of the page's script (Fetch §5.4).
#[derive(Clone, Serialize)]
pub(crate) struct PageRequest {
    /// Resolved against the page when it is relative.
    pub(crate) url: String,
    /// Method.
    pub(crate) method: String,
    /// Headers; the browser adds its own, and forbids some.
    pub(crate) headers: Vec<(String, String)>,
    /// Body, if there is one.
    pub(crate) body: Option<String>,
    /// Whether redirects are followed.
    pub(crate) follow: bool,
}

/// What came of it, as far as the page may know.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct PageResponse {
    /// Status; 0 for an answer that the page may not see into.
    pub(crate) status: u16,
    /// Where it came from in the end.
    pub(crate) url: String,
    /// `basic`, `cors`, `opaque`, `opaqueredirect` (Fetch §2.2.6).
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The headers that the page may read; lines of one name are joined.
    pub(crate) headers: BTreeMap<String, String>,
    /// The body as text, bounded.
    pub(crate) body: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Fetched {
    Answer(PageResponse),
    Failed { failed: String, advice: String },
}

impl Page<'_> {
    /// Runs the body of an async function in the page, and hands back what it returns, as JSON does.
    ///
    /// # Errors
    /// When it throws, returns what is no JSON or too much of it, or the page is left before it ends.
    pub(crate) async fn evaluate(&self, body: &str, arguments: &[(String, String)], deadline: Instant) -> Result<Value, ActError> {
        let names = arguments.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let function = format!(
            "async (...values) => {{ const run = async ({names}) => {{\n{body}\n}};\nreturn JSON.stringify(await run(...values)) ?? \"null\"; }}"
        );
        let values = arguments.iter().map(|(_, value)| json!({ "type": "string", "value": value })).collect::<Vec<_>>();
        let text = self.call(&function, &values, deadline).await.map_err(|error| match error {
            Unanswered::Gone => ActError::Script("the page was left before the script ended".to_owned()),
            Unanswered::Threw(text) => ActError::Script(format!("the script failed: {text}")),
            Unanswered::Browser(error) if error.is("invalid argument") => ActError::Script(format!("the script failed: {error}")),
            Unanswered::Browser(error) => ActError::Browser(error),
        })?;
        if text.len() > LARGEST_RESULT {
            return Err(ActError::Script(format!("the script returned {} bytes of JSON; {LARGEST_RESULT} are looked at", text.len())));
        }
        serde_json::from_str(&text).map_err(|error| ActError::Script(format!("the script returned no JSON: {error}")))
    }

    /// Has the page's own script send a request, with all that the browser allows and forbids it.
    ///
    /// # Errors
    /// When the browser does not let the page send it or read the answer: as much as a page can know.
    pub(crate) async fn fetch(&self, request: &PageRequest, credentials: Credentials, deadline: Instant) -> Result<PageResponse, ActError> {
        let order = json!({ "request": request, "credentials": credentials.name(), "most": LARGEST_BODY }).to_string();
        let url = || url::Url::parse(&request.url).map_or_else(|_| "a relative URL".to_owned(), |url| crate::drive::http::shown(&url));
        let failed = |why: String| ActError::Fetch { url: url(), why };
        let text = self.call(FETCH, &[json!({ "type": "string", "value": order })], deadline).await.map_err(|error| match error {
            Unanswered::Gone => failed("the page was left before the answer came".to_owned()),
            Unanswered::Threw(text) => failed(text),
            Unanswered::Browser(error) => ActError::Browser(error),
        })?;
        match serde_json::from_str(&text) {
            Ok(Fetched::Answer(response)) => Ok(response),
            Ok(Fetched::Failed { failed: why, advice }) => Err(failed(format!("{why}; {advice}"))),
            Err(error) => Err(failed(format!("the page handed back no answer: {error}"))),
        }
    }

    /// Calls a function in the page's own world that comes to a text.
    async fn call(&self, function: &str, arguments: &[Value], deadline: Instant) -> Result<String, Unanswered> {
        let params = json!({
            "functionDeclaration": function,
            "arguments": arguments,
            "target": { "context": self.context },
            "awaitPromise": true,
            "userActivation": true,
        });
        let result = outcome(self.bidi.send("script.callFunction", params, deadline).await?)?;
        Ok(result.get("value").and_then(Value::as_str).unwrap_or("null").to_owned())
    }
}
