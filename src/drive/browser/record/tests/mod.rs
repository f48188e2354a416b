//! Recordings of real browsers, folded; and real browsers.

mod live;
mod recordings;
mod server;

use crate::drive::Observer;
use crate::plan::{Matcher, Scope, Step};
use crate::trace::{Chain, Hop};
use serde_json::Value;

/// Nobody looks on.
struct Nobody;

impl Observer for Nobody {
    fn step_began(&self, _: &Step, _: usize) {}
    fn hop(&self, _: &Hop) {}
    fn step_ended(&self, _: &Step, _: &Chain, _: usize, _: &Scope) -> bool {
        true
    }
    fn would_hold(&self, _: &Step, _: &Chain, _: usize, _: &Scope) -> bool {
        true
    }
    fn matches(&self, _: &Matcher, _: Option<&Value>, _: &Scope) -> bool {
        true
    }
}
