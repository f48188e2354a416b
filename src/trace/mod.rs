//! What happened, as facts: hops with every byte that matters, each cookie's life, and the calls that servers made.
//!
//! In: what an engine (or a HAR) saw. Out: a [`Chain`], which `judge` and `report` read and nobody changes any more.

mod chain;
mod cookie;
mod event;
pub mod har;
mod hop;
mod jar;
mod probe;

pub use chain::{Blocked, Chain, Decision, JarCookie, Message, ServerCall, StepRecord, Visibility};
pub use cookie::{CookieSent, CookieSet, CookieWithheld, Reason, SetVerdict};
pub use event::{BrowserEvent, BrowserEventKind, WebStorage};
pub use hop::{AnsweredBy, Body, Cause, Failure, FailureKind, Hop, HopId, Request, Resource, Response, Timings};
pub(crate) use jar::{sent_in, set, unseen, withheld};
pub use probe::{Asked, Probe, ProbeKind, Role};
