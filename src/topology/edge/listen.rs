//! Listeners, and what the connections to them turn out to be.

use super::authority::{Authority, AuthorityError, Leaves, provider};
use super::connect::{LARGEST_HEAD, MOST_HEADERS, Pools, system_roots};
use super::faults::Boards;
use super::routes::{Routes, Target};
use super::serve::{self, Line};
use super::stream::{Duplex, Prefixed};
use super::tasks::Tasks;
use super::trust::TrustFiles;
use crate::base::Clock;
use crate::topology::calls::{CallLog, Caller};
use crate::topology::process::Outward;
use crate::topology::transport::{Abort, Abortable};
use crate::topology::{Switchboard, TopologyError};
use crate::web::origin::{Origin, Scheme};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use url::Host;

/// How long a connection may stay silent before or between requests. Longer than a run should take: clients keep
/// connections open, and one that is closed under a request's feet costs a failed step.
const IDLE: Duration = Duration::from_secs(600);
/// How long a TLS handshake may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(30);
/// How long accepting rests after the system refused (it is out of file descriptors, and does not tell when it has some).
const ACCEPT_REST: Duration = Duration::from_millis(50);
/// Requests at once on one HTTP/2 connection.
const MOST_STREAMS: u32 = 256;

/// What all connections of one edge share.
pub(super) struct Shared {
    pub(super) routes: Routes,
    pub(super) log: CallLog,
    pub(super) boards: Boards,
    pub(super) clock: Clock,
    pub(super) max_body: usize,
    pub(super) pools: Pools,
    pub(super) tasks: Tasks,
    tls: TlsAcceptor,
    http: auto::Builder<TokioExecutor>,
}

/// The edge of one run: its listeners live until [`stop`](Self::stop) or until it is dropped.
pub(crate) struct Edge {
    shared: Arc<Shared>,
    authority: Arc<Authority>,
    /// By who calls, and whether the way leads behind the edge.
    listeners: Mutex<HashMap<(Caller, bool), SocketAddr>>,
    /// Where its listeners for actors are.
    host: IpAddr,
    /// For actors when the system gives no more listeners.
    spare: SocketAddr,
    trust: OnceLock<TrustFiles>,
}

impl Edge {
    /// An edge for these origins, without listeners yet. Must be called within a tokio runtime.
    pub(crate) fn new(routes: Vec<(Origin, Target)>, clock: Clock, max_body: usize, host: IpAddr) -> Result<Self, TopologyError> {
        let cannot = |cause: AuthorityError| TopologyError::system("making the run's certificates", cause);
        let authority = Arc::new(Authority::new().map_err(cannot)?);
        let bare = routes.iter().filter_map(|(origin, _)| bare_host(origin)).collect();
        let tls = server_config(Leaves::new(authority.clone(), bare)).map_err(|cause| cannot(cause.into()))?;
        let secure = routes.iter().any(|(_, target)| matches!(target, Target::Upstream(upstream) if upstream.needs_roots()));
        let shared = Shared {
            boards: Boards::new(routes.iter().map(|(origin, _)| origin.clone())),
            routes: Routes::new(routes),
            log: CallLog::default(),
            clock,
            max_body,
            pools: Pools::new(secure.then(system_roots)).map_err(|cause| cannot(cause.into()))?,
            tasks: Tasks::new(),
            tls: TlsAcceptor::from(Arc::new(tls)),
            http: http_builder(),
        };
        let shared = Arc::new(shared);
        let spare = open(&shared, Caller::Actor("an actor".to_owned()), false, host)?;
        Ok(Self { shared, authority, listeners: Mutex::default(), host, spare, trust: OnceLock::new() })
    }

    /// What stands behind an origin.
    pub(super) fn target(&self, origin: &Origin) -> Option<&Target> {
        self.shared.routes.get(origin)
    }

    /// What goes wrong on the way to an origin.
    pub(crate) fn faults(&self, origin: &Origin) -> Option<&Switchboard> {
        self.shared.boards.get(origin)
    }

    /// Where an actor reaches the edge.
    pub(crate) fn actor_endpoint(&self, name: &str) -> SocketAddr {
        self.endpoint(&Caller::Actor(name.to_owned()), false).unwrap_or(self.spare)
    }

    /// Where an actor reaches what stands behind `origin`, past whatever its edge does.
    ///
    /// # Errors
    /// Why nobody knows what stands there, as a fragment.
    pub(crate) fn direct_endpoint(&self, name: &str, origin: &Origin) -> Result<SocketAddr, String> {
        match self.target(origin) {
            None => return Err(format!("{origin} is not declared")),
            Some(Target::Upstream(upstream)) if upstream.direct.is_none() => {
                return Err(format!(
                    "what stands behind the edge of {origin} is not known; write its address as `direct` beside the `url` of `upstream`"
                ));
            }
            Some(_) => {}
        }
        self.endpoint(&Caller::Actor(name.to_owned()), true).map_err(|error| error.to_string())
    }

    /// Where `caller` reaches the edge, or what is behind it; its listener is opened when it is asked for first.
    fn endpoint(&self, caller: &Caller, direct: bool) -> Result<SocketAddr, TopologyError> {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (caller.clone(), direct);
        if let Some(address) = listeners.get(&key) {
            return Ok(*address);
        }
        let host = if matches!(caller, Caller::Actor(_)) { self.host } else { Ipv4Addr::LOCALHOST.into() };
        let address = open(&self.shared, caller.clone(), direct, host)?;
        listeners.insert(key, address);
        Ok(address)
    }

    /// How the process behind `origin` reaches other origins.
    pub(crate) fn outward(&self, origin: &Origin) -> Result<Outward, TopologyError> {
        let proxy = self.endpoint(&Caller::Server(origin.clone()), false)?;
        let trust = match self.trust.get() {
            Some(trust) => trust,
            None => {
                let written = TrustFiles::write(&self.authority);
                let written = written.map_err(|cause| TopologyError::system("writing the run's certificates", cause))?;
                self.trust.get_or_init(|| written)
            }
        };
        Ok(Outward { proxy, authority: trust.authority(), bundle: trust.bundle() })
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    pub(crate) fn log(&self) -> &CallLog {
        &self.shared.log
    }

    /// Closes all listeners and connections.
    pub(crate) fn stop(&self) {
        self.shared.tasks.end();
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // The tasks hold what holds them, so they would never go by themselves.
        self.stop();
    }
}

/// Opens a listener for `caller`.
fn open(shared: &Arc<Shared>, caller: Caller, direct: bool, host: IpAddr) -> Result<SocketAddr, TopologyError> {
    let bind = || -> io::Result<(TcpListener, SocketAddr)> {
        let listener = std::net::TcpListener::bind((host, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let _runtime = shared.tasks.runtime().enter();
        Ok((TcpListener::from_std(listener)?, address))
    };
    let (listener, address) = bind().map_err(|cause| TopologyError::system("opening a listener", format!("{host}: {cause}")))?;
    shared.tasks.spawn(accept(listener, caller, direct, shared.clone()));
    Ok(address)
}

/// The host of an origin that SNI cannot name.
fn bare_host(origin: &Origin) -> Option<String> {
    match origin.host() {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(address.to_string()),
        Host::Ipv6(address) => Some(address.to_string()),
    }
}

fn server_config(leaves: Leaves) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(leaves));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = rustls::crypto::ring::Ticketer::new()?;
    Ok(config)
}

fn http_builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LARGEST_HEAD)
        .preserve_header_case(true)
        .auto_date_header(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(LARGEST_HEAD as u32)
        .max_concurrent_streams(MOST_STREAMS)
        .auto_date_header(false);
    builder
}

async fn accept(listener: TcpListener, caller: Caller, direct: bool, shared: Arc<Shared>) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_REST).await;
            continue;
        };
        // Without it a small answer may wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let abort = Abort::default();
        let line = Line { caller: caller.clone(), peer: peer.ip(), scheme: None, direct, abort: abort.clone() };
        let stream = Abortable::new(stream, abort);
        shared.tasks.spawn(connection(stream, line, shared.clone()));
    }
}

/// Serves one connection, or what is inside a tunnel: TLS or plain HTTP, as its first byte says.
///
/// What goes wrong here is the client's affair: it sees the connection end.
pub(super) async fn connection<S: Duplex>(stream: S, line: Line, shared: Arc<Shared>) {
    let Ok(Ok(Some(stream))) = tokio::time::timeout(IDLE, Prefixed::look(stream)).await else { return };
    if stream.is_tls() {
        let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_WITHIN, shared.tls.accept(stream)).await else { return };
        http(stream, Line { scheme: Some(Scheme::Https), ..line }, shared).await;
    } else {
        http(stream, line, shared).await;
    }
}

async fn http<S: Duplex>(stream: S, line: Line, shared: Arc<Shared>) {
    let line = Arc::new(line);
    let service = service_fn(|request| serve::answer(request, line.clone(), shared.clone()));
    let _ = shared.http.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
}
