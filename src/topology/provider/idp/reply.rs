//! The shapes of answers: pages, redirects and JSON, each with the headers it must have.

use super::faults::{Asked, ELSEWHERE};
use super::request::{ResponseMode, ReturnTo};
use super::{Call, Inner, pages, shell};
use crate::plan::FaultKind;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, PRAGMA, REFERRER_POLICY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method, StatusCode};
use maud::Markup;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// What may not stand in a header as it is. Everything beyond ASCII is encoded anyway.
const NOT_IN_HEADERS: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\');

/// `form-action` is left out on purpose: browsers that apply it to the redirects after a form (Chromium) would stop the
/// way back to the client, and the hops behind it.
static PAGE_POLICY: LazyLock<HeaderValue> =
    LazyLock::new(|| policy(&format!("default-src 'none'; style-src '{}'; base-uri 'none'; frame-ancestors 'none'", hash(pages::STYLE))));

/// The page of `form_post` may be framed: a silent login in a hidden frame ends with it.
static FORM_POST_POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    policy(&format!("default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'", hash(pages::STYLE), hash(pages::SUBMIT)))
});

/// The page that runs the script of the shadow roots, which asks this origin and no other.
static SHELL_POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    policy(&format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'",
        hash(pages::STYLE),
        hash(shell::SCRIPT)
    ))
});

/// What a form of the `form_post` response mode sends, in the extensions of its page: the JSON interface hands it to a script.
#[derive(Debug, Clone)]
pub(super) struct FormPost {
    pub(super) uri: String,
    pub(super) parameters: Vec<(String, String)>,
}

fn hash(inline: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(inline)))
}

fn policy(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("the policy is made of fixed ASCII text")
}

/// A page for a person. Nothing is cached, loaded from elsewhere, or framed.
pub(super) fn page(status: StatusCode, markup: Markup) -> Response {
    html(status, markup, PAGE_POLICY.clone(), "same-origin")
}

/// The page that shows the stages of the JSON interface.
pub(super) fn shell(markup: Markup) -> Response {
    html(StatusCode::OK, markup, SHELL_POLICY.clone(), "same-origin")
}

fn html(status: StatusCode, markup: Markup, policy: HeaderValue, referrer: &'static str) -> Response {
    let mut response = (status, markup.into_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static(referrer));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Sends the user agent on. After a form it is 303, so that no browser repeats the form there (RFC 9700 §4.12).
pub(super) fn redirect(method: &Method, location: &str) -> Response {
    let status = if *method == Method::POST { StatusCode::SEE_OTHER } else { StatusCode::FOUND };
    let location = utf8_percent_encode(location, NOT_IN_HEADERS).to_string();
    let mut response = status.into_response();
    response.headers_mut().insert(LOCATION, HeaderValue::from_str(&location).expect("percent-encoded text is visible ASCII"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// JSON that must not be cached (RFC 6749 §5.1).
pub(super) fn json(status: StatusCode, value: &Value) -> Response {
    let mut response = public_json(value);
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// JSON that anybody may have.
pub(super) fn public_json(value: &Value) -> Response {
    document(value.to_string().into())
}

/// JSON that anybody may have and that was written before.
pub(super) fn document(json: Bytes) -> Response {
    let mut response = Response::new(json.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An OAuth error as JSON (RFC 6749 §5.2); without a description when that is empty.
pub(super) fn error(status: StatusCode, error: &str, description: &str) -> Response {
    let mut body = json!({ "error": error });
    if !description.is_empty() {
        body["error_description"] = description.into();
    }
    json(status, &body)
}

/// Adds a challenge, which every 401 needs (RFC 9110 §15.5.2).
pub(super) fn challenge(mut response: Response, challenge: &'static str) -> Response {
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    response
}

/// Adds the methods that would have been right, which every 405 needs (RFC 9110 §15.5.6).
pub(super) fn allow(mut response: Response, methods: &'static str) -> Response {
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

impl Inner {
    /// An authorization response: `parameters`, and with them `state` and `iss` (RFC 6749 §4.1.2, RFC 9207 §2).
    pub(super) fn send_back(&self, call: &Call, to: &ReturnTo, parameters: &[(&str, &str)], asked: &mut Asked<'_>) -> Response {
        let mut all = parameters.to_vec();
        let altered = asked.on(FaultKind::StateAltered).then(super::keys::random);
        let is_dropped = asked.on(FaultKind::StateDropped);
        if let Some(state) = altered.as_ref().or(to.state.as_ref()).filter(|_| !is_dropped) {
            all.push(("state", state));
            if asked.on(FaultKind::StateDuplicated) {
                all.push(("state", state));
            }
        }
        let is_wrong = asked.on(FaultKind::ResponseIssWrong);
        if !asked.on(FaultKind::ResponseIssMissing) {
            all.push(("iss", if is_wrong { ELSEWHERE } else { &self.issuer }));
        }
        match to.mode {
            ResponseMode::FormPost => {
                // The client may check the Origin of this form, and a stricter policy would make it `null` (Fetch §3.1).
                let mut response = html(StatusCode::OK, pages::form_post(&to.uri, &all), FORM_POST_POLICY.clone(), "origin");
                let parameters = all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
                response.extensions_mut().insert(FormPost { uri: to.uri.clone(), parameters });
                response
            }
            ResponseMode::Query | ResponseMode::Fragment => redirect(&call.method, &with_parameters(&to.uri, to.mode, &all)),
        }
    }
}

/// `uri` with parameters added; its own query stays as it is (RFC 6749 §3.1.2).
pub(super) fn with_parameters(uri: &str, mode: ResponseMode, parameters: &[(&str, &str)]) -> String {
    let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let base = uri.split('#').next().unwrap_or_default();
    let separator = match mode {
        ResponseMode::Fragment => '#',
        _ if base.contains('?') => '&',
        _ => '?',
    };
    format!("{base}{separator}{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_join_a_query_that_is_already_there() {
        let add = |uri, mode| with_parameters(uri, mode, &[("a", "1 2")]);
        assert_eq!(add("https://x/cb", ResponseMode::Query), "https://x/cb?a=1+2");
        assert_eq!(add("https://x/cb?k=v", ResponseMode::Query), "https://x/cb?k=v&a=1+2");
        assert_eq!(add("app:/cb?k=v", ResponseMode::Fragment), "app:/cb?k=v#a=1+2");
    }

    #[test]
    fn a_redirect_survives_any_text_and_cannot_split_the_response() {
        let response = redirect(&Method::GET, "https://x/ü\r\nSet-Cookie: a=b\0");
        assert_eq!(response.headers()[LOCATION], "https://x/%C3%BC%0D%0ASet-Cookie:%20a=b%00");
        assert_eq!(response.status(), 302);
        assert_eq!(redirect(&Method::POST, "/").status(), 303);
    }
}
