//! Redis behind the servers under test, and the processes themselves, as steps see and change them.

use super::template::Template;
use crate::base::Secret;
use crate::web::origin::Origin;
use std::time::Duration;

/// A Redis server that the run starts or reaches.
#[derive(Debug, Clone)]
pub struct RedisPlan {
    /// Where it is from.
    pub source: RedisSource,
    /// Its password.
    pub password: Option<Secret>,
    /// What is done to commands from the beginning.
    pub faults: Vec<RedisFault>,
}

/// Where a Redis server is from.
#[derive(Debug, Clone)]
pub enum RedisSource {
    /// `redis-server`, started for the run.
    Process,
    /// An image, started where a Docker engine answers.
    Container {
        /// The image with its tag.
        image: String,
        /// Whether `redis-server` is started where no engine answers.
        or_process: bool,
    },
    /// One that runs elsewhere.
    Elsewhere {
        /// Its host.
        host: String,
        /// Its port.
        port: u16,
    },
}

/// A look into a Redis service.
#[derive(Debug, Clone)]
pub struct RedisLookPlan {
    /// The service.
    pub service: String,
    /// The database.
    pub db: u32,
    /// A command that is sent first, word by word.
    pub send: Vec<Template>,
    /// What is looked at.
    pub look: RedisView,
}

/// What is looked at in Redis.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant)] // A plan has few, and each is read in place.
pub enum RedisView {
    /// The answer to the command that was sent.
    Reply,
    /// One key, and what it must agree with.
    Key(Template, Option<SameAsPlan>),
    /// Keys like a pattern.
    Keys(Template),
    /// A stream.
    Stream(StreamPlan, Option<LastingPlan>),
    /// The commands that came, all or those of one name.
    Traffic(Option<String>),
}

/// Entries of a stream.
#[derive(Debug, Clone)]
pub struct StreamPlan {
    /// Its key.
    pub key: Template,
    /// Only entries after this id.
    pub since: Option<Template>,
    /// Only entries with these fields.
    pub only: Vec<(String, Template)>,
}

/// What a key must agree with.
#[derive(Debug, Clone)]
pub struct SameAsPlan {
    /// A key, or the newest entry of a stream.
    pub other: SameAsOther,
    /// Members that must be equal: here, and there.
    pub fields: Vec<(String, String)>,
}

/// What holds the other side.
#[derive(Debug, Clone)]
pub enum SameAsOther {
    /// A key.
    Key(Template),
    /// The newest entry of a stream.
    Stream(StreamPlan),
}

/// A value that stays once it was there.
#[derive(Debug, Clone)]
pub struct LastingPlan {
    /// The field.
    pub field: String,
    /// Its value.
    pub value: String,
    /// The field that says what an entry is about.
    pub per: String,
}

/// A change of what happens to commands on their way to Redis.
#[derive(Debug, Clone)]
pub struct RedisFaultPlan {
    /// The service.
    pub service: String,
    /// Whether what was there before ends.
    pub clear: bool,
    /// What begins.
    pub add: Vec<RedisFault>,
}

/// A disturbance of commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisFault {
    /// What is done.
    pub kind: RedisFaultKind,
    /// Names of commands in capitals; all when empty.
    pub commands: Vec<String>,
    /// Some argument must be like this: `*` stands for anything.
    pub keys: Option<String>,
    /// From which one on, counted from 1.
    pub nth: u64,
    /// How many.
    pub times: Option<u64>,
}

/// What is done to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisFaultKind {
    /// It is answered with this error.
    Refuse(String),
    /// It is passed on later.
    Delay(Duration),
    /// It waits until faults are cleared.
    Hold,
    /// The connection is reset.
    Reset,
    /// It is passed on; its reply is not.
    Drop,
}

/// What a step does with a process.
#[derive(Debug, Clone)]
pub struct ProcessAct {
    /// Which process.
    pub of: ProcessOf,
    /// What is done.
    pub deed: Deed,
    /// Environment on top of its own; `None` takes a variable away.
    pub env: Vec<(String, Option<Template>)>,
    /// How long it may take.
    pub within: Option<Duration>,
}

/// Which process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessOf {
    /// That of an origin.
    Origin(Origin),
    /// That of a service.
    Service(String),
}

/// What is done with a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Nothing: it is looked at.
    Look,
    /// It is started, and serves.
    Start,
    /// It is started, and must end by itself instead of serving.
    StartInVain,
    /// It is ended.
    Stop,
    /// It is ended and started again.
    Restart,
    /// It gets a signal.
    Signal(Signal),
}

/// A signal (POSIX.1-2017, signal.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal {
    /// Its name without `SIG`.
    pub name: &'static str,
    /// Its number on Linux.
    pub number: i32,
    /// Whether a process is expected to end.
    pub ends: bool,
}

impl Signal {
    /// Those that a step can send.
    pub const ALL: [Self; 6] = [
        Self { name: "INT", number: 2, ends: true },
        Self { name: "TERM", number: 15, ends: true },
        Self { name: "KILL", number: 9, ends: true },
        Self { name: "HUP", number: 1, ends: false },
        Self { name: "USR1", number: 10, ends: false },
        Self { name: "USR2", number: 12, ends: false },
    ];
}
