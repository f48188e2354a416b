//! What stands behind each origin.

use super::compiler::Compiler;
use crate::base::{Diagnostic, Span};
use crate::plan::{Backend, OriginPlan, ProcessPlan, Ready, StubPlan, StubReply, StubRoute, UpstreamPlan, backend::StubBody};
use crate::scenario::node::Key;
use crate::scenario::origin::{self, Process, Reply, Route, Stub, Upstream};
use crate::scenario::read::{Map, Short, Text};
use std::path::PathBuf;
use std::time::Duration;
use url::{Host, Url};

const READY_WITHIN: Duration = Duration::from_secs(10);
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
        plans
    }

    fn backend(&mut self, key: &Key, declared: &origin::Origin) -> Option<Backend> {
        const KINDS: &str = "`process`, `stub`, `idp`, `gotrue` or `upstream`";
        let origin::Origin { process, stub, idp, gotrue, upstream } = declared;
        match (process, stub, idp, gotrue, upstream) {
            (Some(process), None, None, None, None) => self.process(process, key.span).map(Backend::Process),
            (None, Some(stub), None, None, None) => Some(Backend::Stub(self.stub(stub))),
            (None, None, Some(idp), None, None) => self.idp(idp).map(|idp| Backend::Idp(Box::new(idp))),
            (None, None, None, Some(gotrue), None) => self.gotrue(gotrue).map(|gotrue| Backend::Gotrue(Box::new(gotrue))),
            (None, None, None, None, Some(upstream)) => self.upstream(upstream).map(Backend::Upstream),
            (None, None, None, None, None) => {
                let hint = format!("say what answers for it: {KINDS}");
                self.fault_with(key.span, format!("nothing stands behind {}", key.name), hint);
                None
            }
            _ => {
                self.fault_with(key.span, format!("several things stand behind {}", key.name), format!("keep one of {KINDS}"));
                None
            }
        }
    }

    fn process(&mut self, process: &Process, span: Span) -> Option<ProcessPlan> {
        if process.run.is_empty() {
            self.fault_with(span, "`run` names no program", "write `run: [program, argument]`");
        }
        // The run chooses the port; until then it is a capture that only this process sees.
        let had_port = !self.captured.insert("port".to_owned());
        let run = process.run.iter().map(|text| self.template(text)).collect();
        let env = process.env.0.iter().map(|(key, text)| (key.name.clone(), self.template(text))).collect();
        if !had_port {
            self.captured.remove("port");
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
            ready,
            ready_within: self.duration_or(process.ready_within.as_ref(), READY_WITHIN),
            stop_within: self.duration_or(process.stop_within.as_ref(), STOP_WITHIN),
        })
    }

    /// A path on an origin, which begins with `/`.
    fn path(&mut self, text: &Text) -> String {
        let path = self.known(text, "a path");
        if !path.starts_with('/') && !path.is_empty() {
            self.fault_with(text.span, format!("`{path}` is not a path"), "a path begins with `/`");
        }
        path
    }

    fn stub(&mut self, stub: &Stub) -> StubPlan {
        StubPlan { routes: stub.0.iter().map(|route| self.route(route)).collect() }
    }

    fn route(&mut self, route: &Route) -> StubRoute {
        let replies: Vec<&Reply> = route.reply.iter().chain(&route.replies).collect();
        if route.reply.is_some() && !route.replies.is_empty() {
            self.fault_with(route.path.span, "a route has `reply` or `replies`, not both", "put the first one into `replies`");
        } else if replies.is_empty() {
            self.fault_with(route.path.span, "a route without a reply", "add `reply: { status: 200, json: … }`");
        }
        let pairs = |compiler: &mut Self, map: &Map<Text>| -> Vec<(String, String)> {
            map.0.iter().map(|(key, text)| (key.name.clone(), compiler.known(text, "what a stub answers to"))).collect()
        };
        StubRoute {
            method: route.method.as_ref().map(|method| self.known(method, "a method").to_ascii_uppercase()),
            path: self.path(&route.path),
            query: pairs(self, &route.query),
            headers: pairs(self, &route.headers),
            json: route.json.as_ref().map(|json| self.known_json(json, "what a stub answers to")),
            replies: replies.into_iter().map(|reply| self.reply(reply, route.path.span)).collect(),
            span: route.path.span,
        }
    }

    fn reply(&mut self, reply: &Reply, span: Span) -> StubReply {
        let body = match (&reply.json, &reply.body) {
            (None, None) => StubBody::Empty,
            (Some(json), None) => StubBody::Json(self.json(json)),
            (None, Some(text)) => StubBody::Text(self.template(text)),
            (Some(_), Some(text)) => {
                self.fault(text.span, "a reply has `json` or `body`, not both");
                StubBody::Empty
            }
        };
        let status = reply.status.unwrap_or(200);
        if !(200..=599).contains(&status) {
            self.fault(span, format!("{status} is not the status of an answer"));
        }
        let mut headers = Vec::new();
        for (key, values) in &reply.headers.0 {
            headers.extend(values.0.iter().map(|value| (key.name.clone(), self.template(value))));
        }
        StubReply { status, headers, body, delay: self.duration_or(reply.delay.as_ref(), Duration::ZERO), times: reply.times }
    }

    fn upstream(&mut self, upstream: &Short<Upstream>) -> Option<UpstreamPlan> {
        let (text, keep_host) = match upstream {
            Short::Text(text) => (text, false),
            Short::Long(long) => (&long.value.url, long.value.keep_host.unwrap_or(false)),
        };
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
        Some(UpstreamPlan { url, keep_host, local })
    }
}
