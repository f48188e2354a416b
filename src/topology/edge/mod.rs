//! The edge: one proxy between everybody and every origin of a run.
//!
//! Each actor has a listener on loopback, and so has each process for what it calls itself. A connection to a listener is
//! one of four things: TLS at once (the name is in SNI), plain HTTP for a `Host`, a proxy request in absolute form
//! (RFC 9112 §3.2.2), or a CONNECT tunnel (RFC 9110 §9.3.6) with either of the first two inside. `listen` tells them
//! apart, `serve` finds the declared origin or refuses, `forward` passes the request on as a gateway would.
//!
//! What the edge changes on the way is what a production reverse proxy changes, and nothing else: hop-by-hop fields,
//! `X-Forwarded-*` (`headers`), and `Host` where an upstream asks for it. It adds no `Via` and no `Date`. What a scenario wants to
//! go wrong on the way (`faults`) goes wrong here, whatever stands behind the origin.

mod authority;
mod connect;
mod faults;
mod forward;
mod headers;
mod knock;
mod listen;
mod routes;
mod serve;
mod stream;
mod tasks;
mod trust;

pub use authority::Authority;
pub(crate) use listen::Edge;
pub(crate) use routes::{Target, UpstreamTarget};
