//! The front end of mosaic, server-rendered so that a user agent without script gets through it too.
//!
//! | route | answer |
//! |---|---|
//! | `GET /login` | the sign-in page: a form that posts to the API, taken over by a script where there is one |
//! | `POST /login/oauth2` | only with `SIGN_IN=server`: the sign-in request made by this server |
//! | `GET /` (and the path of `CALLBACK_TARGET`) | the dashboard |
//! | `GET /version.json`, `/health` | what is deployed, readiness |
//!
//! The original is a single-page app. It posts `sign-in/oauth2` by script and navigates to the `url` it gets; on the
//! dashboard it asks `/auth/session` and goes back to `/login` on anything but 200. With script these pages do just
//! that. Without, the form makes the same request as a navigation, and the dashboard is a shell that cannot know.
//!
//! **The state cookie must be set on the API's host.** That is why the form's action is the API and not this server,
//! and what `SIGN_IN=server` gets wrong unless cookies are shared (`COOKIE_DOMAIN` at the API).
//!
//! ```text
//! config   the environment, typed
//! pages    HTML and the two scripts
//! router   routes
//! upstream this server's own requests to the API
//! ```

mod config;
mod pages;
mod router;
mod upstream;

pub(crate) use router::router;
