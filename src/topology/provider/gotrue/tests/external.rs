//! Through an OpenID provider and back: the embedded one, on a socket, because the exchange goes from server to server.

use super::super::super::{Idp, serve};
use super::*;
use crate::plan::{IdpClient, IdpPlan, IdpUser};
use scraper::{Html, Selector};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A server with the provider that it knows as `google`.
struct World {
    client: Client,
    idp: Idp,
    provider: JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.provider.abort();
    }
}

impl World {
    async fn new(change: impl FnOnce(&mut GotruePlan, &mut IdpPlan)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let claims = json!({ "email": "Grace@X.test", "email_verified": true, "name": "Grace" }).as_object().unwrap().clone();
        let mut idp = IdpPlan {
            slug: "google".to_owned(),
            users: vec![IdpUser {
                name: "grace".to_owned(),
                password: Secret::new("grace", "hopper"),
                subject: "sub-grace".to_owned(),
                claims,
                mfa: None,
                locked: false,
            }],
            clients: vec![IdpClient {
                id: "supabase".to_owned(),
                secret: Some(Secret::new("client", "client-secret")),
                redirect_uris: vec![format!("{BASE}/auth/v1/callback")],
                require_pkce: true,
                ..IdpClient::default()
            }],
            ..IdpPlan::default()
        };
        let mut idp_changed = None;
        let client = Client::new(|plan| {
            plan.external[0].issuer = format!("{base}/application/o/google/");
            change(plan, &mut idp);
            idp_changed = Some(idp);
        });
        let idp = Idp::new(&idp_changed.unwrap(), base.parse().unwrap(), client.surroundings.clone());
        let provider = tokio::spawn(serve(listener, idp.router()));
        Self { client, idp, provider }
    }

    fn switch(&self, fault: &str) {
        self.client.gotrue.switchboard().add(Fault::parse(fault, Service::Gotrue).unwrap());
    }

    /// From the page of the app to the provider.
    async fn authorize(&self, parameters: &[(&str, &str)]) -> Reply {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        self.client.get(&format!("/authorize?provider=google&{query}")).await
    }

    /// Logs in at the provider; gives where it sends the user.
    async fn log_in(&self, at: &str) -> String {
        let at = Url::parse(at).unwrap();
        let send = async |request: Request<Body>| self.idp.router().oneshot(request).await.unwrap();
        let get = |uri: String, cookie: String| Request::get(uri).header("cookie", cookie).body(Body::empty()).unwrap();
        let location = |response: &http::Response<Body>| response.headers()[LOCATION].to_str().unwrap().to_owned();
        let login = location(&send(get(format!("{}?{}", at.path(), at.query().unwrap()), String::new())).await);
        let page = send(get(login.clone(), String::new())).await;
        let cookie = page.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let body = String::from_utf8(to_bytes(page.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap();
        let html = Html::parse_document(&body);
        let transaction = html.select(&Selector::parse("input[name=transaction]").unwrap()).next().unwrap().value().attr("value").unwrap();
        let form = [("transaction", transaction), ("uid_field", "grace"), ("password", "hopper")];
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post(&login).header("cookie", cookie).header("content-type", "application/x-www-form-urlencoded");
        let done = send(request.body(Body::from(form)).unwrap()).await;
        let cookie = done.headers().get("set-cookie").map_or("", |cookie| cookie.to_str().unwrap()).split(';').next().unwrap().to_owned();
        location(&send(get(location(&done), cookie)).await)
    }

    /// The whole way to the redirect back to the app.
    async fn sign_in(&self, parameters: &[(&str, &str)]) -> Reply {
        let there = self.authorize(parameters).await;
        assert_eq!(there.status, 302, "{} {}", there.note, there.body);
        let back = self.log_in(there.location()).await;
        self.client.get(&back).await
    }

    async fn redeem(&self, code: &str, verifier: &str) -> Reply {
        self.client.post("/token?grant_type=pkce", json!({ "auth_code": code, "code_verifier": verifier })).await
    }

    /// A code of the PKCE flow.
    async fn code(&self) -> String {
        let back = self.sign_in(&pkce()).await;
        back.query().remove("code").unwrap_or_else(|| panic!("no code: {} {}", back.note, back.location()))
    }
}

fn pkce() -> [(&'static str, &'static str); 3] {
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    [("redirect_to", "https://app.test/auth/callback?next=/home"), ("code_challenge", CHALLENGE), ("code_challenge_method", "s256")]
}

#[tokio::test]
async fn the_pkce_flow_leads_through_the_provider_to_a_session() {
    let world = World::new(|_, _| {}).await;
    let back = world.sign_in(&pkce()).await;
    assert_eq!((back.status.as_u16(), back.note.as_str()), (302, "callback: sent back with a code for `grace@x.test` (client google)"));
    let query = back.query();
    assert!(back.location().starts_with("https://app.test/auth/callback?code="), "{}", back.location());
    assert_eq!(query["next"], "/home");
    let session = world.redeem(&query["code"], VERIFIER).await;
    assert_eq!(session.status, 200, "{} {}", session.note, session.body);
    let session = session.json();
    let user = &session["user"];
    assert_eq!((&user["email"], &user["user_metadata"]["full_name"]), (&"grace@x.test".into(), &"Grace".into()));
    assert_eq!(user["app_metadata"], json!({ "provider": "google", "providers": ["google"] }));
    assert!(session["provider_token"].is_string() && user["email_confirmed_at"].is_string());
    // The same person is the same user the next time.
    let again = world.redeem(&world.code().await, VERIFIER).await.json();
    assert_eq!(again["user"]["id"], user["id"]);
}

#[tokio::test]
async fn the_implicit_flow_brings_the_tokens_in_the_fragment() {
    let world = World::new(|_, _| {}).await;
    let back = world.sign_in(&[("redirect_to", "https://pr-1.preview.test/cb")]).await;
    assert!(back.location().starts_with("https://pr-1.preview.test/cb#access_token="), "{}", back.location());
    let fragment = back.fragment();
    let names: Vec<_> = fragment.keys().map(String::as_str).collect();
    assert_eq!(names, ["access_token", "expires_at", "expires_in", "provider_token", "refresh_token", "sb", "token_type"]);
    assert_eq!(world.client.get_user(&fragment["access_token"]).await.status, 200);
    assert_eq!(world.client.refresh(&fragment["refresh_token"]).await.status, 200);
}

#[tokio::test]
async fn a_verified_address_leads_to_the_account_that_has_it() {
    let world = World::new(|plan, _| plan.users.push(user("grace@x.test"))).await;
    let session = world.redeem(&world.code().await, VERIFIER).await.json();
    assert_eq!(session["user"]["app_metadata"]["providers"], json!(["email", "google"]));
    assert_eq!(world.client.sign_in("grace@x.test", PASSWORD).await.json()["user"]["id"], session["user"]["id"]);
}

#[tokio::test]
async fn an_unverified_address_has_to_be_confirmed_first() {
    let world = World::new(|_, idp| {
        idp.users[0].claims.insert("email_verified".to_owned(), false.into());
    })
    .await;
    let back = world.sign_in(&pkce()).await;
    let query = back.query();
    assert_eq!((query["error"].as_str(), query["error_code"].as_str()), ("access_denied", "provider_email_needs_verification"));
    assert_eq!(world.client.surroundings.inbox.messages()[0].draft.to, ["grace@x.test"]);
}

#[tokio::test]
async fn a_code_is_redeemed_once_with_its_verifier_and_in_time() {
    let world = World::new(|_, _| {}).await;
    let code = world.code().await;
    assert_eq!(world.redeem(&code, "").await.error(), (400, "validation_failed".to_owned()));
    assert_eq!(world.redeem(&code, "another-verifier").await.error(), (400, "bad_code_verifier".to_owned()));
    assert_eq!(world.redeem("unknown", VERIFIER).await.error(), (404, "flow_state_not_found".to_owned()));
    assert_eq!(world.redeem(&code, VERIFIER).await.status, 200);
    assert_eq!(world.redeem(&code, VERIFIER).await.error(), (404, "flow_state_not_found".to_owned()));
    let code = world.code().await;
    world.client.advance(290);
    assert_eq!(world.redeem(&code, "wrong").await.error(), (400, "bad_code_verifier".to_owned()));
    world.client.advance(11);
    assert_eq!(world.redeem(&code, VERIFIER).await.error(), (422, "flow_state_expired".to_owned()));
}

#[tokio::test]
async fn a_state_is_good_once_and_for_a_while() {
    let world = World::new(|_, _| {}).await;
    let back = world.log_in(world.authorize(&pkce()).await.location()).await;
    assert_eq!(world.client.get(&back).await.status, 302);
    let again = world.client.get(&back).await;
    assert_eq!(again.query()["error_code"], "flow_state_already_used");
    assert_eq!((again.status.as_u16(), &again.json()["code"]), (303, &400.into()));
    assert!(again.location().starts_with("https://app.test/?error=invalid_request"), "{}", again.location());
    for (state, code) in [("", "bad_oauth_callback"), ("x", "bad_oauth_state"), ("00000000-0000-4000-8000-000000000000", "bad_oauth_state")]
    {
        let reply = world.client.get(&format!("/callback?code=x&state={state}")).await;
        assert_eq!(reply.query()["error_code"], code);
    }
    let late = world.log_in(world.authorize(&pkce()).await.location()).await;
    world.client.advance(301);
    assert_eq!(world.client.get(&late).await.query()["error_description"], "OAuth state has expired");
}

#[tokio::test]
async fn what_the_provider_says_goes_on_in_query_and_fragment() {
    let world = World::new(|_, _| {}).await;
    let there = world.authorize(&pkce()).await;
    let state = there.query()["state"].clone();
    let denied = world.client.get(&format!("/callback?state={state}&error=access_denied&error_description=no")).await;
    assert_eq!(
        denied.location(),
        "https://app.test/auth/callback?error=access_denied&error_description=no&next=%2Fhome#error=access_denied&error_description=no&sb="
    );
    let missing = world.client.get(&format!("/callback?state={state}")).await;
    assert_eq!(
        (missing.query()["error_code"].as_str(), missing.fragment()["error_code"].as_str()),
        ("bad_oauth_callback", "bad_oauth_callback")
    );
    let foreign = world.client.get(&format!("/callback?state={state}&code=abcdef")).await;
    assert_eq!((foreign.query()["error"].as_str(), foreign.query()["error_code"].as_str()), ("server_error", "unexpected_failure"));
    assert_eq!(foreign.query()["error_description"], "Unable to exchange external code: abcd");
}

#[tokio::test]
async fn an_answer_may_come_as_a_form() {
    let world = World::new(|_, _| {}).await;
    let back = Url::parse(&world.log_in(world.authorize(&pkce()).await.location()).await).unwrap();
    let request = Request::post("/auth/v1/callback").header("content-type", "application/x-www-form-urlencoded");
    let reply = world.client.send(request.body(Body::from(back.query().unwrap().to_owned())).unwrap()).await;
    assert!(reply.query().contains_key("code"), "{} {}", reply.note, reply.location());
}

#[tokio::test]
async fn tokens_that_the_provider_spoils_sign_nobody_in() {
    for fault in
        ["iss_wrong", "aud_wrong", "signature_broken", "token_expired", "alg_none", "alg_switched", "kid_unknown", "key_unpublished"]
    {
        let fault = Fault::parse(fault, Service::Idp).unwrap();
        let world = World::new(|_, idp| idp.faults.push(fault.clone())).await;
        let back = world.sign_in(&pkce()).await;
        let expected = ("server_error", "Error getting user profile from external provider");
        let query = back.query();
        assert_eq!((query["error"].as_str(), query["error_description"].as_str()), expected, "{fault:?} {}", back.note);
    }
}

#[tokio::test]
async fn a_provider_must_be_declared_and_within_reach() {
    let client = Client::new(|_| {});
    let unknown = client.get("/authorize?provider=nobody").await;
    assert_eq!(unknown.json()["msg"], "Unsupported provider: Provider nobody could not be found");
    assert_eq!(client.get("/authorize?provider=github").await.json()["msg"], "Unsupported provider: provider is not enabled");
    assert_eq!(client.get("/authorize?provider=google").await.error(), (400, "validation_failed".to_owned()));
    assert_eq!(client.get("/authorize?provider=google&code_challenge=x").await.error(), (400, "validation_failed".to_owned()));
}

#[tokio::test]
async fn an_id_token_from_elsewhere_signs_in() {
    let world = World::new(|_, _| {}).await;
    let grant = async |body: Value| world.client.post("/token?grant_type=id_token", body).await;
    assert_eq!(grant(json!({})).await.json()["error_description"], "id_token required");
    assert_eq!(grant(json!({ "id_token": "a.b.c" })).await.json()["error_description"], "provider or client_id and issuer required");
    let bad = grant(json!({ "id_token": "a.b.c", "provider": "google" })).await;
    assert_eq!((bad.status.as_u16(), bad.json()), (400, json!({ "error": "invalid request", "error_description": "Bad ID token" })));
    let id_token = world.id_token().await;
    let session = grant(json!({ "id_token": id_token, "provider": "google" })).await;
    assert_eq!(session.status, 200, "{} {}", session.note, session.body);
    assert_eq!(session.json()["user"]["email"], "grace@x.test");
    let hashed = grant(json!({ "id_token": id_token, "provider": "google", "access_token": "another" })).await;
    assert_eq!(hashed.json()["error_description"], "Bad ID token");
    let nonce = grant(json!({ "id_token": id_token, "provider": "google", "nonce": "n" })).await;
    assert_eq!(nonce.json()["error_description"], "Passed nonce and nonce in id_token should either both exist or not.");
}

impl World {
    /// An ID token for the same client, as an app on a phone gets one.
    async fn id_token(&self) -> String {
        let callback = format!("{BASE}/auth/v1/callback");
        let challenge = s256(VERIFIER);
        let parameters = [
            ("response_type", "code"),
            ("client_id", "supabase"),
            ("redirect_uri", callback.as_str()),
            ("scope", "openid email"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let base = self.idp.issuer().split("/application").next().unwrap().to_owned();
        let back = self.log_in(&format!("{base}/application/o/authorize/?{query}")).await;
        let code: String = Url::parse(&back).unwrap().query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &callback),
            ("code_verifier", VERIFIER),
            ("client_id", "supabase"),
            ("client_secret", "client-secret"),
        ];
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post("/application/o/token/").header("content-type", "application/x-www-form-urlencoded");
        let response = self.idp.router().oneshot(request.body(Body::from(form)).unwrap()).await.unwrap();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        text(&serde_json::from_slice::<Value>(&body).unwrap(), "id_token")
    }
}

#[tokio::test]
async fn faults_of_the_flow_strike_where_they_say() {
    let world = World::new(|_, _| {}).await;
    world.switch(r#"{"state_altered": {"times": 1}}"#);
    assert_eq!(world.sign_in(&pkce()).await.query()["error_code"], "bad_oauth_state");
    world.switch(r#"{"code_missing": {"times": 1}}"#);
    assert_eq!(world.sign_in(&pkce()).await.location(), "https://app.test/auth/callback?next=/home");
    world.switch(r#"{"code_expired": {"times": 1}}"#);
    assert_eq!(world.redeem(&world.code().await, VERIFIER).await.error(), (422, "flow_state_expired".to_owned()));
    world.switch(r#"{"authorize_error": {"error": "server_error", "description": "told to", "times": 1}}"#);
    assert_eq!(world.sign_in(&pkce()).await.query()["error_description"], "told to");
    world.switch(r#"{"flow_state_lost": {"endpoint": "token", "times": 1}}"#);
    let code = world.code().await;
    assert_eq!(world.redeem(&code, VERIFIER).await.error(), (404, "flow_state_not_found".to_owned()));
    assert_eq!(world.redeem(&code, VERIFIER).await.status, 200);
    world.switch(r#"{"flow_state_lost": {"endpoint": "callback"}}"#);
    assert_eq!(world.sign_in(&pkce()).await.query()["error_code"], "bad_oauth_state");
}
