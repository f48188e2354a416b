//! How Firefox is started.

use super::options::{BrowserOptions, Launch};
use serde_json::{Value, json};
use std::path::Path;

/// The port in a line of geckodriver's.
pub(super) fn port(line: &str) -> Option<u16> {
    let (_, address) = line.split_once("Listening on ")?;
    address.trim().rsplit_once(':')?.1.parse().ok()
}

/// What every session asks for.
///
/// geckodriver and Firefox's remote agent set most of what keeps a browser quiet; the rest is here. Firefox's own default
/// is neither of our two answers for third-party cookies: it keeps them apart for each top-level site (`cookieBehavior` 5).
/// "Allowed" means 0 here, "blocked" 1, as a person sets them.
pub(super) fn capabilities(binary: Option<&Path>, options: &BrowserOptions, launch: Launch) -> Value {
    // nsICookieService.idl: 0 accepts all, 1 rejects third parties.
    let behavior = i32::from(!launch.third_party_cookies);
    let preferences = json!({
        "browser.contentblocking.category": "custom",
        // Windows that a scenario's presses open are wanted.
        "dom.disable_open_during_load": false,
        "dom.security.https_first": false,
        "dom.security.https_first_schemeless": false,
        "javascript.enabled": launch.javascript,
        "network.captive-portal-service.enabled": false,
        "network.connectivity-service.enabled": false,
        "network.cookie.cookieBehavior": behavior,
        "network.cookie.cookieBehavior.pbmode": behavior,
        "network.http.http3.enable": false,
        // Loopback hosts too, which it would otherwise reach by itself.
        "network.proxy.allow_hijacking_localhost": true,
        // Names are the edge's affair.
        "network.trr.mode": 5,
        // It removes the cookies of sites that do nothing but redirect, as sign-in sites do.
        "privacy.bounceTrackingProtection.mode": 0,
        "privacy.trackingprotection.enabled": false,
        "privacy.trackingprotection.pbmode.enabled": false,
        "signon.rememberSignons": false,
    });
    let mut own = json!({ "args": if options.headed { vec![] } else { vec!["-headless"] }, "prefs": preferences });
    if let Some(binary) = binary {
        own["binary"] = binary.to_string_lossy().into();
    }
    json!({
        "browserName": "firefox",
        "webSocketUrl": true,
        "acceptInsecureCerts": true,
        "pageLoadStrategy": "none",
        "unhandledPromptBehavior": "ignore",
        "moz:firefoxOptions": own,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_says_where_it_listens() {
        assert_eq!(port("1795253174345\tgeckodriver\tINFO\tListening on 127.0.0.1:42751"), Some(42751));
        assert_eq!(port("1795253174593\twebdriver::server\tWARN\tRejected"), None);
    }
}
