//! An actor's place in a browser.

use super::browsers::Seat;
use super::error::BrowserError;
use super::options::{BrowserKind, DeviceOptions};
use super::policy;
use crate::drive::browser::bidi::Bidi;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// How long the browser may take for a context.
const WITHIN: Duration = Duration::from_secs(30);

/// A user context: jar, cache and storage of one actor. It lives until it is closed or dropped, or its browser ends.
pub(crate) struct Device {
    /// The browser's socket, which all its devices share.
    pub(crate) bidi: Bidi,
    pub(crate) kind: BrowserKind,
    pub(crate) user_context: String,
    /// The first tab.
    pub(crate) tab: String,
    /// Whether the context was removed.
    closed: bool,
    seat: Seat,
}

impl Device {
    /// Makes a context and opens its first tab.
    pub(super) async fn open(seat: Seat, options: &DeviceOptions) -> Result<Self, BrowserError> {
        let (bidi, kind, deadline) = (seat.browser.bidi.clone(), seat.browser.kind, Instant::now() + WITHIN);
        let address = options.proxy.to_string();
        let mut proxy = json!({ "proxyType": "manual", "httpProxy": address, "sslProxy": address });
        if kind == BrowserKind::Chromium {
            // Loopback hosts too, which it would otherwise reach by itself; Firefox has a preference for it.
            proxy["noProxy"] = json!(["<-loopback>"]);
        }
        let wanted = json!({ "acceptInsecureCerts": true, "proxy": proxy, "unhandledPromptBehavior": { "default": "ignore" } });
        let made = bidi.send("browser.createUserContext", wanted, deadline).await?;
        // From here on it is removed if something fails.
        let mut device = Self { bidi, kind, user_context: text(&made, "userContext"), tab: String::new(), closed: false, seat };
        policy::apply(&device.bidi, kind, &device.user_context, options, deadline).await?;
        device.tab = open_tab(&device.bidi, &device.user_context, deadline).await?;
        Ok(device)
    }

    /// Opens another tab; its browsing context.
    pub(crate) async fn open_tab(&self) -> Result<String, BrowserError> {
        open_tab(&self.bidi, &self.user_context, Instant::now() + WITHIN).await
    }

    /// Why its browser is gone, if it is.
    pub(crate) async fn obituary(&self) -> Option<String> {
        self.seat.browser.obituary().await
    }

    /// Removes the context with its tabs, jar and storage.
    pub(crate) async fn close(mut self) {
        self.closed = true;
        remove(&self.bidi, &self.user_context).await;
    }

    #[cfg(test)]
    pub(super) fn shares_a_browser_with(&self, other: &Self) -> bool {
        std::sync::Arc::ptr_eq(&self.seat.browser, &other.seat.browser)
    }

    #[cfg(test)]
    pub(super) fn wear_out(&self) {
        self.seat.browser.wear_out();
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // A run that is cancelled does not close its devices.
        if let (false, Ok(runtime)) = (self.closed, tokio::runtime::Handle::try_current()) {
            let (bidi, user_context) = (self.bidi.clone(), std::mem::take(&mut self.user_context));
            runtime.spawn(async move { remove(&bidi, &user_context).await });
        }
    }
}

async fn remove(bidi: &Bidi, user_context: &str) {
    // A browser that is gone took the context with it.
    let _ = bidi.send("browser.removeUserContext", json!({ "userContext": user_context }), Instant::now() + WITHIN).await;
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
    use super::super::testing::{Site, soon};
    use super::super::{BrowserOptions, Browsers};
    use super::*;
    use crate::plan::Policy;

    async fn title(device: &Device, url: &str) -> String {
        let go = json!({ "context": device.tab, "url": url, "wait": "complete" });
        device.bidi.send("browsingContext.navigate", go, soon()).await.unwrap();
        let ask = json!({ "expression": "document.title", "target": { "context": device.tab }, "awaitPromise": false });
        device.bidi.send("script.evaluate", ask, soon()).await.unwrap()["result"]["value"].as_str().unwrap_or_default().to_owned()
    }

    /// Two people with a proxy each, loopback hosts included.
    async fn proxies_of_their_own(kind: BrowserKind) {
        let browsers = Browsers::new(BrowserOptions { kind, ..BrowserOptions::default() });
        let mut titles = Vec::new();
        for (page, url) in [("<title>one</title>", "http://app.test/"), ("<title>other</title>", "http://localhost:3000/")] {
            let site = Site::open(move |_| page.to_owned()).await;
            let options = DeviceOptions::new(site.address, &Policy::default());
            let device = browsers.device(&options).await.expect("the browser and its driver are installed: see `authchain doctor`");
            titles.push(title(&device, url).await);
            device.close().await;
        }
        browsers.stop().await;
        assert_eq!(titles, ["one", "other"]);
    }

    /// A site that counts how often it is visited, within a page of another.
    async fn third_party_cookies(kind: BrowserKind) {
        let browsers = Browsers::new(BrowserOptions { kind, ..BrowserOptions::default() });
        for (third_party_cookies, expected) in [(true, "cookie: first=1"), (false, "no cookie")] {
            let site = Site::open(|head| {
                let first = "set-cookie: first=1; SameSite=None; Secure\r\n<title>first</title>";
                if head.contains("//other.localhost/ ") {
                    first.to_owned()
                } else {
                    "<iframe src='http://other.localhost/frame'></iframe>".to_owned()
                }
            });
            let site = site.await;
            let policy = Policy { third_party_cookies, ..Policy::default() };
            let device = browsers.device(&DeviceOptions::new(site.address, &policy)).await.unwrap();
            title(&device, "http://other.localhost/").await;
            title(&device, "http://top.localhost/").await;
            let asked = site.asked.lock().unwrap().clone();
            let frame = asked.iter().find(|head| head.contains("/frame ")).expect("the frame was asked for").to_lowercase();
            let cookie = frame.lines().find(|line| line.starts_with("cookie:")).unwrap_or("no cookie");
            assert_eq!(cookie, expected);
        }
        browsers.stop().await;
    }

    #[tokio::test]
    async fn chromium_gives_devices_proxies_of_their_own() {
        proxies_of_their_own(BrowserKind::Chromium).await;
    }

    #[tokio::test]
    #[ignore = "needs Firefox and geckodriver: cargo xtask firefox"]
    async fn firefox_gives_devices_proxies_of_their_own() {
        proxies_of_their_own(BrowserKind::Firefox).await;
    }

    #[tokio::test]
    async fn chromium_keeps_or_blocks_third_party_cookies() {
        third_party_cookies(BrowserKind::Chromium).await;
    }

    #[tokio::test]
    #[ignore = "needs Firefox and geckodriver: cargo xtask firefox"]
    async fn firefox_keeps_or_blocks_third_party_cookies() {
        third_party_cookies(BrowserKind::Firefox).await;
    }
}
