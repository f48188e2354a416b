//! Cookies that are kept and stay at home.

use super::{CALLBACK, Case, SESSION, STATE, app, authorize, form, get, home, link, login_page, post, signs_in};

pub(super) fn cases() -> Vec<Case> {
    let provider_form = || get("/authorize").host("id.").page("Sign in at the provider", &form("/authorize"));
    vec![
        Case::new(
            "path-miss",
            &["cookie-path-miss"],
            [get("/login").page("Sign in", &form("/auth/login")), post("/auth/login").sets("session=s-live-0123456789; HttpOnly; Secure; SameSite=Lax").goes("/home")]
                .into_iter()
                .chain(home("session=")),
        )
        .spares(&["cookie-host-only-elsewhere"]),
        Case::new(
            "host-only-elsewhere",
            &["cookie-host-only-elsewhere"],
            [login_page(), post("/login").sets(SESSION).goes("https://www.gallery.test/home")].into_iter().chain(home("session=")),
        )
        .spares(&["cookie-path-miss"]),
        Case::new(
            "scheme-downgrade",
            &["cookie-scheme-downgrade", "redirect-downgrade"],
            [login_page(), post("/login").sets(SESSION).goes("http://app.gallery.test/home")].into_iter().chain(home("session=")),
        ),
        Case::new(
            "strict-on-return",
            &["cookie-strict-on-return"],
            [
                get("/login").sets(STATE).status(302).goes(authorize("state-0123456789", CALLBACK)),
                provider_form(),
                post("/authorize").host("id.").goes(format!("{CALLBACK}?code=code-0123456789&state=state-0123456789")),
                get("/callback").sets("session=s-live-0123456789; Path=/; HttpOnly; Secure; SameSite=Strict").goes("/home"),
                get("/home").with("session=").page("Home", "<p>You are signed in.</p>"),
                get("/home").goes("/sign-in"),
                get("/sign-in").page("Sign in", &link("/login")),
            ],
        ),
        // The provider answers by a form that its page submits; the state's cookie is Lax, so the callback begins anew.
        Case::new(
            "form-post-lax",
            &["cookie-lax-on-post-callback", "redirect-auth-cycle"],
            [
                get("/login").sets(STATE).status(302).goes(authorize("state-0123456789", CALLBACK)),
                get("/authorize").host("id.").page(
                    "One moment",
                    &format!(
                        "<form method=\"post\" action=\"{CALLBACK}\"><input type=\"hidden\" name=\"code\" value=\"code-{{count}}56789\">\
                         <input type=\"hidden\" name=\"state\" value=\"state-0123456789\"></form><script>document.forms[0].submit()</script>"
                    ),
                ),
                post("/callback").with("oauth_state=").sets(SESSION).goes("/home"),
                post("/callback").turn(3).goes("/login"),
                post("/callback").status(400).page("Sign-in failed", ""),
            ]
            .into_iter()
            .chain(home("session=")),
        ),
        Case::new(
            "loopback-split",
            &["cookie-loopback-split"],
            [login_page(), post("/login").sets("session=s-live-0123456789; Path=/; HttpOnly").goes("http://127.0.0.1:3000/home")].into_iter().chain(home("session=")),
        ),
        Case::new(
            "port-shared",
            &["cookie-port-shared"],
            [
                login_page(),
                post("/login").host("localhost:4000").sets("session=of-the-other-app-01; Path=/; HttpOnly").goes("/home"),
                signs_in("session=s-live-0123456789; Path=/; HttpOnly"),
                get("/home").host("localhost:3000").with("session=s-live-0123456789").page("Home", &link("http://localhost:4000/login")),
                get("/home").host("localhost:4000").with("session=of-the-other-app-01").page("Home", &link("http://localhost:3000/home")),
                get("/home").goes("/login"),
            ],
        ),
        Case::new("jar-differs", &["client-jar-differs"], app(&["session=s-live-0123456789; Path=/; HttpOnly; Secure"], "session=")),
        Case::new("fetch-bare", &["fetch-without-credentials"], scripted("fetch('https://api.gallery.test/me')", "https://app.gallery.test")),
        Case::new(
            "cors-wildcard",
            &["cors-wildcard-with-credentials"],
            scripted("fetch('https://api.gallery.test/me', { credentials: 'include' })", "*"),
        ),
        Case::new("web-storage", &["session-in-web-storage"], web_storage()),
        // The provider answers by a form that a person sends: within two minutes of the sign-in's start, or not.
        Case::new("slow-post", &["cookie-default-lax-2min"], posted_back()),
        Case::new("quick-post", &[], posted_back()).spares(&["cookie-default-lax-2min", "cookie-lax-on-post-callback"]),
        Case::new("many-cookies", &["cookie-evicted-by-count"], many_cookies(70)),
        Case::new("some-cookies", &[], many_cookies(20)).spares(&["cookie-evicted-by-count"]),
    ]
}

/// An app whose page asks the API by `script`, and an API that allows `allowed`.
fn scripted(script: &str, allowed: &str) -> Vec<super::Route> {
    let asks = format!(
        "<p id=\"told\">Asking</p><script>{script}.then(() => told.textContent = 'Done', () => told.textContent = 'Done')</script>"
    );
    let credentials = if allowed == "*" { "false" } else { "true" };
    vec![
        get("/login").page("Sign in", &form("https://api.gallery.test/login")),
        post("/login").sets(SESSION).goes("https://app.gallery.test/home"),
        get("/home").page("Home", &asks),
        get("/me")
            .with("session=")
            .says("access-control-allow-origin", allowed)
            .says("access-control-allow-credentials", credentials)
            .json(&serde_json::json!({ "user": { "id": "u-1" } })),
        get("/me")
            .status(401)
            .says("access-control-allow-origin", allowed)
            .says("access-control-allow-credentials", credentials)
            .json(&serde_json::json!({ "error": "unauthenticated" })),
    ]
}

/// A token that a page keeps in localStorage, used by the next.
fn web_storage() -> Vec<super::Route> {
    vec![
        get("/login").page(
            "Sign in",
            "<button onclick=\"fetch('/api/sign-in', { method: 'POST' }).then(answer => answer.json()).then(tokens => { \
             localStorage.token = tokens.access_token; location = '/home' })\">Continue</button>",
        ),
        post("/api/sign-in").json(&serde_json::json!({ "access_token": "opaque-token-of-ada-0123456789", "token_type": "Bearer" })),
        get("/home").page(
            "Home",
            "<p id=\"told\">Asking</p><script>fetch('/api/me', { headers: { authorization: 'Bearer ' + localStorage.token }, credentials: 'omit' })\
             .then(() => told.textContent = 'Done')</script>",
        ),
        get("/api/me").field("authorization", "Bearer opaque").json(&serde_json::json!({ "user": { "id": "u-1" } })),
        get("/api/me").status(401).json(&serde_json::json!({ "error": "unauthenticated" })),
    ]
}

/// A state's cookie that does not say with whom it goes, and a provider that answers by POST from a page of its own.
fn posted_back() -> Vec<super::Route> {
    let answers = format!(
        "<form method=\"post\" action=\"{CALLBACK}\"><input type=\"hidden\" name=\"code\" value=\"code-0123456789\">\
         <input type=\"hidden\" name=\"state\" value=\"state-0123456789\"><button>Continue</button></form>"
    );
    [
        get("/login").sets(STATE.replace(" SameSite=Lax;", "")).status(302).goes(authorize("state-0123456789", CALLBACK)),
        get("/authorize").host("id.").page("Sign in at the provider", &answers),
        post("/callback").with("oauth_state=").sets(SESSION).goes("/home"),
        post("/callback").status(400).page("Sign-in failed", "<p>There is no sign-in under way in this browser.</p>"),
    ]
    .into_iter()
    .chain(home("session="))
    .collect()
}

/// A session, and then three answers that set so many cookies each.
fn many_cookies(number: usize) -> Vec<super::Route> {
    let pages = [("/tabs/1", "/tabs/2"), ("/tabs/2", "/tabs/3"), ("/tabs/3", "/home")];
    let sets = |(path, next): (&'static str, &'static str)| {
        let name = path.replace('/', "");
        (0..number).fold(get(path), |route, at| route.sets(format!("{name}-{at}=1; Path=/; Secure; SameSite=Lax"))).goes(next)
    };
    let routes = [login_page(), post("/login").sets(SESSION).goes("/tabs/1")];
    routes.into_iter().chain(pages.map(sets)).chain(home("session=")).collect()
}
