//! What holds for every endpoint: the gateway's key, pages of other origins, faults, and whatever anybody sends.

use super::*;
use proptest::prelude::*;

#[tokio::test]
async fn the_gateway_wants_its_key_where_programs_call() {
    let client = Client::new(|plan| plan.anon_key = Some(Secret::new("anon", "anon-key")));
    let ask = async |path: &str, key: Option<&str>| {
        let request = Request::get(format!("/auth/v1{path}"));
        let request = if let Some(key) = key { request.header("apikey", key) } else { request };
        client.send(request.body(Body::empty()).unwrap()).await
    };
    let missing = ask("/settings", None).await;
    assert_eq!((missing.status.as_u16(), missing.text("message").as_str()), (401, "No API key found in request"));
    assert_eq!(missing.note, "settings: stopped at the gateway, it has no apikey");
    assert_eq!(ask("/settings", Some("other")).await.text("message"), "Invalid API key");
    assert_eq!(ask("/settings", Some("anon-key")).await.status, 200);
    assert_eq!(ask("/settings?apikey=anon-key", None).await.status, 200);
    for open in ["/authorize?provider=x", "/callback", "/verify", "/.well-known/jwks.json"] {
        assert_ne!(ask(open, None).await.status, 401, "{open}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_call_and_read() {
    let client = Client::new(|_| {});
    let preflight = |headers: &str| {
        let request =
            Request::options("/auth/v1/token").header("origin", "https://app.test").header("access-control-request-method", "POST");
        request.header("access-control-request-headers", headers).body(Body::empty()).unwrap()
    };
    let allowed = client.send(preflight("apikey, authorization,content-type,x-client-info,x-supabase-api-version")).await;
    assert_eq!((allowed.status.as_u16(), allowed.header("access-control-allow-origin")), (204, "*"));
    assert_eq!(allowed.header("access-control-allow-headers"), "apikey, authorization,content-type,x-client-info,x-supabase-api-version");
    assert_eq!(client.send(preflight("x-other")).await.header("access-control-allow-origin"), "");
    let request = Request::get("/auth/v1/user").header("origin", "https://app.test").body(Body::empty()).unwrap();
    let error = client.send(request).await;
    assert_eq!((error.status.as_u16(), error.header("access-control-allow-origin")), (401, "*"));
    assert_eq!(client.get("/health").await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn the_server_says_what_it_is() {
    let client = Client::new(|plan| plan.prefix = String::new());
    let get = async |path: &str| client.send(Request::get(path).body(Body::empty()).unwrap()).await;
    assert_eq!(get("/health").await.json()["name"], "GoTrue");
    let settings = get("/settings").await.json();
    assert_eq!(
        (&settings["external"]["google"], &settings["external"]["github"], &settings["disable_signup"]),
        (&true.into(), &false.into(), &false.into())
    );
    assert_eq!(get("/nothing").await.status, 404);
    assert_eq!((get("/token").await.status.as_u16(), get("/token").await.header("allow")), (405, "POST"));
}

#[tokio::test]
async fn faults_of_sessions_strike_where_they_say() {
    let session = async |fault: &str| Client::faulty(fault).session().await;
    assert_eq!(session("refresh_missing").await["refresh_token"], "");
    assert_eq!(session("email_unverified").await["user"]["email_confirmed_at"], Value::Null);
    let expires = session(r#"{"clock_skewed": "2h"}"#).await["expires_at"].as_i64().unwrap();
    assert!(expires > session("refresh_missing").await["expires_at"].as_i64().unwrap() + 7000);
    for (fault, error) in [
        ("jwt_expired", (403, "bad_jwt")),
        ("user_missing", (403, "user_not_found")),
        ("session_lost", (403, "session_not_found")),
        (r#"{"user_missing": {"user": "ada@x.test"}}"#, (403, "user_not_found")),
        (r#"{"user_missing": {"user": "grace@x.test"}}"#, (200, "")),
        (r#"{"endpoint_error": {"status": 503, "error": "conflict", "endpoint": "user"}}"#, (503, "conflict")),
        (r#"{"throttled": {"endpoint": "user"}}"#, (429, "over_request_rate_limit")),
    ] {
        let client = Client::faulty(fault);
        let token = text(&client.session().await, "access_token");
        assert_eq!(client.get_user(&token).await.error(), (error.0, error.1.to_owned()), "{fault}");
    }
}

#[tokio::test]
async fn faults_of_refreshing_strike_where_they_say() {
    let after_reuse = async |fault: &str, wait: u64| {
        let client = Client::faulty(fault);
        let first = text(&client.session().await, "refresh_token");
        let second = client.rotate(&first).await;
        let third = client.rotate(&second).await;
        client.advance(wait);
        (client.refresh(&first).await.error(), client.refresh(&third).await.error())
    };
    let used = || (400, "refresh_token_already_used".to_owned());
    assert_eq!(after_reuse("refresh_reuse_ignored", 3600).await, ((200, String::new()), (200, String::new())));
    assert_eq!(after_reuse("refresh_reuse_punished", 0).await, (used(), used()));
    let client = Client::faulty("refresh_not_rotated");
    let token = text(&client.session().await, "refresh_token");
    assert_eq!(client.rotate(&token).await, token);
    let client = Client::faulty("refresh_rejected");
    let token = text(&client.session().await, "refresh_token");
    assert_eq!(client.refresh(&token).await.error(), (400, "refresh_token_not_found".to_owned()));
    let client = Client::faulty("session_lost");
    let token = text(&client.session().await, "refresh_token");
    assert_eq!(client.refresh(&token).await.error(), (400, "session_not_found".to_owned()));
}

#[tokio::test]
async fn a_message_may_be_lost_on_purpose() {
    let client = Client::faulty("undelivered");
    assert_eq!(client.post("/otp", json!({ "email": ADA })).await.json(), json!({}));
    assert!(client.surroundings.inbox.messages().is_empty());
}

const PATHS: [&str; 14] = [
    "/authorize",
    "/callback",
    "/token",
    "/user",
    "/logout",
    "/signup",
    "/otp",
    "/magiclink",
    "/recover",
    "/verify",
    "/resend",
    "/settings",
    "/health",
    "/.well-known/jwks.json",
];

const NAMES: [&str; 24] = [
    "grant_type",
    "provider",
    "redirect_to",
    "code_challenge",
    "code_challenge_method",
    "scopes",
    "state",
    "code",
    "error",
    "error_description",
    "type",
    "token",
    "token_hash",
    "email",
    "phone",
    "password",
    "refresh_token",
    "auth_code",
    "code_verifier",
    "id_token",
    "data",
    "scope",
    "channel",
    "create_user",
];

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "password", "pkce", "refresh_token", "id_token", "google", "s256", "plain", ADA, "new@x.test", "+491701234567", PASSWORD, VERIFIER,
            "signup", "magiclink", "recovery", "email", "email_change", "sms", "phone_change", "123456", "global", "pkce_x", "a.b.c",
            "https://app.test/a?b=c#d", "https://evil.test/", "//evil.test", "https://app.test@evil.test", "https://app.test\\@evil.test",
            "javascript:alert(1)", "https://x.preview.test/\r\nX: y", "app.mobile://x", "00000000-0000-4000-8000-000000000000",
        ]).prop_map(str::to_owned),
        2 => any::<String>(),
    ]
}

fn pairs() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    prop::collection::vec((prop::sample::select(NAMES.to_vec()), value()), 0..10)
}

/// Bodies that are mostly objects with our names, of mostly text.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let odd = prop_oneof![Just(json!(null)), Just(json!(7)), Just(json!({ "a": [1] })), Just(json!(false))];
    let object = (pairs(), prop::option::of((prop::sample::select(NAMES.to_vec()), odd))).prop_map(|(pairs, odd)| {
        let mut object: serde_json::Map<_, _> = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        object.extend(odd.map(|(name, value)| (name.to_owned(), value)));
        Value::from(object).to_string().into_bytes()
    });
    prop_oneof![6 => object, 1 => prop::collection::vec(any::<u8>(), 0..100), 1 => Just(b"[".repeat(5000))]
}

/// Whether a browser that is sent there ends up where users may go: on the site, where a pattern allows, or at the provider.
fn is_allowed(location: &str) -> bool {
    let url = Url::parse(location).unwrap();
    match url.scheme() {
        "https" => url.host_str().is_some_and(|host| host == "app.test" || host.ends_with(".preview.test")),
        "app.mobile" => true,
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_gets_a_proper_answer(
        path in prop::sample::select(PATHS.to_vec()),
        query in pairs(),
        body in body(),
        method in prop::sample::select(vec!["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE"]),
        referer in value(),
        signed_in in any::<bool>(),
        bearer in value(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = Client::new(|_| {});
            let bearer = if signed_in { text(&client.session().await, "access_token") } else { bearer };
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&query).finish();
            let mut request = Request::builder().method(method).uri(format!("/auth/v1{path}?{query}"));
            for (name, value) in [("authorization", format!("Bearer {bearer}")), ("referer", referer)] {
                if let Ok(value) = http::HeaderValue::from_str(&value) {
                    request = request.header(name, value);
                }
            }
            let reply = client.send(request.body(Body::from(body)).unwrap()).await;
            prop_assert!(!reply.status.is_server_error(), "{} {}", reply.status, reply.note);
            if let Some(location) = reply.headers.get(LOCATION) {
                let location = location.to_str().unwrap();
                prop_assert!(is_allowed(location), "{location:?} {}", reply.note);
            }
            if reply.status.is_client_error() && reply.status != 405 {
                let error = reply.json();
                let told = ["code", "error"].iter().any(|name| error.get(name).is_some());
                prop_assert!(told, "{error}");
            }
            Ok(())
        })?;
    }

    #[test]
    fn users_are_only_sent_where_they_may_go(target in value()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = Client::new(|_| {});
            let target: String = form_urlencoded::byte_serialize(target.as_bytes()).collect();
            client.post(&format!("/magiclink?redirect_to={target}"), json!({ "email": ADA })).await;
            let message = client.surroundings.inbox.messages().pop().unwrap().draft.text;
            let link = message.lines().find(|line| line.contains("://")).unwrap().to_owned();
            let reply = client.get(&link).await;
            prop_assert!(is_allowed(reply.location()), "{}", reply.location());
            Ok(())
        })?;
    }
}
