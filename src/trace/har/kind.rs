//! What an entry is for, and why it was asked for.
//!
//! Browsers say it in `_resourceType` and `_initiator` (Chromium, Safari) and in the Sec-Fetch fields (Fetch Metadata), which
//! every browser sends to trustworthy origins; proxies and tools say nothing, and then the fields of the request tell.

use crate::trace::{Cause, FailureKind, Resource};
use crate::web::har::Entry;
use crate::web::headers::Headers;

/// Whether the entry is a connection and no request: a WebSocket (RFC 6455).
pub(super) fn is_socket(entry: &Entry) -> bool {
    let kind = entry.resource_type.as_deref().unwrap_or_default();
    entry.web_socket
        || kind.eq_ignore_ascii_case("websocket")
        || entry.request.url.starts_with("ws:")
        || entry.request.url.starts_with("wss:")
}

pub(super) fn resource(entry: &Entry, headers: &Headers) -> Resource {
    let destination = headers.get_str("sec-fetch-dest").map(str::to_ascii_lowercase);
    let is_preflight = entry.request.method == "OPTIONS" && headers.contains("access-control-request-method");
    if is_preflight {
        return Resource::Preflight;
    }
    match destination.as_deref() {
        Some("document") => return Resource::Document,
        Some("iframe" | "frame" | "embed" | "object" | "fencedframe") => return Resource::Frame,
        Some("empty") => return Resource::Fetch,
        Some(_) => return Resource::Asset,
        None => {}
    }
    match entry.resource_type.as_deref().unwrap_or_default().to_ascii_lowercase().as_str() {
        "document" => Resource::Document,
        "xhr" | "fetch" | "eventsource" | "ping" | "beacon" => Resource::Fetch,
        "preflight" => Resource::Preflight,
        "script" | "stylesheet" | "image" | "font" | "media" | "manifest" | "texttrack" | "websocket" | "signed-exchange" => {
            Resource::Asset
        }
        _ => by_fields(entry, headers),
    }
}

/// Without a word from the browser: what the request accepts, and what came.
fn by_fields(entry: &Entry, headers: &Headers) -> Resource {
    let accept = headers.get_str("accept").unwrap_or_default();
    let kind = entry.response.content.mime_type.to_ascii_lowercase();
    let is_form = headers.content_type().is_some_and(|kind| kind.essence == "application/x-www-form-urlencoded");
    if headers.contains("x-requested-with") || headers.contains("authorization") {
        Resource::Fetch
    } else if accept.starts_with("text/html") || kind.contains("html") && (entry.request.method == "GET" || is_form) {
        Resource::Document
    } else if ["image/", "font/", "text/css", "javascript", "audio/", "video/", "wasm"].iter().any(|part| kind.contains(part)) {
        Resource::Asset
    } else if (300..400).contains(&(entry.response.status as i64)) && entry.request.method == "GET" && !accept.contains("json") {
        Resource::Document
    } else {
        Resource::Fetch
    }
}

/// What is known of a navigation when its cause is asked for.
pub(super) struct Circumstances<'a> {
    pub(super) entry: &'a Entry,
    pub(super) headers: &'a Headers,
    pub(super) resource: Resource,
    /// Whether a browser wrote the HAR: then what is no navigation was a page's doing.
    pub(super) in_browser: bool,
    /// Whether it is the same URL as the page that stands.
    pub(super) same_as_page: bool,
}

/// The cause of a request that no redirect made.
pub(super) fn cause(of: &Circumstances<'_>) -> Cause {
    if of.resource != Resource::Document {
        return if of.in_browser { Cause::Subresource } else { Cause::Api };
    }
    if !of.in_browser && !of.headers.contains("referer") && of.entry.request.method == "GET" {
        return Cause::Open;
    }
    let by_script = of.entry.initiator.kind.as_deref() == Some("script");
    let has_metadata = of.headers.contains("sec-fetch-mode");
    let by_person = of.headers.get("sec-fetch-user") == Some(b"?1");
    if of.entry.request.method == "POST" {
        // A form that a script submits without a click is OAuth's form_post, or SAML's.
        let by_itself = if has_metadata { !by_person } else { by_script };
        return if by_itself { Cause::AutoForm } else { Cause::Form };
    }
    let reloads = of.headers.get("cache-control") == Some(b"max-age=0") || of.headers.get("cache-control") == Some(b"no-cache");
    if of.same_as_page && reloads {
        return Cause::Reload;
    }
    if of.headers.get("sec-fetch-site") == Some(b"none") || !has_metadata && !of.headers.contains("referer") && !by_script {
        return Cause::Open;
    }
    if by_person || !has_metadata && !by_script { Cause::Link } else { Cause::Script }
}

/// What kind of failure an exporter's word for it tells of, such as Chromium's `net::ERR_TOO_MANY_REDIRECTS`.
pub(super) fn failure(word: &str) -> FailureKind {
    let word = word.to_ascii_uppercase();
    let any = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
    if any(&["TOO_MANY_REDIRECTS", "REDIRECT_LOOP", "UNSAFE_REDIRECT"]) {
        FailureKind::Redirect
    } else if any(&["TIMED_OUT", "TIMEOUT"]) {
        FailureKind::Timeout
    } else if any(&["CERT", "SSL", "TLS"]) {
        FailureKind::Tls
    } else if any(&["REFUSED", "NAME_NOT_RESOLVED", "UNREACHABLE", "ADDRESS", "UNKNOWN_HOST"]) {
        FailureKind::Connect
    } else if any(&["INVALID", "MALFORMED"]) {
        FailureKind::Malformed
    } else {
        FailureKind::Broken
    }
}
