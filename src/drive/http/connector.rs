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
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// Most header fields that a response may have.
pub(super) const MAX_HEADERS: usize = 512;
/// Largest head of a response, in bytes.
pub(super) const MAX_HEAD: usize = 256 * 1024;

/// The sending half of a connection.
pub(super) enum Sender {
    /// HTTP/1.1: one request at a time.
    H1(http1::SendRequest<Full<Bytes>>),
    /// HTTP/2: shared by all requests to the origin.
    H2(http2::SendRequest<Full<Bytes>>),
}

/// A new connection and how long its parts took.
pub(super) struct Dialed {
    pub(super) sender: Sender,
    pub(super) tcp: Duration,
    pub(super) tls: Duration,
}

/// Opens connections for one actor. Dropping it closes them all.
pub(super) struct Connector {
    edge: SocketAddr,
    tls: TlsConnector,
    /// What drives the open connections.
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
            let sender = self.http1(TokioIo::new(stream)).await?;
            return Ok(Dialed { sender, tcp, tls: Duration::ZERO });
        }
        let begun = Instant::now();
        let name = server_name(host)?;
        let stream = self.tls.connect(name, stream).await.map_err(|error| no_tls(host, &error))?;
        let tls = begun.elapsed();
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let io = TokioIo::new(stream);
        let sender = if h2 { self.http2(io).await? } else { self.http1(io).await? };
        Ok(Dialed { sender, tcp, tls })
    }

    async fn http1<T>(&self, io: T) -> Result<Sender, Failure>
    where
        T: Read + Write + Unpin + Send + 'static,
    {
        let (sender, connection) = http1::Builder::new()
            // Chromium writes its header names so over HTTP/1.1.
            .title_case_headers(true)
            .max_headers(MAX_HEADERS)
            .max_header_size(MAX_HEAD)
            .handshake(io)
            .await
            .map_err(|error| super::failure::of_hyper(&error, "the connection"))?;
        self.run(async move {
            // What goes wrong here reaches the request that waits, too.
            let _ = connection.await;
        });
        Ok(Sender::H1(sender))
    }

    async fn http2<T>(&self, io: T) -> Result<Sender, Failure>
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
        self.run(async move {
            let _ = connection.await;
        });
        Ok(Sender::H2(sender))
    }

    fn run(&self, connection: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(connection);
    }
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
