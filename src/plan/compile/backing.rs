//! Redis services, and the verbs that look at them and at processes.

use super::compiler::Compiler;
use crate::base::Span;
use crate::plan::backing::{
    Deed, LastingPlan, ProcessAct, ProcessOf, RedisFault, RedisFaultKind, RedisFaultPlan, RedisLookPlan, RedisPlan, RedisSource, RedisView,
    SameAsOther, SameAsPlan, Signal, StreamPlan,
};
use crate::plan::{Backend, Template};
use crate::scenario::backing::{Agreement, ProcessStep, Redis, RedisCalls, RedisFaults, RedisLook, RedisSwitch};
use crate::scenario::read::{Map, Text};
use std::time::Duration;
use url::Url;

/// What a refused command is told unless the scenario says otherwise: the words of a replica.
const REFUSAL: &str = "READONLY You can't write against a read only replica.";
/// How much later a delayed command goes on unless the scenario says otherwise.
const DELAY: Duration = Duration::from_millis(500);
/// The port of Redis.
const PORT: u16 = 6379;

impl Compiler<'_> {
    pub(super) fn redis_service(&mut self, name: &str, redis: &Redis, at: Span) -> Option<RedisPlan> {
        let password = redis.password.as_ref().map(|text| self.secret(text, &format!("{name}.password")));
        let source = match (&redis.url, &redis.container) {
            (None, None) => RedisSource::Process,
            (Some(url), None) => self.redis_url(url)?,
            (None, Some(image)) => {
                let or_process = match &redis.otherwise {
                    None => false,
                    Some(text) => {
                        self.known(text, "what to do without a container") == "process" || {
                            self.fault_with(text.span, "the only other way is `process`", "write `otherwise: process`");
                            false
                        }
                    }
                };
                RedisSource::Container { image: self.image(image)?, or_process }
            }
            (Some(url), Some(_)) => {
                self.fault_with(url.span, "a Redis service is elsewhere or a container, not both", "keep `url` or `container`");
                return None;
            }
        };
        if redis.otherwise.is_some() && redis.container.is_none() {
            self.fault_with(at, "`otherwise` stands beside `container`", "take it away: `redis-server` is started anyway");
        }
        let faults = match &redis.faults {
            Some(faults) => self.disturbances(faults, at),
            None => Vec::new(),
        };
        Some(RedisPlan { source, password, faults })
    }

    fn redis_url(&mut self, text: &Text) -> Option<RedisSource> {
        let known = self.known(text, "the URL of a Redis server");
        if known.is_empty() {
            return None;
        }
        let url = Url::parse(&known).ok().filter(|url| url.scheme() == "redis" && url.password().is_none());
        let Some((url, host)) = url.and_then(|url| url.host_str().map(str::to_owned).map(|host| (url, host))) else {
            self.fault_with(
                text.span,
                "this is no URL of a Redis server that can be reached",
                "write `redis://host:6379` (without TLS), and the password as `password: \"${secret.name}\"`",
            );
            return None;
        };
        Some(RedisSource::Elsewhere { host, port: url.port().unwrap_or(PORT) })
    }

    fn redis_named(&mut self, text: &Text) -> Option<String> {
        let name = self.known(text, "a service");
        if self.stores.contains(&name) {
            return Some(name);
        }
        let known = self.stores.clone();
        self.unknown(text.span, "Redis service", &name, known.iter().map(String::as_str));
        None
    }

    /// A service that is a process of its own.
    fn started_service(&mut self, text: &Text) -> Option<String> {
        let name = self.known(text, "a service");
        let known: Vec<_> = self.stores.iter().chain(&self.contained).cloned().collect();
        if known.contains(&name) {
            return Some(name);
        }
        self.unknown(text.span, "service with a process", &name, known.iter().map(String::as_str));
        None
    }

    pub(super) fn redis_look(&mut self, look: &RedisLook) -> Option<RedisLookPlan> {
        let service = self.redis_named(&look.service);
        let at = look.service.span;
        let asked = [look.key.is_some(), look.keys.is_some(), look.stream.is_some(), look.traffic.is_some()];
        let several = asked.into_iter().filter(|it| *it).count();
        if several > 1 || several == 0 && look.send.is_empty() {
            self.fault_with(at, "`redis` looks at one thing", "give it one of `key`, `keys`, `stream` and `traffic`, or `send`");
            return None;
        }
        if look.stream.is_none() && (look.since.is_some() || !look.only.0.is_empty() || look.lasting.is_some()) {
            self.fault_with(at, "`since`, `only` and `lasting` are about a stream", "give it `stream`");
        }
        if look.key.is_none() && look.same_as.is_some() {
            self.fault_with(at, "`same_as` is about a key", "give it `key`");
        }
        let send = look.send.iter().map(|text| self.template(text)).collect();
        let view = if let Some(key) = &look.key {
            let same = match &look.same_as {
                Some(same) => Some(self.agreement(same, at)?),
                None => None,
            };
            RedisView::Key(self.template(key), same)
        } else if let Some(keys) = &look.keys {
            RedisView::Keys(self.template(keys))
        } else if let Some(stream) = &look.stream {
            let lasting = look.lasting.as_ref().map(|lasting| LastingPlan {
                field: self.known(&lasting.field, "a field"),
                value: self.known(&lasting.value, "a value"),
                per: self.known(&lasting.per, "a field"),
            });
            RedisView::Stream(self.stream(stream, look.since.as_ref(), &look.only), lasting)
        } else if let Some(name) = &look.traffic {
            let name = self.known(name, "a command");
            RedisView::Traffic((!name.eq_ignore_ascii_case("any")).then(|| name.to_ascii_uppercase()))
        } else {
            RedisView::Reply
        };
        Some(RedisLookPlan { service: service?, db: look.db.unwrap_or_default(), send, look: view })
    }

    fn stream(&mut self, key: &Text, since: Option<&Text>, only: &Map<Text>) -> StreamPlan {
        StreamPlan { key: self.template(key), since: since.map(|text| self.template(text)), only: self.pairs(only) }
    }

    fn agreement(&mut self, same: &Agreement, at: Span) -> Option<SameAsPlan> {
        let other = match (&same.key, &same.stream) {
            (Some(key), None) => SameAsOther::Key(self.template(key)),
            (None, Some(stream)) => SameAsOther::Stream(self.stream(stream, same.since.as_ref(), &same.only)),
            _ => {
                self.fault_with(at, "`same_as` names one other place", "give it `key` or `stream`");
                return None;
            }
        };
        let mut fields = Vec::new();
        for (key, there) in &same.fields.0 {
            fields.push((key.name.clone(), self.known(there, "a field")));
        }
        if fields.is_empty() {
            self.fault_with(at, "`same_as` compares nothing", "name `fields`: `{ status: status }`");
        }
        Some(SameAsPlan { other, fields })
    }

    pub(super) fn redis_fault(&mut self, switch: &RedisSwitch) -> Option<RedisFaultPlan> {
        let service = self.redis_named(&switch.redis)?;
        let RedisSwitch { redis, clear, refuse, delay, hold, reset, drop } = switch.clone();
        let add = self.disturbances(&RedisFaults { refuse, delay, hold, reset, drop }, redis.span);
        if add.is_empty() && clear.is_none() {
            let hint = "give it `refuse`, `delay`, `hold`, `reset`, `drop` or `clear: true`";
            self.fault_with(redis.span, "`fault` changes nothing", hint);
        }
        Some(RedisFaultPlan { service, clear: clear.is_some(), add })
    }

    fn disturbances(&mut self, faults: &RedisFaults, at: Span) -> Vec<RedisFault> {
        let RedisFaults { refuse, delay, hold, reset, drop } = faults;
        let mut add = Vec::new();
        if let Some(calls) = refuse {
            let error = calls.error.as_ref().map_or_else(|| REFUSAL.to_owned(), |text| self.known(text, "an error"));
            if error.is_empty() || error.contains(['\r', '\n']) {
                self.fault(at, "an error of Redis is one line");
            }
            add.push(self.disturbed(calls, RedisFaultKind::Refuse(error)));
        }
        if let Some(calls) = delay {
            let by = self.duration_or(calls.by.as_ref(), DELAY);
            add.push(self.disturbed(calls, RedisFaultKind::Delay(by)));
        }
        for (calls, kind) in [(hold, RedisFaultKind::Hold), (reset, RedisFaultKind::Reset), (drop, RedisFaultKind::Drop)] {
            add.extend(calls.as_ref().map(|calls| self.disturbed(calls, kind)));
        }
        add
    }

    fn disturbed(&mut self, calls: &RedisCalls, kind: RedisFaultKind) -> RedisFault {
        RedisFault {
            kind,
            commands: calls.commands.0.iter().map(|text| self.known(text, "a command").to_ascii_uppercase()).collect(),
            keys: calls.keys.as_ref().map(|text| self.known(text, "a pattern of keys")),
            nth: calls.nth.unwrap_or(1).max(1),
            times: calls.times,
        }
    }

    pub(super) fn process_step(&mut self, step: &ProcessStep, at: Span) -> Option<ProcessAct> {
        let of = match (&step.origin, &step.service) {
            (Some(text), None) => {
                let origin = self.origin(text)?;
                self.declared(&origin, text.span);
                let plan = self.origins.iter().find(|plan| plan.origin == origin)?;
                if !matches!(plan.backend, Backend::Process(_)) {
                    self.fault_with(text.span, format!("no process stands behind {origin}"), "name an origin with `process:`");
                    return None;
                }
                ProcessOf::Origin(origin)
            }
            (None, Some(text)) => ProcessOf::Service(self.started_service(text)?),
            _ => {
                self.fault_with(at, "`process` is about one process", "give it `origin` or `service`");
                return None;
            }
        };
        let deeds = [step.start.is_some(), step.stop.is_some(), step.restart.is_some(), step.signal.is_some()];
        let deed = match deeds {
            [false, false, false, false] => Deed::Look,
            [true, false, false, false] if step.fails.is_some() => Deed::StartInVain,
            [true, false, false, false] => Deed::Start,
            [false, true, false, false] => Deed::Stop,
            [false, false, true, false] => Deed::Restart,
            [false, false, false, true] => Deed::Signal(self.signal(step.signal.as_ref()?)?),
            _ => {
                self.fault_with(at, "`process` does one thing", "keep one of `start`, `stop`, `restart` and `signal`");
                return None;
            }
        };
        if step.fails.is_some() && deed != Deed::StartInVain {
            self.fault_with(at, "`fails` is about a start", "write it beside `start: true`");
        }
        if !step.env.0.is_empty() && !matches!(deed, Deed::Start | Deed::StartInVain | Deed::Restart) {
            self.fault_with(at, "`env` is about a start", "write it beside `start` or `restart`");
        }
        let env = step.env.0.iter().map(|(key, text)| (key.name.clone(), text.0.as_ref().map(|text| self.start_template(text)))).collect();
        Some(ProcessAct { of, deed, env, within: step.within.as_ref().and_then(|text| self.duration(text)) })
    }

    /// A template of an environment: it may ask where services are, and for the process's ports.
    fn start_template(&mut self, text: &Text) -> Template {
        let before = std::mem::replace(&mut self.stands_up, true);
        let template = self.template(text);
        self.stands_up = before;
        template
    }

    fn signal(&mut self, text: &Text) -> Option<Signal> {
        let name = self.known(text, "a signal").to_ascii_uppercase();
        let name = name.strip_prefix("SIG").unwrap_or(&name);
        let found = Signal::ALL.into_iter().find(|signal| signal.name == name);
        if found.is_none() {
            self.unknown(text.span, "signal", name, Signal::ALL.map(|signal| signal.name));
        }
        found
    }
}
