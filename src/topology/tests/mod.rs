//! The topology as its callers see it, on real sockets.

mod edge;
mod faults;
mod forward;
mod process;
mod provider;
mod redis;
mod stub;

use super::{Context, Declared, Topology, TopologyError};
use crate::base::{Clock, Redactor, Sources, Span};
use crate::plan::{Backend, Matcher, OriginPlan, Scope, UpstreamPlan};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

/// A place in no file in particular.
pub(super) fn span() -> Span {
    Span::new(Sources::default().add("test.yaml", ""), 0..0)
}

pub(super) fn declared(origin: &str) -> Declared {
    Declared { origin: origin.parse().unwrap(), service: None, span: span() }
}

pub(super) fn context() -> Context {
    Context {
        clock: Clock::default(),
        redactor: Redactor::default(),
        live: false,
        exe: "authchain".into(),
        scope: Scope::default(),
        services: Vec::new(),
        moves_clock: false,
        matches: Arc::new(matches),
        max_body: 64 * 1024,
        edge: std::net::Ipv4Addr::LOCALHOST.into(),
        log: Arc::new(|_| {}),
    }
}

/// The conditions that these tests ask; whoever runs a topology brings all of them.
fn matches(matcher: &Matcher, value: Option<&Value>, scope: &Scope) -> bool {
    match (matcher, value) {
        (Matcher::Exists(wanted), value) => *wanted == value.is_some(),
        (Matcher::Equals(json), Some(value)) => json.render(scope).unwrap() == *value,
        (Matcher::Matches(regex), Some(Value::String(text))) => regex.is_match(text),
        (Matcher::Above(limit), Some(value)) => value.as_f64().is_some_and(|number| number > *limit),
        _ => false,
    }
}

fn plan(origin: &str, backend: Backend) -> OriginPlan {
    OriginPlan { origin: origin.parse().unwrap(), backend, faults: Vec::new(), span: span() }
}

/// An origin that stands on a server of the test.
fn on(origin: &str, address: SocketAddr, keep_host: bool) -> OriginPlan {
    let url = format!("http://{address}").parse().unwrap();
    plan(origin, Backend::Upstream(UpstreamPlan { url, keep_host, local: true, direct: None }))
}

async fn start(origins: &[OriginPlan]) -> Topology {
    Topology::start(origins, context()).await.unwrap_or_else(|error| panic!("{error}"))
}

async fn start_error(origins: &[OriginPlan]) -> TopologyError {
    match Topology::start(origins, context()).await {
        Ok(_) => panic!("it should not stand"),
        Err(error) => error,
    }
}

/// Fails the test if something takes far too long, instead of hanging.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("this takes too long")
}

/// A server that answers each connection with the same bytes, after it read a request's head.
async fn raw_server(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = answer.into();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                read_head(&mut stream).await;
                let _ = stream.write_all(&answer).await;
            });
        }
    });
    address
}

/// A server that answers with what it was asked: request line and header fields as text.
async fn echo_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                loop {
                    let head = read_head(&mut stream).await;
                    if head.is_empty() {
                        return;
                    }
                    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", head.len());
                    let _ = stream.write_all(&[answer.as_bytes(), &head].concat()).await;
                }
            });
        }
    });
    address
}

/// Reads up to the empty line.
async fn read_head(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    head
}

/// Sends bytes to a listener of the edge and reads until it closes.
async fn raw(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    soon(stream.read_to_end(&mut answer)).await.unwrap();
    answer
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A TLS client that trusts the run's authority and offers these protocols.
fn tls(topology: &Topology, alpn: &[&str]) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(topology.authority().roots())
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// A TLS connection to a listener of the edge under a host's name, as the http engine makes them.
async fn tls_connect(address: SocketAddr, host: &str, config: Arc<ClientConfig>) -> tokio_rustls::client::TlsStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = host.to_owned().try_into().unwrap();
    soon(TlsConnector::from(config).connect(name, stream)).await.unwrap()
}

/// One request over HTTP/2.
async fn over_h2<B>(topology: &Topology, host: &str, request: Request<B>) -> Response<Incoming>
where
    B: Body<Data: Send, Error: std::error::Error + Send + Sync> + Send + Unpin + 'static,
{
    let stream = tls_connect(topology.endpoint("jarvis"), host, tls(topology, &["h2"])).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    soon(sender.send_request(request)).await.unwrap()
}

async fn body(response: Response<Incoming>) -> String {
    text(&soon(response.into_body().collect()).await.unwrap().to_bytes())
}

/// A client that goes through a listener of the edge as its proxy.
fn through(topology: &Topology, address: SocketAddr) -> reqwest::Client {
    let config = ClientConfig::clone(&tls(topology, &[]));
    let proxy = reqwest::Proxy::all(format!("http://{address}")).unwrap();
    let client = reqwest::Client::builder().tls_backend_preconfigured(config).proxy(proxy);
    client.redirect(reqwest::redirect::Policy::none()).build().unwrap()
}
