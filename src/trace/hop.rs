//! One request and its response; a redirect is a hop of its own.

use super::cookie::{CookieSent, CookieSet, CookieWithheld};
use crate::web::headers::Headers;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use url::Url;

/// Place of a hop in its chain, counted from zero. People see it counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HopId(pub u32);

impl std::fmt::Display for HopId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Through the number's own formatting, which heeds width and alignment.
        std::fmt::Display::fmt(&(self.0 + 1), f)
    }
}

/// One request and what came of it.
#[derive(Debug, Clone)]
pub struct Hop {
    /// Its place in the chain.
    pub id: HopId,
    /// Index into [`Chain::steps`](super::Chain::steps).
    pub step: usize,
    /// Who made it.
    pub actor: Arc<str>,
    /// Why it was made.
    pub cause: Cause,
    /// What for.
    pub resource: Resource,
    /// What was sent.
    pub request: Request,
    /// What came back, or why nothing did.
    pub outcome: Result<Response, Failure>,
    /// The request's cookies in the order they were sent.
    pub sent: Vec<CookieSent>,
    /// Cookies of the request's site that stayed at home, with reasons.
    pub withheld: Vec<CookieWithheld>,
    /// The response's Set-Cookie lines in order, each with its verdict.
    pub set: Vec<CookieSet>,
    /// When it began, by the run's clock.
    pub started: OffsetDateTime,
    /// How long its parts took.
    pub timings: Timings,
}

impl Hop {
    /// The response, if there was one.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        self.outcome.as_ref().ok()
    }

    /// The status, if there was a response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.response().map(|response| response.status)
    }

    /// The `Location` resolved against the request's URL, for a redirect status.
    #[must_use]
    pub fn redirect_target(&self) -> Option<String> {
        let response = self.response()?;
        if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let location = String::from_utf8_lossy(response.headers.get("location")?).into_owned();
        Some(self.request.url.join(&location).map_or(location, String::from))
    }
}

/// Why a request was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A URL was opened as if typed.
    Open,
    /// A link was followed.
    Link,
    /// A form was submitted.
    Form,
    /// A page submitted its form by itself (OAuth 2.0 Form Post Response Mode).
    AutoForm,
    /// A page asked for another by `Refresh`.
    Refresh,
    /// The page was loaded again.
    Reload,
    /// The history was walked back.
    Back,
    /// An HTTP step.
    Api,
    /// An earlier request sent again.
    Replay,
    /// A request beyond the login itself, to learn something from its answer.
    Probe,
    /// The redirect of another hop.
    Redirect(HopId),
    /// A page's script went to another page.
    Script,
    /// What a page's script, frame or markup asked for without leaving the page (a real browser's).
    Subresource,
}

impl Cause {
    /// Whether the scenario itself wrote the request, as a program would make it, and no page or person did.
    #[must_use]
    pub fn is_by_hand(&self) -> bool {
        matches!(self, Self::Api | Self::Replay | Self::Probe)
    }
}

/// What is asked for (Fetch §2.2.5, destinations and initiators).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Resource {
    /// A page.
    #[default]
    Document,
    /// A page within a page.
    Frame,
    /// What a script fetches, and what HTTP steps ask for.
    Fetch,
    /// The question of a browser whether a script may ask (Fetch §4.8).
    Preflight,
    /// A script, style, image, font or the like: part of how a page looks and works.
    Asset,
}

impl Resource {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Frame => "frame",
            Self::Fetch => "fetch",
            Self::Preflight => "preflight",
            Self::Asset => "asset",
        }
    }
}

/// Where a browser had an answer from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AnsweredBy {
    /// The server, through the network.
    #[default]
    Server,
    /// The browser's cache (RFC 9111).
    Cache,
    /// The page's service worker.
    ServiceWorker,
    /// Fetched beforehand, before anybody asked for the page.
    Prefetch,
}

impl AnsweredBy {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Cache => "cache",
            Self::ServiceWorker => "service worker",
            Self::Prefetch => "prefetch",
        }
    }
}

/// What was sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method.
    pub method: String,
    /// URL with its fragment.
    pub url: Url,
    /// Headers in the order they were sent, Cookie included.
    pub headers: Headers,
    /// Body.
    pub body: Bytes,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// `HTTP/1.1` or `HTTP/2`.
    pub version: &'static str,
    /// Headers in the order they came, bytes untouched.
    pub headers: Headers,
    /// Body after decompression.
    pub body: Body,
    /// Where a browser had it from.
    pub by: AnsweredBy,
}

/// A body, and whether it is all of it.
#[derive(Debug, Clone, Default)]
pub struct Body {
    /// The bytes after decompression.
    pub bytes: Bytes,
    /// Whether more came than was kept.
    pub truncated: bool,
}

impl Body {
    /// The body as JSON, when it is.
    #[must_use]
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.bytes).ok()
    }

    /// The body as text, invalid bytes replaced.
    #[must_use]
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// The whole story in one line, safe to print.
    pub message: String,
}

/// Kinds of failures on the way to a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// No scenario origin: the edge refuses it.
    Undeclared,
    /// Nobody listens there.
    Connect,
    /// TLS could not be agreed.
    Tls,
    /// Took too long.
    Timeout,
    /// The connection broke.
    Broken,
    /// The response is no HTTP, or breaks a limit.
    Malformed,
    /// The body is larger than allowed.
    TooLarge,
    /// The redirect cannot be followed.
    Redirect,
}

/// How long the parts of a hop took. Connection parts are zero when a connection was used again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// Name resolution.
    pub dns: Duration,
    /// TCP handshake.
    pub tcp: Duration,
    /// TLS handshake.
    pub tls: Duration,
    /// From the request's first byte to the response's first.
    pub first_byte: Duration,
    /// All of it, with the body.
    pub total: Duration,
}
