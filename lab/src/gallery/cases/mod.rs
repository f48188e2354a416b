//! The cases by what goes wrong in them. Where nothing else is said, an app of a case has a login page at `/login`, signs in
//! with 303 to `/home`, and sends whoever it does not know from there back to `/login`.

mod accepted;
mod asked;
mod edge;
mod healthy;
mod probes;
mod redirects;
mod renewal;
mod sent;
mod state;
mod stored;
mod tokens;

use super::case::{Case, Route, authorize, form, get, link, post};

pub(super) fn all() -> Vec<Case> {
    [
        healthy::cases(),
        stored::cases(),
        sent::cases(),
        accepted::cases(),
        state::cases(),
        redirects::cases(),
        tokens::cases(),
        renewal::cases(),
        edge::cases(),
        asked::cases(),
        probes::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A session as it should be set.
const SESSION: &str = "session=s-live-0123456789; Path=/; HttpOnly; Secure; SameSite=Lax";
/// The state of a login as it should be set.
const STATE: &str = "oauth_state=state-0123456789; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=600";
/// Where the provider answers to.
const CALLBACK: &str = "https://app.gallery.test/callback";

/// The login page, its form going to `/login`.
fn login_page() -> Route {
    get("/login").page("Sign in", &form("/login"))
}

/// The sign-in of its form.
fn signs_in(line: &str) -> Route {
    post("/login").sets(line).goes("/home")
}

/// The protected page for whoever brings the cookie, and the way back for everybody else.
fn home(cookie: &'static str) -> [Route; 2] {
    [get("/home").with(cookie).page("Home", "<p>You are signed in.</p>"), get("/home").goes("/login")]
}

/// An app whose login sets `lines`, read as `cookie`.
fn app(lines: &[&str], cookie: &'static str) -> Vec<Route> {
    let signs_in = lines.iter().fold(post("/login"), |route, line| route.sets(*line)).goes("/home");
    [login_page(), signs_in].into_iter().chain(home(cookie)).collect()
}

/// The start of a login at the provider, and a provider that asks whether to go on.
fn at_provider(state: &'static str) -> [Route; 2] {
    [
        get("/login").sets(STATE).status(302).goes(authorize(state, CALLBACK)),
        get("/authorize").host("id.").page("Sign in at the provider", &link(&format!("{CALLBACK}?code=code-0123456789&state={{state}}"))),
    ]
}
