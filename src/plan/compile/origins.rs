//! What stands behind each origin.

use super::compiler::Compiler;
use crate::base::{Diagnostic, Span};
use crate::plan::backend::PortOfPlan;
use crate::plan::{Backend, OriginPlan, ProcessPlan, Ready, ReplayPlan, UpstreamPlan};
use crate::scenario::node::Key;
use crate::scenario::origin::{self, Process, Upstream};
use crate::scenario::read::{Map, Short, Text};
use crate::web::origin::Origin;
use std::path::PathBuf;
use std::time::Duration;
use url::{Host, Url};

const READY_WITHIN: Duration = Duration::from_secs(10);
/// Most processes that stand behind one origin.
const MOST_REPLICAS: u32 = 8;
const STOP_WITHIN: Duration = Duration::from_secs(3);

impl Compiler<'_> {
    /// Compiles every origin, in order.
    pub(super) fn all_origins(&mut self, origins: &Map<origin::Origin>) -> Vec<OriginPlan> {
        let mut plans: Vec<OriginPlan> = Vec::new();
        for (key, declared) in &origins.0 {
            let text = Text { value: key.name.clone(), span: key.span };
            let origin = self.origin(&text);
            let backend = self.backend(key, declared);
            let Some(origin) = origin else { continue };
            let Some(backend) = backend else {
                self.broken.push(origin);
                continue;
            };
            if let Some(first) = plans.iter().find(|plan| plan.origin == origin) {
                let fault = Diagnostic::error(format!("origin {origin} is declared twice")).at(key.span, "the second one");
                self.faults.push(fault.related(first.span, "the first one").hint("keep one of them"));
                continue;
            }
            plans.push(OriginPlan { origin, backend, span: key.span });
        }
        self.check_references(&plans);
        plans
    }

    /// What origins say about each other's processes must be so.
    fn check_references(&mut self, plans: &[OriginPlan]) {
        let process = |origin: &Origin| {
            plans.iter().find(|plan| plan.origin == *origin).and_then(|plan| match &plan.backend {
                Backend::Process(process) => Some(process),
                _ => None,
            })
        };
        for plan in plans {
            match &plan.backend {
                Backend::PortOf(of) => match process(&of.process) {
                    None => {
                        self.fault_with(plan.span, format!("no process stands behind {}", of.process), "name an origin with `process:`")
                    }
                    Some(process) if !process.ports.contains(&of.port) => {
                        self.unknown(plan.span, "port", &of.port, process.ports.iter().map(String::as_str));
                    }
                    Some(_) => {}
                },
                Backend::Process(own) => {
                    // Whoever waits in a cycle would wait for ever.
                    let (mut open, mut seen) = (own.after.clone(), Vec::new());
                    while let Some(before) = open.pop() {
                        if before == plan.origin {
                            self.fault(plan.span, format!("{} is started after itself", plan.origin));
                            break;
                        }
                        match process(&before) {
                            None => self.fault(plan.span, format!("{} is started after {before}, which has no process", plan.origin)),
                            Some(process) if process.later => {
                                self.fault(plan.span, format!("{} is started after {before}, which is started later", plan.origin));
                            }
                            Some(process) if !seen.contains(&before) => open.extend(process.after.iter().cloned()),
                            Some(_) => {}
                        }
                        seen.push(before);
                    }
                }
                _ => {}
            }
        }
    }

    fn backend(&mut self, key: &Key, declared: &origin::Origin) -> Option<Backend> {
        const KINDS: &str = "`process`, `stub`, `idp`, `gotrue`, `otp`, `inbox`, `replay`, `upstream` or `port_of`";
        let origin::Origin { process, stub, idp, gotrue, otp, inbox, replay, upstream, port_of } = declared;
        let there = [
            process.is_some(),
            stub.is_some(),
            idp.is_some(),
            gotrue.is_some(),
            otp.is_some(),
            inbox.is_some(),
            replay.is_some(),
            upstream.is_some(),
            port_of.is_some(),
        ];
        match there.into_iter().filter(|it| *it).count() {
            0 => {
                let hint = format!("say what answers for it: {KINDS}");
                self.fault_with(key.span, format!("nothing stands behind {}", key.name), hint);
                return None;
            }
            1 => {}
            _ => {
                self.fault_with(key.span, format!("several things stand behind {}", key.name), format!("keep one of {KINDS}"));
                return None;
            }
        }
        if let Some(process) = process {
            self.process(process, key.span).map(Backend::Process)
        } else if let Some(stub) = stub {
            Some(Backend::Stub(self.stub(stub)))
        } else if let Some(idp) = idp {
            self.idp(idp).map(|idp| Backend::Idp(Box::new(idp)))
        } else if let Some(gotrue) = gotrue {
            self.gotrue(gotrue).map(|gotrue| Backend::Gotrue(Box::new(gotrue)))
        } else if let Some(otp) = otp {
            self.otp(otp).map(|otp| Backend::Otp(Box::new(otp)))
        } else if let Some(hook) = inbox {
            self.inbox_hook(hook, key.span).map(Backend::Inbox)
        } else if let Some(file) = replay {
            self.recording(file).map(Backend::Replay)
        } else if let Some(port_of) = port_of {
            let process = self.origin(&port_of.process)?;
            Some(Backend::PortOf(PortOfPlan { process, port: self.known(&port_of.port, "the name of a port") }))
        } else {
            upstream.as_ref().and_then(|upstream| self.upstream(upstream)).map(Backend::Upstream)
        }
    }

    fn process(&mut self, process: &Process, span: Span) -> Option<ProcessPlan> {
        if process.run.is_empty() {
            self.fault_with(span, "`run` names no program", "write `run: [program, argument]`");
        }
        // The run chooses the port; until then it is a capture that only this process sees.
        let ports: Vec<String> = process.ports.0.iter().map(|text| self.known(text, "the name of a port")).collect();
        let before = self.captured.clone();
        self.captured.insert("port".to_owned());
        self.captured.extend(ports.iter().map(|name| format!("port.{name}")));
        let run = process.run.iter().map(|text| self.template(text)).collect();
        let env = process.env.0.iter().map(|(key, text)| (key.name.clone(), self.template(text))).collect();
        self.captured = before;
        let later = match process.start.as_ref().map(|text| (self.known(text, "when a process is started"), text.span)) {
            None => false,
            Some((word, _)) if word == "at_once" => false,
            Some((word, _)) if word == "later" => true,
            Some((word, at)) => {
                self.unknown(at, "time to start", &word, ["at_once", "later"]);
                false
            }
        };
        let after = process.after.0.iter().filter_map(|text| self.origin(text)).collect();
        let replicas = process.replicas.as_ref().map_or(1, |replicas| replicas.value);
        if let Some(replicas) = process.replicas.as_ref().filter(|replicas| !(1..=MOST_REPLICAS).contains(&replicas.value)) {
            self.fault(replicas.span, format!("`replicas` is between 1 and {MOST_REPLICAS}"));
        }
        let base = process.dir.as_ref().map_or(span, |dir| dir.span);
        let beside = self.beside(base);
        let dir = match &process.dir {
            Some(dir) => beside.join(self.known(dir, "a folder")),
            None => beside,
        };
        // An empty path is no folder to start a program in.
        let dir = if dir.as_os_str().is_empty() { PathBuf::from(".") } else { dir };
        let ready = match &process.ready {
            None => Ready::Tcp,
            Some(origin::Ready { get: Some(path), tcp: None, log: None }) => Ready::Get(self.path(path)),
            Some(origin::Ready { get: None, tcp: Some(_), log: None }) => Ready::Tcp,
            Some(origin::Ready { get: None, tcp: None, log: Some(line) }) => Ready::Log(self.regex_of_bytes(line)?),
            Some(origin::Ready { get, log, .. }) => {
                let at = get.as_ref().or(log.as_ref()).map_or(span, |text| text.span);
                self.fault(at, "`ready` wants one of `get`, `tcp` and `log`");
                return None;
            }
        };
        Some(ProcessPlan {
            run,
            env,
            dir,
            port: process.port,
            ports,
            later,
            after,
            replicas: replicas.clamp(1, MOST_REPLICAS) as usize,
            ready,
            ready_within: self.duration_or(process.ready_within.as_ref(), READY_WITHIN),
            stop_within: self.duration_or(process.stop_within.as_ref(), STOP_WITHIN),
        })
    }

    fn recording(&mut self, text: &Text) -> Option<ReplayPlan> {
        let name = self.known(text, "a recording");
        if name.is_empty() {
            self.fault_with(text.span, "`replay` names no file", "write the HAR's name: `replay: ticket.har`");
            return None;
        }
        Some(ReplayPlan { file: self.beside(text.span).join(name) })
    }

    /// A path on an origin, which begins with `/`.
    pub(super) fn path(&mut self, text: &Text) -> String {
        let path = self.known(text, "a path");
        if !path.starts_with('/') && !path.is_empty() {
            self.fault_with(text.span, format!("`{path}` is not a path"), "a path begins with `/`");
        }
        path
    }

    fn upstream(&mut self, upstream: &Short<Upstream>) -> Option<UpstreamPlan> {
        match upstream {
            Short::Text(text) => self.server(text, false),
            Short::Long(long) => {
                let Upstream { url, keep_host, direct } = &long.value;
                let direct = direct.as_ref().and_then(|direct| self.server(direct, true)).map(Box::new);
                Some(UpstreamPlan { direct, ..self.server(url, keep_host.unwrap_or(false))? })
            }
        }
    }

    /// A server that somebody else started.
    fn server(&mut self, text: &Text, keep_host: bool) -> Option<UpstreamPlan> {
        let known = self.known(text, "an upstream");
        let url = match Url::parse(&known) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => url,
            Ok(url) => {
                self.fault(text.span, format!("an upstream is `http` or `https`, not `{}`", url.scheme()));
                return None;
            }
            Err(error) => {
                if !known.is_empty() {
                    self.fault(text.span, format!("`{known}` is not a URL: {error}"));
                }
                return None;
            }
        };
        let local = match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        Some(UpstreamPlan { url, keep_host, local, direct: None })
    }
}
