//! A request on its way to what stands behind its origin, and the answer on its way back.

use super::connect::{Captured, Pool, Used};
use super::faults::{Passed, Way};
use super::headers::{join_cookies, set_forwarded, set_host, set_upgrade, strip_hop_by_hop, upgrade};
use super::listen::Shared;
use super::routes::{Target, UpstreamTarget};
use super::serve::{Line, own, text};
use crate::topology::calls::{Call, Caller, Told};
use crate::topology::process::Station;
use crate::topology::provider::{Decision, Note};
use crate::topology::stub;
use crate::topology::transport::{Lost, Transport, lose};
use crate::web::headers::EDGE;
use crate::web::origin::Origin;
use axum::body::Body;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Request, Response, StatusCode, Uri, Version};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower::ServiceExt as _;

/// How long the head of an answer may take at most; the client's own limit comes long before.
const HEAD_WITHIN: Duration = Duration::from_secs(300);

/// The origin that a request is for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) origin: Origin,
    /// Host and port as the client wrote them.
    pub(super) authority: Authority,
}

/// Why there is no answer but the edge's own.
struct Failure {
    status: StatusCode,
    text: String,
    /// In one word, when no answer came from the origin (see [`EDGE`]); a client's own mistake has none.
    why: Option<&'static str>,
}

impl Failure {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), why: None }
    }

    fn because(self, why: &'static str) -> Self {
        Self { why: Some(why), ..self }
    }
}

/// Sends a request to what stands behind its origin, and logs the call.
pub(super) async fn forward(
    shared: &Arc<Shared>,
    target: &Target,
    asked: Asked,
    line: &Line,
    request: Request<Incoming>,
) -> Result<Response<Body>, Lost> {
    let began = Instant::now();
    let call = shared.log.open(Call {
        origin: asked.origin.clone(),
        by_actor: matches!(line.caller, Caller::Actor(_)),
        caller: line.caller.to_string(),
        method: request.method().to_string(),
        target: request.uri().path_and_query().map_or("/", PathAndQuery::as_str).to_owned(),
        status: None,
        at: shared.clock.now(),
        took: Duration::ZERO,
        note: None,
        unexpected: false,
        decision: None,
    });
    let behind = match target {
        Target::Upstream(upstream) if line.direct => upstream.direct.clone().map(Target::Upstream),
        _ => None,
    };
    let target = behind.as_ref().unwrap_or(target);
    let way = Way::of(shared.boards.get(&asked.origin).filter(|_| !line.direct), &request, line);
    let answered = tokio::time::timeout(HEAD_WITHIN, async {
        let mut request = request;
        match way.there(request.headers_mut()).await {
            Passed::No(answer) => Ok(*answer),
            Passed::On => {
                let (response, told) = pass_on(shared, target, &asked, line, request).await?;
                Ok(way.back(response, told).await)
            }
        }
    })
    .await;
    let late =
        || Failure::new(StatusCode::GATEWAY_TIMEOUT, format!("{} did not answer within {HEAD_WITHIN:?}", asked.origin)).because("late");
    let (response, told) = match answered.unwrap_or_else(|_| Err(late())) {
        Ok(answer) => answer,
        Err(failure) => {
            let mut response = text(failure.status, &failure.text);
            match failure.why {
                Some(why) => response = own(response, why),
                // As a server would answer: the request is at fault, not the way to the origin.
                None => drop(response.headers_mut().remove(EDGE)),
            }
            (response, failure.text.into())
        }
    };
    if response.extensions().get::<stub::Unexpected>().is_some() {
        shared.log.unexpected(call);
    }
    let how = Transport::of(&response);
    let status = how.is_none_or(|how| !how.is_silent()).then_some(response.status().as_u16());
    shared.log.close(call, status, began.elapsed(), told);
    lose(response, how, &line.abort).await
}

type Answer = Result<(Response<Body>, Told), Failure>;

async fn pass_on(shared: &Arc<Shared>, target: &Target, asked: &Asked, line: &Line, mut request: Request<Incoming>) -> Answer {
    let protocol = upgrade(request.headers());
    let client_side = protocol.is_some().then(|| hyper::upgrade::on(&mut request));
    let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let headers = request.headers_mut();
    strip_hop_by_hop(headers);
    join_cookies(headers);
    set_host(headers, asked.authority.as_str());
    let transparent = matches!(target, Target::Upstream(upstream) if upstream.same);
    if !transparent {
        set_forwarded(headers, line.peer, &asked.origin, asked.authority.as_str());
    }
    *request.version_mut() = Version::HTTP_11;

    let (pool, uri) = match target {
        Target::Service(router) => {
            *request.uri_mut() = Uri::from(path);
            let request = request.map(|body| Body::new(Limited::new(body, shared.max_body)));
            let Ok(response) = router.clone().oneshot(request).await;
            let extensions = response.extensions();
            let told = Told { note: extensions.get::<Note>().map(|note| note.0.clone()), decision: extensions.get::<Decision>().cloned() };
            return Ok((response, told));
        }
        Target::Stub(address) => {
            let (parts, body) = request.into_parts();
            let body = read(body, shared.max_body, &asked.origin).await?;
            let request = Request::from_parts(parts, Body::from(body));
            let (response, _) = send(&shared.pools.near, near(*address, path)?, request, asked, target).await?;
            let (response, note) = stub::unmark(response);
            return Ok((response, Told { note, decision: None }));
        }
        Target::Process(station) => (&shared.pools.near, near(station.address(), path)?),
        Target::Upstream(upstream) => {
            if !upstream.keep_host {
                set_host(request.headers_mut(), upstream.host());
            }
            let uri = upstream.uri(&path).map_err(|cause| unsendable(&cause))?;
            (if upstream.near { &shared.pools.near } else { &shared.pools.far }, uri)
        }
    };
    if let Some(protocol) = &protocol {
        set_upgrade(request.headers_mut(), protocol.clone());
    }
    let (mut response, switched) = send(pool, uri, request.map(Body::new), asked, target).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let (Some(client_side), Some(protocol)) = (client_side, switched) else {
            return Err(Failure::new(StatusCode::BAD_GATEWAY, format!("{} switched protocols without being asked", asked.origin)));
        };
        let server_side = hyper::upgrade::on(&mut response);
        shared.tasks.spawn(async move {
            if let (Ok(client), Ok(server)) = tokio::join!(client_side, server_side) {
                let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(server)).await;
            }
        });
        set_upgrade(response.headers_mut(), protocol);
    }
    Ok((response, Told::default()))
}

/// The address of `path` at a server on this machine.
fn near(address: SocketAddr, path: PathAndQuery) -> Result<Uri, Failure> {
    let uri = Uri::builder().scheme("http").authority(address.to_string()).path_and_query(path).build();
    uri.map_err(|cause| unsendable(&cause))
}

fn unsendable(cause: &http::Error) -> Failure {
    Failure::new(StatusCode::BAD_REQUEST, format!("the request's target cannot be passed on: {cause}"))
}

/// Sends a request; with the response comes the protocol that it wants to switch to.
async fn send(
    pool: &Pool,
    uri: Uri,
    mut request: Request<Body>,
    asked: &Asked,
    target: &Target,
) -> Result<(Response<Body>, Option<HeaderValue>), Failure> {
    *request.uri_mut() = uri;
    let response = loop {
        let again = repeatable(&request);
        let captured = Captured::of(&mut request);
        let answered = pool.request(request).await;
        let used = captured.used();
        match (answered, again) {
            (Ok(response), _) => {
                used.inspect(Used::mark);
                break response;
            }
            // The server had closed the connection after its last answer, and nobody knew yet. Each such connection is gone
            // from the pool, so this ends.
            (Err(cause), Some(copy)) if !cause.is_connect() && used.is_some_and(|used| used.before()) => request = copy,
            (Err(cause), _) => return Err(unanswered(&asked.origin, target, &cause)),
        }
    };
    let protocol = upgrade(response.headers());
    let mut response = response.map(Body::new);
    strip_hop_by_hop(response.headers_mut());
    response.headers_mut().remove(EDGE);
    *response.version_mut() = Version::HTTP_11;
    Ok((response, protocol))
}

/// A copy of a request that may be sent again when a connection that was used before turns out to be closed: a safe one
/// without a body (RFC 9110 §9.2.2, RFC 9112 §9.3.1).
fn repeatable(request: &Request<Body>) -> Option<Request<Body>> {
    if !request.method().is_safe() || !hyper::body::Body::is_end_stream(request.body()) {
        return None;
    }
    let mut copy = Request::new(Body::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

/// What hyper itself says beneath the pool's error.
fn hyper_error(error: &hyper_util::client::legacy::Error) -> Option<&hyper::Error> {
    error.source()?.downcast_ref()
}

/// Reads a whole request body of at most `most` bytes.
async fn read(body: Incoming, most: usize, origin: &Origin) -> Result<bytes::Bytes, Failure> {
    match Limited::new(body, most).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(cause) if cause.is::<LengthLimitError>() => {
            Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the stub of {origin} reads at most {most} bytes")))
        }
        Err(cause) => Err(Failure::new(StatusCode::BAD_REQUEST, format!("the request's body ended early: {cause}"))),
    }
}

/// Says which origin did not answer, where that should have been, and why.
fn unanswered(origin: &Origin, target: &Target, cause: &hyper_util::client::legacy::Error) -> Failure {
    let why = chain(cause);
    let (what, kind) = match hyper_error(cause) {
        _ if cause.is_connect() => ("cannot be reached", "unreachable"),
        Some(parsing) if parsing.is_parse() || parsing.is_parse_too_large() => {
            ("answered with a header that is no valid HTTP, or with more of them than are read", "malformed")
        }
        _ => ("broke off before it answered", "broken"),
    };
    let place = match target {
        Target::Process(station) => process_place(station),
        Target::Stub(address) => format!("its stub at {address}"),
        Target::Upstream(upstream) => upstream_place(upstream),
        Target::Service(_) => "its embedded service".to_owned(),
    };
    Failure::new(StatusCode::BAD_GATEWAY, format!("{origin}: {place} {what}: {why}")).because(kind)
}

fn process_place(station: &Station) -> String {
    match station.ended() {
        Some(status) => format!("its process at {}, which ended ({status}),", station.address()),
        None => format!("its process at {}", station.address()),
    }
}

fn upstream_place(upstream: &UpstreamTarget) -> String {
    format!("its upstream {upstream}")
}

/// An error and everything beneath it, without what is said twice.
fn chain(error: &dyn Error) -> String {
    let mut said = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.iter().any(|before| before.contains(&text)) {
            said.push(text);
        }
        next = cause.source();
    }
    said.join(": ")
}
