//! Redeeming codes, reading userinfo, and the documents that describe it all.

use super::super::signing::at_hash;
use super::*;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

#[tokio::test]
async fn tokens_are_what_the_standards_say() {
    let mut browser = Browser::new(|_| {});
    let code = browser.code().await;
    let reply = browser.redeem(&code).await;
    assert_eq!((reply.header("cache-control"), reply.header("pragma")), ("no-store", "no-cache"));
    assert_eq!(reply.note, "token: tokens issued (client mosaic)");
    let tokens = reply.json();
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(300)));
    assert_eq!(tokens["scope"], "openid email profile");
    let claims = browser.verify(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!((&claims["iss"], &claims["aud"], &claims["sub"]), (&json!(ISSUER), &json!("mosaic"), &json!("sub-jarvis")));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    assert!(claims["auth_time"].as_i64().unwrap() <= claims["iat"].as_i64().unwrap());
    assert_eq!(claims["at_hash"], at_hash(tokens["access_token"].as_str().unwrap(), SigningAlgorithm::Es256));
    assert_eq!((&claims["email"], &claims["email_verified"]), (&json!("jarvis@mosaic.test"), &json!(false)));
}

#[tokio::test]
async fn claims_follow_the_scopes_and_emails_are_not_made_up() {
    let mut browser = Browser::new(|_| {});
    let tokens = browser.tokens().await;
    let reply = browser.userinfo(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(reply.header("cache-control"), "no-store");
    let expected = json!({
        "sub": "sub-jarvis", "name": "Jarvis", "given_name": "Jarvis", "preferred_username": "jarvis", "nickname": "jarvis",
        "groups": ["staff"], "email_verified": false, "email": "jarvis@mosaic.test",
    });
    assert_eq!(reply.json(), expected, "the phone number needs its own scope");

    for (scope, names) in
        [("openid", vec!["sub"]), ("openid email", vec!["sub", "email", "email_verified"]), ("openid phone", vec!["sub", "phone_number"])]
    {
        let code = browser.get(&authorize_uri(&but("scope", scope))).await.returned().remove("code").unwrap();
        let token = browser.redeem(&code).await.json()["access_token"].as_str().unwrap().to_owned();
        let claims = browser.userinfo(&token).await.json();
        assert_eq!(claims.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>(), names, "{scope}");
    }

    let mut plain = browser.another();
    plain.log_in("/if/flow/default-authentication-flow/", "plain", "plain-pässword").await;
    let code = plain.get(&authorize_uri(&healthy())).await.returned().remove("code").unwrap();
    let token = plain.redeem(&code).await.json()["access_token"].as_str().unwrap().to_owned();
    let claims = plain.userinfo(&token).await.json();
    assert_eq!(claims["name"], "plain");
    assert!(claims.get("email").is_none() && claims.get("email_verified").is_none());
}

#[tokio::test]
async fn a_code_that_comes_back_takes_its_tokens_with_it() {
    let mut browser = Browser::new(|_| {});
    let code = browser.code().await;
    let token = browser.redeem(&code).await.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(browser.userinfo(&token).await.status, 200);

    browser.surroundings.clock.advance(Duration::from_secs(120));
    let reply = browser.redeem(&code).await;
    assert_eq!((reply.status.as_u16(), reply.json()["error"].as_str().unwrap()), (400, "invalid_grant"));
    assert_eq!(reply.note, "token: refused, the code was used before; its tokens are revoked (client mosaic)");
    assert_eq!(browser.userinfo(&token).await.status, 401, "revoked, even though the code had expired by then");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_redemptions_at_once_one_succeeds() {
    let mut browser = Browser::new(|_| {});
    let code = browser.code().await;
    let attempts: Vec<_> = (0..16)
        .map(|_| {
            let (mut browser, code) = (browser.another(), code.clone());
            tokio::spawn(async move { browser.redeem(&code).await.status })
        })
        .collect();
    let mut granted = 0;
    for attempt in attempts {
        granted += usize::from(attempt.await.unwrap() == 200);
    }
    assert_eq!(granted, 1);
}

#[tokio::test]
async fn a_code_is_good_for_its_client_its_address_its_verifier_and_its_time() {
    let mut browser = Browser::new(|_| {});
    let code = browser.code().await;
    let change = |name: &'static str, value: &'static str| {
        let mut form = redemption(&code);
        form.retain(|(key, _)| *key != name);
        form.push((name, value));
        form
    };
    let wrong = "wrong-wrong-wrong-wrong-wrong-wrong-wrong-wrong";
    let mut others = redemption(&code);
    others.truncate(4);
    others.extend([("client_id", "other"), ("client_secret", "other-secret")]);
    for (form, error) in [
        (others, "invalid_grant"),
        (change("redirect_uri", "https://api.test/callback"), "invalid_grant"),
        (change("redirect_uri", ""), "invalid_request"),
        (change("code_verifier", wrong), "invalid_grant"),
        (change("code_verifier", ""), "invalid_grant"),
        (change("code_verifier", "short"), "invalid_request"),
        (change("code", "unknown"), "invalid_grant"),
        (change("code", ""), "invalid_request"),
        (change("grant_type", ""), "invalid_request"),
        (change("grant_type", "password"), "unsupported_grant_type"),
    ] {
        let reply = browser.post("/application/o/token/", &form).await;
        assert_eq!((reply.status.as_u16(), reply.json()["error"].as_str().unwrap()), (400, error), "{form:?}");
        assert_eq!(reply.header("cache-control"), "no-store");
        assert!(!reply.note.contains(&code) && !reply.note.contains("s3cr"), "{}", reply.note);
    }
    assert_eq!(browser.redeem(&code).await.status, 200, "none of this spent the code");

    let code = browser.code().await;
    browser.surroundings.clock.advance(Duration::from_secs(60));
    assert_eq!(browser.redeem(&code).await.json()["error_description"], "the code is expired");
}

#[tokio::test]
async fn a_verifier_without_a_challenge_is_refused() {
    let mut browser = Browser::new(|_| {});
    let parameters: Vec<_> = healthy().into_iter().filter(|(name, _)| !name.starts_with("code_challenge")).collect();
    let code = browser.authorize(&parameters).await.returned().remove("code").unwrap();
    assert_eq!(browser.redeem(&code).await.json()["error"], "invalid_grant");
    let form: Vec<_> = redemption(&code).into_iter().filter(|(name, _)| *name != "code_verifier").collect();
    assert_eq!(browser.post("/application/o/token/", &form).await.status, 200);
}

#[tokio::test]
async fn clients_prove_who_they_are() {
    let mut browser = Browser::new(|_| {});
    let code = browser.code().await;
    let form = &redemption(&code)[..4];
    let with_header = |value: &str| {
        let mut request = post("/application/o/token/", form);
        request.headers_mut().insert(AUTHORIZATION, value.parse().unwrap());
        request
    };
    for refused in [basic("mosaic", "wrong"), basic("nobody", "x"), basic("mosaic", ""), "Basic !".to_owned(), "Bearer x".to_owned()] {
        let reply = browser.send(with_header(&refused)).await;
        assert_eq!((reply.status.as_u16(), reply.json()["error"].as_str().unwrap()), (401, "invalid_client"), "{refused}");
        assert!(reply.header("www-authenticate").starts_with("Basic "));
    }
    for body in [&[("client_id", "mosaic")][..], &[("client_id", "mosaic"), ("client_secret", "wrong")], &[]] {
        let reply = browser.post("/application/o/token/", &[form, body].concat()).await;
        assert_eq!((reply.status.as_u16(), reply.json()["error"].as_str().unwrap()), (401, "invalid_client"));
    }
    let mut twice = post("/application/o/token/", &redemption(&code));
    twice.headers_mut().insert(AUTHORIZATION, basic("mosaic", "s3cr%3At%2B%25").parse().unwrap());
    assert_eq!(browser.send(twice).await.json()["error"], "invalid_request");

    assert_eq!(browser.send(with_header(&basic("mosaic", "s3cr%3At%2B%25"))).await.status, 200, "form-encoded");
    let code = browser.code().await;
    let mut raw = post("/application/o/token/", &redemption(&code)[..4]);
    raw.headers_mut().insert(AUTHORIZATION, basic("mosaic", "s3cr:t+%").parse().unwrap());
    assert_eq!(browser.send(raw).await.status, 200, "as many clients send it");
}

#[tokio::test]
async fn a_public_client_redeems_from_its_page() {
    let mut browser = Browser::new(|_| {});
    let mut parameters = but("client_id", "spa");
    parameters.retain(|(name, _)| *name != "redirect_uri");
    parameters.push(("redirect_uri", SPA));
    let code = browser.authorize(&parameters).await.returned().remove("code").unwrap();
    let form =
        [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", SPA), ("code_verifier", VERIFIER), ("client_id", "spa")];
    for (origin, allowed) in [("https://evil.test", ""), ("https://spa.test", "https://spa.test")] {
        let mut request = Request::options("/application/o/token/").header("origin", origin).body(Body::empty()).unwrap();
        request.headers_mut().insert("access-control-request-method", "POST".parse().unwrap());
        let reply = browser.send(request).await;
        assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-origin")), (204, allowed));
    }
    let secret = [&form[..], &[("client_secret", "x")]].concat();
    assert_eq!(browser.post("/application/o/token/", &secret).await.status, 401);
    assert_eq!(browser.post("/application/o/token/", &form).await.status, 200);
}

#[tokio::test]
async fn without_openid_there_is_an_access_token_alone() {
    let mut browser = Browser::new(|_| {});
    let code = browser.authorize(&but("scope", "email")).await.returned().remove("code").unwrap();
    let tokens = browser.redeem(&code).await.json();
    assert!(tokens.get("id_token").is_none());
    let reply = browser.userinfo(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(reply.status, 403);
    assert!(reply.header("www-authenticate").contains("insufficient_scope"));
}

#[tokio::test]
async fn userinfo_takes_a_token_in_header_or_body_for_its_lifetime() {
    let mut browser = Browser::new(|_| {});
    let token = browser.tokens().await["access_token"].as_str().unwrap().to_owned();
    assert_eq!(browser.post("/application/o/userinfo/", &[("access_token", &token)]).await.status, 200);
    let mut posted = Request::post("/application/o/userinfo/").body(Body::empty()).unwrap();
    posted.headers_mut().insert(AUTHORIZATION, format!("bearer {token}").parse().unwrap());
    assert_eq!(browser.send(posted).await.status, 200);

    let mut twice = post("/application/o/userinfo/", &[("access_token", &token)]);
    twice.headers_mut().insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    assert_eq!(browser.send(twice).await.status, 400);

    let none = browser.get(&format!("/application/o/userinfo/?access_token={token}")).await;
    assert_eq!((none.status.as_u16(), none.header("www-authenticate")), (401, "Bearer realm=\"userinfo\""));
    let unknown = browser.userinfo("unknown").await;
    assert!(unknown.status == 401 && unknown.header("www-authenticate").contains("invalid_token"));
    browser.surroundings.clock.advance(Duration::from_secs(300));
    assert_eq!(browser.userinfo(&token).await.status, 401);
}

#[tokio::test]
async fn it_can_be_served_on_a_socket() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let idp = Idp::new(&plan(), Url::parse(&base).unwrap(), Surroundings::default());
    let server = tokio::spawn(axum::serve(listener, idp.router()).into_future());
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let response = client.get(format!("{base}/application/o/mosaic/jwks/").parse().unwrap()).await.unwrap();
    let body = to_bytes(Body::new(response.into_body()), usize::MAX).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["keys"].as_array().unwrap().len(), 1);
    server.abort();
}

#[tokio::test]
async fn discovery_tells_the_truth() {
    let mut browser = Browser::new(|_| {});
    let metadata = browser.get("/application/o/mosaic/.well-known/openid-configuration").await.json();
    assert_eq!(metadata, browser.get("/.well-known/openid-configuration").await.json());
    assert_eq!(metadata["issuer"], ISSUER);
    for (name, status) in [
        ("authorization_endpoint", 400),
        ("token_endpoint", 405),
        ("userinfo_endpoint", 401),
        ("introspection_endpoint", 405),
        ("revocation_endpoint", 405),
        ("jwks_uri", 200),
        ("end_session_endpoint", 200),
    ] {
        let reply = browser.get(metadata[name].as_str().unwrap()).await;
        assert_eq!(reply.status, status, "{name}");
    }
    let jwks = browser.get(metadata["jwks_uri"].as_str().unwrap()).await;
    assert_eq!(jwks.header("access-control-allow-origin"), "*");
    assert_eq!(metadata["id_token_signing_alg_values_supported"], json!([jwks.json()["keys"][0]["alg"]]));
}

#[tokio::test]
async fn the_metadata_is_found_wherever_clients_look_for_it() {
    let mut browser = Browser::new(|_| {});
    let metadata = browser.get("/application/o/mosaic/.well-known/openid-configuration").await.json();
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/application/o/mosaic",
        "/.well-known/oauth-authorization-server/application/o/mosaic/",
    ] {
        assert_eq!(browser.get(path).await.json(), metadata, "{path}");
    }
    assert_eq!(browser.get("/.well-known/oauth-authorization-server/application/o/elsewhere").await.status, 404);
}

#[tokio::test]
async fn the_metadata_says_what_the_clients_may() {
    let mut browser = Browser::new(|_| {});
    let metadata = browser.get("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["grant_types_supported"], json!(["authorization_code", "refresh_token"]));
    assert_eq!(metadata["token_endpoint_auth_methods_supported"], json!(["client_secret_basic", "client_secret_post", "none"]));
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    assert!(metadata.get("token_endpoint_auth_signing_alg_values_supported").is_none());

    let mut other = Browser::new(|plan| {
        plan.clients.truncate(1);
        plan.clients[0].pkce_plain = true;
        plan.clients[0].scopes = vec!["read".to_owned()];
        plan.clients[0].grants = vec![crate::plan::Grant::AuthorizationCode, crate::plan::Grant::ClientCredentials];
        let key = super::super::signing::SigningKey::generate(SigningAlgorithm::EdDsa);
        plan.clients[0].keys = vec![crate::plan::ClientKey::read(&Value::Object(key.jwk().clone())).unwrap()];
    });
    let metadata = other.get("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["grant_types_supported"], json!(["authorization_code", "client_credentials"]));
    assert_eq!(metadata["token_endpoint_auth_methods_supported"], json!(["client_secret_basic", "client_secret_post", "private_key_jwt"]));
    assert_eq!(metadata["token_endpoint_auth_signing_alg_values_supported"], json!(["EdDSA"]));
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256", "plain"]));
    assert_eq!(metadata["scopes_supported"], json!(["openid", "email", "profile", "address", "phone", "read"]));
}

#[tokio::test]
async fn a_plain_challenge_is_for_clients_that_may() {
    let verifier = VERIFIER;
    for method in ["plain", ""] {
        let mut parameters = but("code_challenge_method", method);
        parameters.retain(|(name, _)| *name != "code_challenge");
        parameters.push(("code_challenge", verifier));
        let mut strict = Browser::new(|_| {});
        assert_eq!(strict.get(&authorize_uri(&parameters)).await.returned()["error"], "invalid_request");

        let mut browser = Browser::new(|plan| plan.clients[0].pkce_plain = true);
        let code = browser.authorize(&parameters).await.returned().remove("code").unwrap();
        let mut wrong = redemption(&code);
        wrong.retain(|(name, _)| *name != "code_verifier");
        wrong.push(("code_verifier", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
        assert_eq!(browser.post("/application/o/token/", &wrong).await.json()["error"], "invalid_grant");
        assert_eq!(browser.redeem(&code).await.status, 200);
    }
}
