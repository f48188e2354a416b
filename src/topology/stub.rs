//! Answers written in the scenario, served by wiremock.
//!
//! Every route becomes a mock: its conditions are matchers, its replies a responder that counts. Mocks are tried in the
//! order of the scenario; behind them stands one that matches everything and says which routes there are.

use super::context::{Context, Matches};
use super::error::{Declared, TopologyError};
use super::transport::{TRANSPORT, Transport};
use crate::plan::backend::{StubBody, StubFault, StubPath};
use crate::plan::{Matcher, Scope, StubPlan, StubReply, StubRoute};
use axum::body::Body;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::Value;
use serde_json_path::JsonPath;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use wiremock::matchers::any;
use wiremock::{Match, Mock, MockServer, Request, Respond, ResponseTemplate};

/// Marks the answer to a request that no route fits; the edge takes it away again.
const UNMATCHED: HeaderName = HeaderName::from_static("x-authchain-unmatched");
/// Says of an answer that no route fits the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unexpected;

/// What a call says that no route fits.
const NO_ROUTE: &str = "no stub route matches";
/// Priority of the last mock; the others have wiremock's default, 5.
const LAST: u8 = u8::MAX;

/// The routes of one stub with everything filled in, not served yet.
pub(crate) struct Stub {
    mocks: Vec<Mock>,
}

/// A stub that serves, until dropped.
pub(crate) struct StubServer(MockServer);

impl Stub {
    /// Fills the templates of `plan` and checks what HTTP allows.
    ///
    /// # Errors
    /// When a template has no value, or a method, status or header is none.
    pub(crate) fn new(at: &Declared, plan: &StubPlan, context: &Context) -> Result<Self, TopologyError> {
        let mut mocks = Vec::new();
        for route in &plan.routes {
            let at = Declared { span: route.span, ..at.clone() };
            let replies = route.replies.iter().map(|reply| Reply::new(&at, route, reply, &context.scope)).collect::<Result<Vec<_>, _>>()?;
            let answers = answers(&replies);
            if answers == Some(0) {
                continue;
            }
            let mock = Mock::given(Fits::new(&at, route, context)?);
            let mut mock = mock.respond_with(InOrder { replies, served: AtomicU64::new(0) });
            if let Some(answers) = answers {
                mock = mock.up_to_n_times(answers);
            }
            mocks.push(mock);
        }
        let unmatched = unmatched(&plan.routes);
        mocks.push(Mock::given(any()).respond_with(unmatched).with_priority(LAST));
        Ok(Self { mocks })
    }

    /// Serves the routes on a port of their own.
    pub(crate) async fn serve(self) -> StubServer {
        // Requests are in the edge's log already; wiremock's own would hold every body for the whole run.
        let server = MockServer::builder().disable_request_recording().start().await;
        for mock in self.mocks {
            server.register(mock).await;
        }
        StubServer(server)
    }
}

impl StubServer {
    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        *self.0.address()
    }
}

/// Takes the mark of an unmatched request off its answer, and says so.
pub(super) fn unmark(mut response: Response<Body>) -> (Response<Body>, Option<String>) {
    Transport::unmark(&mut response);
    let note = response.headers_mut().remove(UNMATCHED).map(|_| NO_ROUTE.to_owned());
    if note.is_some() {
        response.extensions_mut().insert(Unexpected);
    }
    (response, note)
}

/// How many answers a route has in all; `None` if there is no end.
fn answers(replies: &[Reply]) -> Option<u64> {
    match replies.last() {
        None => Some(0),
        Some(last) => last.times.map(|_| replies.iter().map(|reply| reply.times.unwrap_or(1)).fold(0, u64::saturating_add)),
    }
}

fn unmatched(routes: &[StubRoute]) -> ResponseTemplate {
    let mut text = format!("authchain: {NO_ROUTE}, or those that do have no replies left; declared:\n");
    for route in routes {
        text.push_str(&format!("  {}\n", title(route)));
    }
    ResponseTemplate::new(StatusCode::NOT_FOUND).insert_header(UNMATCHED, HeaderValue::from_static("1")).set_body_string(text)
}

/// A route as a person would name it.
fn title(route: &StubRoute) -> String {
    let path = match &route.path {
        StubPath::Exactly(path) => path.clone(),
        StubPath::Under(path) => format!("{path}*"),
        StubPath::Like(_) => "(a path that a matcher asks for)".to_owned(),
    };
    let mut title = format!("{} {path}", route.method.as_deref().unwrap_or("*"));
    let parts = [("query", &route.query), ("header", &route.headers), ("form field", &route.form)];
    for (kind, conditions) in parts {
        conditions.iter().for_each(|(name, _)| title.push_str(&format!(" with {kind} {name}")));
    }
    if route.json.is_some() || !route.json_paths.is_empty() {
        title.push_str(" with matching JSON");
    }
    title
}

/// Whether a request is as a route asks.
struct Fits {
    method: Option<http::Method>,
    path: StubPath,
    query: Vec<(String, Matcher)>,
    headers: Vec<(HeaderName, Matcher)>,
    json: Option<Value>,
    json_paths: Vec<(JsonPath, Matcher)>,
    form: Vec<(String, Matcher)>,
    matches: Matches,
    scope: Scope,
}

impl Fits {
    fn new(at: &Declared, route: &StubRoute, context: &Context) -> Result<Self, TopologyError> {
        let invalid = |reason: String| TopologyError::StubInvalid { at: Box::new(at.clone()), reason };
        let method = match &route.method {
            Some(method) => Some(method.to_ascii_uppercase().parse().map_err(|_| invalid(format!("`{method}` is not an HTTP method")))?),
            None => None,
        };
        let headers = route
            .headers
            .iter()
            .map(|(name, matcher)| Ok((name.parse().map_err(|_| invalid(not_a_field(name)))?, matcher.clone())))
            .collect::<Result<_, TopologyError>>()?;
        let StubRoute { path, query, json, json_paths, form, .. } = route.clone();
        Ok(Self { method, path, query, headers, json, json_paths, form, matches: context.matches.clone(), scope: context.scope.clone() })
    }

    /// Whether one of several values is as asked, or that there is none.
    fn any(&self, matcher: &Matcher, values: impl Iterator<Item = Value>) -> bool {
        let mut values = values.peekable();
        if values.peek().is_none() {
            return (self.matches)(matcher, None, &self.scope);
        }
        values.any(|value| (self.matches)(matcher, Some(&value), &self.scope))
    }

    /// Whether the pairs of a query or a form are as asked.
    fn pairs(&self, wanted: &[(String, Matcher)], encoded: &[u8]) -> bool {
        wanted.iter().all(|(name, matcher)| {
            let values = url::form_urlencoded::parse(encoded).filter(|(known, _)| known == name);
            self.any(matcher, values.map(|(_, value)| Value::from(value)))
        })
    }

    fn body(&self, body: &[u8]) -> bool {
        if self.json.is_none() && self.json_paths.is_empty() {
            return self.form.is_empty() || self.pairs(&self.form, body);
        }
        let Ok(body) = serde_json::from_slice(body) else { return false };
        let paths = || self.json_paths.iter().all(|(path, matcher)| self.any(matcher, path.query(&body).into_iter().cloned()));
        self.json.as_ref().is_none_or(|part| contains(&body, part)) && paths()
    }
}

impl Match for Fits {
    fn matches(&self, request: &Request) -> bool {
        let path = request.url.path();
        let texts = |name: &HeaderName| {
            let values = request.headers.get_all(name).iter();
            values.map(|value| Value::from(String::from_utf8_lossy(value.as_bytes()).into_owned())).collect::<Vec<_>>()
        };
        self.method.as_ref().is_none_or(|method| request.method == *method)
            && match &self.path {
                StubPath::Exactly(exact) => path == exact,
                StubPath::Under(start) => path.starts_with(start),
                StubPath::Like(matcher) => (self.matches)(matcher, Some(&Value::from(path)), &self.scope),
            }
            && self.pairs(&self.query, request.url.query().unwrap_or_default().as_bytes())
            && self.headers.iter().all(|(name, matcher)| self.any(matcher, texts(name).into_iter()))
            && self.body(&request.body)
    }
}

/// Whether `body` has everything that `part` asks for: objects may have more members, everything else must be equal.
fn contains(body: &Value, part: &Value) -> bool {
    match (body, part) {
        (Value::Object(body), Value::Object(part)) => {
            part.iter().all(|(name, part)| body.get(name).is_some_and(|body| contains(body, part)))
        }
        (Value::Array(body), Value::Array(part)) => {
            body.len() == part.len() && body.iter().zip(part).all(|(body, part)| contains(body, part))
        }
        (body, part) => body == part,
    }
}

/// A reply, ready to be sent.
struct Reply {
    template: ResponseTemplate,
    times: Option<u64>,
}

impl Reply {
    fn new(at: &Declared, route: &StubRoute, reply: &StubReply, scope: &Scope) -> Result<Self, TopologyError> {
        let invalid = |reason: String| TopologyError::StubInvalid { at: Box::new(at.clone()), reason };
        let unfilled = |what: String| {
            move |cause| TopologyError::Template { at: Box::new(at.clone()), what: format!("{what} ({})", title(route)), cause }
        };
        let status = StatusCode::from_u16(reply.status).ok().filter(|status| (200..=599).contains(&status.as_u16()));
        let status = status.ok_or_else(|| invalid(format!("status {} is not one of 200 to 599", reply.status)))?;
        let mut template = ResponseTemplate::new(status).set_delay(reply.delay);
        if let Some(fault) = reply.fault {
            let how = match fault {
                StubFault::Reset => Transport::Reset,
                StubFault::HalfBody => Transport::HalfBody,
                StubFault::Blackhole => Transport::Blackhole,
            };
            template = template.insert_header(TRANSPORT, HeaderValue::from_static(how.name()));
        }
        let mut typed = false;
        for (name, value) in &reply.headers {
            let field: HeaderName = name.parse().map_err(|_| invalid(not_a_field(name)))?;
            typed |= field == http::header::CONTENT_TYPE;
            let value = value.render(scope).map_err(unfilled(format!("header {name} of a stub reply")))?;
            let value =
                HeaderValue::from_bytes(value.as_bytes()).map_err(|_| invalid(format!("the value of {name} has control characters")))?;
            template = template.append_header(field, value);
        }
        let (body, kind) = match &reply.body {
            StubBody::Empty => (Vec::new(), None),
            StubBody::Text(text) => {
                (text.render(scope).map_err(unfilled("the body of a stub reply".into()))?.into_bytes(), Some("text/plain; charset=utf-8"))
            }
            StubBody::Json(json) => (
                json.render(scope).map_err(unfilled("the body of a stub reply".into()))?.to_string().into_bytes(),
                Some("application/json"),
            ),
        };
        template = template.set_body_bytes(body);
        if let Some(kind) = kind.filter(|_| !typed) {
            template = template.insert_header(http::header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        Ok(Self { template, times: reply.times })
    }
}

fn not_a_field(name: &str) -> String {
    format!("`{name}` is not the name of a header field")
}

/// Serves replies in order: each as often as it says (once if it does not say), and the last one for ever.
struct InOrder {
    replies: Vec<Reply>,
    served: AtomicU64,
}

impl Respond for InOrder {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let mut nth = self.served.fetch_add(1, Ordering::Relaxed);
        for reply in &self.replies {
            let times = reply.times.unwrap_or(1);
            if nth < times {
                return reply.template.clone();
            }
            nth -= times;
        }
        // Past the last one's turns; a route without any reply is never mounted.
        self.replies.last().map_or_else(|| ResponseTemplate::new(StatusCode::NOT_FOUND), |reply| reply.template.clone())
    }
}
