//! One actor's HTTP client: connections that are used again, limits on everything a server says, and times for each part.
//!
//! Redirects are not followed and cookies not looked at here: a request goes in, and what came of it comes out.

use super::body::{self, BodyError};
use super::connector::{Connector, Sender, Wire, along};
use super::failure::{failure, of_hyper, timed_out};
use crate::trace::{AnsweredBy, Body, Failure, FailureKind, Response, Timings};
use crate::web::headers::{EDGE, Headers};
use crate::web::redirect::is_redirect_status;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;
use url::{Position, Url};

/// Most that is read of a redirect's body.
const REDIRECT_BODY: usize = 64 * 1024;
/// Most that is read of what the edge says itself.
const EDGE_TEXT: usize = 4 * 1024;

/// A request ready to go out; `Host` and the framing of the body are the connection's business.
pub(super) struct Outgoing<'a> {
    pub(super) method: &'a http::Method,
    pub(super) url: &'a Url,
    pub(super) headers: &'a Headers,
    pub(super) body: Bytes,
}

/// What came of a request.
pub(super) struct Answer {
    /// Status, version and headers, when they came.
    pub(super) head: Option<Head>,
    /// The body, or why it or the whole answer is missing.
    pub(super) body: Result<Body, Failure>,
    pub(super) timings: Timings,
}

impl Answer {
    /// The response, or why there is none, and the times.
    pub(super) fn outcome(self) -> (Result<Response, Failure>, Timings) {
        let outcome = match (self.head, self.body) {
            (Some(Head { status, version, headers }), Ok(body)) => Ok(Response { status, version, headers, body, by: AnsweredBy::Server }),
            (None, Ok(_)) => Err(failure(FailureKind::Broken, "no head came with the answer")),
            (_, Err(failure)) => Err(failure),
        };
        (outcome, self.timings)
    }
}

/// A response before its body.
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) version: &'static str,
    pub(super) headers: Headers,
}

/// The connections of one actor.
pub(crate) struct Client {
    connector: Connector,
    lanes: Mutex<Vec<Lane>>,
    max_body: usize,
}

/// The connections to one origin.
struct Lane {
    secure: bool,
    host: Box<str>,
    port: u16,
    /// HTTP/1.1 connections that wait for a request, the one used last at the end.
    idle: Vec<Wire>,
    /// The HTTP/2 connection, which takes any number of requests at once.
    shared: Option<http2::SendRequest<Full<Bytes>>>,
}

impl Client {
    pub(crate) fn new(edge: SocketAddr, tls: Arc<rustls::ClientConfig>, max_body: usize) -> Self {
        Self { connector: Connector::new(edge, tls), lanes: Mutex::default(), max_body }
    }

    /// Sends one request and reads its answer, until `deadline`.
    ///
    /// A request that a used connection did not take any more is sent on another (RFC 9112 §9.3.1), and so is a safe one
    /// when the connection is closed without a byte of an answer. Chromium repeats unsafe ones as well, and after a reset
    /// too; here they are not repeated: a test must see that the answer was lost.
    pub(super) async fn send(&self, outgoing: Outgoing<'_>, deadline: Instant) -> Answer {
        let begun = Instant::now();
        let mut progress = Progress::default();
        let body = match tokio::time::timeout_at(deadline, self.exchange(&outgoing, &mut progress)).await {
            Ok(body) => body,
            Err(_) => Err(timed_out(outgoing.url, begun.elapsed(), progress.head.is_some())),
        };
        progress.timings.total = begun.elapsed();
        Answer { head: progress.head, body, timings: progress.timings }
    }

    async fn exchange(&self, outgoing: &Outgoing<'_>, progress: &mut Progress) -> Result<Body, Failure> {
        let place = Place::of(outgoing.url)?;
        loop {
            let (mut wire, used) = match self.take(&place) {
                Some(wire) => (wire, true),
                None => (self.dial(&place, progress).await?, false),
            };
            let Wire { sender, running } = &mut wire;
            let lost = match along(running, self.converse(sender, &place, outgoing, progress)).await {
                Ok((body, complete)) => {
                    if complete {
                        self.give_back(&place, wire);
                    }
                    return Ok(body);
                }
                Err(lost) => lost,
            };
            match lost {
                Lost::NeverSent if used => {}
                // The server had closed the idle connection, and nobody knew yet.
                Lost::Unanswered(error) if used && error.is_incomplete_message() && outgoing.method.is_safe() => {}
                Lost::NeverSent => {
                    let message = format!("the connection was closed before {} began", answer_of(outgoing.url));
                    return Err(failure(FailureKind::Broken, message));
                }
                Lost::Unanswered(error) => return Err(of_hyper(&error, &answer_of(outgoing.url))),
                Lost::Failed(failure) => return Err(failure),
            }
        }
    }

    /// A new connection.
    async fn dial(&self, place: &Place<'_>, progress: &mut Progress) -> Result<Wire, Failure> {
        let dialed = self.connector.dial(place.secure, place.host).await?;
        (progress.timings.tcp, progress.timings.tls) = (dialed.tcp, dialed.tls);
        if let Sender::H2(shared) = &dialed.wire.sender {
            self.with_lane(place, |lane| lane.shared = Some(shared.clone()));
        }
        Ok(dialed.wire)
    }

    /// Sends the request and reads its answer. `false` beside the body: more was to come, and the connection is spoilt.
    async fn converse(
        &self,
        sender: &mut Sender,
        place: &Place<'_>,
        outgoing: &Outgoing<'_>,
        progress: &mut Progress,
    ) -> Result<(Body, bool), Lost> {
        let request = request(outgoing, place, sender).map_err(Lost::Failed)?;
        let sent = Instant::now();
        let (parts, incoming) = attempt(sender, request).await?.into_parts();
        progress.timings.first_byte = sent.elapsed();
        let version = match parts.version {
            http::Version::HTTP_2 => "HTTP/2",
            http::Version::HTTP_10 => "HTTP/1.0",
            _ => "HTTP/1.1",
        };
        let headers: Headers = parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        if let Some(why) = headers.get_str(EDGE) {
            let kind = failure_kind(why);
            let text = body::skim(incoming, &headers, EDGE_TEXT).await.0;
            let message = text.text().trim().trim_start_matches("authchain: ").to_owned();
            return Err(Lost::Failed(failure(kind, message)));
        }
        let status = parts.status.as_u16();
        let head = progress.head.insert(Head { status, version, headers });
        if is_redirect_status(status) && head.headers.contains("location") {
            return Ok(body::skim(incoming, &head.headers, REDIRECT_BODY.min(self.max_body)).await);
        }
        let what = || answer_of(outgoing.url);
        match body::read(incoming, &head.headers, self.max_body, what).await {
            Ok(body) => Ok((body, true)),
            Err(BodyError::Transport(error)) => Err(Lost::Failed(of_hyper(&error, &what()))),
            Err(BodyError::Refused(failure)) => Err(Lost::Failed(failure)),
        }
    }

    /// A connection that is open already.
    fn take(&self, place: &Place<'_>) -> Option<Wire> {
        self.with_lane(place, |lane| {
            if let Some(shared) = &lane.shared {
                if !shared.is_closed() {
                    return Some(Wire { sender: Sender::H2(shared.clone()), running: None });
                }
                lane.shared = None;
            }
            lane.idle.pop()
        })
    }

    /// Keeps a connection whose answer was read to its end.
    fn give_back(&self, place: &Place<'_>, wire: Wire) {
        if wire.running.is_some() {
            self.with_lane(place, |lane| lane.idle.push(wire));
        }
    }

    fn with_lane<T>(&self, place: &Place<'_>, act: impl FnOnce(&mut Lane) -> T) -> T {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lanes.iter().position(|lane| lane.secure == place.secure && lane.port == place.port && *lane.host == *place.host);
        let at = known.unwrap_or_else(|| {
            let Place { secure, host, port } = *place;
            lanes.push(Lane { secure, host: host.into(), port, idle: Vec::new(), shared: None });
            lanes.len() - 1
        });
        act(&mut lanes[at])
    }
}

/// What the edge's word for an answer of its own means.
pub(crate) fn failure_kind(why: &str) -> FailureKind {
    match why {
        "unreachable" => FailureKind::Connect,
        "malformed" => FailureKind::Malformed,
        "late" => FailureKind::Timeout,
        "refused" => FailureKind::Undeclared,
        _ => FailureKind::Broken,
    }
}

/// What is known when a deadline cuts a request off.
#[derive(Default)]
struct Progress {
    head: Option<Head>,
    timings: Timings,
}

/// Where a URL leads, as far as connections are concerned.
struct Place<'a> {
    secure: bool,
    host: &'a str,
    port: u16,
}

impl<'a> Place<'a> {
    fn of(url: &'a Url) -> Result<Self, Failure> {
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            other => return Err(failure(FailureKind::Malformed, format!("a `{other}:` URL cannot be requested; use http or https"))),
        };
        match (url.host_str(), url.port_or_known_default()) {
            (Some(host), Some(port)) => Ok(Self { secure, host, port }),
            _ => Err(failure(FailureKind::Malformed, format!("`{}` has no host to ask", super::failure::shown(url)))),
        }
    }
}

/// Why a connection brought no answer.
enum Lost {
    /// It was closed before the request went out.
    NeverSent,
    /// It took the request, and then no head of an answer came.
    Unanswered(hyper::Error),
    /// Whatever another connection would not mend.
    Failed(Failure),
}

/// Sends on a connection, after asking whether it is still open, and waits for the head of the answer.
async fn attempt(sender: &mut Sender, request: http::Request<Full<Bytes>>) -> Result<http::Response<Incoming>, Lost> {
    let outcome = match sender {
        Sender::H1(sender) => {
            sender.ready().await.map_err(|_| Lost::NeverSent)?;
            sender.try_send_request(request).await
        }
        Sender::H2(sender) => {
            sender.ready().await.map_err(|_| Lost::NeverSent)?;
            sender.try_send_request(request).await
        }
    };
    outcome.map_err(|mut refused| match refused.take_message() {
        Some(_) => Lost::NeverSent,
        None => Lost::Unanswered(refused.into_error()),
    })
}

/// What is missing when something goes wrong.
fn answer_of(url: &Url) -> String {
    format!("the answer of `{}`", url.origin().ascii_serialization())
}

/// The request as hyper wants it for this connection.
fn request(outgoing: &Outgoing<'_>, place: &Place<'_>, sender: &Sender) -> Result<http::Request<Full<Bytes>>, Failure> {
    let url = outgoing.url;
    let h1 = matches!(sender, Sender::H1(_));
    let uri = if h1 { uri(&url[Position::BeforePath..Position::AfterQuery]) } else { uri(&without_credentials(url)) };
    let uri = uri
        .map_err(|error| failure(FailureKind::Malformed, format!("`{}` cannot stand in a request: {error}", super::failure::shown(url))))?;
    let mut request = http::Request::new(Full::new(outgoing.body.clone()));
    *request.method_mut() = outgoing.method.clone();
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.reserve(outgoing.headers.len() + 2);
    // RFC 9110 §7.2: first of all fields. HTTP/2 has `:authority` instead.
    if h1 && !outgoing.headers.contains("host") {
        let host =
            if Some(place.port) == default_port(place.secure) { place.host.to_owned() } else { format!("{}:{}", place.host, place.port) };
        headers.insert(http::header::HOST, header_value("Host", host.into())?);
    }
    for header in outgoing.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes())
            .map_err(|_| failure(FailureKind::Malformed, format!("`{}` cannot be the name of a header", header.name.escape_debug())))?;
        headers.append(name, header_value(&header.name, header.value.clone())?);
    }
    // RFC 9110 §8.6 and Fetch §4.6: methods that expect content say when there is none.
    if outgoing.body.is_empty() && (outgoing.method == http::Method::POST || outgoing.method == http::Method::PUT) {
        headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    Ok(request)
}

fn uri(text: &str) -> Result<Uri, http::uri::InvalidUri> {
    // The path of a URL with a host is never empty.
    Uri::try_from(text)
}

/// The whole URL without user name, password and fragment, which do not travel (RFC 9113 §8.3.1).
fn without_credentials(url: &Url) -> String {
    let (scheme, rest) = (&url[..Position::BeforeUsername], &url[Position::BeforeHost..Position::AfterQuery]);
    format!("{scheme}{rest}")
}

fn default_port(secure: bool) -> Option<u16> {
    Some(if secure { 443 } else { 80 })
}

fn header_value(name: &str, value: Bytes) -> Result<HeaderValue, Failure> {
    HeaderValue::from_maybe_shared(value).map_err(|_| {
        failure(
            FailureKind::Malformed,
            format!("the value of `{name}` has a control character in it, which no header can carry (RFC 9110 §5.5)"),
        )
    })
}
