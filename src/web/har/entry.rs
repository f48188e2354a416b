//! One entry and its parts (HAR 1.2), with the members that browsers add to them.
//!
//! A member that is missing or of another type is empty here. `Debug` shows no value: entries hold cookies and passwords.

use super::lenient;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One request and its response.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Entry {
    /// The page it belongs to, by id.
    #[serde(deserialize_with = "lenient::maybe_text", skip_serializing_if = "Option::is_none")]
    pub pageref: Option<String>,
    /// When it began, as written; [`parse_date`](super::parse_date) reads it.
    #[serde(deserialize_with = "lenient::text")]
    pub started_date_time: String,
    /// How long it took, in milliseconds.
    #[serde(deserialize_with = "lenient::number")]
    pub time: f64,
    /// What was sent.
    pub request: Request,
    /// What came back.
    #[serde(deserialize_with = "lenient::object")]
    pub response: Response,
    /// What the cache did; nothing is read of it.
    #[serde(skip_deserializing)]
    pub cache: serde_json::Map<String, serde_json::Value>,
    /// How long its parts took.
    #[serde(deserialize_with = "lenient::object")]
    pub timings: Timings,
    /// What asked for it (Chromium, Safari).
    #[serde(rename = "_initiator", deserialize_with = "lenient::object", skip_serializing_if = "Initiator::is_unknown")]
    pub initiator: Initiator,
    /// What it is for, in Chromium's words: `document`, `xhr`, `fetch`, `script` …
    #[serde(rename = "_resourceType", deserialize_with = "lenient::maybe_text", skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// Which cache answered (Chromium): `memory`, `disk`, `prefetch`.
    #[serde(rename = "_fromCache", deserialize_with = "lenient::maybe_text", skip_serializing_if = "Option::is_none")]
    pub from_cache: Option<String>,
    /// Whether frames of a WebSocket were recorded (Chromium).
    #[serde(rename = "_webSocketMessages", deserialize_with = "lenient::filled", skip_serializing)]
    pub web_socket: bool,
    /// What authchain knows beside it.
    #[serde(rename = "_authchain", skip_serializing_if = "Option::is_none")]
    pub authchain: Option<serde_json::Value>,
}

/// What was sent.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Request {
    /// Method.
    #[serde(deserialize_with = "lenient::text")]
    pub method: String,
    /// URL, usually without its fragment.
    #[serde(deserialize_with = "lenient::text")]
    pub url: String,
    /// Protocol, as each exporter spells it: `HTTP/2.0`, `h2`, `http/1.1`.
    #[serde(deserialize_with = "lenient::text")]
    pub http_version: String,
    /// Cookies, taken apart by the exporter.
    #[serde(deserialize_with = "lenient::list")]
    pub cookies: Vec<Cookie>,
    /// Header fields.
    #[serde(deserialize_with = "lenient::list")]
    pub headers: Vec<Pair>,
    /// Query parameters, decoded.
    #[serde(deserialize_with = "lenient::list")]
    pub query_string: Vec<Pair>,
    /// Body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_data: Option<PostData>,
    /// Size of the header, -1 for unknown.
    #[serde(deserialize_with = "lenient::number")]
    pub headers_size: f64,
    /// Size of the body, -1 for unknown.
    #[serde(deserialize_with = "lenient::number")]
    pub body_size: f64,
}

/// What came back. A status of zero means that nothing did.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Response {
    /// Status code.
    #[serde(deserialize_with = "lenient::number", serialize_with = "whole")]
    pub status: f64,
    /// Reason phrase.
    #[serde(deserialize_with = "lenient::text")]
    pub status_text: String,
    /// Protocol.
    #[serde(deserialize_with = "lenient::text")]
    pub http_version: String,
    /// Cookies, taken apart by the exporter.
    #[serde(deserialize_with = "lenient::list")]
    pub cookies: Vec<Cookie>,
    /// Header fields.
    #[serde(deserialize_with = "lenient::list")]
    pub headers: Vec<Pair>,
    /// Body.
    #[serde(deserialize_with = "lenient::object")]
    pub content: Content,
    /// `Location`, as it came.
    #[serde(rename = "redirectURL", deserialize_with = "lenient::text")]
    pub redirect_url: String,
    /// Size of the header, -1 for unknown.
    #[serde(deserialize_with = "lenient::number")]
    pub headers_size: f64,
    /// Size of the body, -1 for unknown.
    #[serde(deserialize_with = "lenient::number")]
    pub body_size: f64,
    /// Why nothing came (Chromium): `net::ERR_TOO_MANY_REDIRECTS`.
    #[serde(rename = "_error", deserialize_with = "lenient::maybe_text", skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether a service worker answered (Chromium).
    #[serde(rename = "_fetchedViaServiceWorker", deserialize_with = "lenient::truth", skip_serializing_if = "std::ops::Not::not")]
    pub from_service_worker: bool,
}

/// A name and its value.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pair {
    /// Name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// Value.
    #[serde(deserialize_with = "lenient::text")]
    pub value: String,
}

/// A cookie as exporters take it apart.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Cookie {
    /// Name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// Value.
    #[serde(deserialize_with = "lenient::text")]
    pub value: String,
    /// Path.
    #[serde(deserialize_with = "lenient::maybe_text", skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Domain.
    #[serde(deserialize_with = "lenient::maybe_text", skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// When it expires, as a date of ISO 8601.
    #[serde(deserialize_with = "lenient::maybe_text", skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// `HttpOnly`.
    #[serde(deserialize_with = "lenient::truth")]
    pub http_only: bool,
    /// `Secure`.
    #[serde(deserialize_with = "lenient::truth")]
    pub secure: bool,
    /// `SameSite`.
    #[serde(deserialize_with = "lenient::maybe_text", skip_serializing_if = "Option::is_none")]
    pub same_site: Option<String>,
}

/// A request's body.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PostData {
    /// Its type.
    #[serde(deserialize_with = "lenient::text")]
    pub mime_type: String,
    /// The fields of a form, decoded.
    #[serde(deserialize_with = "lenient::list", skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Pair>,
    /// The body itself.
    #[serde(deserialize_with = "lenient::text")]
    pub text: String,
    /// `base64` for a body that is no text.
    #[serde(deserialize_with = "lenient::maybe_text", skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
}

/// A response's body.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Content {
    /// Its length in bytes.
    #[serde(deserialize_with = "lenient::number", serialize_with = "whole")]
    pub size: f64,
    /// Its type.
    #[serde(deserialize_with = "lenient::text")]
    pub mime_type: String,
    /// The body; absent when it was not recorded.
    #[serde(deserialize_with = "lenient::maybe_text", skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `base64` for a body that is no text.
    #[serde(deserialize_with = "lenient::maybe_text", skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
}

/// How long the parts of an entry took, in milliseconds; -1 for a part that there was not.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Timings {
    /// Waiting for a connection.
    #[serde(deserialize_with = "lenient::number")]
    pub blocked: f64,
    /// Name resolution.
    #[serde(deserialize_with = "lenient::number")]
    pub dns: f64,
    /// Connecting, TLS included.
    #[serde(deserialize_with = "lenient::number")]
    pub connect: f64,
    /// TLS handshake.
    #[serde(deserialize_with = "lenient::number")]
    pub ssl: f64,
    /// Sending the request.
    #[serde(deserialize_with = "lenient::number")]
    pub send: f64,
    /// Waiting for the response.
    #[serde(deserialize_with = "lenient::number")]
    pub wait: f64,
    /// Reading the response.
    #[serde(deserialize_with = "lenient::number")]
    pub receive: f64,
}

/// What asked for a request.
#[derive(Clone, Default, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Initiator {
    /// `parser`, `script`, `preload`, `preflight`, `other` …
    #[serde(rename = "type", deserialize_with = "lenient::maybe_text")]
    pub kind: Option<String>,
    /// The document or script.
    #[serde(deserialize_with = "lenient::maybe_text", skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A page.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Page {
    /// When it began to load.
    #[serde(deserialize_with = "lenient::text")]
    pub started_date_time: String,
    /// What entries call it by.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its title; in Chromium its URL.
    #[serde(deserialize_with = "lenient::text")]
    pub title: String,
    /// How long it took to load; nothing is read of it.
    #[serde(skip_deserializing)]
    pub page_timings: PageTimings,
}

/// How long a page took to load.
#[derive(Clone, Copy, Default, Debug, Serialize)]
pub struct PageTimings {}

impl Initiator {
    /// Whether nothing is known of it.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

impl Pair {
    /// A pair.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// Whole numbers without a fraction, as every reader expects of a status.
fn whole<S: serde::Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    // A float becomes the nearest integer there is.
    serializer.serialize_i64(*number as i64)
}

/// Names only.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("method", &self.request.method).field("status", &self.response.status).finish_non_exhaustive()
    }
}
