//! A service on a socket of its own, without an edge before it.

use crate::topology::transport::{Abort, Abortable, Lost, Transport, lose};
use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

/// How long a connection may stay silent before or between requests.
const IDLE: Duration = Duration::from_secs(120);
/// How long accepting rests after the system refused.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// Serves HTTP/1.1 and HTTP/2 without TLS on `listener` until the future is dropped, which closes every connection.
pub async fn serve(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(connection(stream, router.clone()))),
                Err(_) => tokio::time::sleep(ACCEPT_REST).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// What goes wrong here is the client's affair: it sees the connection end.
async fn connection(stream: TcpStream, router: Router) {
    // Without it a small answer may wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let abort = Abort::default();
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(IDLE);
    http.http2().timer(TokioTimer::new());
    let service = service_fn(|request| answer(request, router.clone(), abort.clone()));
    let _ = http.serve_connection(TokioIo::new(Abortable::new(stream, abort.clone())), service).await;
}

async fn answer(request: Request<Incoming>, router: Router, abort: Abort) -> Result<Response<Body>, Lost> {
    let Ok(response) = router.oneshot(request.map(Body::new)).await;
    let how = Transport::of(&response);
    lose(response, how, &abort).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    async fn ask(how: Transport, patience: Duration) -> (std::io::Result<usize>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(move || async move { (axum::Extension(how), "0123456789") }));
        let server = tokio::spawn(serve(listener, router));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await.unwrap();
        let mut text = Vec::new();
        let read = tokio::time::timeout(patience, stream.read_to_end(&mut text)).await;
        server.abort();
        let read = read.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
        (read, String::from_utf8(text).unwrap())
    }

    #[tokio::test]
    async fn a_reset_is_a_reset_and_not_an_orderly_end() {
        let (read, text) = ask(Transport::Reset, Duration::from_secs(10)).await;
        assert_eq!((read.unwrap_err().kind(), text.as_str()), (std::io::ErrorKind::ConnectionReset, ""));
    }

    #[tokio::test]
    async fn half_a_body_is_less_than_was_announced() {
        let (read, text) = ask(Transport::HalfBody, Duration::from_secs(10)).await;
        assert!(read.is_ok());
        assert!(text.contains("content-length: 10\r\n") && text.ends_with("\r\n\r\n01234"), "{text}");
    }

    #[tokio::test]
    async fn a_black_hole_says_nothing_and_keeps_the_connection() {
        let (read, text) = ask(Transport::Blackhole, Duration::from_millis(300)).await;
        assert_eq!((read.unwrap_err().kind(), text.as_str()), (std::io::ErrorKind::TimedOut, ""));
    }
}
