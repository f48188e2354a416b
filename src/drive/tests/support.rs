//! Servers, plans and an observer for tests.

use crate::base::{Clock, Sources, Span};
use crate::drive::{self, Observer, World};
use crate::plan::{
    Body, BoundaryStart, CookieChange, CookieEdit, CookiesPlan, Expectation, ExpectationKind, Field, From, HttpMethod, JsonTemplate,
    Matcher, Part, Plan, Policy, RequestPlan, Scope, Step, StepId, Template, Verb,
};
use crate::trace::{Chain, Hop, Message, ServerCall, StepRecord};
use crate::web::html::Locator;
use crate::web::origin::Origin;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Where all requests go, and the origins that a scenario would declare.
pub(super) struct TestWorld {
    pub(super) endpoint: SocketAddr,
    pub(super) declared: Vec<Origin>,
    pub(super) roots: rustls::RootCertStore,
    /// What stands behind the edge, when somebody knows it.
    pub(super) behind: Option<SocketAddr>,
    /// Connections that the server accepted.
    pub(super) accepted: Arc<AtomicUsize>,
    messages: Mutex<Vec<Message>>,
    arrivals: watch::Sender<u64>,
}

impl World for TestWorld {
    fn endpoint(&self, _: &str) -> SocketAddr {
        self.endpoint
    }

    fn declared(&self) -> &[Origin] {
        &self.declared
    }

    fn direct(&self, _: &str, origin: &Origin) -> Result<SocketAddr, String> {
        self.behind.ok_or_else(|| format!("nobody knows what is behind {origin}"))
    }

    fn calls(&self) -> Vec<ServerCall> {
        Vec::new()
    }

    fn messages(&self) -> Vec<Message> {
        self.messages.lock().unwrap().clone()
    }

    fn arrivals(&self) -> watch::Receiver<u64> {
        self.arrivals.subscribe()
    }
}

impl TestWorld {
    /// A world behind this address.
    pub(super) fn new(endpoint: SocketAddr) -> Self {
        let names = [
            "http://app.test",
            "http://api.app.test",
            "http://idp.test",
            "http://app.localhost",
            "http://idp.localhost",
            "https://app.test",
            "https://api.app.test",
            "https://idp.test",
        ];
        let declared = names.iter().map(|name| name.parse().unwrap()).collect();
        Self {
            endpoint,
            declared,
            roots: rustls::RootCertStore::empty(),
            behind: None,
            accepted: Arc::default(),
            messages: Mutex::default(),
            arrivals: watch::Sender::new(0),
        }
    }

    /// A message arrives.
    pub(super) fn deliver(&self, message: Message) {
        self.messages.lock().unwrap().push(message);
        self.arrivals.send_modify(|count| *count += 1);
    }

    /// A server for plain HTTP.
    pub(super) async fn plain(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let world = Self::new(listener.local_addr().unwrap());
        let accepted = world.accepted.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, router.clone()));
            }
        });
        world
    }

    /// A server for TLS, with HTTP/2 unless `alpn` says otherwise.
    pub(super) async fn secure(router: Router, alpn: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut world = Self::new(listener.local_addr().unwrap());
        let names: Vec<_> = ["app.test", "api.app.test", "idp.test"].map(str::to_owned).into();
        let certified = rcgen::generate_simple_self_signed(names).unwrap();
        world.roots.add(certified.cert.der().clone()).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let accepted = world.accepted.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::SeqCst);
                let (acceptor, router) = (acceptor.clone(), router.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, router).await;
                    }
                });
            }
        });
        world
    }

    /// A server that reads each request's head and then does as it likes with the connection.
    pub(super) async fn raw<F, R>(answer: F) -> Self
    where
        F: Fn(TcpStream) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let world = Self::new(listener.local_addr().unwrap());
        let accepted = world.accepted.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::SeqCst);
                if read_head(&mut stream).await {
                    tokio::spawn(answer(stream));
                }
            }
        });
        world
    }

    /// A server that answers every connection's first request with these bytes.
    pub(super) async fn bytes(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::raw(move |mut stream| {
            let answer = answer.clone();
            async move {
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }
}

async fn serve<T>(stream: T, router: Router)
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(router);
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

/// Reads up to the empty line; `false` when the other side is gone.
pub(super) async fn read_head(stream: &mut TcpStream) -> bool {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte).await {
            Ok(1) => head.push(byte[0]),
            _ => return false,
        }
    }
    true
}

/// Holds every expectation to be met but those on the status, and remembers what it was told.
#[derive(Default)]
pub(super) struct Watcher {
    pub(super) began: Mutex<Vec<String>>,
    pub(super) ended: Mutex<Vec<usize>>,
    pub(super) hops: AtomicUsize,
}

impl Watcher {
    fn holds(step: &Step, chain: &Chain, index: usize) -> bool {
        let status = chain.hops_of(index).last().and_then(Hop::status);
        chain.steps[index].error.is_none()
            && step.expect.iter().all(|expectation| match &expectation.kind {
                ExpectationKind::Status(matcher) => value_matches(matcher, status.map(Value::from).as_ref()),
                _ => true,
            })
    }
}

impl Observer for Watcher {
    fn step_began(&self, step: &Step, _: usize) {
        self.began.lock().unwrap().push(step.label.clone());
    }

    fn hop(&self, _: &Hop) {
        self.hops.fetch_add(1, Ordering::SeqCst);
    }

    fn step_ended(&self, step: &Step, chain: &Chain, index: usize, _: &Scope) -> bool {
        self.ended.lock().unwrap().push(index);
        Self::holds(step, chain, index)
    }

    fn would_hold(&self, step: &Step, chain: &Chain, index: usize, _: &Scope) -> bool {
        Self::holds(step, chain, index)
    }

    fn matches(&self, matcher: &Matcher, value: Option<&Value>, _: &Scope) -> bool {
        value_matches(matcher, value)
    }
}

fn value_matches(matcher: &Matcher, value: Option<&Value>) -> bool {
    let wanted = |json: &JsonTemplate| json.render(&Scope::default()).unwrap();
    match (matcher, value) {
        (Matcher::Equals(json), Some(value)) => wanted(json) == *value,
        (Matcher::Contains(json), Some(Value::String(text))) => text.contains(wanted(json).as_str().unwrap()),
        (Matcher::Exists(wanted), value) => *wanted == value.is_some(),
        _ => false,
    }
}

pub(super) fn equals(value: impl Into<Value>) -> Matcher {
    Matcher::Equals(JsonTemplate::Plain(value.into()))
}

pub(super) fn contains(text: &str) -> Matcher {
    Matcher::Contains(JsonTemplate::Text(Template::text(text)))
}

/// Runs steps and hands back the facts.
pub(super) async fn run(world: &Arc<TestWorld>, steps: Vec<Step>) -> Chain {
    run_with(world, steps, Policy::default(), Arc::default()).await
}

pub(super) async fn run_with(world: &Arc<TestWorld>, steps: Vec<Step>, policy: Policy, watcher: Arc<Watcher>) -> Chain {
    let plan = plan(steps, policy);
    drive::drive(&plan, world.clone(), drive::Setup::new(world.roots.clone(), Clock::default()), watcher).await
}

pub(super) fn plan(mut steps: Vec<Step>, policy: Policy) -> Plan {
    number(&mut steps, &mut 0);
    Plan {
        title: String::new(),
        file: PathBuf::from("test.yaml"),
        variant: None,
        profile: None,
        tags: Vec::new(),
        covers: Vec::new(),
        finds: Vec::new(),
        allow: BTreeMap::new(),
        transitions: Vec::new(),
        origins: Vec::new(),
        services: Vec::new(),
        variables: BTreeMap::new(),
        secrets: BTreeMap::new(),
        steps,
        after: Vec::new(),
        smoke: 0,
        policy,
        needs: None,
        browser: None,
        differs: None,
        engine: crate::plan::Engine::Http,
    }
}

fn number(steps: &mut [Step], next: &mut u32) {
    for step in steps {
        step.number = StepId(*next);
        *next += 1;
        match &mut step.verb {
            Verb::Race(steps) | Verb::Flow { steps, .. } => number(steps, next),
            Verb::Repeat(plan) => number(&mut plan.steps, next),
            Verb::Poll { step, .. } => number(std::slice::from_mut(step), next),
            Verb::Boundary(plan) => {
                if let BoundaryStart::Steps(steps) = &mut plan.start {
                    number(steps, next);
                }
                for step in plan.before.iter_mut().chain(&mut plan.after) {
                    number(std::slice::from_mut(step), next);
                }
            }
            _ => {}
        }
    }
}

fn span() -> Span {
    Span::new(Sources::default().add("test.yaml", ""), 0..0)
}

pub(super) fn step(verb: Verb) -> Step {
    Step {
        number: StepId(0),
        id: None,
        label: String::new(),
        span: span(),
        actor: "user".into(),
        verb,
        expect: Vec::new(),
        capture: Vec::new(),
        needs: Vec::new(),
        timeout: Duration::from_secs(10),
    }
}

impl Step {
    pub(super) fn named(mut self, id: &str) -> Self {
        (self.id, self.label) = (Some(id.to_owned()), id.to_owned());
        self
    }

    pub(super) fn by(mut self, actor: &str) -> Self {
        self.actor = actor.into();
        self
    }

    pub(super) fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    pub(super) fn status(mut self, status: u16) -> Self {
        self.expect.push(Expectation { kind: ExpectationKind::Status(equals(status)), span: span() });
        self
    }

    pub(super) fn keep(mut self, name: &str, from: crate::plan::CaptureFrom) -> Self {
        self.capture.push(crate::plan::Capture { name: name.to_owned(), from, beside: Vec::new(), span: span() });
        self
    }
}

pub(super) fn open(url: &str) -> Step {
    step(Verb::Open(Template::text(url)))
}

pub(super) fn click(locator: &str) -> Step {
    step(Verb::Click(Locator::parse(locator).unwrap()))
}

pub(super) fn fill(fields: &[(&str, &str)]) -> Step {
    let field = |(field, value): &(&str, &str)| Field { field: Locator::parse(field).unwrap(), value: Template::text(*value) };
    step(Verb::Fill(fields.iter().map(field).collect()))
}

pub(super) fn request_plan(method: HttpMethod, url: &str) -> RequestPlan {
    RequestPlan {
        method,
        url: Template::text(url),
        query: Vec::new(),
        headers: Vec::new(),
        body: Body::Empty,
        from: From::Client,
        cookies: true,
        follow: true,
    }
}

pub(super) fn get(url: &str) -> Step {
    step(Verb::Request(Box::new(request_plan(HttpMethod::Get, url))))
}

pub(super) fn request(plan: RequestPlan) -> Step {
    step(Verb::Request(Box::new(plan)))
}

pub(super) fn set_cookie(url: &str, line: &str) -> Step {
    let change = CookieEdit { change: CookieChange::Set(Template::text(line)), span: span() };
    step(Verb::Cookies(CookiesPlan { at: Template::text(url), changes: vec![change] }))
}

pub(super) fn edit_cookie(url: &str, change: CookieChange) -> Step {
    step(Verb::Cookies(CookiesPlan { at: Template::text(url), changes: vec![CookieEdit { change, span: span() }] }))
}

pub(super) fn captured(name: &str) -> Template {
    Template { parts: vec![Part::Capture(name.to_owned(), Vec::new())] }
}

/// The only record with this id.
pub(super) fn record<'a>(chain: &'a Chain, id: &str) -> &'a StepRecord {
    chain.steps.iter().find(|step| step.id.as_deref() == Some(id)).unwrap()
}

/// The error of the last step that began.
pub(super) fn error(chain: &Chain) -> &str {
    chain.steps.last().unwrap().error.as_deref().unwrap_or("no error")
}

/// `METHOD host/path status` of each hop.
pub(super) fn outline(chain: &Chain) -> Vec<String> {
    let line = |hop: &Hop| {
        let url = &hop.request.url;
        let status = hop.status().map_or_else(|| "-".to_owned(), |status| status.to_string());
        format!("{} {}{} {status}", hop.request.method, url.host_str().unwrap(), url.path())
    };
    chain.hops.iter().map(line).collect()
}

/// A request header of a hop, as text.
pub(super) fn sent<'a>(hop: &'a Hop, name: &str) -> Option<&'a str> {
    hop.request.headers.get_str(name)
}
