//! Whatever is sent: no panic, no 5xx, and nobody is sent to an address that is not registered.

use super::*;
use proptest::prelude::*;

const PATHS: [&str; 19] = [
    "/",
    "/if/user/",
    "/application/o/authorize/",
    "/application/o/token/",
    "/application/o/userinfo/",
    "/application/o/introspect/",
    "/application/o/revoke/",
    "/application/o/mosaic/jwks/",
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/application/o/mosaic",
    "/application/o/mosaic/.well-known/openid-configuration",
    "/application/o/mosaic/end-session/",
    "/if/flow/default-authentication-flow/",
    "/if/flow/default-provider-authorization-explicit-consent/",
    "/application/o/elsewhere/",
    "/api/v3/flows/executor/default-authentication-flow/",
    "/api/v3/flows/executor/default-provider-authorization-explicit-consent/",
    "/api/v3/flows/executor/elsewhere/",
    "/flows/-/cancel/",
];

/// Where clients call by themselves and expect errors as JSON.
const DIRECT: [&str; 3] = ["/application/o/token/", "/application/o/introspect/", "/application/o/revoke/"];

/// Stand for what the provider issued before.
const LIVE: [&str; 4] = ["LIVE-CODE", "LIVE-ACCESS", "LIVE-REFRESH", "LIVE-ID"];

pub(super) const NAMES: [&str; 35] = [
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
    "refresh_token",
    "token",
    "token_type_hint",
    "access_token",
    "client_assertion",
    "client_assertion_type",
    "acr_values",
    "resend",
    "account",
    "pages",
    "query",
];

pub(super) fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "code", "mosaic", "spa", CALLBACK, SPA, "openid email", "S256", "plain", "none", "login consent", "0", "form_post", "fragment",
            "authorization_code", VERIFIER, "s3cr:t+%", "allow", "jarvis", "/application/o/authorize/?client_id=mosaic", "//evil.test",
            "refresh_token", "client_credentials", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "openid offline_access read",
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJzZXJ2aWNlIiwic3ViIjoic2VydmljZSJ9.AAAA", "service", "select_account",
            "https://evil.test/", "javascript:alert(1)", "https://api.test/callback?keep=1#x", "https://api.test/callback?keep=1\r\nX: y",
        ]).prop_map(str::to_owned),
        2 => prop::sample::select(LIVE.to_vec()).prop_map(str::to_owned),
        2 => any::<String>(),
    ]
}

/// Parameters that a token request has when they come together, in any order and with any of them spoiled.
fn token_request() -> impl Strategy<Value = String> {
    let grant = prop::sample::select(vec![
        vec![("grant_type", "authorization_code"), ("code", "LIVE-CODE"), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)],
        vec![("grant_type", "refresh_token"), ("refresh_token", "LIVE-REFRESH")],
        vec![("grant_type", "client_credentials"), ("scope", "read")],
        vec![("token", "LIVE-ACCESS")],
        vec![("token", "LIVE-REFRESH")],
    ]);
    let spoiled = prop::option::of((prop::sample::select(NAMES.to_vec()), value()));
    (grant, spoiled).prop_map(|(mut form, spoiled)| {
        form.extend([("client_id", "mosaic"), ("client_secret", "s3cr:t+%")]);
        if let Some((name, value)) = &spoiled {
            form.retain(|(key, _)| key != name);
            form.push((name, value));
        }
        encode(&form)
    })
}

/// Parameters that are mostly ours, in an encoding that is mostly right.
pub(super) fn parameters() -> impl Strategy<Value = String> {
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

pub(super) fn is_harmless(location: &str) -> bool {
    let registered = [CALLBACK, SPA, "https://other.test/cb"]
        .iter()
        .any(|uri| location.strip_prefix(uri).is_some_and(|rest| rest.starts_with(['?', '&', '#'])));
    registered
        || ["/if/", "/application/o/authorize/?", "/api/v3/flows/executor/"].iter().any(|own| location.starts_with(own))
        || location == "https://mosaic.test/bye"
}

/// Numbers at the ends of time, and every other type.
fn json_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::sample::select(vec![i64::MIN, -377_705_116_800, -1, 0, 253_402_300_799, 253_402_300_800, i64::MAX]).prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec![
            json!(null),
            json!(true),
            json!([]),
            json!([[], {}, 1, ISSUER]),
            json!({ "a": 1 }),
            json!("service"),
            json!(ISSUER)
        ]),
    ]
}

/// What a provider issued in a login, to be put where [`LIVE`] stands.
struct Issued([String; 4]);

impl Issued {
    async fn to(browser: &mut Browser) -> Self {
        let offline = but("scope", "openid offline_access");
        browser.log_in("/if/flow/default-authentication-flow/?pages=plain", "jarvis", "jarvis-pässword").await;
        let code = browser.authorize(&offline).await.returned().remove("code").unwrap();
        let tokens = browser.redeem(&code).await.json();
        let [access, refresh, id] = ["access_token", "refresh_token", "id_token"].map(|name| tokens[name].as_str().unwrap().to_owned());
        let fresh = browser.authorize(&offline).await.returned().remove("code").unwrap();
        Self([fresh, access, refresh, id])
    }

    fn put(&self, text: &str) -> String {
        LIVE.iter().zip(&self.0).fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

fn provider(pages: Pages) -> Browser {
    Browser::new(|plan| {
        plan.pages = pages;
        plan.clients[0].grants = crate::plan::Grant::ALL.to_vec();
        plan.clients[0].scopes = vec!["read".to_owned()];
        let key = super::super::signing::SigningKey::generate(SigningAlgorithm::Es256);
        let keys = vec![crate::plan::ClientKey::read(&Value::Object(key.jwk().clone())).unwrap()];
        plan.clients.push(IdpClient { id: "service".to_owned(), keys, ..IdpClient::default() });
    })
}

/// Faults that change what is said, and not whether it arrives.
fn spoken_faults() -> Vec<&'static str> {
    let unspoken = ["blackhole", "reset", "half_body", "response_lost", "endpoint_error", "slow"];
    let of_idp = crate::plan::fault::CATALOGUE.iter().filter(|spec| spec.services.contains(&Service::Idp) && spec.needs.is_empty());
    of_idp.map(|spec| spec.name).filter(|name| !unspoken.contains(name)).collect()
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_gets_a_proper_answer(
        path in prop::sample::select(PATHS.to_vec()),
        query in parameters(),
        body in prop_oneof![
            2 => token_request().prop_map(String::into_bytes),
            2 => parameters().prop_map(String::into_bytes),
            1 => prop::collection::vec(any::<u8>(), 0..200),
        ],
        method in prop::sample::select(vec!["GET", "POST", "POST", "HEAD", "OPTIONS", "PUT"]),
        media_type in prop::sample::select(vec!["", "application/x-www-form-urlencoded", "application/x-www-form-urlencoded", "application/x-www-form-urlencoded", "application/json"]),
        authorization in header(),
        logged_in in any::<bool>(),
        shadow in any::<bool>(),
    ) {
        runtime().block_on(async {
            let mut browser = provider(if shadow { Pages::Shadow } else { Pages::Plain });
            let issued = Issued::to(&mut browser).await;
            if !logged_in {
                browser.cookie = None;
            }
            let mut request = Request::builder().method(method).uri(format!("{path}?{}", issued.put(&query)));
            if !media_type.is_empty() {
                request = request.header(CONTENT_TYPE, media_type);
            }
            if let Some(value) = authorization {
                request = request.header(AUTHORIZATION, value);
            }
            let body = String::from_utf8(body).map_or_else(|raw| raw.into_bytes(), |text| issued.put(&text).into_bytes());
            let reply = browser.send(request.body(Body::from(body)).unwrap()).await;
            prop_assert!(!reply.status.is_server_error(), "{} {}", reply.status, reply.note);
            // A name that nobody has is quoted, whatever it is.
            let told = reply.note.split('`').step_by(2).collect::<String>();
            for secret in &issued.0 {
                prop_assert!(!told.contains(secret), "{}", reply.note);
            }
            if let Some(location) = reply.headers.get(LOCATION) {
                prop_assert!(is_harmless(location.to_str().unwrap()), "{location:?}");
            }
            if DIRECT.contains(&path) && method != "HEAD" {
                if reply.status.is_client_error() {
                    let error = reply.json();
                    prop_assert!(error["error"].is_string() && error.get("access_token").is_none());
                    prop_assert_eq!(reply.status == 401, reply.headers.contains_key("www-authenticate"));
                } else if method == "POST" && !reply.body.is_empty() {
                    let answer = reply.json();
                    prop_assert!(answer["access_token"].is_string() || answer["active"].is_boolean(), "{answer}");
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_signed_assertion_may_claim_anything(
        name in prop::sample::select(vec!["iss", "sub", "aud", "exp", "nbf", "iat", "jti"]),
        value in json_value(),
        ahead in prop::sample::select(vec![Duration::ZERO, Duration::MAX]),
    ) {
        runtime().block_on(async {
            let key = super::super::signing::SigningKey::generate(SigningAlgorithm::EdDsa);
            let keys = vec![crate::plan::ClientKey::read(&Value::Object(key.jwk().clone())).unwrap()];
            let client = IdpClient { id: "service".to_owned(), keys, grants: crate::plan::Grant::ALL.to_vec(), ..IdpClient::default() };
            let mut browser = Browser::new(|plan| plan.clients.push(client));
            browser.surroundings.clock.advance(ahead);
            let now = browser.surroundings.clock.now().unix_timestamp();
            let mut claims = json!({ "iss": "service", "sub": "service", "aud": ISSUER, "exp": now + 60, "jti": "1" });
            claims[name] = value;
            let assertion = key.sign(claims.as_object().unwrap());
            let form = [
                ("grant_type", "client_credentials"),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", &assertion),
            ];
            let reply = browser.post("/application/o/token/", &form).await;
            prop_assert!([200, 400, 401].contains(&reply.status.as_u16()), "{} {}", reply.status, reply.note);
            prop_assert!(reply.status == 200 || reply.json()["error"].is_string());
            Ok(())
        })?;
    }

    #[test]
    fn no_fault_makes_it_fall_over_or_send_people_elsewhere(
        faults in prop::collection::vec(prop::sample::select(spoken_faults()), 0..6),
        path in prop::sample::select(PATHS.to_vec()),
        query in parameters(),
        body in prop_oneof![token_request(), parameters()],
        method in prop::sample::select(vec!["GET", "POST"]),
    ) {
        runtime().block_on(async {
            let mut browser = provider(Pages::Plain);
            let issued = Issued::to(&mut browser).await;
            browser.idp.switchboard().set(faults.iter().map(|name| fault(name)).collect());
            let request = Request::builder().method(method).uri(format!("{path}?{}", issued.put(&query)));
            let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            let reply = browser.send(request.body(Body::from(issued.put(&body))).unwrap()).await;
            prop_assert!(!reply.status.is_server_error(), "{} {}", reply.status, reply.note);
            if let Some(location) = reply.headers.get(LOCATION) {
                let location = location.to_str().unwrap();
                let origins = ["https://api.test", "https://spa.test", "https://other.test", "https://mosaic.test"];
                let stays = Url::parse(location).is_ok_and(|url| origins.contains(&url.origin().ascii_serialization().as_str()));
                prop_assert!(stays || is_harmless(location), "{location}");
            }
            Ok(())
        })?;
    }

    #[test]
    fn an_address_that_is_not_registered_is_never_gone_to(
        uri in value(),
        mode in prop::sample::select(vec!["query", "fragment", "form_post"]),
        is_loose in any::<bool>(),
    ) {
        let extends = uri.starts_with(CALLBACK);
        prop_assume!(uri != CALLBACK && !(is_loose && extends));
        let mut parameters = but("redirect_uri", "");
        parameters.extend([("redirect_uri", uri.as_str()), ("response_mode", mode), ("prompt", "none")]);
        let mut browser = Browser::new(|plan| plan.faults.extend(is_loose.then(|| fault("redirect_uri_loose"))));
        let reply = runtime().block_on(browser.get(&authorize_uri(&parameters)));
        prop_assert_eq!(reply.status, 400);
        prop_assert!(!reply.headers.contains_key(LOCATION));
        prop_assert!(reply.attribute("form", "action").is_none());
    }
}
