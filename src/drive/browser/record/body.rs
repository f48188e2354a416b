//! The bodies of requests and responses: the browser keeps them until they are read (WebDriver BiDi §7.5.3, data collectors).

use super::head::octets;
use super::write::Closing;
use crate::drive::browser::bidi::{Bidi, BidiError};
use crate::trace::Body;
use bytes::Bytes;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// How long the browser may take to hand a body out. What it does not by then, it does not have any more.
const WITHIN: Duration = Duration::from_secs(10);

/// Where a device's bodies are kept.
pub(super) struct Bodies {
    bidi: Bidi,
    /// Those of responses; `None` when the browser keeps none.
    responses: Option<String>,
    /// Those of requests, where events do not carry them.
    requests: Option<String>,
    most: usize,
}

/// What is to be read of a hop.
pub(super) struct Wanted {
    request: String,
    sent: bool,
    came: bool,
}

impl Bodies {
    /// Has the browser keep the bodies of a user context, of `most` bytes each at the most.
    pub(super) async fn collect(bidi: &Bidi, user_context: &str, most: usize, requests: bool) -> Self {
        let collector = async |kind: &str| {
            let wanted = json!({ "dataTypes": [kind], "maxEncodedDataSize": most, "userContexts": [user_context] });
            let made = bidi.send("network.addDataCollector", wanted, Instant::now() + WITHIN).await.ok()?;
            Some(made.get("collector")?.as_str()?.to_owned())
        };
        let responses = collector("response").await;
        let requests = if requests { collector("request").await } else { None };
        Self { bidi: bidi.clone(), responses, requests, most }
    }

    /// What of a hop is to be read, if anything.
    pub(super) fn wanted(&self, closing: &Closing) -> Option<Wanted> {
        let came = self.responses.is_some() && closing.wants_body();
        let sent = self.requests.is_some() && closing.wants_request_body();
        (came || sent).then(|| Wanted { request: closing.request().to_owned(), sent, came })
    }

    /// The bodies of the request and of the response.
    pub(super) async fn read(&self, wanted: Wanted) -> (Option<Bytes>, Body) {
        let Wanted { request, sent, came } = wanted;
        let collector = |wanted: bool, collector: &Option<String>| collector.clone().filter(|_| wanted);
        let (sent, came) = tokio::join!(
            self.get("request", &request, collector(sent, &self.requests)),
            self.get("response", &request, collector(came, &self.responses)),
        );
        let body = match came {
            Ok(Some(bytes)) => Body { truncated: bytes.len() > self.most, bytes: bytes.slice(..bytes.len().min(self.most)) },
            // Larger than it keeps, or put away already.
            Err(BidiError::Refused { .. }) => Body { bytes: Bytes::new(), truncated: true },
            Ok(None) | Err(_) => Body::default(),
        };
        (sent.ok().flatten(), body)
    }

    async fn get(&self, kind: &str, request: &str, collector: Option<String>) -> Result<Option<Bytes>, BidiError> {
        let Some(collector) = collector else { return Ok(None) };
        let wanted = json!({ "dataType": kind, "request": request, "collector": collector, "disown": true });
        let answer = self.bidi.send("network.getData", wanted, Instant::now() + WITHIN).await?;
        Ok(answer.get("bytes").and_then(|bytes: &Value| octets(bytes)).map(Bytes::from))
    }
}
