//! Which origin a request is for, and what is refused.

use super::forward::{Asked, forward};
use super::listen::{Shared, connection};
use crate::topology::calls::Caller;
use crate::topology::transport::{Abort, Lost};
use crate::web::headers::EDGE;
use crate::web::origin::{Origin, Scheme};
use axum::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST};
use http::uri::Authority;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

/// Names the undeclared origin in a refusal.
const REFUSED: HeaderName = HeaderName::from_static("x-authchain-refused");

/// What is known of a connection before its first request.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Whose listener it came to.
    pub(super) caller: Caller,
    /// The other end.
    pub(super) peer: IpAddr,
    /// The scheme of everything on it: `https` inside TLS, `http` inside a tunnel without TLS, and open otherwise, because a
    /// proxy request names its own.
    pub(super) scheme: Option<Scheme>,
    /// Whether it leads past what the edge does to requests and answers.
    pub(super) direct: bool,
    /// Resets the connection at its end.
    pub(super) abort: Abort,
}

/// Answers one request of a client.
pub(super) async fn answer(request: Request<Incoming>, line: Arc<Line>, shared: Arc<Shared>) -> Result<Response<Body>, Lost> {
    if request.method() == Method::CONNECT {
        return Ok(connect(request, &line, shared));
    }
    let asked = match asked(&request, &line) {
        Ok(asked) => asked,
        Err(reason) => return Ok(text(StatusCode::BAD_REQUEST, &format!("the request names no origin: {reason}"))),
    };
    let Some(target) = shared.routes.get(&asked.origin) else {
        // A request in absolute form was sent to a proxy, and that one forbids it; any other took this for the server.
        let proxied = line.scheme.is_none() && request.uri().authority().is_some();
        let status = if proxied { StatusCode::FORBIDDEN } else { StatusCode::MISDIRECTED_REQUEST };
        return Ok(refuse(status, &asked.origin.to_string(), &line, &shared));
    };
    forward(&shared, target, asked, &line, request).await
}

/// Opens a tunnel (RFC 9110 §9.3.6) to a declared origin: to the edge itself, that is.
fn connect(request: Request<Incoming>, line: &Line, shared: Arc<Shared>) -> Response<Body> {
    let Some(authority) = request.uri().authority().filter(|authority| authority.port_u16().is_some()) else {
        return text(StatusCode::BAD_REQUEST, "a CONNECT must name host and port (RFC 9110 §9.3.6)");
    };
    // The scheme is not known yet; `http` only makes the port explicit.
    let Ok(there) = format!("http://{authority}").parse::<Origin>() else {
        return text(StatusCode::BAD_REQUEST, "a CONNECT must name host and port (RFC 9110 §9.3.6)");
    };
    if line.scheme.is_some() || !shared.routes.has(there.host(), there.port()) {
        return refuse(StatusCode::FORBIDDEN, &format!("{}:{}", there.host(), there.port()), line, &shared);
    }
    let inside = Line { scheme: Some(Scheme::Http), ..line.clone() };
    shared.tasks.spawn(tunnel(request, inside, shared.clone()));
    Response::new(Body::empty())
}

/// Serves what is inside a tunnel. Boxed, because a tunnel is a connection whose requests may ask for a tunnel.
fn tunnel(request: Request<Incoming>, line: Line, shared: Arc<Shared>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        if let Ok(inside) = hyper::upgrade::on(request).await {
            connection(TokioIo::new(inside), line, shared).await;
        }
    })
}

/// The origin that a request is for: by its target if that has an authority (absolute form, or HTTP/2's `:authority`), which
/// then counts more than `Host` (RFC 9112 §3.2.2), and otherwise by `Host`, of which there must be one (RFC 9112 §3.2).
fn asked<B>(request: &Request<B>, line: &Line) -> Result<Asked, String> {
    let uri = request.uri();
    let authority = match uri.authority() {
        Some(authority) => authority.clone(),
        None => {
            let mut hosts = request.headers().get_all(HOST).iter();
            match (hosts.next(), hosts.next()) {
                (Some(host), None) => Authority::try_from(host.as_bytes()).map_err(|cause| format!("its Host is none: {cause}"))?,
                (None, _) => return Err("it has no Host".to_owned()),
                (Some(_), Some(_)) => return Err("it has more than one Host".to_owned()),
            }
        }
    };
    let scheme = match line.scheme {
        Some(scheme) => scheme,
        None if uri.scheme() == Some(&http::uri::Scheme::HTTPS) => Scheme::Https,
        None => Scheme::Http,
    };
    let origin = format!("{scheme}://{authority}").parse().map_err(|cause| format!("{cause}"))?;
    Ok(Asked { origin, authority })
}

/// Refuses an undeclared origin, in words that say which there are.
fn refuse(status: StatusCode, origin: &str, line: &Line, shared: &Shared) -> Response<Body> {
    shared.log.refuse(origin, &line.caller, shared.clock.now());
    let declared = shared.routes.names();
    let mut response = text(status, &format!("{origin} is not declared (declared: {declared}); add it under `origins`"));
    if let Ok(value) = HeaderValue::from_str(origin) {
        response.headers_mut().insert(REFUSED, value);
    }
    response
}

/// An answer of the edge's own.
pub(super) fn text(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("authchain: {message}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    own(response, "refused")
}

/// Marks an answer as the edge's own.
pub(super) fn own(mut response: Response<Body>, why: &'static str) -> Response<Body> {
    response.headers_mut().insert(EDGE, HeaderValue::from_static(why));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(scheme: Option<Scheme>) -> Line {
        Line { caller: Caller::Actor("jarvis".into()), peer: IpAddr::from([127, 0, 0, 1]), scheme, direct: false, abort: Abort::default() }
    }

    fn origin(target: &str, hosts: &[&str], scheme: Option<Scheme>) -> Result<String, String> {
        let mut request = Request::builder().uri(target);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        asked(&request.body(()).unwrap(), &line(scheme)).map(|asked| asked.origin.to_string())
    }

    #[test]
    fn the_target_counts_more_than_host() {
        assert_eq!(origin("http://a.test/x", &["b.test"], None).unwrap(), "http://a.test");
        assert_eq!(origin("/x", &["b.test:8080"], None).unwrap(), "http://b.test:8080");
    }

    #[test]
    fn tls_decides_the_scheme_whatever_the_target_says() {
        assert_eq!(origin("http://a.test/x", &[], Some(Scheme::Https)).unwrap(), "https://a.test");
        assert_eq!(origin("https://a.test/x", &[], Some(Scheme::Http)).unwrap(), "http://a.test");
        assert_eq!(origin("https://a.test/x", &[], None).unwrap(), "https://a.test");
    }

    #[test]
    fn a_request_must_name_one_origin() {
        assert!(origin("/", &[], None).unwrap_err().contains("no Host"));
        assert!(origin("/", &["a.test", "b.test"], None).unwrap_err().contains("more than one"));
        assert!(origin("/", &["me@a.test"], None).is_err());
        assert!(origin("/", &["a.test/x"], None).is_err());
    }
}
