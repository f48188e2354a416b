//! Sessions that are renewed: by refresh tokens, and in frames.

use super::{CALLBACK, Case, Route, SESSION, authorize, get, home, login_page, post};
use crate::gallery::case::link;
use serde_json::{Value, json};

const ISSUER: &str = "https://id.provider.test";
/// Where an app's server refreshes, as with Supabase.
const REFRESH: &str = "https://id.provider.test/token?grant_type=refresh_token";
/// The first refresh token of a session.
const FIRST: &str = "refresh=r-first-0123456789; Path=/; HttpOnly; Secure; SameSite=Lax";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("refresh-race", &["refresh-reuse-race"], page_that_refreshes(1)),
        // A provider that forgives the second use of a token right after the first.
        Case::new("refresh-forgiven", &[], page_that_refreshes(2)).spares(&["refresh-reuse-race"]),
        Case::new("refresh-lost", &["refresh-not-written-back"], server_that_refreshes(None)),
        Case::new("refresh-kept", &[], server_that_refreshes(Some(FIRST.replace("first", "second"))))
            .spares(&["refresh-not-written-back", "session-not-rotated"]),
        Case::new("frame-unknown", &["silent-renew-blocked"], frame_that_renews("Lax")),
        Case::new("frame-known", &[], frame_that_renews("None")).spares(&["silent-renew-blocked", "redirect-auth-cycle"]),
    ]
}

/// New tokens for an old one (RFC 6749 §6).
fn renewed(_: i64) -> Value {
    json!({ "access_token": "opaque-token-of-ada-4567890123", "token_type": "Bearer", "expires_in": 600, "refresh_token": "r-second-0123456789" })
}

/// What providers answer to a refresh token that was used (RFC 6749 §5.2).
fn used_up(route: Route) -> Route {
    route.status(400).json(&json!({ "error": "invalid_grant", "error_description": "the refresh token was used already" }))
}

/// A page with two parts that find their token expired at once, and a provider that takes it `times`.
fn page_that_refreshes(times: u32) -> Vec<Route> {
    let page = format!(
        "<p id=\"told\">Asking</p><script>\
         const refresh = () => fetch('{ISSUER}/token', {{ method: 'POST', body: new URLSearchParams({{ \
         grant_type: 'refresh_token', refresh_token: 'r-first-0123456789', client_id: 'gallery' }}) }}).then(answer => answer.json());\
         Promise.all([refresh(), refresh()]).then(() => told.textContent = 'Done', () => told.textContent = 'Done')</script>"
    );
    let cors = |route: Route| route.says("access-control-allow-origin", "*");
    vec![
        login_page(),
        post("/login").sets(SESSION).goes("/home"),
        get("/home").with("session=").page("Home", &page),
        get("/home").goes("/login"),
        cors(post("/token").turn(times).tokens(renewed)),
        cors(used_up(post("/token"))),
    ]
}

/// A server that refreshes for each page, and hands the new token to the browser as `written`, or not at all.
fn server_that_refreshes(written: Option<String>) -> Vec<Route> {
    let page = get("/home").with("refresh=").refreshes(REFRESH, "refresh");
    let page = match written {
        Some(line) => page.sets(line),
        None => page,
    };
    vec![
        login_page(),
        post("/login").sets(FIRST).goes("/home"),
        page.page("Home", &link("/home")),
        get("/home").goes("/login"),
        // One use each.
        post("/token").host("id.").field("authorization", "r-first").turn(1).tokens(renewed),
        post("/token").host("id.").field("authorization", "r-second").turn(1).tokens(renewed),
        used_up(post("/token").host("id.")),
    ]
}

/// An app that renews in a frame, and a provider whose own session has this SameSite.
fn frame_that_renews(same_site: &str) -> Vec<Route> {
    let back = |rest: &str| format!("{CALLBACK}?{rest}&state={{state}}");
    let silent = authorize("state-of-renewal-01", CALLBACK) + "&prompt=none";
    let frame = format!("<p id=\"told\">Asking</p><iframe src=\"{silent}\" onload=\"told.textContent = 'Done'\"></iframe>");
    [
        get("/login").status(302).sets(super::STATE).goes(authorize("state-0123456789", CALLBACK)),
        get("/authorize").host("id.").query("prompt=none").with("id_session=").status(302).goes(back("code=code-of-renewal-01")),
        get("/authorize").host("id.").query("prompt=none").status(302).goes(back("error=login_required")),
        get("/authorize")
            .host("id.")
            .sets(format!("id_session=at-the-provider-01; Path=/; HttpOnly; Secure; SameSite={same_site}"))
            .status(302)
            .goes(back("code=code-0123456789")),
        get("/callback").query("state-of-renewal").page("Renewal", ""),
        get("/callback").with("oauth_state=").sets(SESSION).goes("/home"),
        get("/home").with("session=").page("Home", &frame),
    ]
    .into_iter()
    .chain(home("session="))
    .collect()
}
