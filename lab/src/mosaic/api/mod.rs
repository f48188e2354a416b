//! The API of mosaic: Better-Auth-style routes under `/auth`, and a NestJS guard beside them.
//!
//! | route | answered by | what it does |
//! |---|---|---|
//! | `POST /auth/sign-in/oauth2` | [`sign_in`] | state row and cookie, authorize URL; 200 `{url, redirect}` |
//! | `POST /auth/oauth2/link` | [`sign_in`] | the same for one more account of a user who is signed in |
//! | `GET /auth/oauth2/callback/{provider}` | [`callback`] | state, code, profile, session; 302 |
//! | `GET /auth/error` | [`callback`] | where errors go that have no better place |
//! | `GET /auth/get-session` | [`session`] | 200 with the session, or 200 `null` |
//! | `POST /auth/sign-out` | [`session`] | 200 `{success: true}` |
//! | `GET /auth/session` | [`guard`] | the guarded endpoint: 200, 401 or 500 |
//! | `GET /`, `/health`, `/version` | [`router`](mod@router) | the root on which errors land, readiness, build |
//!
//! ```text
//! router   request log ▸ CORS ▸ (rate limit ▸ Origin rule ▸ Better Auth routes | guard)
//! config   the environment, typed; the table of switches
//! store    users, accounts, sessions, state rows
//! signing  signed cookie values: HMAC, encoded once, decoded once
//! cookies  names, prefixes, attributes; the session cache cookie
//! origin   whom the API trusts: Origin rule and callback URLs
//! limit    requests per address and path
//! idp      discovery, token, userinfo, JWKS
//! ```
//!
//! **One addition to the original.** `sign-in/oauth2` and `sign-out` also take a form
//! (`application/x-www-form-urlencoded`), and answer a form's navigation with a 303 where a script would get JSON.
//! The real front end signs in by script; this way a user agent without script makes the same requests to the
//! same host, and the state cookie is set where it must be: on the API's host, in the user's own jar.

mod app;
mod body;
mod callback;
mod clock;
mod config;
mod cookies;
mod guard;
mod idp;
mod limit;
mod origin;
mod reply;
mod router;
mod session;
mod sign_in;
mod signing;
mod store;

#[cfg(test)]
mod testing;

pub(crate) use router::router;
