//! The run's clock in a browser: `Date` of its pages.
//!
//! Cookies past the clock are `jar`'s affair. Timers go on in real time: a page that waits a minute waits a minute.

use super::bidi::{Bidi, BidiError};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// What moves `Date`.
const MOVE: &str = include_str!("clock.js");

/// How far the pages of one user context are moved.
#[derive(Debug, Default)]
pub(crate) struct PageClock {
    /// The script that runs in every page before its own do.
    preload: Option<String>,
}

impl PageClock {
    /// Moves `Date` to `offset` from the machine's time, in the pages that are open and in those to come.
    pub(crate) async fn set(&mut self, bidi: &Bidi, user_context: &str, offset: Duration, deadline: Instant) -> Result<(), BidiError> {
        let script = MOVE.trim_end().trim_end_matches(';');
        let offset = u64::try_from(offset.as_millis()).unwrap_or(u64::MAX);
        if let Some(old) = self.preload.take() {
            bidi.send("script.removePreloadScript", json!({ "script": old }), deadline).await?;
        }
        let preload = json!({ "functionDeclaration": format!("() => ({script})({offset})"), "userContexts": [user_context] });
        let added = bidi.send("script.addPreloadScript", preload, deadline).await?;
        self.preload = added.get("script").and_then(Value::as_str).map(str::to_owned);
        for context in contexts(bidi, user_context, deadline).await? {
            let call = json!({
                "functionDeclaration": script,
                "arguments": [{ "type": "number", "value": offset }],
                "awaitPromise": false,
                "target": { "context": context },
            });
            match bidi.send("script.callFunction", call, deadline).await {
                // The page that comes in its place gets the script by itself.
                Err(error) if error.is_of_a_page_that_is_gone() => {}
                other => drop(other?),
            }
        }
        Ok(())
    }
}

/// Every page and frame that is open in a user context.
async fn contexts(bidi: &Bidi, user_context: &str, deadline: Instant) -> Result<Vec<String>, BidiError> {
    let tree = bidi.send("browsingContext.getTree", json!({}), deadline).await?;
    let mut open = Vec::new();
    let mut left: Vec<&Value> = tree.get("contexts").and_then(Value::as_array).into_iter().flatten().collect();
    while let Some(context) = left.pop() {
        if context.get("userContext").and_then(Value::as_str) == Some(user_context) {
            open.extend(context.get("context").and_then(Value::as_str).map(str::to_owned));
        }
        left.extend(context.get("children").and_then(Value::as_array).into_iter().flatten());
    }
    Ok(open)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::browser::launch::{BrowserOptions, Browsers, DeviceOptions};
    use crate::plan::Policy;

    #[tokio::test]
    async fn pages_live_by_the_runs_clock() {
        let browsers = Browsers::new(BrowserOptions::default());
        let options = DeviceOptions::new(std::net::SocketAddr::from(([127, 0, 0, 1], 9)), &Policy::default());
        let device = browsers.device(&options).await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut clock = PageClock::default();
        let mut seen = Vec::new();
        for hours in [1, 48] {
            clock.set(&device.bidi, &device.user_context, Duration::from_secs(hours * 3600), deadline).await.unwrap();
            let ask = "[Date.now(), new Date().getTime(), Date.parse(Date()), new Date(5).getTime(), new Date() instanceof Date]";
            let ask = json!({ "expression": format!("JSON.stringify({ask})"), "target": { "context": device.tab }, "awaitPromise": false });
            let said = device.bidi.send("script.evaluate", ask, deadline).await.unwrap();
            let said: Vec<Value> = serde_json::from_str(said["result"]["value"].as_str().unwrap()).unwrap();
            assert_eq!((&said[3], &said[4]), (&json!(5), &json!(true)));
            let real = crate::base::clock::wall().unix_timestamp();
            seen.push(said[..3].iter().map(|ms| (ms.as_i64().unwrap() / 1000 - real) / 3600).collect::<Vec<_>>());
            let again = json!({ "context": device.tab, "url": "about:blank?x", "wait": "complete" });
            device.bidi.send("browsingContext.navigate", again, deadline).await.unwrap();
        }
        device.close().await;
        browsers.stop().await;
        for (seen, hours) in seen.iter().zip([1, 48]) {
            assert!(seen.iter().all(|by| (hours - 1..=hours).contains(by)), "{seen:?}");
        }
    }
}
