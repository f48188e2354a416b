//! Sample apps with switchable faults, each the contract of one real system.
//!
//! An app of the lab is an ordinary plain-HTTP server. It is started as a process of its own
//! (`authchain lab mosaic-api`), learns everything from environment variables, stands behind whatever
//! terminates TLS for it (`X-Forwarded-Proto`, `X-Forwarded-Host`, `X-Forwarded-For`), and speaks to its own
//! neighbours through the egress proxy of its environment. The harness gets no shortcut into it: what a run
//! sees of an app is its wire and its log.
//!
//! Nothing here uses authchain's own rules of the web. Cookies, redirects and headers are written out as the
//! modelled system writes them, so a fault in `web` cannot hide itself behind an app that shares it.
//!
//! ```text
//! app      which apps there are, by name
//! env      typed reading of the environment, with errors that name the variable
//! serve    listener, request log, graceful shutdown
//! egress   the outgoing HTTP client: proxy, roots, limits
//! mail     letters that an app sends
//! wire     requests and responses in the small: cookies, forwarded headers, queries
//! authsession e-mail codes, sessions in Redis, and a gateway with a projection of them
//! codes    sign-in by a code that is sent by mail or text message
//! cookies  cookies that a browser drops or withholds
//! gallery  small broken apps, one fault each
//! mosaic   Authentik → Better Auth → NestJS guard
//! pages    pages that need a real browser
//! passkeys sign-in with passkeys
//! salon    phone number → code by a vendor → sign-in, with throttles
//! ```

mod app;
mod authsession;
mod codes;
mod cookies;
mod egress;
mod env;
mod error;
pub mod gallery;
mod mail;
pub mod mosaic;
mod pages;
mod passkeys;
pub mod salon;
mod serve;
mod wire;

pub use app::{App, UnknownApp};
pub use error::LabError;
pub use serve::{Log, Server, serve};
