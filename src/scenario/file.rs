//! The top of a scenario file.

use super::backing::Redis;
use super::origin::{Container, Origin};
use super::read::{At, Map, Nullable, OneOrMany, Text, record};
use super::step::Step;

record! {
    /// A scenario: one login, from the origins it needs to the steps that walk through it.
    pub struct Scenario {
        /// What the scenario shows, in one sentence. Required, except in files that others `use`.
        pub scenario: Option<Text>,
        /// Files whose origins, variables, secrets, flows and profiles are shared, relative to this file. What this file says itself wins.
        pub r#use: OneOrMany<Text>,
        /// Words to choose scenarios by.
        pub tags: OneOrMany<Text>,
        /// Requirement ids that the scenario covers.
        pub covers: OneOrMany<Text>,
        /// Findings that every run must report, because the scenario reproduces them on purpose (rule ids).
        pub finds: OneOrMany<Text>,
        /// Values for `${name}`.
        pub variables: Map<Text>,
        /// Values for `${secret.name}` that never print.
        pub secrets: Map<SecretSource>,
        /// One run for each, with its own snapshot.
        pub variants: Map<Variant>,
        /// Overlays for other environments, chosen with `--profile`.
        pub profiles: Map<Profile>,
        /// Named lists of steps.
        pub flows: Map<Flow>,
        /// Rules that are silenced here, each with the reason.
        pub allow: Map<Text>,
        /// Differences from the snapshot that are no drift.
        pub transitions: Vec<Transition>,
        /// What the run provides beside its origins, by name; processes learn the address by `${service.NAME.port}`.
        pub services: Map<Service>,
        /// What stands behind each origin, by its URL as the browser sees it.
        pub origins: Map<Origin>,
        /// Limits and policies.
        pub settings: Option<Settings>,
        /// Who can perform the pages: `browser` when they need a real one, `http` when they need none; either when absent.
        pub engine: Option<Text>,
        /// The only browser that it is about: `chromium`, as which the http engine acts too, or `firefox`. Runs in others leave it out.
        pub browser: Option<Text>,
        /// Why the chain is another one in a real browser. Its runs then have snapshots of their own.
        pub differs: Option<Text>,
        /// What is done first: connects (`tcp`), requests that are refused and change nothing, ids that nobody has. When one of them
        /// fails the service is down, and nothing is said about whether auth works.
        pub smoke: Option<Vec<Step>>,
        /// What is done, in order.
        pub steps: Option<Vec<Step>>,
    }
}

record! {
    /// Where a secret comes from: the first of `env`, `file` and `default` that is there.
    pub struct SecretSource {
        /// An environment variable.
        pub env: Option<Text>,
        /// A file whose content it is, without the line end; relative to this file.
        pub file: Option<Text>,
        /// What stands for it when neither is there. Only for values that protect nothing.
        pub default: Option<Text>,
    }
}

record! {
    /// One way to run the scenario.
    pub struct Variant {
        /// Variables of this run.
        pub with: Map<Text>,
        /// Findings that this run must report (rule ids).
        pub finds: OneOrMany<Text>,
        /// Further tags.
        pub tags: OneOrMany<Text>,
        /// Further requirement ids.
        pub covers: OneOrMany<Text>,
        /// Limits and policies of this run, over those of the scenario.
        pub settings: Option<Settings>,
        /// What the processes of these origins are started with in this run, over their own environment; `null` takes a variable
        /// away.
        pub env: Map<Map<Nullable<Text>>>,
        /// Who can perform the pages of this run.
        pub engine: Option<Text>,
        /// The only browser that this run is about.
        pub browser: Option<Text>,
        /// Why the chain of this run is another one in a real browser.
        pub differs: Option<Text>,
    }
}

record! {
    /// An overlay for another environment.
    pub struct Profile {
        /// Origins that are served by something else here.
        pub origins: Map<Origin>,
        /// Variables that are different here.
        pub variables: Map<Text>,
        /// Secrets that come from somewhere else here.
        pub secrets: Map<SecretSource>,
        /// Whether real origins may be reached without `--live`.
        pub live: Option<bool>,
    }
}

record! {
    /// A named list of steps with arguments.
    pub struct LongFlow {
        /// Arguments by name, with the value each has when the caller gives none; `null` makes it required.
        pub args: Map<Nullable<Text>>,
        /// The steps, where `${name}` is an argument, a variable or a capture.
        pub steps: Vec<Step>,
    }
}

record! {
    /// A difference from the snapshot that is no drift.
    pub struct Transition {
        /// What the snapshot says.
        pub from: Text,
        /// What may stand there instead.
        pub to: Text,
        /// Why this is no drift.
        pub because: Text,
    }
}

record! {
    /// Something that the run provides beside its origins.
    pub struct Service {
        /// A mail server that takes every mail into the run's inbox.
        pub smtp: Option<Smtp>,
        /// A Redis server.
        pub redis: Option<Redis>,
        /// Any other server, from an image: whoever uses it finds it by `${service.NAME.host}`, `port` and `url` (`tcp://…`).
        /// It serves before any process is started; of `otherwise` it takes `process` only.
        pub container: Option<Container>,
    }
}

record! {
    /// A mail server on a port of its own, `${service.NAME.port}`. It takes mail from anybody to anybody, with any credentials.
    pub struct Smtp {
        /// Refuses every recipient with this reply code (RFC 5321 §4.2.1): `550`, or `451` for one that may be tried again. Empty refuses nobody.
        pub reject: Option<Text>,
        /// How long it waits before it accepts a mail: `2s`.
        pub delay: Option<Text>,
    }
}

record! {
    /// Limits and policies of a run.
    pub struct Settings {
        /// How long one step may take unless it says otherwise: `15s`.
        pub step_timeout: Option<Text>,
        /// How long the whole run may take: `2m`.
        pub run_timeout: Option<Text>,
        /// Redirects in a row before following stops.
        pub max_redirects: Option<At<u16>>,
        /// Largest response body that is read, in bytes.
        pub max_body: Option<At<u64>>,
        /// Whether cookies in third-party contexts are kept and sent: `allow` or `block`.
        pub third_party_cookies: Option<Text>,
        /// Whether runs are compared with a snapshot.
        pub snapshot: Option<bool>,
        /// Whether steps that do not depend on a failed one are done all the same; those that do are blocked.
        pub keep_going: Option<bool>,
        /// Whether pages may run scripts in a real browser; `true` when absent.
        pub javascript: Option<bool>,
        /// Language and region of a real browser: `de-DE`.
        pub locale: Option<Text>,
        /// Time zone of a real browser: `Europe/Berlin`.
        pub time_zone: Option<Text>,
        /// Size of a real browser's window in CSS pixels: `390x844`.
        pub viewport: Option<Text>,
        /// What pages are allowed, by the name of the permission (`geolocation`, `notifications` …): `granted`, `denied` or `prompt`.
        pub permissions: Map<Text>,
        /// How a real browser is operated: `script` (fast, the default) or `real` (pointer and keys).
        pub input: Option<Text>,
    }
}

impl Settings {
    /// These settings where they say something, else those `below`.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        let mut permissions = below.permissions;
        permissions.overlay(self.permissions);
        Self {
            step_timeout: self.step_timeout.or(below.step_timeout),
            run_timeout: self.run_timeout.or(below.run_timeout),
            max_redirects: self.max_redirects.or(below.max_redirects),
            max_body: self.max_body.or(below.max_body),
            third_party_cookies: self.third_party_cookies.or(below.third_party_cookies),
            snapshot: self.snapshot.or(below.snapshot),
            keep_going: self.keep_going.or(below.keep_going),
            javascript: self.javascript.or(below.javascript),
            locale: self.locale.or(below.locale),
            time_zone: self.time_zone.or(below.time_zone),
            viewport: self.viewport.or(below.viewport),
            permissions,
            input: self.input.or(below.input),
        }
    }
}

/// A named list of steps: the list alone, or with arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow(pub LongFlow);

mod flow {
    use super::{Flow, LongFlow, Map};
    use crate::scenario::node::{Kind, Node};
    use crate::scenario::read::{FromYaml, Reader};
    use crate::scenario::step::Step;
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use std::borrow::Cow;

    impl FromYaml for Flow {
        fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
            match node.kind {
                Kind::List(_) => Some(Self(LongFlow { args: Map::default(), steps: Vec::<Step>::read(node, reader)? })),
                _ => LongFlow::read(node, reader).map(Self),
            }
        }
    }

    impl JsonSchema for Flow {
        fn schema_name() -> Cow<'static, str> {
            "Flow".into()
        }

        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            let steps = generator.subschema_for::<Vec<Step>>();
            let long = generator.subschema_for::<LongFlow>();
            json_schema!({ "anyOf": [steps, long] })
        }
    }
}
