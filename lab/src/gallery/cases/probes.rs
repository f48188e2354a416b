//! What a login alone does not show: each case is told from its healthy twin by what a probe asks.

use super::{Case, Route, SESSION, app, get, login_page, post, signs_in};
use crate::gallery::case::token;
use serde_json::{Value, json};

const ISSUER: &str = "https://id.provider.test";

pub(super) fn cases() -> Vec<Case> {
    vec![
        session("probe-healthy", &[], SESSION, |asked| asked.with("session=s-live-0123456789")).spares(&[
            "cookie-value-encoding",
            "session-endpoint-reads-bearer",
            "session-not-asked-for",
            "session-refused",
        ]),
        // The value has to be decoded before it is taken: the guard encodes what it gets once more than the login did.
        session("probe-encoded", &["cookie-value-encoding"], "session=s.a%2Bb%3D; Path=/; HttpOnly; Secure; SameSite=Lax", |asked| {
            asked.with("session=s.a+b=")
        })
        .spares(&["cookie-value-altered"]),
        session("probe-quoted", &["cookie-value-quotes"], SESSION, |asked| asked.with("session=\"s-live-0123456789\"")),
        session("probe-prefixed", &["cookie-name-prefix-split"], SESSION, |asked| asked.with("__Secure-session=")),
        session("probe-bearer", &["session-endpoint-reads-bearer"], SESSION, |asked| {
            asked.field("authorization", "Bearer s-live-0123456789")
        })
        .spares(&["session-not-asked-for"]),
        session("probe-open", &["session-not-asked-for"], SESSION, |asked| asked),
        signs_out("probe-logout", &[], |asked| asked.turn(1)),
        signs_out("probe-logout-alive", &["logout-server-session-alive"], |asked| asked),
        replicas("probe-replicas", &[], |_| ("7", true)),
        replicas("probe-mixed", &["deploy-mixed-replicas"], |nth| (if nth % 2 == 0 { "7" } else { "8" }, true)),
        replicas("probe-affinity", &["node-affinity"], |nth| ("7", nth % 2 == 0)).spares(&["secret-rotated", "deploy-mixed-replicas"]),
        behind_an_edge("probe-edge", &[], 32),
        behind_an_edge("probe-edge-strips", &["cookie-stripped-by-edge"], 32),
        behind_an_edge("probe-edge-rewrites", &["cookie-rewritten-by-edge"], 32),
        behind_an_edge("probe-edge-large", &["response-header-budget"], 5000),
        // An app that took its keys when it was started, and never again.
        keys("probe-keys-stale", &["jwks-stale"], |asked| {
            asked.status(401).json(&json!({ "message": "no matching key found in the JWKS" }))
        }),
        keys("probe-keys", &[], |asked| asked.json(&json!({ "user": { "id": "u-1" } }))).spares(&["jwks-kid-missing"]),
    ]
}

fn user() -> Value {
    json!({ "user": { "id": "u-1", "email": "ada@gallery.test" } })
}

/// What the session endpoint says to whom it does not know.
fn nobody() -> Route {
    get("/api/session").status(401).json(&json!({ "error": "unauthenticated" }))
}

/// An app whose session endpoint knows those whom `reads` lets through.
fn session(name: &'static str, finds: &'static [&'static str], line: &'static str, reads: fn(Route) -> Route) -> Case {
    Case::new(name, finds, app(&[line], "session=").into_iter().chain([reads(get("/api/session")).json(&user()), nobody()]))
}

/// An app whose session endpoint knows the session as long as `lives` lets it, whatever became of the cookie.
fn signs_out(name: &'static str, finds: &'static [&'static str], lives: fn(Route) -> Route) -> Case {
    let out = "<form method=\"post\" action=\"/logout\"><button>Continue</button></form>";
    let own = [
        login_page(),
        signs_in(SESSION),
        get("/home").with("session=").page("Home", out),
        get("/home").goes("/login"),
        post("/logout").sets("session=; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=0").page("Goodbye", ""),
        lives(get("/api/session").with("session=")).json(&user()),
        nobody(),
    ];
    Case::new(name, finds, own)
}

/// An app whose replicas answer in turns: the nth with its build, and whether it knows the session.
fn replicas(name: &'static str, finds: &'static [&'static str], nth: fn(usize) -> (&'static str, bool)) -> Case {
    let answers = (0..6).map(|at| {
        let (build, knows) = nth(at);
        let asked = get("/api/session").with("session=").turn(1).says("x-build-id", build);
        if knows { asked.json(&user()) } else { asked.status(401).json(&json!({ "error": "unauthenticated" })) }
    });
    Case::new(name, finds, app(&[SESSION], "session=").into_iter().chain(answers).chain([nobody()]))
}

/// An app whose first page sets a cookie with a value so long. What the edge makes of it is up to the scenario.
fn behind_an_edge(name: &'static str, finds: &'static [&'static str], length: usize) -> Case {
    let line = format!("visit={}; Path=/; HttpOnly; Secure; SameSite=Lax", "v".repeat(length));
    Case::new(name, finds, [get("/start").sets(line).says("x-frame-options", "DENY").page("Welcome", ""), login_page()])
}

/// A provider that publishes its key, and an app that gets a token signed with it.
fn keys(name: &'static str, finds: &'static [&'static str], answers: fn(Route) -> Route) -> Case {
    let own = [
        get("/keys")
            .json(&json!({ "keys": [{ "kty": "RSA", "kid": "gallery-1", "alg": "RS256", "use": "sig", "n": "AQAB", "e": "AQAB" }] })),
        post("/token").tokens(|now| {
            let claims = json!({ "iss": ISSUER, "aud": "gallery", "sub": "u-1", "iat": now, "exp": now + 300 });
            json!({ "access_token": token(&claims), "token_type": "Bearer", "expires_in": 300 })
        }),
        answers(get("/api/me").field("authorization", "Bearer ")),
    ];
    Case::new(name, finds, own)
}
