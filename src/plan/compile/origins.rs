//! What stands behind each origin.

use super::compiler::Compiler;
use crate::base::Diagnostic;
use crate::plan::backend::PortOfPlan;
use crate::plan::{Backend, OriginPlan, ReplayPlan, UpstreamPlan};
use crate::scenario::node::Key;
use crate::scenario::origin::{self, Upstream};
use crate::scenario::read::{Map, Short, Text};
use crate::web::origin::Origin;
use url::{Host, Url};

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
            let faults = self.origin_faults(&declared.faults.0, backend.service());
            plans.push(OriginPlan { origin, backend, faults, span: key.span });
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
        const KINDS: &str = "`process`, `container`, `stub`, `idp`, `gotrue`, `otp`, `inbox`, `replay`, `upstream` or `port_of`";
        let origin::Origin { process, container, stub, idp, gotrue, otp, inbox, replay, upstream, port_of, faults: _ } = declared;
        let there = [
            process.is_some(),
            container.is_some(),
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
        } else if let Some(container) = container {
            self.container(container, key.span).map(Backend::Process)
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

    pub(super) fn upstream(&mut self, upstream: &Short<Upstream>) -> Option<UpstreamPlan> {
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
