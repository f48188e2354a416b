//! Connections from the edge to what stands behind it.

use super::authority::provider;
use super::stream::Duplex;
use axum::body::Body;
use http::{Request, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{CaptureConnection, Connected, Connection, HttpConnector, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio_rustls::TlsConnector;
use tower::{Service, ServiceExt as _};

/// How long a TCP connection, and then its TLS handshake, may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Connections to this machine are not kept for long: some servers close theirs after a second or two, and a request that
/// meets the closing is lost.
const NEAR_IDLE: Duration = Duration::from_secs(1);
/// Connections to real upstreams are dear.
const FAR_IDLE: Duration = Duration::from_secs(30);
/// Fields in the head of an answer.
pub(super) const MOST_HEADERS: usize = 512;
/// Bytes in the head of a request or an answer.
pub(super) const LARGEST_HEAD: usize = 256 * 1024;

/// A client with pooled connections. It speaks HTTP/1.1 to everybody behind the edge, as reverse proxies do.
pub(super) type Pool = Client<Connector, Body>;

/// The pools of one run.
#[derive(Debug, Clone)]
pub(super) struct Pools {
    /// For servers on this machine.
    pub(super) near: Pool,
    /// For real upstreams.
    pub(super) far: Pool,
}

impl Pools {
    /// Pools that speak TLS by these roots, if there are any.
    pub(super) fn new(roots: Option<RootCertStore>) -> Result<Self, rustls::Error> {
        let connector = Connector::new(roots.map(tls_connector).transpose()?);
        Ok(Self { near: pool(connector.clone(), NEAR_IDLE), far: pool(connector, FAR_IDLE) })
    }
}

fn pool(connector: Connector, idle: Duration) -> Pool {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(idle)
        .http1_preserve_header_case(true)
        .http1_max_headers(MOST_HEADERS)
        .http1_max_buf_size(LARGEST_HEAD)
        .set_host(false)
        .build(connector)
}

/// The system's roots.
pub(super) fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn tls_connector(roots: RootCertStore) -> Result<TlsConnector, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Opens connections, over TLS where the URI says so.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: HttpConnector,
    tls: Option<TlsConnector>,
}

impl Connector {
    fn new(tls: Option<TlsConnector>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_WITHIN));
        Self { tcp, tls }
    }

    async fn connect(self, uri: Uri) -> Result<Link, Box<dyn Error + Send + Sync>> {
        let https = uri.scheme() == Some(&http::uri::Scheme::HTTPS);
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let tcp = self.tcp.oneshot(uri).await?.into_inner();
        if !https {
            return Ok(Link::new(tcp));
        }
        let tls = self.tls.ok_or("no TLS was prepared for this upstream")?;
        let name = ServerName::try_from(host)?;
        let stream = tokio::time::timeout(CONNECT_WITHIN, tls.connect(name, tcp)).await.map_err(|_| "the TLS handshake took too long")?;
        Ok(Link::new(stream?))
    }
}

impl Service<Uri> for Connector {
    type Response = Link;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Link, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// Whether a connection has brought an answer already.
#[derive(Debug, Clone, Default)]
pub(super) struct Used(Arc<AtomicBool>);

impl Used {
    /// It has, from now on.
    pub(super) fn mark(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn before(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Remembers which connection a request went out on.
pub(super) struct Captured(CaptureConnection);

impl Captured {
    pub(super) fn of<B>(request: &mut Request<B>) -> Self {
        Self(capture_connection(request))
    }

    /// Whether that connection was used before, if it is known by now.
    pub(super) fn used(&self) -> Option<Used> {
        let mut extensions = http::Extensions::new();
        self.0.connection_metadata().as_ref()?.get_extras(&mut extensions);
        extensions.remove()
    }
}

/// One open connection.
pub(super) struct Link {
    stream: TokioIo<Box<dyn Duplex>>,
    used: Used,
}

impl Link {
    fn new(stream: impl Duplex) -> Self {
        Self { stream: TokioIo::new(Box::new(stream)), used: Used::default() }
    }
}

impl Connection for Link {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.used.clone())
    }
}

impl Read for Link {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl Write for Link {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::edge::Authority;
    use crate::topology::edge::authority::Leaves;
    use http::Request;
    use rustls::ServerConfig;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    /// An https server on 127.0.0.1 with a certificate by `authority`.
    async fn upstream(authority: Arc<Authority>) -> Uri {
        let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_cert_resolver(Arc::new(Leaves::new(authority, Vec::new())));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("https://{}/", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
            }
        });
        uri
    }

    async fn get(pools: &Pools, uri: &Uri) -> Result<u16, String> {
        let request = Request::get(uri.clone()).header("host", "up.test").body(Body::empty()).unwrap();
        let response = tokio::time::timeout(Duration::from_secs(20), pools.far.request(request)).await.unwrap();
        response.map(|response| response.status().as_u16()).map_err(|error| format!("{error:?}"))
    }

    #[tokio::test]
    async fn an_https_upstream_must_have_a_certificate_that_the_roots_vouch_for() {
        let authority = Arc::new(Authority::new().unwrap());
        let uri = upstream(authority.clone()).await;
        assert_eq!(get(&Pools::new(Some(authority.roots())).unwrap(), &uri).await, Ok(204));
        let stranger = Authority::new().unwrap().roots();
        let error = get(&Pools::new(Some(stranger)).unwrap(), &uri).await.unwrap_err();
        assert!(error.contains("UnknownIssuer"), "{error}");
    }
}
