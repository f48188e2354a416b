//! Pages and requests without a browser: forms and links from HTML, no script, a jar that acts as a browser's.
//!
//! | file | what it does |
//! |---|---|
//! | `connector` | TCP and TLS to the edge, timed |
//! | `client` | one request and its response, within limits, on connections that are used again |
//! | `body` | bodies: bounded, decompressed |
//! | `failure` | why there is no response, in words |
//! | `headers`, `referrer` | what a browser says in a request |
//! | `follow` | redirects, one hop at a time, with the cookies of each |
//! | `navigate` | from a click to the page that stays |
//! | `page` | the page steps |
//! | `api`, `replay` | the HTTP steps |
//! | `ask` | the requests of probes |

mod api;
mod ask;
mod body;
mod client;
mod connector;
mod failure;
mod follow;
mod headers;
mod navigate;
mod page;
mod referrer;
mod replay;

pub(crate) use ask::Question;
pub(crate) use client::{Client, failure_kind};
pub(crate) use connector::tls_config;
pub(crate) use failure::shown;
pub(crate) use navigate::{Seen, Tab, folded};
pub(crate) use page::parse_url;
