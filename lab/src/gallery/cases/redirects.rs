//! Redirects and hosts.

use super::{CALLBACK, Case, Route, SESSION, STATE, authorize, form, get, home, link, login_page, post, signs_in};

const STATE_VALUE: &str = "state-0123456789";

pub(super) fn cases() -> Vec<Case> {
    let provider = || {
        get("/authorize")
            .host("id.")
            .page("Sign in at the provider", &link(&format!("{CALLBACK}?code=code-0123456789&state={STATE_VALUE}")))
    };
    let refuses = || get("/authorize").host("id.").status(400).page("The request is wrong", "<p>The redirect URI is not registered.</p>");
    let begins = |redirect_uri: &str| get("/login").sets(STATE).status(302).goes(authorize(STATE_VALUE, redirect_uri));
    // A provider of its own, which knows which redirect URIs are registered.
    let at_idp = |redirect_uri: &str| {
        let target = authorize(STATE_VALUE, redirect_uri).replace("/authorize?", "/application/o/authorize/?");
        get("/login").sets(STATE).status(302).goes(target)
    };
    vec![
        Case::new("to-itself", &["redirect-to-self"], [get("/start").status(302).goes("/start")]),
        Case::new(
            "guards-disagree",
            &["redirect-ping-pong-guards"],
            [get("/login").with("session=").goes("/home"), login_page(), signs_in(SESSION), get("/home").goes("/login")],
        )
        .spares(&["invalid-cookie-never-cleared", "redirect-too-many"]),
        // Signed in without a word, and not known on the next page: round and round.
        Case::new(
            "silent-sso",
            &["redirect-auth-cycle", "cookie-path-miss"],
            [
                get("/home").with("session=").page("Home", ""),
                get("/home").status(302).sets(STATE).goes(authorize(STATE_VALUE, CALLBACK)),
                get("/authorize").host("id.").status(302).goes(format!("{CALLBACK}?code=code-{{count}}56789&state={STATE_VALUE}")),
                get("/callback").sets("session=s-live-0123456789; Path=/callback; HttpOnly; Secure; SameSite=Lax").goes("/home"),
            ],
        ),
        Case::new(
            "downgrade",
            &["redirect-downgrade"],
            [
                login_page(),
                post("/login").sets("session=s-live-0123456789; Path=/; HttpOnly; SameSite=Lax").goes("http://app.gallery.test/home"),
            ]
            .into_iter()
            .chain(home("session=")),
        )
        .spares(&["cookie-scheme-downgrade"]),
        Case::new("callback-by-http", &["redirect-uri-scheme"], [begins("http://app.gallery.test/callback"), refuses()]),
        Case::new("callback-at-localhost", &["redirect-uri-internal-host"], [begins("http://localhost:3000/callback"), refuses()]),
        Case::new(
            "www-and-apex",
            &["redirect-uri-www-apex"],
            [
                begins("https://gallery.test/callback"),
                get("/authorize").host("id.").page(
                    "Sign in at the provider",
                    &link(&format!("https://gallery.test/callback?code=code-0123456789&state={STATE_VALUE}")),
                ),
                get("/callback").with("oauth_state=").sets(SESSION).goes("/home"),
                get("/callback").status(400).page("Sign-in failed", ""),
            ],
        ),
        Case::new(
            "permanent",
            &["redirect-permanent-on-auth"],
            [get("/login").sets(STATE).status(301).says("cache-control", "private").goes(authorize(STATE_VALUE, CALLBACK)), provider()]
                .into_iter()
                .chain([get("/callback").with("oauth_state=").sets(SESSION).goes("/home")])
                .chain(home("session=")),
        ),
        Case::new(
            "lost-body",
            &["redirect-drops-body"],
            [
                get("/login").page("Sign in", &form("/session")),
                post("/session").status(301).goes("/session/"),
                get("/session/").status(405).page("Method not allowed", ""),
            ],
        ),
        Case::new(
            "inner-host",
            &["redirect-forwarded-host-lost"],
            [login_page(), post("/login").sets(SESSION).goes("http://localhost:3000/home")].into_iter().chain(home("session=")),
        ),
        Case::new("too-many", &["redirect-too-many"], too_many()),
        Case::new(
            "return-lost",
            &["return-to-lost"],
            [
                get("/invoices").with("session=").page("Invoices", ""),
                get("/invoices").goes("/login?next=%2Finvoices"),
                login_page(),
                signs_in(SESSION),
            ]
            .into_iter()
            .chain(home("session=")),
        ),
        Case::new("slash-too-many", &["redirect-uri-near-miss"], [at_idp("https://app.gallery.test/callback/")]),
        Case::new(
            "registered",
            &[],
            [at_idp(CALLBACK), get("/callback").with("oauth_state=").sets(SESSION).goes("/home")].into_iter().chain(home("session=")),
        )
        .spares(&["redirect-uri-near-miss"]),
        // Whoever follows this with the Authorization that it was given hands it to another site.
        Case::new(
            "moved-elsewhere",
            &[],
            [
                login_page(),
                get("/api/session").host("app.").status(307).goes("https://id.provider.test/userinfo"),
                get("/userinfo").host("id.").json(&serde_json::json!({ "name": "Ada" })),
            ],
        )
        .spares(&["redirect-leaks-credentials"]),
        Case::new(
            "error-elsewhere",
            &["callback-error", "error-lands-on-wrong-origin"],
            [
                get("/login").page("Sign in", &link("https://api.gallery.test/begin")),
                get("/begin").sets(STATE).status(302).goes(authorize(STATE_VALUE, "https://api.gallery.test/callback")),
                get("/authorize").host("id.").page(
                    "Sign in at the provider",
                    &link(&format!("https://api.gallery.test/callback?code=code-0123456789&state={STATE_VALUE}")),
                ),
                get("/callback").status(302).goes("/?error=email_is_missing"),
                get("/").host("api.").page("Gallery API", ""),
            ],
        ),
    ]
}

/// More redirects in a row than browsers follow, no two alike.
fn too_many() -> Vec<Route> {
    let paths: Vec<&'static str> = (0..26).map(|number| &*Box::leak(format!("/step-{number}").into_boxed_str())).collect();
    let mut routes = vec![get("/start").status(302).goes(paths[0])];
    routes.extend(paths.windows(2).map(|pair| get(pair[0]).status(302).goes(pair[1])));
    routes
}
