//! Connections to the edge: TCP, TLS with the URL's own host name, and what each part took.
//!
//! Whatever a URL says, its request goes to the edge's listener for the actor. The URL's host only names the server in
//! TLS (RFC 6066 §3) and in the request, so no name is ever resolved.

use crate::trace::{Failure, FailureKind};
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use hyper::rt::{Read, Write};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Context;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// Most header fields that an HTTP/1.1 response may have. So many fit on hyper's stack; more would cost an allocation of
/// tens of kilobytes for each response.
pub(super) const MAX_HEADERS: usize = 100;
/// Largest head of a response, in bytes.
pub(super) const MAX_HEAD: usize = 256 * 1024;

/// The sending half of a connection.
pub(super) enum Sender {
    /// HTTP/1.1: one request at a time.
    H1(http1::SendRequest<Full<Bytes>>),
    /// HTTP/2: shared by all requests to the origin.
    H2(http2::SendRequest<Full<Bytes>>),
}

/// A connection.
pub(super) struct Wire {
    pub(super) sender: Sender,
    /// The work of an HTTP/1.1 connection, done by whoever uses it. HTTP/2 connections, which are shared, work by
    /// themselves.
    pub(super) running: Option<Running>,
}

/// The work of a connection, until it is closed.
pub(super) type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Does `work` and the connection's own at the same time, in one task: an answer has no thread to change on its way.
pub(super) async fn along<T>(running: &mut Option<Running>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        advance(running, context);
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            // What the work has just handed over goes out at once.
            advance(running, context);
        }
        polled
    })
    .await
}

fn advance(running: &mut Option<Running>, context: &mut Context<'_>) {
    if running.as_mut().is_some_and(|running| running.as_mut().poll(context).is_ready()) {
        *running = None;
    }
}

/// A new connection and how long its parts took.
pub(super) struct Dialed {
    pub(super) wire: Wire,
    pub(super) tcp: Duration,
    pub(super) tls: Duration,
}

/// Opens connections for one actor. Dropping it closes them all.
pub(super) struct Connector {
    edge: SocketAddr,
    tls: TlsConnector,
    /// What drives the open HTTP/2 connections.
    tasks: Mutex<JoinSet<()>>,
}

impl Connector {
    /// A connector to `edge` that trusts what `tls` trusts.
    pub(super) fn new(edge: SocketAddr, tls: Arc<rustls::ClientConfig>) -> Self {
        Self { edge, tls: TlsConnector::from(tls), tasks: Mutex::default() }
    }

    /// Connects for `host`, with TLS or without.
    pub(super) async fn dial(&self, secure: bool, host: &str) -> Result<Dialed, Failure> {
        let begun = Instant::now();
        let stream = TcpStream::connect(self.edge).await.map_err(|error| unreachable_edge(host, &error))?;
        // Requests are small and answers are awaited: Nagle's algorithm could only delay them.
        let _ = stream.set_nodelay(true);
        let tcp = begun.elapsed();
        if !secure {
            let wire = http1(TokioIo::new(stream)).await?;
            return Ok(Dialed { wire, tcp, tls: Duration::ZERO });
        }
        let begun = Instant::now();
        let name = server_name(host)?;
        let stream = self.tls.connect(name, stream).await.map_err(|error| no_tls(host, &error))?;
        let tls = begun.elapsed();
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let io = TokioIo::new(stream);
        let wire = if h2 { self.http2(io).await? } else { http1(io).await? };
        Ok(Dialed { wire, tcp, tls })
    }

    async fn http2<T>(&self, io: T) -> Result<Wire, Failure>
    where
        T: Read + Write + Unpin + Send + 'static,
    {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .max_header_list_size(MAX_HEAD as u32)
            // Large enough that a page arrives without waiting for a window update.
            .initial_stream_window_size(1024 * 1024)
            .initial_connection_window_size(4 * 1024 * 1024)
            .handshake(io)
            .await
            .map_err(|error| super::failure::of_hyper(&error, "the connection"))?;
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            // What goes wrong here reaches the request that waits, too.
            let _ = connection.await;
        });
        Ok(Wire { sender: Sender::H2(sender), running: None })
    }
}

async fn http1<T>(io: T) -> Result<Wire, Failure>
where
    T: Read + Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::Builder::new()
        // Chromium writes its header names so over HTTP/1.1.
        .title_case_headers(true)
        .max_header_size(MAX_HEAD)
        .handshake(io)
        .await
        .map_err(|error| super::failure::of_hyper(&error, "the connection"))?;
    let running = Box::pin(async move {
        // What goes wrong here reaches the request that waits, too.
        let _ = connection.await;
    });
    Ok(Wire { sender: Sender::H1(sender), running: Some(running) })
}

/// The TLS configuration that all actors of a run share: `roots` alone are trusted, HTTP/2 is preferred.
///
/// # Panics
/// Never: ring supports the protocol versions that rustls asks for.
pub(crate) fn tls_config(roots: rustls::RootCertStore) -> Arc<rustls::ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring supports TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

/// `host` as rustls wants it: IPv6 addresses stand in brackets in a URL, but not in a certificate.
fn server_name(host: &str) -> Result<ServerName<'static>, Failure> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(bare.to_owned())
        .map_err(|_| Failure { kind: FailureKind::Tls, message: format!("`{host}` cannot be named in TLS; use a host name or an address") })
}

fn unreachable_edge(host: &str, error: &io::Error) -> Failure {
    Failure { kind: FailureKind::Connect, message: format!("no connection for `{host}`: {error}") }
}

fn no_tls(host: &str, error: &io::Error) -> Failure {
    let kind = match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => FailureKind::Tls,
        _ => FailureKind::Broken,
    };
    Failure { kind, message: format!("the TLS handshake for `{host}` failed: {error}") }
}
