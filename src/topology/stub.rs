//! Answers written in the scenario, served by wiremock.
//!
//! Every route becomes a mock: its conditions are matchers, its replies a responder that counts. Mocks are tried in the
//! order of the scenario; behind them stands one that matches everything and says which routes there are.

use super::error::{Declared, TopologyError};
use super::transport::Transport;
use crate::plan::backend::StubBody;
use crate::plan::{Scope, StubPlan, StubReply, StubRoute};
use axum::body::Body;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use wiremock::matchers::{any, query_param};
use wiremock::{Match, Mock, MockServer, Request, Respond, ResponseTemplate};

/// Marks the answer to a request that no route fits; the edge takes it away again.
const UNMATCHED: HeaderName = HeaderName::from_static("x-authchain-unmatched");
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
    pub(crate) fn new(at: &Declared, plan: &StubPlan, scope: &Scope) -> Result<Self, TopologyError> {
        let mut mocks = Vec::new();
        for route in &plan.routes {
            let at = Declared { origin: at.origin.clone(), span: route.span };
            let replies = route.replies.iter().map(|reply| Reply::new(&at, route, reply, scope)).collect::<Result<Vec<_>, _>>()?;
            let answers = answers(&replies);
            if answers == Some(0) {
                continue;
            }
            let mut mock = Mock::given(Head::new(&at, route)?);
            for (name, value) in &route.query {
                mock = mock.and(query_param(name, value));
            }
            if let Some(json) = &route.json {
                mock = mock.and(Contains(json.clone()));
            }
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
    let mut title = format!("{} {}", route.method.as_deref().unwrap_or("*"), route.path);
    for (n, (name, value)) in route.query.iter().enumerate() {
        title.push_str(&format!("{}{name}={value}", if n == 0 { '?' } else { '&' }));
    }
    for (name, _) in &route.headers {
        title.push_str(&format!(" with {name}"));
    }
    if route.json.is_some() {
        title.push_str(" with matching JSON");
    }
    title
}

/// Method, path and header fields.
struct Head {
    method: Option<http::Method>,
    path: String,
    /// Whether `path` is only the beginning.
    open: bool,
    headers: Vec<(HeaderName, Vec<u8>)>,
}

impl Head {
    fn new(at: &Declared, route: &StubRoute) -> Result<Self, TopologyError> {
        let invalid = |reason: String| TopologyError::StubInvalid { at: Box::new(at.clone()), reason };
        let method = match &route.method {
            Some(method) => Some(method.to_ascii_uppercase().parse().map_err(|_| invalid(format!("`{method}` is not an HTTP method")))?),
            None => None,
        };
        let headers = route
            .headers
            .iter()
            .map(|(name, value)| Ok((name.parse().map_err(|_| invalid(not_a_field(name)))?, value.as_bytes().to_vec())))
            .collect::<Result<_, TopologyError>>()?;
        let (path, open) = route.path.strip_suffix('*').map_or((route.path.as_str(), false), |path| (path, true));
        Ok(Self { method, path: path.to_owned(), open, headers })
    }
}

impl Match for Head {
    fn matches(&self, request: &Request) -> bool {
        let path = request.url.path();
        self.method.as_ref().is_none_or(|method| request.method == *method)
            && (if self.open { path.starts_with(&self.path) } else { path == self.path })
            && self
                .headers
                .iter()
                .all(|(name, value)| request.headers.get_all(name).iter().any(|there| there.as_bytes() == value.as_slice()))
    }
}

/// A JSON body that contains a value.
struct Contains(Value);

impl Match for Contains {
    fn matches(&self, request: &Request) -> bool {
        serde_json::from_slice(&request.body).is_ok_and(|body| contains(&body, &self.0))
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
