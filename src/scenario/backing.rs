//! What stands behind the servers under test, and what a step does to it: Redis, and the processes themselves.

use super::node::Node;
use super::read::{Flag, FromYaml, Map, Nullable, OneOrMany, Reader, Text, record};
use super::step::Switch;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

record! {
    /// A Redis server of the run's own (`redis-server`, started anew for each run), or one elsewhere. Whoever uses
    /// `${service.NAME.url}` reaches it through a proxy of the run, so that `fault` can stand in between.
    pub struct Redis {
        /// One that runs elsewhere: `redis://host:6379`. Beyond this machine it needs `--live`.
        pub url: Option<Text>,
        /// Its password; `${secret.name}` keeps it out of the file.
        pub password: Option<Text>,
        /// An image to start it from instead, where a Docker engine answers: `redis:7`.
        pub container: Option<Text>,
        /// What to do where none answers: `process` starts `redis-server`. Without it the run cannot begin.
        pub otherwise: Option<Text>,
        /// What is done from the beginning to commands on their way to it; a `fault` step changes it.
        pub faults: Option<RedisFaults>,
    }
}

record! {
    /// Looks into a Redis service, past its faults: what a key holds, which keys there are, what was added to a stream, or
    /// who sent which commands. `json` expectations and captures see what was found.
    pub struct RedisLook {
        /// The service.
        pub service: Text,
        /// The database; 0 when absent.
        pub db: Option<u32>,
        /// One key: `exists`, `type`, `ttl` in seconds, `value` (JSON as such, hashes as objects).
        pub key: Option<Text>,
        /// All keys like this: `session:*`. `count` and `entries`, by name.
        pub keys: Option<Text>,
        /// A stream: its `length`, its `last` entry's id, and `entries` with `id` and `fields`.
        pub stream: Option<Text>,
        /// Only entries of the stream after this id.
        pub since: Option<Text>,
        /// Only entries of the stream with these fields.
        pub only: Map<Text>,
        /// What the proxy saw: how often this command came (`any` for all), the `connections`, and what faults did to it.
        pub traffic: Option<Text>,
        /// A command to send first: `[DEL, "challenge:1"]`.
        pub send: Vec<Text>,
        /// The key must say the same as this one. What it says otherwise is a finding: `projection-differs`.
        pub same_as: Option<Agreement>,
        /// What no later entry of the stream may undo. That one does is a finding: `revocation-overwritten`.
        pub lasting: Option<Lasting>,
    }
}

record! {
    /// What a key must agree with.
    pub struct Agreement {
        /// Another key.
        pub key: Option<Text>,
        /// The newest entry of a stream.
        pub stream: Option<Text>,
        /// Only entries after this id.
        pub since: Option<Text>,
        /// Only entries with these fields.
        pub only: Map<Text>,
        /// Which members must be equal: its name in the key that is looked at, and there.
        pub fields: Map<Text>,
    }
}

record! {
    /// A value that stays once it was there.
    pub struct Lasting {
        /// The field of the entry.
        pub field: Text,
        /// The value.
        pub value: Text,
        /// The field that says what an entry is about.
        pub per: Text,
    }
}

record! {
    /// Disturbs commands on their way to a Redis service, from now on.
    pub struct RedisSwitch {
        /// The service.
        pub redis: Text,
        /// Ends all disturbances, and lets go what is held.
        pub clear: Option<Flag>,
        /// Answers with an error instead of passing the command on.
        pub refuse: Option<RedisCalls>,
        /// Passes the command on `by` so much later.
        pub delay: Option<RedisCalls>,
        /// Keeps the command until the disturbances are cleared.
        pub hold: Option<RedisCalls>,
        /// Resets the connection instead of passing the command on.
        pub reset: Option<RedisCalls>,
        /// Passes the command on, and never its reply.
        pub drop: Option<RedisCalls>,
    }
}

record! {
    /// What is done to commands from the beginning.
    pub struct RedisFaults {
        /// Answers with an error instead of passing the command on.
        pub refuse: Option<RedisCalls>,
        /// Passes the command on `by` so much later.
        pub delay: Option<RedisCalls>,
        /// Keeps the command until the disturbances are cleared.
        pub hold: Option<RedisCalls>,
        /// Resets the connection instead of passing the command on.
        pub reset: Option<RedisCalls>,
        /// Passes the command on, and never its reply.
        pub drop: Option<RedisCalls>,
    }
}

record! {
    /// Which commands are disturbed.
    pub struct RedisCalls {
        /// Commands by name; all when absent.
        pub commands: OneOrMany<Text>,
        /// Only commands with an argument like this: `gateway:session:*`.
        pub keys: Option<Text>,
        /// Only from this one on, counted from 1.
        pub nth: Option<u64>,
        /// Only so many of them.
        pub times: Option<u64>,
        /// How much later.
        pub by: Option<Text>,
        /// What the error says; `READONLY …` when absent.
        pub error: Option<Text>,
    }
}

/// What `fault` changes: an embedded service, or the way to a Redis service.
#[derive(Debug, Clone, PartialEq)]
pub enum FaultStep {
    /// What an embedded service does wrong.
    Origin(Switch),
    /// What is done to commands on their way to a Redis service.
    Redis(Box<RedisSwitch>),
}

impl FromYaml for FaultStep {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        if node.entries().is_some_and(|entries| entries.iter().any(|(key, _)| key.name == "redis")) {
            return RedisSwitch::read(node, reader).map(Box::new).map(Self::Redis);
        }
        Switch::read(node, reader).map(Self::Origin)
    }
}

impl JsonSchema for FaultStep {
    fn schema_name() -> Cow<'static, str> {
        "FaultStep".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (origin, redis) = (generator.subschema_for::<Switch>(), generator.subschema_for::<RedisSwitch>());
        json_schema!({ "anyOf": [origin, redis] })
    }
}

record! {
    /// Starts, stops, restarts or signals a process, or looks at it. `json` expectations and captures see `state` (`waiting`,
    /// `running`, `ended`, `stopped`), `code`, `signal`, `log`, `listens` and, for an end, `closed`: what ended in which order.
    pub struct ProcessStep {
        /// The origin that it stands behind.
        pub origin: Option<Text>,
        /// The service that it is, in place of an origin.
        pub service: Option<Text>,
        /// Starts it and waits until it serves.
        pub start: Option<Flag>,
        /// Ends it with SIGTERM and waits for that.
        pub stop: Option<Flag>,
        /// Ends it and starts it again.
        pub restart: Option<Flag>,
        /// Sends a signal: `INT`, `TERM`, `HUP`, `USR1`, `USR2` or `KILL`. After those that end a process its end is awaited.
        pub signal: Option<Text>,
        /// Environment on top of its own, from this start on.
        pub env: Map<Nullable<Text>>,
        /// The start must fail: it has to end by itself instead of serving.
        pub fails: Option<Flag>,
        /// How long start or end may take; what the process is given when absent.
        pub within: Option<Text>,
    }
}

record! {
    /// Another port of a process that stands behind an origin.
    pub struct PortOf {
        /// The origin of the process.
        pub process: Text,
        /// The port, one of its `ports`.
        pub port: Text,
    }
}
