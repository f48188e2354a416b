//! What each verb takes.

use super::compiler::Compiler;
use super::matcher::Subject;
use super::steps::Frame;
use crate::base::Span;
use crate::plan::Template;
use crate::plan::{
    Body, CallsPlan, CookieChange, CookieEdit, CookiesPlan, Field, From, HttpMethod, Replay, ReplayOf, RequestPlan, Verb, WaitPlan,
};
use crate::scenario::backing::FaultStep;
use crate::scenario::read::{Map, Nullable, Short, Text};
use crate::scenario::request::{CookieJar, Replay as WrittenReplay, Request};
use crate::scenario::step::{Action, Calls, Step as Written, Wait};

impl Compiler<'_> {
    /// Compiles what a step does; `None` after noting what is wrong.
    pub(super) fn verb(&mut self, step: &Written, frame: &Frame) -> Option<Verb> {
        if let Some((method, request)) = step.action.request() {
            return self.request(method, request).map(Box::new).map(Verb::Request);
        }
        Some(match &step.action {
            Action::Open(url) => Verb::Open(self.url(url)),
            Action::Click(locator) => Verb::Click(self.locator(locator)?),
            Action::Fill(fields) => Verb::Fill(self.fields(fields, step.span)),
            Action::Press(key) => Verb::Press(self.known(key, "a key")),
            Action::Select(fields) => Verb::Select(self.fields(fields, step.span)),
            Action::Wait(wait) => Verb::Wait(self.wait(wait, step.span)),
            Action::Reload(_) => Verb::Reload,
            Action::Back(_) => Verb::Back,
            Action::Replay(replay) => Verb::Replay(Box::new(self.replay(replay))),
            Action::Again(again) => self.again(again, frame, step.span),
            Action::Limit(limit) => Verb::Limit(Box::new(self.limit(limit, frame)?)),
            Action::Probe(probe) => Verb::Probe(Box::new(self.probe(probe, step.span)?)),
            Action::Tcp(origin) => Verb::Tcp(self.listening(origin)?),
            Action::Cookies(jar) => Verb::Cookies(self.cookie_jar(jar)),
            Action::Race(steps) => self.race(steps, frame, step.span),
            Action::Repeat(repeat) => self.repeat(repeat, frame),
            Action::Poll(poll) => self.poll(poll, frame)?,
            Action::Flow(call) => self.flow(call, frame)?,
            Action::Sleep(time) => Verb::Sleep(self.duration(time)?),
            Action::Calls(calls) => Verb::Calls(self.calls(calls)?),
            Action::Inbox(inbox) => Verb::Inbox(Box::new(self.inbox(inbox)?)),
            Action::Clock(clock) => self.clock(clock)?,
            Action::Boundary(boundary) => self.boundary(boundary, frame, step.span)?,
            Action::Fault(FaultStep::Origin(switch)) => Verb::Fault(self.switch(switch)?),
            Action::Fault(FaultStep::Redis(switch)) => Verb::RedisFault(self.redis_fault(switch)?),
            Action::Redis(look) => Verb::Redis(Box::new(self.redis_look(look)?)),
            Action::Process(act) => Verb::Process(Box::new(self.process_step(act, step.span)?)),
            Action::DeepLink(matcher) => Verb::DeepLink(self.matcher(&matcher.0, Subject::Text)?),
            Action::Tab(tab) => Verb::Tab(self.tab(tab)?),
            Action::Fetch(fetch) => Verb::Fetch(Box::new(self.fetch(fetch)?)),
            Action::Script(script) => Verb::Script(self.script(script)),
            Action::Screenshot(name) => Verb::Screenshot(self.screenshot(name)),
            Action::Dialog(dialog) => Verb::Dialog(self.dialog(dialog)?),
            Action::Passkey(passkey) => Verb::Passkey(self.passkey(passkey)?),
            Action::Expect => Verb::Expect,
            // Every verb that sends one request was taken above.
            Action::Get(_)
            | Action::Post(_)
            | Action::Put(_)
            | Action::Patch(_)
            | Action::Delete(_)
            | Action::Head(_)
            | Action::Options(_) => {
                return None;
            }
        })
    }

    fn fields(&mut self, fields: &Map<Text>, span: Span) -> Vec<Field> {
        if fields.0.is_empty() {
            self.fault(span, "no field is named");
        }
        let mut all = Vec::new();
        for (key, value) in &fields.0 {
            let field = self.locator(&Text { value: key.name.clone(), span: key.span });
            let value = self.template(value);
            all.extend(field.map(|field| Field { field, value }));
        }
        all
    }

    fn wait(&mut self, wait: &Wait, span: Span) -> WaitPlan {
        if wait.url.is_none() && wait.text.is_none() && wait.visible.is_none() {
            self.fault_with(span, "`wait` does not know what to wait for", "give it `url`, `text` or `visible`");
        }
        WaitPlan {
            url: self.optional(wait.url.as_ref(), Subject::Text),
            text: self.optional(wait.text.as_ref(), Subject::Visible),
            visible: wait.visible.as_ref().and_then(|locator| self.locator(locator)),
        }
    }

    fn request(&mut self, method: &str, request: &Short<Request>) -> Option<RequestPlan> {
        let method = match method {
            "get" => HttpMethod::Get,
            "post" => HttpMethod::Post,
            "put" => HttpMethod::Put,
            "patch" => HttpMethod::Patch,
            "delete" => HttpMethod::Delete,
            "head" => HttpMethod::Head,
            _ => HttpMethod::Options,
        };
        let long = match request {
            Short::Text(url) => {
                let url = self.url(url);
                return Some(RequestPlan {
                    method,
                    url,
                    query: Vec::new(),
                    headers: Vec::new(),
                    body: Body::Empty,
                    from: From::Page,
                    cookies: true,
                    follow: false,
                });
            }
            Short::Long(long) => &long.value,
        };
        Some(RequestPlan {
            method,
            url: self.url(&long.url),
            query: self.pairs(&long.query),
            headers: self.headers(&long.headers),
            body: self.body(long)?,
            from: self.from(long.from.as_ref())?,
            cookies: long.cookies.unwrap_or(true),
            follow: long.follow.unwrap_or(false),
        })
    }

    pub(super) fn pairs(&mut self, pairs: &Map<Text>) -> Vec<(String, Template)> {
        pairs.0.iter().map(|(key, text)| (key.name.clone(), self.template(text))).collect()
    }

    fn changes(&mut self, pairs: &Map<Nullable<Text>>) -> Vec<(String, Option<Template>)> {
        pairs.0.iter().map(|(key, text)| (key.name.clone(), text.0.as_ref().map(|text| self.template(text)))).collect()
    }

    /// Headers to send; a name must be one (RFC 9110 §5.1).
    pub(super) fn headers(&mut self, headers: &Map<Nullable<Text>>) -> Vec<(String, Option<Template>)> {
        for (key, _) in &headers.0 {
            if http::HeaderName::from_bytes(key.name.as_bytes()).is_err() {
                self.fault(key.span, format!("`{}` is not the name of a header", key.name));
            }
        }
        self.changes(headers)
    }

    fn body(&mut self, request: &Request) -> Option<Body> {
        let Request { json, form, multipart, body, url, .. } = request;
        let given = [("json", json.is_some()), ("form", form.is_some()), ("multipart", multipart.is_some()), ("body", body.is_some())];
        let names: Vec<_> = given.iter().filter(|(_, there)| *there).map(|(name, _)| format!("`{name}`")).collect();
        if names.len() > 1 {
            self.fault_with(url.span, format!("a request has one body, this one has {}", names.join(" and ")), "keep one of them");
            return None;
        }
        Some(match (json, form, multipart, body) {
            (Some(json), ..) => Body::Json(self.json(json)),
            (_, Some(form), ..) => Body::Form(self.pairs(form)),
            (_, _, Some(parts), _) => Body::Multipart(self.pairs(parts)),
            (.., Some(text)) => Body::Raw(self.template(text)),
            _ => Body::Empty,
        })
    }

    fn from(&mut self, from: Option<&Text>) -> Option<From> {
        let Some(text) = from else { return Some(From::Page) };
        let known = self.known(text, "where a request comes from");
        match known.as_str() {
            "page" => Some(From::Page),
            "client" => Some(From::Client),
            word if word.contains("://") => self.origin(text).map(From::Origin),
            word => {
                let fault = crate::base::Diagnostic::error(format!("a request cannot come from `{word}`")).at(text.span, "");
                let near = crate::base::diagnostic::nearest(word, ["page", "client"]);
                let hint = near.map_or_else(|| "write `page`, `client` or an origin".to_owned(), |near| format!("did you mean `{near}`?"));
                self.faults.push(fault.hint(hint));
                None
            }
        }
    }

    fn replay(&mut self, replay: &Short<WrittenReplay>) -> Replay {
        let long = match replay {
            Short::Text(id) => {
                let of = ReplayOf { step: Some(self.reference(id)), url: None };
                return Replay { of, query: Vec::new(), headers: Vec::new(), same_cookies: false, follow: false };
            }
            Short::Long(long) => &long.value,
        };
        let step = long.step.as_ref().map(|id| self.reference(id));
        Replay {
            of: ReplayOf { step, url: self.optional(long.url.as_ref(), Subject::Text) },
            query: self.changes(&long.query),
            headers: self.headers(&long.headers),
            same_cookies: long.same_cookies.unwrap_or(false),
            follow: long.follow.unwrap_or(false),
        }
    }

    /// Changes of the jar, in the order in which the file lists their kinds.
    fn cookie_jar(&mut self, jar: &CookieJar) -> CookiesPlan {
        let written = &jar.changes;
        let mut changes = Vec::new();
        for key in &jar.order {
            let before = changes.len();
            match key.name.as_str() {
                "clear" => changes.push(CookieEdit { change: CookieChange::Clear, span: key.span }),
                "delete" => {
                    for name in &written.delete.0 {
                        let change = CookieChange::Delete(self.known(name, "a cookie's name"));
                        changes.push(CookieEdit { change, span: name.span });
                    }
                }
                "rename" => {
                    for (from, to) in &written.rename.0 {
                        let change = CookieChange::Rename(from.name.clone(), self.known(to, "a cookie's name"));
                        changes.push(CookieEdit { change, span: from.span });
                    }
                }
                "value" => {
                    for (name, value) in &written.value.0 {
                        let change = CookieChange::Value(name.name.clone(), self.template(value));
                        changes.push(CookieEdit { change, span: name.span });
                    }
                }
                "set" => {
                    for text in &written.set.0 {
                        let change = CookieChange::Set(self.template(text));
                        changes.push(CookieEdit { change, span: text.span });
                    }
                }
                _ => {}
            }
            if changes.len() == before {
                self.fault(key.span, format!("`{}` names no cookie", key.name));
            }
        }
        if jar.order.is_empty() {
            self.fault_with(jar.span, "no change of cookies is named", "give it `set`, `value`, `rename`, `delete` or `clear`");
        }
        CookiesPlan { at: self.url(&written.at), changes }
    }

    fn calls(&mut self, calls: &Calls) -> Option<CallsPlan> {
        let origin = self.origin(&calls.origin)?;
        self.declared(&origin, calls.origin.span);
        Some(CallsPlan {
            origin,
            method: calls.method.as_ref().map(|method| self.known(method, "a method").to_ascii_uppercase()),
            path: self.optional(calls.path.as_ref(), Subject::Text),
            count: self.optional(calls.count.as_ref(), Subject::Number),
            status: self.optional(calls.status.as_ref(), Subject::Status),
            spacing: self.optional(calls.spacing.as_ref(), Subject::Time),
            unexpected: self.optional(calls.unexpected.as_ref(), Subject::Number),
            order: calls.order.iter().filter_map(|call| self.matcher(&call.0, Subject::Text)).collect(),
            gaps: self.gaps(calls),
            since: calls.since.as_ref().map(|id| self.reference(id)),
        })
    }
}
