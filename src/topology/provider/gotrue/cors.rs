//! Which pages of other origins may read an answer (Fetch §3.2): all of them, as the original and the hosted gateway have it.

use super::Endpoint;
use super::call::Call;
use crate::topology::provider::note::{Decision, Outcome};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

/// What a page may send. `apikey` is the gateway's.
const HEADERS: [&str; 9] = [
    "accept",
    "authorization",
    "content-type",
    "x-client-ip",
    "x-client-info",
    "x-jwt-aud",
    "x-use-cookie",
    "x-supabase-api-version",
    "apikey",
];
const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// The answer to a preflight (Fetch §4.8), if this is one. One that asks for too much gets no permission.
pub(super) fn preflight(endpoint: Endpoint, call: &Call) -> Option<Outcome> {
    let method = call.headers.get(ACCESS_CONTROL_REQUEST_METHOD).filter(|_| call.method == Method::OPTIONS)?;
    let mut headers = HeaderMap::new();
    headers.insert(VARY, HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"));
    let asked = call.headers.get(ACCESS_CONTROL_REQUEST_HEADERS);
    let names = asked.and_then(|names| names.to_str().ok()).unwrap_or_default();
    let foreign =
        names.split(',').map(str::trim).find(|name| !name.is_empty() && !HEADERS.iter().any(|known| name.eq_ignore_ascii_case(known)));
    let mut decision = Decision::new(endpoint.name(), "preflight answered");
    if foreign.is_some() {
        decision = Decision::new(endpoint.name(), "preflight refused").because("it asks for a header that is not allowed");
    } else if !METHODS.iter().any(|known| known.as_str().as_bytes() == method.as_bytes()) {
        decision = Decision::new(endpoint.name(), "preflight refused").because("it asks for a method that is not allowed");
    } else {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
        if let Some(asked) = asked {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
    }
    Some(Outcome::new((StatusCode::NO_CONTENT, headers), decision))
}

/// Lets the page behind `call` read the answer.
pub(super) fn share(call: &Call, headers: &mut HeaderMap) {
    if !headers.contains_key(VARY) {
        headers.insert(VARY, HeaderValue::from_static("Origin"));
    }
    let is_preflight = call.method == Method::OPTIONS && call.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if !call.headers.contains_key(ORIGIN) || is_preflight && !headers.contains_key(ACCESS_CONTROL_ALLOW_METHODS) {
        return;
    }
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    if !is_preflight {
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("X-Total-Count, Link, X-Supabase-Api-Version"));
    }
}
