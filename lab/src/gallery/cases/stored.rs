//! Cookies that are set and not kept, or not as they were meant.

use super::{Case, SESSION, app, at_provider, authorize, get, home, link};
use crate::gallery::case::Route;

pub(super) fn cases() -> Vec<Case> {
    let long: &str = Box::leak(format!("session=s-live-0123456789; Secure; HttpOnly; Path=/{}", "x".repeat(1100)).into_boxed_str());
    vec![
        Case::new(
            "header-folded",
            &["cookie-header-folded"],
            app(
                &["session=s-live-0123456789; Path=/; HttpOnly; Secure, refresh=r-0123456789; Path=/; HttpOnly; Secure; Max-Age=86400"],
                "session=",
            ),
        ),
        Case::new(
            "set-then-cleared",
            &["cookie-set-then-cleared"],
            app(&[SESSION, "session=; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=0"], "session="),
        ),
        Case::new(
            "born-expired",
            &["cookie-born-expired"],
            app(&["session=s-live-0123456789; Path=/; HttpOnly; Secure; Expires=Thu, 01 Jan 2015 00:00:00 GMT"], "session="),
        ),
        Case::new(
            "partitioned-insecure",
            &["cookie-partitioned-insecure"],
            app(&["session=s-live-0123456789; Path=/; HttpOnly; SameSite=Lax; Partitioned"], "session="),
        ),
        Case::new(
            "prefix-inert",
            &["cookie-prefix-inert"],
            app(&["app.__Host-session=s-live-0123456789; Path=/; HttpOnly; Secure"], "app.__Host-session="),
        ),
        Case::new("attribute-too-long", &["cookie-attribute-too-long"], app(&[SESSION, long], "session=")),
        Case::new(
            "insecure-over-https",
            &["cookie-missing-secure-https"],
            app(&["session=s-live-0123456789; Path=/; HttpOnly; SameSite=Lax"], "session="),
        ),
        Case::new(
            "domain-localhost",
            &["cookie-domain-single-label-or-ip"],
            app(&["session=s-live-0123456789; Domain=localhost; Path=/; HttpOnly; SameSite=Lax"], "session="),
        ),
        Case::new("no-domain", &[], app(&["session=s-live-0123456789; Path=/; HttpOnly; SameSite=Lax"], "session="))
            .spares(&["cookie-domain-single-label-or-ip", "cookie-missing-secure-https"]),
        Case::new("prefetched", &["cookie-set-by-prefetched-page", "auth-route-prefetched", "state-cookie-overwritten"], prefetched()),
    ]
}

/// A page ahead of time begins a second login over the first.
fn prefetched() -> Vec<Route> {
    let again = "oauth_state=state-of-the-prefetch; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=600";
    let [start, provider] = at_provider("state-0123456789");
    [
        get("/start").page("Welcome", &link("/login")),
        get("/login").field("sec-purpose", "prefetch").sets(again).status(302).goes(authorize("state-of-the-prefetch", super::CALLBACK)),
        start,
        provider,
        get("/callback").with("oauth_state=state-0123456789").sets(SESSION).goes("/home"),
        get("/callback").status(400).page("Sign-in failed", "<p>The state does not fit.</p>"),
    ]
    .into_iter()
    .chain(home("session="))
    .collect()
}
