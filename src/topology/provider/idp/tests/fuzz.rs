//! Whatever is sent: no panic, no 5xx, and nobody is sent to an address that is not registered.

use super::*;
use proptest::prelude::*;

const PATHS: [&str; 11] = [
    "/",
    "/if/user/",
    "/application/o/authorize/",
    "/application/o/token/",
    "/application/o/userinfo/",
    "/application/o/mosaic/jwks/",
    "/application/o/mosaic/.well-known/openid-configuration",
    "/application/o/mosaic/end-session/",
    "/if/flow/default-authentication-flow/",
    "/if/flow/default-provider-authorization-explicit-consent/",
    "/application/o/elsewhere/",
];

const NAMES: [&str; 24] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "response_mode",
    "login_hint",
    "id_token_hint",
    "request",
    "grant_type",
    "code",
    "code_verifier",
    "client_secret",
    "next",
    "transaction",
    "decision",
    "uid_field",
    "password",
    "post_logout_redirect_uri",
];

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "code", "mosaic", "spa", CALLBACK, SPA, "openid email", "S256", "plain", "none", "login consent", "0", "form_post", "fragment",
            "authorization_code", VERIFIER, "s3cr:t+%", "allow", "jarvis", "/application/o/authorize/?client_id=mosaic", "//evil.test",
            "https://evil.test/", "javascript:alert(1)", "https://api.test/callback?keep=1#x", "https://api.test/callback?keep=1\r\nX: y",
        ]).prop_map(str::to_owned),
        2 => any::<String>(),
    ]
}

/// Parameters that are mostly ours, in an encoding that is mostly right.
fn parameters() -> impl Strategy<Value = String> {
    let pairs = prop::collection::vec((prop::sample::select(NAMES.to_vec()), value()), 0..14).prop_map(|pairs| {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        encode(&pairs)
    });
    let noise = "[ -~&&[^ \"#<>`{}\\\\^|]]{0,60}";
    (pairs, prop::bool::weighted(0.8), noise).prop_map(|(pairs, whole, noise)| if whole { pairs } else { format!("{pairs}&{noise}%ff%") })
}

/// A header value of any bytes that HTTP lets through.
fn header() -> impl Strategy<Value = Option<http::HeaderValue>> {
    prop_oneof![
        Just(Some("Basic bW9zYWljOnMzY3I6dCsl".parse().unwrap())),
        Just(None),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| {
            let mut value = b"Basic ".to_vec();
            value.extend(bytes);
            http::HeaderValue::from_bytes(&value).ok()
        }),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| http::HeaderValue::from_bytes(&bytes).ok()),
    ]
}

fn is_harmless(location: &str) -> bool {
    let registered = [CALLBACK, SPA, "https://other.test/cb"]
        .iter()
        .any(|uri| location.strip_prefix(uri).is_some_and(|rest| rest.starts_with(['?', '&', '#'])));
    registered
        || ["/if/", "/application/o/authorize/?"].iter().any(|own| location.starts_with(own))
        || location == "https://mosaic.test/bye"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_gets_a_proper_answer(
        path in prop::sample::select(PATHS.to_vec()),
        query in parameters(),
        body in prop_oneof![parameters().prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..200)],
        method in prop::sample::select(vec!["GET", "POST", "HEAD", "OPTIONS", "PUT"]),
        is_form in prop::bool::weighted(0.9),
        authorization in header(),
        logged_in in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut browser = Browser::new(|_| {});
            if logged_in {
                browser.log_in("/if/flow/default-authentication-flow/", "jarvis", "jarvis-pässword").await;
            }
            let mut request = Request::builder().method(method).uri(format!("{path}?{query}"));
            if is_form {
                request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            }
            if let Some(value) = authorization {
                request = request.header(AUTHORIZATION, value);
            }
            let reply = browser.send(request.body(Body::from(body)).unwrap()).await;
            prop_assert!(!reply.status.is_server_error(), "{} {}", reply.status, reply.note);
            if let Some(location) = reply.headers.get(LOCATION) {
                prop_assert!(is_harmless(location.to_str().unwrap()), "{location:?}");
            }
            if reply.status.is_client_error() && ["/application/o/token/"].contains(&path) && method != "HEAD" {
                prop_assert!(reply.json()["error"].is_string());
            }
            Ok(())
        })?;
    }

    #[test]
    fn an_address_that_is_not_registered_is_never_gone_to(uri in value(), mode in prop::sample::select(vec!["query", "fragment", "form_post"])) {
        prop_assume!(uri != CALLBACK);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut parameters = but("redirect_uri", "");
        parameters.extend([("redirect_uri", uri.as_str()), ("response_mode", mode), ("prompt", "none")]);
        let reply = runtime.block_on(Browser::new(|_| {}).get(&authorize_uri(&parameters)));
        prop_assert_eq!(reply.status, 400);
        prop_assert!(!reply.headers.contains_key(LOCATION));
        prop_assert!(reply.attribute("form", "action").is_none());
    }
}
