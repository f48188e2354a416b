//! Performs a plan: every step in its order, each request recorded as the hop it was.
//!
//! In: a [`Plan`](crate::plan::Plan), a [`World`] that says where each actor's requests go, and an [`Observer`] that
//! judges while the run is under way. Out: a [`Chain`] of facts. A step that could not be done, or
//! whose expectations do not hold, ends the run; the chain keeps what happened until then. Nothing here is an `Err`.
//!
//! | file | what it does |
//! |---|---|
//! | `steps` | the step loop: order, races, repeats, polls, time limits |
//! | `actor` | a person on a device: a jar, connections, a tab |
//! | `recorder` | the chain while it grows |
//! | `capture` | values kept for later steps |
//! | `inbox` | waiting for a message, reading code and link from it |
//! | `redis` | what is in a Redis service, and what it must agree with |
//! | `boundary` | both sides of a time limit, by moving the clock |
//! | `limit` | where throttling begins, for whom, and how long it lasts |
//! | `probe` | what is asked beyond the login itself, the actor's cookies left alone |
//! | `blocked` | what is done, and what not, when a step failed |
//! | `cookies` | between a jar and the record: what was sent, withheld, set; edits by hand |
//! | `browser/` | pages in a real browser |
//! | `http/` | requests, redirects, pages and forms without a browser |

mod actor;
mod blocked;
mod boundary;
pub mod browser;
mod capture;
mod cookies;
mod error;
mod http;
mod inbox;
mod limit;
mod probe;
mod recorder;
mod redis;
mod steps;

#[cfg(test)]
mod tests;

pub use browser::launch::{BrowserKind, BrowserOptions, Browsers, Programs};
pub use steps::{Setup, drive};

use crate::base::Secret;
use crate::plan::backing::{ProcessAct, RedisFaultPlan};
use crate::plan::{FaultsPlan, Matcher, Scope, Step};
use crate::trace::{Chain, Hop, Message, ServerCall};
use crate::web::origin::Origin;
use bytes::Bytes;
use serde_json::Value;
use std::net::SocketAddr;
use std::pin::Pin;
use tokio::sync::watch;
use url::Url;

/// How a Redis server is reached.
#[derive(Debug, Clone)]
pub struct RedisAt {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its password.
    pub password: Option<Secret>,
}

/// What a run stands on: the origins of its scenario, behind the edge.
pub trait World: Send + Sync {
    /// The edge's listener for this actor. Every request of the actor goes there, whatever its URL's host.
    fn endpoint(&self, actor: &str) -> SocketAddr;

    /// Where this actor reaches what stands behind an origin, past whatever its edge does, or why nobody knows what stands there.
    ///
    /// # Errors
    /// The reason, as a fragment.
    fn direct(&self, actor: &str, origin: &Origin) -> Result<SocketAddr, String> {
        let _ = actor;
        Err(format!("what stands behind the edge of {origin} is not known here"))
    }

    /// The origins that may be asked. A request to any other is refused before it is sent.
    fn declared(&self) -> &[Origin];

    /// The requests that reached the origins so far.
    fn calls(&self) -> Vec<ServerCall>;

    /// Changes what an embedded service does wrong. A world without such services has nothing to change.
    fn switch_faults(&self, change: &FaultsPlan) {
        let _ = change;
    }

    /// How a Redis service is reached; a world without it has none.
    fn redis(&self, name: &str) -> Option<RedisAt> {
        let _ = name;
        None
    }

    /// The Redis servers that are the run's own, and so live by its clock.
    fn own_redis(&self) -> Vec<RedisAt> {
        Vec::new()
    }

    /// The commands that came to a Redis service: all, or those of one name.
    fn redis_traffic(&self, name: &str, command: Option<&str>) -> Value {
        let _ = (name, command);
        Value::Null
    }

    /// Changes what happens to commands on their way to a Redis service.
    fn switch_redis(&self, change: &RedisFaultPlan) {
        let _ = change;
    }

    /// Does to a process what a step asks for, and says how it is then, or why it could not be done. `scope` is for its
    /// environment.
    fn process<'a>(&'a self, act: &'a ProcessAct, scope: Scope) -> Pin<Box<dyn Future<Output = Result<Value, String>> + Send + 'a>> {
        let _ = (act, scope);
        Box::pin(async { Err("there are no processes here".to_owned()) })
    }

    /// The mail and text messages that arrived so far, oldest first.
    fn messages(&self) -> Vec<Message> {
        Vec::new()
    }

    /// Changes with every message that arrives; closed where none ever will.
    fn arrivals(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }

    /// Connects to what stands behind an origin, and sends nothing. The future yields why nothing listens there, if so.
    fn knock<'a>(&'a self, origin: &'a Origin) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        let _ = origin;
        Box::pin(std::future::ready(Ok(())))
    }

    /// The run's clock was moved: tells it to whoever does not read it by himself.
    ///
    /// # Errors
    /// Who could not be told, and why.
    fn clock_moved(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Looks on while a run is under way, and judges in line.
///
/// The chain is locked while a method runs: it must neither wait nor call back into the run.
pub trait Observer: Send + Sync {
    /// A step begins, `depth` flows, loops and races deep. Called once for all tries of a poll.
    fn step_began(&self, step: &Step, depth: usize);

    /// The run cannot go on as nobody can be asked any more: there is no browser, or it is gone.
    fn lost(&self, why: &str) {
        let _ = why;
    }

    /// A hop ended.
    fn hop(&self, hop: &Hop);

    /// A step ended, and its record is `chain.steps[index]`. Says whether its expectations hold, `calls` and `deep_link`
    /// included: whatever a verb asks with a [`Matcher`] is judged here, but for `wait`.
    ///
    /// Each try of a poll has a record of its own. Those that this method is never called for were superseded by a later
    /// one, and how many there are is chance.
    fn step_ended(&self, step: &Step, chain: &Chain, index: usize, scope: &Scope) -> bool;

    /// What a probe learned, in words and as a value, when the record of its step is `chain.steps[index]`.
    fn learned(&self, chain: &Chain, index: usize) -> Option<(String, serde_json::Value)> {
        let _ = (chain, index);
        None
    }

    /// Where an actor's session can be asked about, by what the run itself asked so far, and the names of the cookies that are
    /// a session's, the likeliest first.
    fn session(&self, chain: &Chain, actor: &str) -> (Vec<Url>, Vec<Bytes>) {
        let _ = (chain, actor);
        Default::default()
    }

    /// Whether the expectations of a try hold, without a verdict being recorded.
    fn would_hold(&self, step: &Step, chain: &Chain, index: usize, scope: &Scope) -> bool;

    /// Whether a value is as a matcher asks; `None` for one that is not there.
    fn matches(&self, matcher: &Matcher, value: Option<&serde_json::Value>, scope: &Scope) -> bool;
}
