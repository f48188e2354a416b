//! Waiting until a process serves.

use super::output::Output;
use crate::plan::Ready;
use crate::web::origin::Origin;
use bytes::Bytes;
use http::Request;
use http::header::HOST;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// First pause between two looks; each next is twice as long. Nobody tells when somebody else opens a port.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// Longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// How long one look may take.
const LOOK_WITHIN: Duration = Duration::from_secs(2);

/// How long a connection that is not closed at once is watched until it counts as taken.
const TAKEN_AFTER: Duration = Duration::from_millis(100);

/// Where a process is to listen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listener {
    /// The port of this machine.
    pub(crate) port: u16,
    /// Whether the engine's proxy stands before it, which takes every connection and drops those that nobody takes inside.
    pub(crate) beyond_proxy: bool,
}

impl Listener {
    /// Whether a connection is taken.
    pub(crate) async fn accepts(self, address: SocketAddr, within: Duration) -> bool {
        let Ok(Ok(mut stream)) = tokio::time::timeout(within, TcpStream::connect(address)).await else { return false };
        if !self.beyond_proxy {
            return true;
        }
        // Silence is that of a server that waits to be asked.
        !matches!(tokio::time::timeout(TAKEN_AFTER, stream.read_u8()).await, Ok(Err(_)))
    }
}

/// What is waited for, for a message.
pub(super) fn waited_for(ready: &Ready, port: u16) -> String {
    match ready {
        Ready::Tcp => format!("nothing accepted connections on port {port}"),
        Ready::Get(path) => format!("GET {path} on port {port} never answered with a status below 500"),
        Ready::Log(regex) => format!("no line matched `{regex}`"),
    }
}

/// Returns once a process serves, with the address where it does: 127.0.0.1, or `::1` for one that listens there alone.
pub(super) async fn serves(ready: &Ready, listener: Listener, origin: &Origin, output: &Output) -> SocketAddr {
    let port = listener.port;
    let addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))];
    if let Ready::Log(_) = ready {
        output.printed().await;
        for address in addresses {
            if listener.accepts(address, LOOK_WITHIN).await {
                return address;
            }
        }
        return addresses[0];
    }
    let mut pause = FIRST_PAUSE;
    loop {
        for address in addresses {
            let there = match ready {
                Ready::Get(path) => listener.accepts(address, LOOK_WITHIN).await && answers(address, path, origin).await,
                Ready::Tcp | Ready::Log(_) => listener.accepts(address, LOOK_WITHIN).await,
            };
            if there {
                return address;
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether GET answers with a status below 500. It is asked as the edge will ask: with the origin's `Host` and scheme, so that
/// neither a check of hosts nor a redirect to https stands in the way.
async fn answers(address: SocketAddr, path: &str, origin: &Origin) -> bool {
    let name = origin.to_string();
    let host = name.split_once("://").map_or(name.as_str(), |(_, host)| host);
    let request = Request::get(format!("http://{address}{path}"))
        .header(HOST, host)
        .header("x-forwarded-host", host)
        .header("x-forwarded-proto", origin.scheme().as_str())
        .body(Empty::<Bytes>::new());
    let Ok(request) = request else { return false };
    let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
    match tokio::time::timeout(LOOK_WITHIN, client.request(request)).await {
        Ok(Ok(response)) => response.status().as_u16() < 500,
        Ok(Err(_)) | Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Redactor;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::net::TcpListener;

    async fn ready(ready: Ready, port: u16) -> SocketAddr {
        let origin: Origin = "https://a.test".parse().unwrap();
        let output = Output::new(origin.to_string(), Redactor::default(), Arc::new(|_| {}), None);
        tokio::time::timeout(Duration::from_secs(10), serves(&ready, Listener { port, beyond_proxy: false }, &origin, &output))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn an_open_port_serves_also_where_only_ipv6_listens() {
        let four = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let listener = TcpListener::bind(four).await.unwrap();
        assert_eq!(ready(Ready::Tcp, four.port()).await, four);
        drop(listener);
        let Ok(six) = TcpListener::bind("[::1]:0").await else { return };
        let six = six.local_addr().map(|address| (six, address)).unwrap();
        assert_eq!(ready(Ready::Tcp, six.1.port()).await, six.1);
    }

    #[tokio::test]
    async fn behind_a_proxy_that_takes_everything_a_dropped_connection_is_none() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepts = |beyond_proxy| Listener { port: address.port(), beyond_proxy }.accepts(address, LOOK_WITHIN);
        let dropping = tokio::spawn(async move {
            for _ in 0..2 {
                drop(listener.accept().await.unwrap());
            }
            listener.accept().await.unwrap()
        });
        assert_eq!((accepts(false).await, accepts(true).await, accepts(true).await), (true, false, true));
        drop(dropping.await.unwrap());
    }

    #[tokio::test]
    async fn a_server_is_ready_when_it_stops_failing() {
        let asked = Arc::new(AtomicU32::new(0));
        let count = asked.clone();
        let health = move |headers: http::HeaderMap| {
            let nth = count.fetch_add(1, Ordering::Relaxed);
            assert_eq!((&headers[HOST], &headers["x-forwarded-proto"]), (&"a.test".parse().unwrap(), &"https".parse().unwrap()));
            async move { if nth < 3 { http::StatusCode::SERVICE_UNAVAILABLE } else { http::StatusCode::FOUND } }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = axum::Router::new().route("/health", axum::routing::get(health));
        tokio::spawn(async move { axum::serve(listener, router).await });
        assert_eq!(ready(Ready::Get("/health".into()), address.port()).await, address);
        assert_eq!(asked.load(Ordering::Relaxed), 4);
    }
}
