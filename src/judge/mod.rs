//! What a run's facts mean: pure functions from a plan and a [`Chain`](crate::trace::Chain) to verdicts, text and findings.
//!
//! In: what was asked ([`plan`](crate::plan)) and what happened ([`trace`](crate::trace)). Out, in the order people need it:
//! the verdict on every expectation ([`expect`]), the reviewable text of the chain ([`snapshot`]), and the cause of what
//! broke ([`diagnose`]). Nothing here opens a file or a socket, and nothing panics on what came over the wire.

pub mod diagnose;
pub mod expect;
pub mod snapshot;

#[cfg(test)]
pub(crate) mod testing;
mod text;

pub(crate) use text::hiding;
