//! An actor's place in a browser.

use super::browsers::Browser;
use super::error::BrowserError;
use super::options::{BrowserKind, DeviceOptions};
use crate::drive::browser::bidi::Bidi;
use fantoccini::Client;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long the browser may take for a context.
const WITHIN: Duration = Duration::from_secs(30);

/// A user context: jar, cache and storage of one actor. It lives until it is closed, or its browser ends.
pub(crate) struct Device {
    /// The browser's socket, which all its devices share.
    pub(crate) bidi: Bidi,
    pub(crate) kind: BrowserKind,
    pub(crate) user_context: String,
    /// The first tab.
    pub(crate) tab: String,
    browser: Arc<Browser>,
}

impl Device {
    /// Makes a context and opens its first tab.
    pub(super) async fn open(browser: Arc<Browser>, kind: BrowserKind, options: &DeviceOptions) -> Result<Self, BrowserError> {
        let (bidi, deadline) = (browser.bidi.clone(), Instant::now() + WITHIN);
        let proxy = options.proxy.to_string();
        let wanted = json!({
            "acceptInsecureCerts": true,
            // Loopback hosts too, which Chromium would otherwise reach by itself.
            "proxy": { "proxyType": "manual", "httpProxy": proxy, "sslProxy": proxy, "noProxy": ["<-loopback>"] },
            "unhandledPromptBehavior": { "default": "ignore" },
        });
        let made = bidi.send("browser.createUserContext", wanted, deadline).await?;
        let user_context = text(&made, "userContext");
        let tab = open_tab(&bidi, &user_context, deadline).await?;
        Ok(Self { bidi, kind, user_context, tab, browser })
    }

    /// Opens another tab; its browsing context.
    pub(crate) async fn open_tab(&self) -> Result<String, BrowserError> {
        open_tab(&self.bidi, &self.user_context, Instant::now() + WITHIN).await
    }

    /// The WebDriver session, for what only classic commands can do.
    pub(crate) fn session(&self) -> &Client {
        &self.browser.client
    }

    /// Why its browser is gone, if it is.
    pub(crate) async fn obituary(&self) -> Option<String> {
        self.browser.obituary().await
    }

    /// Removes the context with its tabs, jar and storage.
    pub(crate) async fn close(self) {
        let gone = json!({ "userContext": self.user_context });
        if self.bidi.ended().is_some() {
            return;
        }
        // A browser that is gone took the context with it.
        let _ = self.bidi.send("browser.removeUserContext", gone, Instant::now() + WITHIN).await;
    }
}

async fn open_tab(bidi: &Bidi, user_context: &str, deadline: Instant) -> Result<String, BrowserError> {
    // A window of its own is never behind another tab, where a browser slows pages down.
    let wanted = json!({ "type": "window", "userContext": user_context });
    let made = bidi.send("browsingContext.create", wanted, deadline).await?;
    Ok(text(&made, "context"))
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::{BrowserOptions, Browsers};
    use super::*;
    use crate::plan::Policy;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// A proxy that answers every plain request itself with `text`.
    async fn proxy(text: &'static str) -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let length = text.len();
                let answer =
                    format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        address
    }

    #[tokio::test]
    async fn devices_share_a_browser_and_have_proxies_of_their_own() {
        let browsers = Browsers::new(BrowserOptions::default());
        let (policy, deadline) = (Policy::default(), Instant::now() + Duration::from_secs(60));
        let mut titles = Vec::new();
        for (page, url) in [("<title>one</title>", "http://app.test/"), ("<title>other</title>", "http://localhost:3000/")] {
            let device = browsers.device(&DeviceOptions::new(proxy(page).await, &policy)).await.unwrap();
            let go = json!({ "context": device.tab, "url": url, "wait": "complete" });
            device.bidi.send("browsingContext.navigate", go, deadline).await.unwrap();
            let ask = json!({ "expression": "document.title", "target": { "context": device.tab }, "awaitPromise": false });
            let said = device.bidi.send("script.evaluate", ask, deadline).await.unwrap();
            titles.push(said["result"]["value"].as_str().unwrap().to_owned());
            device.close().await;
        }
        browsers.stop().await;
        assert_eq!(titles, ["one", "other"]);
    }
}
