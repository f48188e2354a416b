//! The WebDriver BiDi socket: commands with ids and deadlines, and events of which none is lost.
//!
//! WebDriver BiDi §5 (transport) and §3 (protocol). Whoever listens gets every event from then on, in the order in which
//! the browser sent them, through a channel without a bound: what a browser tells is bounded by what is done in it.
//! Messages are kept whole, unknown fields included.

mod client;
mod error;

pub(crate) use client::{Bidi, Event};
pub(crate) use error::BidiError;
