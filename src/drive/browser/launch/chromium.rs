//! How Chromium is started.

use super::options::{BrowserOptions, Launch};
use serde_json::{Value, json};
use std::path::Path;

/// The port in a line of chromedriver's.
pub(super) fn port(line: &str) -> Option<u16> {
    let (_, port) = line.split_once("started successfully on port ")?;
    port.trim_end_matches('.').parse().ok()
}

/// What every session asks for.
///
/// Everything that a browser does by itself (updates, sync, field trials, first-run pages) is off: it would be traffic that
/// no scenario asked for. Tabs behind others go on at full speed. `pageLoadStrategy: none` keeps classic commands from
/// waiting for pages, since the driver queues BiDi commands behind them.
pub(super) fn capabilities(binary: Option<&Path>, options: &BrowserOptions, launch: Launch) -> Value {
    let mut arguments = vec![
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-background-networking",
        "--disable-background-timer-throttling",
        "--disable-backgrounding-occluded-windows",
        "--disable-component-update",
        "--disable-default-apps",
        "--disable-extensions",
        "--disable-features=Translate,MediaRouter,OptimizationHints,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
        "--disable-field-trial-config",
        "--disable-gpu",
        "--disable-quic",
        "--disable-renderer-backgrounding",
        "--disable-search-engine-choice-screen",
        "--disable-sync",
        "--metrics-recording-only",
        "--password-store=basic",
        "--use-mock-keychain",
    ];
    if !options.headed {
        arguments.push("--headless=new");
    }
    if is_root() {
        // Chromium refuses to sandbox for root.
        arguments.push("--no-sandbox");
    }
    let block = !launch.third_party_cookies;
    let preferences = json!({
        // 0: allowed, 1: blocked (components/content_settings/core/browser/cookie_settings.h).
        "profile.cookie_controls_mode": i32::from(block),
        "profile.block_third_party_cookies": block,
        "credentials_enable_service": false,
        "profile.password_manager_leak_detection": false,
    });
    let mut own = json!({ "args": arguments, "prefs": preferences });
    if let Some(binary) = binary {
        own["binary"] = binary.to_string_lossy().into();
    }
    json!({
        "browserName": "chrome",
        "webSocketUrl": true,
        "acceptInsecureCerts": true,
        "pageLoadStrategy": "none",
        "unhandledPromptBehavior": "ignore",
        "goog:chromeOptions": own,
    })
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    // The owner of the process's own folder is whoever runs it.
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
