//! From a browser's events to hops as complete as the http engine's.
//!
//! In: the events of one browser, of which each [`Tape`] takes those of its own device. Out: hops in the run's recorder,
//! each with the cookies that went, stayed and came, and the browser's own word on those that it refused.
//!
//! | file | what it does |
//! |---|---|
//! | `fold` | the state machine: one event after the other, facts out; no clock, no socket |
//! | `chromium` | what Chromium tells over CDP, taken apart |
//! | `firefox` | what Firefox tells over BiDi, taken apart |
//! | `exchange` | one request with its redirects, and which late headers belong to which hop |
//! | `frames` | the tree of frames, what each is loading, and why |
//! | `route` | which events are this device's |
//! | `head` | header fields as the protocols give them |
//! | `fact` | what the state machine finds out |
//! | `body` | bodies, which the browser keeps until they are read |
//! | `cookies` | Set-Cookie lines and their verdicts |
//! | `write` | from facts to the recorder |
//! | `events` | what a browser must be told to tell |
//! | `tape` | the task that reads, and `settle` |
//!
//! **Chromium.** BiDi's own network events are not complete there: Set-Cookie is missing from most redirects, and some
//! statuses are wrong. CDP's are: `Network.requestWillBeSent` tells each hop of a redirect chain,
//! `requestWillBeSentExtraInfo` and `responseReceivedExtraInfo` tell the headers as sent and received, with the cookies that
//! stayed behind or were refused, and why. The two kinds come over different pipes and so in any order, but whether an
//! ExtraInfo belongs to a response is said by `hasExtraInfo` and `redirectHasExtraInfo`. So a hop is complete when exactly
//! those have come that must; no time window is needed.
//!
//! **Firefox.** BiDi's events are complete but for reasons: why a cookie was refused is told by our own jar, which sees the
//! same lines, and which cookies stayed behind is not known.

mod body;
mod chromium;
mod cookies;
mod events;
mod exchange;
mod fact;
mod firefox;
mod fold;
mod frames;
mod head;
mod json;
mod route;
mod tape;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use events::events;
pub(crate) use head::octets;
pub(crate) use tape::{Settled, Tape};
