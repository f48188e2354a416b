//! Apps that are well: nothing may be found in them.

use super::{CALLBACK, Case, SESSION, STATE, app, at_provider, get, home, login_page, signs_in};
use crate::gallery::case::{authorize, form, post};
use serde_json::json;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("healthy-form", &[], app(&[SESSION], "session=")).spares(&["cookie-missing-secure-https", "cookie-path-miss"]),
        Case::new(
            "healthy-provider",
            &[],
            at_provider("state-0123456789")
                .into_iter()
                .chain([get("/callback").with("oauth_state=").sets(SESSION).goes("/home")])
                .chain(home("session=")),
        )
        .spares(&["state-cookie-never-set", "state-value-mismatch", "redirect-auth-cycle"]),
        // A cookie with Lax does come along when the provider sends the person back by GET.
        Case::new(
            "healthy-lax-return",
            &[],
            [
                get("/login").sets(STATE).status(302).goes(authorize("state-0123456789", CALLBACK)),
                get("/authorize").host("id.").page("Sign in at the provider", &form("/authorize")),
                post("/authorize").host("id.").goes(format!("{CALLBACK}?code=code-0123456789&state=state-0123456789")),
                get("/callback").with("oauth_state=").sets(SESSION).goes("/home"),
            ]
            .into_iter()
            .chain(home("session=")),
        )
        .spares(&["cookie-strict-on-return", "cookie-lax-on-post-callback"]),
        // Strict passes where the provider asks nothing: redirects alone do not make the app's own link cross-site.
        Case::new(
            "healthy-strict-bounce",
            &[],
            [
                get("/start").page("Welcome", &crate::gallery::case::link("/login")),
                get("/login").sets(STATE).status(302).goes(authorize("state-0123456789", CALLBACK)),
                get("/authorize").host("id.").status(302).goes(format!("{CALLBACK}?code=code-0123456789&state={{state}}")),
                get("/callback")
                    .with("oauth_state=")
                    .sets("session=s-live-0123456789; Path=/; HttpOnly; Secure; SameSite=Strict")
                    .goes("/home"),
            ]
            .into_iter()
            .chain(home("session=")),
        )
        .spares(&["cookie-strict-on-return"]),
        // The same name twice, and a server that reads the right one.
        Case::new(
            "healthy-duplicate",
            &[],
            [
                get("/start")
                    .sets("session=older-0123456789; Path=/; Secure; Domain=gallery.test")
                    .page("Welcome", &crate::gallery::case::link("/login")),
                login_page(),
                signs_in(SESSION),
                get("/home").with("session=").page("Home", "<p>You are signed in.</p>"),
            ],
        )
        .spares(&["cookie-duplicate-shadow"]),
        Case::new("healthy-session-endpoint", &[], {
            let user = json!({ "user": { "id": "u-1", "email": "ada@gallery.test" } });
            let own = [
                get("/api/session").with("session=").json(&user),
                get("/api/session").status(401).json(&json!({ "error": "unauthenticated" })),
            ];
            app(&[SESSION], "session=").into_iter().chain(own)
        })
        .spares(&["node-affinity", "auth-soft-200", "session-endpoints-disagree"]),
    ]
}
