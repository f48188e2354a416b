//! Cookies that are sent and not taken.

use super::{Case, Route, SESSION, app, form, get, home, link, login_page, post, signs_in};
use serde_json::json;

/// A part of a session's cookie.
const PART: &str = "; Path=/; HttpOnly; Secure; SameSite=Lax";

pub(super) fn cases() -> Vec<Case> {
    let user = json!({ "user": { "id": "u-1", "email": "ada@gallery.test" } });
    let nobody = json!({ "error": "unauthenticated" });
    vec![
        Case::new(
            "name-prefix-split",
            &["cookie-name-prefix-split"],
            [
                login_page(),
                signs_in("__Secure-session=s-live-0123456789; Path=/; HttpOnly; Secure; SameSite=Lax"),
                get("/home").with("session=").page("Home", ""),
                get("/home").sets("session=; Path=/; Max-Age=0").goes("/login"),
            ],
        ),
        Case::new(
            "duplicate-shadow",
            &["cookie-duplicate-shadow"],
            [
                get("/start").sets("session=older-0123456789; Path=/home; HttpOnly; Secure; SameSite=Lax").page("Welcome", &link("/login")),
                login_page(),
                signs_in(SESSION),
            ]
            .into_iter()
            .chain(home("session=s-live-0123456789")),
        )
        .spares(&["cookie-value-altered", "partial-domain-cookie-mix"]),
        Case::new(
            "chunk-and-whole",
            &["cookie-chunk-and-whole"],
            [
                get("/start").sets(format!("session=whole-0123456789{PART}")).page("Welcome", &link("/login")),
                login_page(),
                post("/login").sets(format!("session.0=first-0123456789{PART}")).sets(format!("session.1=second-0123456789{PART}")).goes("/home"),
                get("/home").with("session=").goes("/login"),
                get("/home").page("Home", ""),
            ],
        ),
        Case::new(
            "chunk-gap",
            &["cookie-chunk-gap"],
            [
                login_page(),
                post("/login").sets(format!("session.0=first-0123456789{PART}")).sets(format!("session.2=third-0123456789{PART}")).goes("/home"),
                get("/home").with("session.1=").page("Home", ""),
                get("/home").goes("/login"),
            ],
        ),
        Case::new(
            "value-altered",
            &["cookie-value-altered"],
            [
                login_page(),
                post("/login").sets("session=token-0123456789.signature-0123456789; Path=/; Secure; SameSite=Lax").goes("/sync"),
                get("/sync").page(
                    "One moment",
                    "<script>document.cookie = 'session=' + document.cookie.split('session=')[1].split('.')[0] + '; path=/; secure; samesite=lax'; \
                     location = '/home'</script>",
                ),
            ]
            .into_iter()
            .chain(home("session=token-0123456789.signature-0123456789")),
        ),
        Case::new(
            "partial-mix",
            &["partial-domain-cookie-mix"],
            [
                get("/start").sets(format!("refresh=r-older-0123{}", PART.replace("/;", "/home;"))).page("Welcome", &link("/login")),
                login_page(),
                post("/login").sets(format!("access_token=a-live-0123456789{PART}")).sets(format!("refresh=r-live-0123{}", PART.replace("/;", "/login;"))).goes("/home"),
                get("/home").with("access_token=a-live-0123456789").without("refresh=r-older-0123").page("Home", ""),
                get("/home").goes("/login"),
            ],
        )
        .spares(&["cookie-duplicate-shadow"]),
        Case::new(
            "dead-cookie-loop",
            &["invalid-cookie-never-cleared"],
            [
                get("/start").sets("session=dead-0123456789; Path=/; HttpOnly; Secure; SameSite=Lax").page("Welcome", &link("/home")),
                get("/login").with("session=").goes("/home"),
                login_page(),
                get("/home").goes("/login"),
            ],
        )
        .spares(&["redirect-ping-pong-guards"]),
        Case::new("never-accepted", &["session-refused"], [login_page(), signs_in(SESSION), get("/home").status(401).page("Not signed in", "")]),
        Case::new("redirected-api", &["api-redirects-to-login"], [get("/api/items").status(302).goes("/login"), login_page()]),
        Case::new("stale-csrf", &["csrf-rotated-at-login"], stale_csrf()),
        Case::new(
            "session-kept",
            &["session-not-rotated"],
            [
                get("/start").sets("session=anonymous-0123456789; Path=/; HttpOnly; Secure; SameSite=Lax").page("Welcome", &link("/home")),
                login_page(),
                post("/login").turn(1).goes("/home"),
                get("/home").turn(1).goes("/login"),
                get("/home").page("Home", ""),
            ],
        ),
        Case::new(
            "logout-scope",
            &["logout-scope-mismatch"],
            [
                login_page(),
                signs_in("session=s-live-0123456789; Path=/; HttpOnly; Secure; SameSite=Lax; Domain=gallery.test"),
                get("/home").with("session=").page("Home", "<form method=\"post\" action=\"/logout\"><button>Continue</button></form>"),
                get("/home").goes("/login"),
                post("/logout").sets("session=; Path=/; HttpOnly; Secure; Max-Age=0").page("Goodbye", &link("/home")),
            ],
        ),
        Case::new("affinity", &["node-affinity"], {
            let own = [
                get("/api/session").with("session=").turn(1).json(&user),
                get("/api/session").with("session=").turn(1).status(401).json(&nobody),
                get("/api/session").with("session=").json(&user),
            ];
            app(&[SESSION], "session=").into_iter().chain(own)
        }),
        Case::new("rotated-secret", &["secret-rotated"], {
            let own = [
                get("/api/session").with("session=").turn(1).says("x-build-id", "2026.02.1").json(&user),
                get("/api/session").says("x-build-id", "2026.02.2").status(401).json(&nobody),
            ];
            app(&[SESSION], "session=").into_iter().chain(own)
        })
        .spares(&["node-affinity", "session-endpoints-disagree"]),
        Case::new("soft-200", &["auth-soft-200"], [login_page(), get("/api/session").json(&json!({ "user": null }))]),
        Case::new("endpoints-disagree", &["session-endpoints-disagree"], {
            let own = [get("/api/session").with("session=").json(&user), get("/api/account").status(401).json(&nobody)];
            app(&[SESSION], "session=").into_iter().chain(own)
        }),
        // Signed in as long as the page stands: the API on another site sets a cookie that the page's fetch may not bring home.
        Case::new("gone-after-reload", &["cookie-lax-set-in-subrequest"], gone_after_reload()),
    ]
}

/// A form that keeps the token from before the login.
fn stale_csrf() -> Vec<Route> {
    let with_token =
        |action: &str| form(action).replace("<button>", "<input type=\"hidden\" name=\"csrf_token\" value=\"csrf-before-0123\"><button>");
    vec![
        get("/login").sets("csrf=csrf-before-0123; Path=/; Secure; SameSite=Lax").page("Sign in", &with_token("/login")),
        post("/login").sets(SESSION).sets("csrf=csrf-after-4567; Path=/; Secure; SameSite=Lax").goes("/home"),
        get("/home").with("session=").page("Home", &with_token("/note").replace("type=\"password\"", "type=\"hidden\"")),
        get("/home").goes("/login"),
        post("/note").status(403).page("Forbidden", "<p>The form is out of date.</p>"),
    ]
}

fn gone_after_reload() -> Vec<Route> {
    let allowed = "https://app.gallery.test";
    let told = "<p id=\"told\">Asking</p><button id=\"go\">Continue</button><script>\
                const api = 'https://id.provider.test';\
                const ask = (path, method) => fetch(api + path, { method, credentials: 'include' }).then(answer => answer.ok);\
                ask('/me', 'GET').then(known => told.textContent = known ? 'Signed in' : 'Signed out');\
                go.onclick = () => ask('/sign-in', 'POST').then(() => told.textContent = 'Signed in')</script>";
    let cors = |route: Route| route.says("access-control-allow-origin", allowed).says("access-control-allow-credentials", "true");
    vec![
        get("/start").page("Home", told),
        cors(post("/sign-in").sets(SESSION).json(&json!({ "user": { "id": "u-1" } }))),
        cors(get("/me").with("session=").json(&json!({ "user": { "id": "u-1" } }))),
        cors(get("/me").status(401).json(&json!({ "error": "unauthenticated" }))),
    ]
}
