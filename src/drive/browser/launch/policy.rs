//! What pages of one device get and see.
//!
//! All of it is set on the user context, so that tabs and windows that open later have it too (WebDriver BiDi §7.3,
//! emulation; §7.2.3.12, `browsingContext.setViewport`; Permissions §11.2, `permissions.setPermission`).
//!
//! JavaScript: Chromium is told for the user context, Firefox for the whole browser as long as it knows no such command
//! (see `Launch`). Scripts of ours run in such pages all the same, in both, but nothing calls them back later: no timer in
//! either, and in Firefox no frame, event, observer or promise of the browser's own.

use super::error::BrowserError;
use super::options::{BrowserKind, DeviceOptions};
use crate::drive::browser::bidi::Bidi;
use serde_json::{Value, json};
use tokio::time::Instant;

/// Has a user context be as the options say.
pub(super) async fn apply(
    bidi: &Bidi,
    kind: BrowserKind,
    user_context: &str,
    options: &DeviceOptions,
    deadline: Instant,
) -> Result<(), BrowserError> {
    for (method, mut params) in commands(kind, options) {
        params["userContexts"] = json!([user_context]);
        bidi.send(method, params, deadline).await?;
    }
    for (name, state) in &options.policy.permissions {
        // Elsewhere what asks for permissions is not there (Secure Contexts §3), and Chromium refuses to set them.
        for origin in options.origins.iter().filter(|origin| origin.is_potentially_trustworthy()) {
            let params = json!({
                "descriptor": { "name": name },
                "state": state.name(),
                "origin": origin.to_string(),
                "userContext": user_context,
            });
            bidi.send("permissions.setPermission", params, deadline).await?;
        }
    }
    Ok(())
}

fn commands(kind: BrowserKind, options: &DeviceOptions) -> Vec<(&'static str, Value)> {
    let policy = &options.policy;
    let mut commands = Vec::new();
    if !policy.javascript && kind == BrowserKind::Chromium {
        commands.push(("emulation.setScriptingEnabled", json!({ "enabled": false })));
    }
    if let Some(locale) = &policy.locale {
        commands.push(("emulation.setLocaleOverride", json!({ "locale": locale })));
    }
    if let Some(time_zone) = &policy.time_zone {
        commands.push(("emulation.setTimezoneOverride", json!({ "timezone": time_zone })));
    }
    if let Some((width, height)) = policy.viewport {
        commands.push(("browsingContext.setViewport", json!({ "viewport": { "width": width, "height": height } })));
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Site, soon};
    use super::super::{BrowserOptions, Browsers, Device};
    use super::*;
    use crate::plan::{PermissionState, Policy};
    use crate::web::origin::Origin;
    use url::Url;

    const PAGE: &str = "<title>as sent</title><script>document.title = 'by script'</script>";
    /// What a page sees of how its browser is set up.
    const SEEN: &str = "[document.title, navigator.language, Intl.DateTimeFormat().resolvedOptions().timeZone, \
        `${innerWidth}x${innerHeight}`].join()";
    const PERMISSION: &str = "navigator.permissions.query({ name: 'geolocation' }).then((permission) => permission.state)";

    async fn evaluate(device: &Device, tab: &str, expression: &str) -> String {
        let ask = json!({ "expression": expression, "target": { "context": tab }, "awaitPromise": true });
        device.bidi.send("script.evaluate", ask, soon()).await.unwrap()["result"]["value"].as_str().unwrap_or_default().to_owned()
    }

    async fn seen(device: &Device, tab: &str) -> String {
        let go = json!({ "context": tab, "url": "http://app.localhost/", "wait": "complete" });
        device.bidi.send("browsingContext.navigate", go, soon()).await.unwrap();
        evaluate(device, tab, SEEN).await
    }

    /// A page as it is, and with everything set; in the first tab and in another.
    async fn each_axis(kind: BrowserKind) {
        let site = Site::open(|_| PAGE.to_owned()).await;
        let browsers = Browsers::new(BrowserOptions { kind, ..BrowserOptions::default() });
        let mut policy = Policy::default();
        policy.browser.locale = Some("de-CH".to_owned());
        policy.browser.time_zone = Some("Asia/Tokyo".to_owned());
        policy.browser.viewport = Some((777, 555));
        policy.browser.permissions = vec![("geolocation".to_owned(), PermissionState::Granted)];
        let origin = Origin::of(&Url::parse("http://app.localhost/").unwrap()).unwrap();
        let options = DeviceOptions::new(site.address, &policy).at(&[origin]);
        let device = browsers.device(&options).await.expect("the browser and its driver are installed: see `authchain doctor`");
        for tab in [device.tab.clone(), device.open_tab().await.unwrap()] {
            assert_eq!(seen(&device, &tab).await, "by script,de-CH,Asia/Tokyo,777x555");
            assert_eq!(evaluate(&device, &tab, PERMISSION).await, "granted");
        }
        policy.browser.permissions[0].1 = PermissionState::Denied;
        let device = browsers.device(&DeviceOptions { policy: policy.browser.clone(), ..options.clone() }).await.unwrap();
        seen(&device, &device.tab).await;
        assert_eq!(evaluate(&device, &device.tab, PERMISSION).await, "denied");
        policy.browser.javascript = false;
        let device = browsers.device(&DeviceOptions { policy: policy.browser.clone(), ..options.clone() }).await.unwrap();
        for tab in [device.tab.clone(), device.open_tab().await.unwrap()] {
            assert_eq!(seen(&device, &tab).await, "as sent,de-CH,Asia/Tokyo,777x555");
        }
        // Nothing of it holds for others.
        let device = browsers.device(&DeviceOptions::new(site.address, &Policy::default())).await.unwrap();
        let plain = seen(&device, &device.tab).await;
        assert!(plain.starts_with("by script,") && !["de-CH", "Tokyo", "777x555"].iter().any(|set| plain.contains(set)), "{plain}");
        browsers.stop().await;
    }

    #[tokio::test]
    async fn chromium_shows_pages_what_the_policy_says() {
        each_axis(BrowserKind::Chromium).await;
    }

    #[tokio::test]
    #[ignore = "needs Firefox and geckodriver: cargo xtask firefox"]
    async fn firefox_shows_pages_what_the_policy_says() {
        each_axis(BrowserKind::Firefox).await;
    }
}
