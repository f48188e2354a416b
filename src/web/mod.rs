//! The rules of the web itself, pure and without IO: origins, sites, cookies, redirects, forms, the words of OAuth.
//!
//! In come bytes from the wire and the circumstances of a request; out come decisions, each with its reason.
//! Nothing here reads a clock, a file or a socket: every call that depends on the time is given it.

pub mod caching;
pub mod cookie;
pub mod har;
pub mod headers;
pub mod html;
pub mod jwt;
pub mod message;
pub mod oauth;
pub mod origin;
pub mod presented;
pub mod redirect;
pub mod retry_after;
pub mod site;
pub mod volatile;
