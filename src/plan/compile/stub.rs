//! Answers written in the scenario.

use super::compiler::Compiler;
use super::matcher::Subject;
use crate::base::Span;
use crate::plan::backend::{StubBody, StubFault, StubPath};
use crate::plan::{StubPlan, StubReply, StubRoute};
use crate::scenario::expect::Matcher;
use crate::scenario::node::Kind;
use crate::scenario::origin::{Reply, Route, Stub};
use crate::scenario::read::Text;
use std::time::Duration;

impl Compiler<'_> {
    pub(super) fn stub(&mut self, stub: &Stub) -> StubPlan {
        StubPlan { routes: stub.0.iter().filter_map(|route| self.route(route)).collect() }
    }

    fn route(&mut self, route: &Route) -> Option<StubRoute> {
        let span = route.path.0.span;
        let replies: Vec<&Reply> = route.reply.iter().chain(&route.replies).collect();
        if route.reply.is_some() && !route.replies.is_empty() {
            self.fault_with(span, "a route has `reply` or `replies`, not both", "put the first one into `replies`");
        } else if replies.is_empty() {
            self.fault_with(span, "a route without a reply", "add `reply: { status: 200, json: … }`");
        }
        if !route.form.0.is_empty() && (route.json.is_some() || !route.json_path.0.is_empty()) {
            self.fault_with(span, "a body is JSON or a form, not both", "keep `form`, or `json` and `json_path`");
        }
        let mut json_paths = Vec::new();
        for (key, matcher) in &route.json_path.0 {
            let path = self.json_path(&key.name, key.span);
            let matcher = self.matcher(&matcher.0, Subject::Json);
            json_paths.extend(path.zip(matcher));
        }
        Some(StubRoute {
            method: route.method.as_ref().map(|method| self.known(method, "a method").to_ascii_uppercase()),
            path: self.stub_path(&route.path)?,
            query: self.conditions(&route.query),
            headers: self.conditions(&route.headers),
            json: route.json.as_ref().map(|json| self.known_json(json, "what a stub answers to")),
            json_paths,
            form: self.conditions(&route.form),
            replies: replies.into_iter().map(|reply| self.reply(reply, span)).collect(),
            span,
        })
    }

    /// Text is a path, or with `*` at its end the beginning of one; a mapping is a matcher.
    fn stub_path(&mut self, path: &Matcher) -> Option<StubPath> {
        if let Kind::Map(_) = path.0.kind {
            return self.matcher(&path.0, Subject::Text).map(StubPath::Like);
        }
        let Some(value) = path.0.scalar() else {
            self.fault(path.0.span, format!("expected a path or a matcher, found {}", path.0.describe()));
            return None;
        };
        let path = self.path(&Text { value, span: path.0.span });
        Some(match path.strip_suffix('*') {
            Some(start) => StubPath::Under(start.to_owned()),
            None => StubPath::Exactly(path),
        })
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
        let fault = reply.fault.as_ref().and_then(|text| {
            let name = self.known(text, "a fault");
            let found = StubFault::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, fault)| fault);
            if found.is_none() {
                self.unknown(text.span, "fault of a stub", &name, StubFault::ALL.map(|(name, _)| name));
            }
            found
        });
        StubReply { status, headers, body, delay: self.duration_or(reply.delay.as_ref(), Duration::ZERO), fault, times: reply.times }
    }
}
