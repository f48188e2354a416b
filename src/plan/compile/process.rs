//! Programs that the run starts: those of this machine, and those from images.

use super::compiler::Compiler;
use crate::base::Span;
use crate::plan::{Backend, ImagePlan, ProcessPlan, Ready, Template};
use crate::scenario::origin::{self, Container, Otherwise, Process};
use crate::scenario::read::{At, Map, Nullable, OneOrMany, Text};
use crate::web::origin::Origin;
use std::path::PathBuf;
use std::time::Duration;

const READY_WITHIN: Duration = Duration::from_secs(10);
/// A container has more to do before its program begins.
const CONTAINER_READY_WITHIN: Duration = Duration::from_secs(30);
/// Most processes that stand behind one origin.
const MOST_REPLICAS: u32 = 8;
const STOP_WITHIN: Duration = Duration::from_secs(3);

impl Compiler<'_> {
    pub(super) fn process(&mut self, process: &Process, span: Span) -> Option<ProcessPlan> {
        if process.run.is_empty() {
            self.fault_with(span, "`run` names no program", "write `run: [program, argument]`");
        }
        // The run chooses the port; until then it is a capture that only this process sees.
        let ports: Vec<String> = process.ports.0.iter().map(|text| self.known(text, "the name of a port")).collect();
        let (run, env) = self.with_ports(&ports, |compiler| (compiler.templates(&process.run), compiler.pairs(&process.env)));
        let base = process.dir.as_ref().map_or(span, |dir| dir.span);
        let beside = self.beside(base);
        let dir = match &process.dir {
            Some(dir) => beside.join(self.known(dir, "a folder")),
            None => beside,
        };
        // An empty path is no folder to start a program in.
        let dir = if dir.as_os_str().is_empty() { PathBuf::from(".") } else { dir };
        Some(ProcessPlan {
            image: None,
            run,
            env,
            dir,
            port: process.port,
            ports,
            later: self.later(process.start.as_ref()),
            after: self.after(&process.after),
            replicas: self.replicas(process.replicas.as_ref()),
            ready: self.ready(process.ready.as_ref(), span)?,
            ready_within: self.duration_or(process.ready_within.as_ref(), READY_WITHIN),
            stop_within: self.duration_or(process.stop_within.as_ref(), STOP_WITHIN),
        })
    }

    pub(super) fn container(&mut self, container: &Container, span: Span) -> Option<ProcessPlan> {
        let name = self.image(&container.image)?;
        let ports: Vec<String> = container.ports.0.iter().map(|(key, _)| key.name.clone()).collect();
        let (run, env, files) = self.with_ports(&ports, |compiler| {
            (compiler.templates(&container.command), compiler.pairs(&container.env), compiler.pairs(&container.files))
        });
        for (key, _) in container.files.0.iter().filter(|(key, _)| !key.name.starts_with('/')) {
            self.fault_with(key.span, format!("`{}` is no absolute path", key.name), "it begins with `/`: where the file lies inside");
        }
        let inside: Vec<u16> = container.ports.0.iter().map(|(_, port)| port.value).collect();
        if inside.iter().chain([&container.port]).any(|port| *port == 0) {
            self.fault(span, "a port is between 1 and 65535");
        }
        let otherwise = match &container.otherwise {
            Some(otherwise) => Some(self.otherwise(otherwise, span)?),
            None => None,
        };
        Some(ProcessPlan {
            image: Some(Box::new(ImagePlan { name, port: container.port, ports: inside, files, otherwise })),
            run,
            env,
            dir: PathBuf::from("."),
            port: None,
            ports,
            later: self.later(container.start.as_ref()),
            after: self.after(&container.after),
            replicas: self.replicas(container.replicas.as_ref()),
            ready: self.ready(container.ready.as_ref(), span)?,
            ready_within: self.duration_or(container.ready_within.as_ref(), CONTAINER_READY_WITHIN),
            stop_within: self.duration_or(container.stop_within.as_ref(), STOP_WITHIN),
        })
    }

    /// A server beside the origins, from an image.
    pub(super) fn container_service(&mut self, container: &Container, span: Span) -> Option<ProcessPlan> {
        if !container.after.0.is_empty() || container.replicas.is_some() {
            self.fault_with(span, "a service is started once, and before every origin", "take `after` and `replicas` away");
        }
        let before = std::mem::replace(&mut self.stands_up, true);
        let plan = self.container(container, span);
        self.stands_up = before;
        let plan = plan?;
        let otherwise = plan.image.as_ref().and_then(|image| image.otherwise.as_ref());
        if otherwise.is_some_and(|otherwise| !matches!(otherwise, Backend::Process(_))) {
            self.fault_with(span, "what stands in for a service is a process", "write `otherwise: { process: … }`");
        }
        Some(plan)
    }

    /// Lays what a variant says over the environment of processes, and of what stands in for containers.
    pub(super) fn lay_environment(&mut self, origins: &mut Map<origin::Origin>, over: &Map<Map<Nullable<Text>>>) {
        for (key, changes) in &over.0 {
            let found = origins.0.iter_mut().find(|(known, _)| known.name == key.name).map(|(_, origin)| origin);
            let Some(found) = found else {
                let names: Vec<_> = origins.names().collect();
                self.unknown(key.span, "origin", &key.name, names);
                continue;
            };
            let mut environments: Vec<_> = found.process.as_mut().map(|process| &mut process.env).into_iter().collect();
            if let Some(Container { env, otherwise, .. }) = &mut found.container {
                environments.push(env);
                let process = otherwise.as_mut().and_then(|otherwise| otherwise.process.as_mut());
                environments.extend(process.map(|process| &mut process.env));
            }
            if environments.is_empty() {
                self.fault_with(
                    key.span,
                    format!("no process stands behind {}", key.name),
                    "name an origin with `process:` or `container:`",
                );
            }
            for env in environments {
                for (name, value) in &changes.0 {
                    env.0.retain(|(known, _)| known.name != name.name);
                    env.0.extend(value.0.clone().map(|value| (name.clone(), value)));
                }
            }
        }
    }

    /// The name of an image.
    pub(super) fn image(&mut self, text: &Text) -> Option<String> {
        let name = self.known(text, "an image");
        if name.is_empty() || name.contains(char::is_whitespace) {
            self.fault_with(text.span, format!("`{name}` is no image"), "write its name and tag: `registry.example/api:1.4`");
            return None;
        }
        Some(name)
    }

    fn otherwise(&mut self, otherwise: &Otherwise, span: Span) -> Option<Backend> {
        match otherwise {
            Otherwise { process: Some(process), stub: None, upstream: None } => self.process(process, span).map(Backend::Process),
            Otherwise { process: None, stub: Some(stub), upstream: None } => Some(Backend::Stub(self.stub(stub))),
            Otherwise { process: None, stub: None, upstream: Some(upstream) } => self.upstream(upstream).map(Backend::Upstream),
            _ => {
                self.fault_with(span, "`otherwise` is one thing", "give it one of `process`, `stub` and `upstream`");
                None
            }
        }
    }

    /// Compiles what may ask for the port, and for those with these names.
    fn with_ports<T>(&mut self, ports: &[String], compile: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.captured.clone();
        self.captured.insert("port".to_owned());
        self.captured.extend(ports.iter().map(|name| format!("port.{name}")));
        let compiled = compile(self);
        self.captured = before;
        compiled
    }

    fn templates(&mut self, words: &[Text]) -> Vec<Template> {
        words.iter().map(|text| self.template(text)).collect()
    }

    /// Whether a step starts it, and not the run.
    fn later(&mut self, start: Option<&Text>) -> bool {
        let Some(text) = start else { return false };
        match self.known(text, "when a process is started").as_str() {
            "at_once" => false,
            "later" => true,
            word => {
                self.unknown(text.span, "time to start", word, ["at_once", "later"]);
                false
            }
        }
    }

    fn after(&mut self, after: &OneOrMany<Text>) -> Vec<Origin> {
        after.0.iter().filter_map(|text| self.origin(text)).collect()
    }

    fn replicas(&mut self, replicas: Option<&At<u32>>) -> usize {
        if let Some(replicas) = replicas.filter(|replicas| !(1..=MOST_REPLICAS).contains(&replicas.value)) {
            self.fault(replicas.span, format!("`replicas` is between 1 and {MOST_REPLICAS}"));
        }
        replicas.map_or(1, |replicas| replicas.value.clamp(1, MOST_REPLICAS) as usize)
    }

    fn ready(&mut self, ready: Option<&origin::Ready>, span: Span) -> Option<Ready> {
        Some(match ready {
            None => Ready::Tcp,
            Some(origin::Ready { get: Some(path), tcp: None, log: None }) => Ready::Get(self.path(path)),
            Some(origin::Ready { get: None, tcp: Some(_), log: None }) => Ready::Tcp,
            Some(origin::Ready { get: None, tcp: None, log: Some(line) }) => Ready::Log(self.regex_of_bytes(line)?),
            Some(origin::Ready { get, log, .. }) => {
                let at = get.as_ref().or(log.as_ref()).map_or(span, |text| text.span);
                self.fault(at, "`ready` wants one of `get`, `tcp` and `log`");
                return None;
            }
        })
    }
}
