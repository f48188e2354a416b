//! The topology as the engines see it.

use crate::drive::{RedisAt, World};
use crate::plan::backing::{ProcessAct, RedisFaultPlan};
use crate::plan::{FaultsPlan, Plan, Scope};
use crate::topology::{Draft, RedisAccess, Topology};
use crate::trace::{Decision, Message, ServerCall};
use crate::web::origin::Origin;
use serde_json::Value;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::watch;

/// A running topology.
pub(super) struct Stage {
    topology: Arc<Topology>,
    declared: Vec<Origin>,
}

impl Stage {
    pub(super) fn new(topology: Arc<Topology>, plan: &Plan) -> Self {
        Self { topology, declared: plan.origins.iter().map(|origin| origin.origin.clone()).collect() }
    }
}

fn reached(access: RedisAccess) -> RedisAt {
    let RedisAccess { host, port, password, .. } = access;
    RedisAt { host, port, password }
}

impl World for Stage {
    fn endpoint(&self, actor: &str) -> SocketAddr {
        self.topology.endpoint(actor)
    }

    fn direct(&self, actor: &str, origin: &Origin) -> Result<SocketAddr, String> {
        self.topology.direct(actor, origin)
    }

    fn declared(&self) -> &[Origin] {
        &self.declared
    }

    fn calls(&self) -> Vec<ServerCall> {
        let calls = self.topology.calls().into_iter().map(|call| ServerCall {
            origin: call.origin,
            by_actor: call.by_actor,
            method: call.method,
            target: call.target,
            status: call.status,
            at: call.at,
            took: call.took,
            note: call.note,
            unexpected: call.unexpected,
            decision: call.decision.map(|decision| Decision {
                endpoint: decision.endpoint.to_owned(),
                client: decision.client,
                outcome: decision.outcome.into_owned(),
                why: decision.why.map(Cow::into_owned),
            }),
        });
        calls.collect()
    }

    fn switch_faults(&self, change: &FaultsPlan) {
        self.topology.switch_faults(change);
    }

    fn redis(&self, name: &str) -> Option<RedisAt> {
        self.topology.redis(name).map(reached)
    }

    fn own_redis(&self) -> Vec<RedisAt> {
        self.topology.own_redis().into_iter().map(reached).collect()
    }

    fn redis_traffic(&self, name: &str, command: Option<&str>) -> Value {
        self.topology.redis_traffic(name, command)
    }

    fn switch_redis(&self, change: &RedisFaultPlan) {
        self.topology.switch_redis(change);
    }

    fn process<'a>(&'a self, act: &'a ProcessAct, scope: Scope) -> Pin<Box<dyn Future<Output = Result<Value, String>> + Send + 'a>> {
        Box::pin(self.topology.process(act, scope))
    }

    fn messages(&self) -> Vec<Message> {
        let messages = self.topology.inbox().messages().into_iter().map(|message| {
            let Draft { channel, from, to, subject, text, html } = message.draft;
            Message { channel: channel.name(), from, to, subject, text, html, at: message.at }
        });
        messages.collect()
    }

    fn arrivals(&self) -> watch::Receiver<u64> {
        self.topology.inbox().arrivals()
    }

    fn knock<'a>(&'a self, origin: &'a Origin) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(self.topology.knock(origin))
    }

    fn clock_moved(&self) -> Result<(), String> {
        self.topology.clock_moved().map_err(|error| error.to_string())
    }
}
