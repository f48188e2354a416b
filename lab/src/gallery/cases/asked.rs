//! What only a question beyond the login shows: each with the app that gives the right answer to it.

use super::{Case, SESSION, at_provider, form, get, home, login_page, post, signs_in};
use serde_json::json;

/// Where a session is asked for.
const ENDPOINT: &str = "/api/session";

pub(super) fn cases() -> Vec<Case> {
    let user = json!({ "user": { "id": "u-1", "email": "ada@gallery.test" } });
    let nobody = json!({ "error": "unauthenticated" });
    let ends = "session=; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=0";
    let signs_out = || {
        [
            login_page(),
            signs_in(SESSION),
            get("/home").with("session=").page("Home", "<form method=\"post\" action=\"/logout\"><button>Continue</button></form>"),
            get("/home").goes("/login"),
            post("/logout").sets(ends).page("Goodbye", ""),
        ]
    };
    let comes_back = |wanted: &'static str| {
        at_provider("state-0123456789")
            .into_iter()
            .chain([get("/callback").query(wanted).sets(SESSION).goes("/home"), get("/callback").status(400).page("Sign-in failed", "")])
            .chain(home("session="))
    };
    let returns = |target: &'static str| {
        [
            get("/login").page("Sign in", &form("/login?{query}")),
            post("/login").sets(SESSION).goes(target),
            get("/home").with("session=").page("Home", ""),
            get("/home").goes("/login?next=/home"),
        ]
    };
    vec![
        Case::new("session-outlives", &["logout-server-session-alive"], {
            let own = [get(ENDPOINT).with("session=").json(&user), get(ENDPOINT).status(401).json(&nobody)];
            signs_out().into_iter().chain(own)
        }),
        // Known before the sign-out, and not after it.
        Case::new("session-ended", &[], {
            let own = [get(ENDPOINT).with("session=").turn(1).json(&user), get(ENDPOINT).status(401).json(&nobody)];
            signs_out().into_iter().chain(own)
        })
        .spares(&["logout-server-session-alive", "node-affinity", "session-refused"]),
        Case::new("any-state", &["state-not-verified"], comes_back("state=")),
        Case::new("state-verified", &[], comes_back("state=state-0123456789")).spares(&["state-not-verified", "code-replayed"]),
        Case::new("open-return", &["return-to-open"], returns("{next}")),
        Case::new("return-kept-inside", &[], returns("/home")).spares(&["return-to-open", "return-to-lost"]),
    ]
}
