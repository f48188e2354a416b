//! Clients that come by themselves: how they prove who they are, and what they get.

use super::super::signing::SigningKey;
use super::*;
use crate::plan::{ClientAuth, ClientKey, Grant};
use std::sync::Arc;

const TOKEN: &str = "/application/o/token/";
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A provider with a service that signs with `key`.
fn with_service(key: &SigningKey) -> Browser {
    with_client_key(&ClientKey::read(&Value::Object(key.jwk().clone())).unwrap())
}

fn with_client_key(key: &ClientKey) -> Browser {
    let key = key.clone();
    Browser::new(move |plan| {
        plan.clients.push(IdpClient {
            id: "service".to_owned(),
            keys: vec![key],
            grants: vec![Grant::ClientCredentials],
            scopes: vec!["read".to_owned(), "write".to_owned()],
            ..IdpClient::default()
        });
    })
}

fn key() -> SigningKey {
    SigningKey::generate(SigningAlgorithm::Es256)
}

impl Browser {
    /// Claims of an assertion that will do, once.
    fn assertion(&self) -> Map<String, Value> {
        let now = self.surroundings.clock.now().unix_timestamp();
        let claims =
            json!({ "iss": "service", "sub": "service", "aud": ISSUER, "iat": now, "exp": now + 60, "jti": super::super::keys::random() });
        claims.as_object().unwrap().clone()
    }

    async fn assert_with(&mut self, assertion: &str, more: &[(&str, &str)]) -> Reply {
        let form = [("grant_type", "client_credentials"), ("client_assertion_type", TYPE), ("client_assertion", assertion)];
        self.post(TOKEN, &[&form[..], more].concat()).await
    }
}

#[tokio::test]
async fn a_client_signs_for_itself() {
    for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::EdDsa, SigningAlgorithm::Rs256] {
        let key = SigningKey::generate(algorithm);
        let mut browser = with_service(&key);
        let claims = browser.assertion();
        let reply = browser.assert_with(&key.sign(&claims), &[]).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert_eq!(reply.note, "token: access token issued to the client itself (client service)");
        let tokens = reply.json();
        assert_eq!((&tokens["scope"], tokens.get("refresh_token"), tokens.get("id_token")), (&json!("read write"), None, None));
        assert_eq!(browser.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 403, "there is no user behind it");
    }
}

#[tokio::test]
async fn an_assertion_may_be_meant_for_the_issuer_or_the_endpoint() {
    let key = key();
    let mut browser = with_service(&key);
    for audience in [json!(ISSUER), json!("https://auth.test/application/o/token/"), json!(["https://x.test/", ISSUER])] {
        let mut claims = browser.assertion();
        claims.insert("aud".to_owned(), audience.clone());
        assert_eq!(browser.assert_with(&key.sign(&claims), &[("client_id", "service")]).await.status, 200, "{audience}");
    }
}

#[tokio::test]
async fn an_assertion_is_refused_for_whatever_is_wrong_with_it() {
    let key = key();
    let mut browser = with_service(&key);
    let now = browser.surroundings.clock.now().unix_timestamp();
    for (name, value, why) in [
        ("iss", json!("other"), "issuer and subject"),
        ("sub", json!("other"), "this client has no keys"),
        ("sub", json!("nobody"), "the client is not known"),
        ("aud", json!("https://elsewhere.test/"), "the audience"),
        ("aud", Value::Null, "the audience"),
        ("exp", json!(now - 61), "is expired"),
        ("exp", json!(now + 7200), "lives longer than an hour"),
        ("exp", Value::Null, "no number of seconds"),
        ("exp", json!(1e300), "no number of seconds"),
        ("exp", json!("soon"), "no number of seconds"),
        ("nbf", json!(now + 600), "not valid yet"),
        ("iat", json!(now + 600), "issued in the future"),
        ("jti", json!(""), "has no id"),
        ("jti", json!(7), "has no id"),
    ] {
        let mut claims = browser.assertion();
        claims.insert(name.to_owned(), value.clone());
        let reply = browser.assert_with(&key.sign(&claims), &[]).await;
        assert_eq!((reply.status.as_u16(), reply.json()["error"].as_str().unwrap()), (401, "invalid_client"), "{name}: {value}");
        assert!(reply.json()["error_description"].as_str().unwrap().contains(why), "{name}: {}", reply.body);
    }
    let mut endless = browser.assertion();
    endless.shift_remove("exp");
    assert!(browser.assert_with(&key.sign(&endless), &[]).await.body.contains("does not say when it expires"));
}

#[tokio::test]
async fn an_assertion_is_good_once() {
    let key = key();
    let mut browser = with_service(&key);
    let assertion = key.sign(&browser.assertion());
    let attempts: Vec<_> = (0..8)
        .map(|_| {
            let (mut browser, assertion) = (browser.another(), assertion.clone());
            tokio::spawn(async move { browser.assert_with(&assertion, &[]).await.status })
        })
        .collect();
    let mut granted = 0;
    for attempt in attempts {
        granted += usize::from(attempt.await.unwrap() == 200);
    }
    assert_eq!(granted, 1);
    assert!(browser.assert_with(&assertion, &[]).await.body.contains("was used before"));
}

#[tokio::test]
async fn a_signature_must_be_the_clients_own() {
    let key = key();
    let mut browser = with_service(&key);
    let claims = browser.assertion();
    let stranger = SigningKey::generate(SigningAlgorithm::Es256).sign(&claims);
    let other_kind = SigningKey::generate(SigningAlgorithm::EdDsa).sign(&claims);
    let symmetric = {
        let secret = jsonwebtoken::EncodingKey::from_secret(Value::Object(key.jwk().clone()).to_string().as_bytes());
        jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &secret).unwrap()
    };
    let critical = {
        let pair = rcgen::KeyPair::generate().unwrap();
        let private = jsonwebtoken::EncodingKey::from_ec_der(pair.serialized_der());
        let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&private, jsonwebtoken::Algorithm::ES256).unwrap();
        let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES256);
        let mut plain = with_client_key(&ClientKey::read(&serde_json::to_value(jwk).unwrap()).unwrap());
        let good = jsonwebtoken::encode(&header, &plain.assertion(), &private).unwrap();
        assert_eq!(plain.assert_with(&good, &[]).await.status, 200);
        header.crit = Some(vec!["exp".to_owned()]);
        let bad = jsonwebtoken::encode(&header, &plain.assertion(), &private).unwrap();
        plain.assert_with(&bad, &[]).await
    };
    assert!(critical.status == 401 && critical.body.contains("not signed by this client"), "{}", critical.body);
    for assertion in [stranger, other_kind, symmetric] {
        let reply = browser.assert_with(&assertion, &[]).await;
        assert_eq!((reply.status.as_u16(), reply.json()["error"].as_str().unwrap()), (401, "invalid_client"));
        assert!(reply.body.contains("not signed by this client"), "{}", reply.body);
    }
    for nonsense in ["x", "a.b.c", "e30.e30.", &format!("e30.{}.e30", "A".repeat(9000))] {
        assert_eq!(browser.assert_with(nonsense, &[]).await.json()["error"], "invalid_request", "{nonsense:.20}");
    }
}

#[tokio::test]
async fn there_is_one_way_at_a_time() {
    let key = key();
    let mut browser = with_service(&key);
    let assertion = key.sign(&browser.assertion());
    assert_eq!(browser.assert_with(&assertion, &[("client_secret", "x")]).await.json()["error"], "invalid_request");
    assert_eq!(browser.assert_with(&assertion, &[("client_id", "mosaic")]).await.json()["error"], "invalid_request");
    let form = [("grant_type", "client_credentials"), ("client_assertion", assertion.as_str())];
    assert_eq!(browser.post(TOKEN, &form).await.json()["error"], "invalid_request", "without its type");
    let form = [("grant_type", "client_credentials"), ("client_id", "service")];
    assert_eq!(browser.post(TOKEN, &form).await.json()["error_description"], "the client assertion is missing");
    assert_eq!(browser.assert_with(&assertion, &[]).await.status, 200, "none of this used it up");
}

#[tokio::test]
async fn a_client_may_be_bound_to_one_way() {
    let form = [("grant_type", "client_credentials")];
    let bodies = [("client_id", "mosaic"), ("client_secret", "s3cr:t+%")];
    for (auth, basic_status, post_status) in [(ClientAuth::Basic, 200, 401), (ClientAuth::Post, 401, 200)] {
        let mut browser = Browser::new(|plan| {
            plan.clients[0].auth = Some(auth);
            plan.clients[0].grants = vec![Grant::ClientCredentials];
        });
        let posted = browser.post(TOKEN, &[&form[..], &bodies].concat()).await;
        assert_eq!(posted.status, post_status, "{}", posted.body);
        let mut request = post(TOKEN, &form);
        request.headers_mut().insert(AUTHORIZATION, basic("mosaic", "s3cr%3At%2B%25").parse().unwrap());
        assert_eq!(browser.send(request).await.status, basic_status);
    }
}

#[tokio::test]
async fn a_client_gets_what_is_its_own_and_no_more() {
    let mut browser = Browser::new(|plan| {
        plan.clients[0].grants = vec![Grant::ClientCredentials];
        plan.clients[0].scopes = vec!["read".to_owned(), "write".to_owned()];
    });
    let form = |scope: &'static str| {
        vec![("grant_type", "client_credentials"), ("client_id", "mosaic"), ("client_secret", "s3cr:t+%"), ("scope", scope)]
    };
    assert_eq!(browser.post(TOKEN, &form("write openid")).await.json()["scope"], "write");
    assert_eq!(browser.post(TOKEN, &form("openid offline_access")).await.json()["error"], "invalid_scope");
    let reply = browser.get(&authorize_uri(&healthy())).await;
    assert_eq!(reply.returned()["error"], "unauthorized_client", "it has no part in logins");

    let mut public = Browser::new(|plan| plan.clients[2].grants = vec![Grant::ClientCredentials]);
    let reply = public.post(TOKEN, &[("grant_type", "client_credentials"), ("client_id", "spa")]).await;
    assert_eq!(reply.json()["error"], "unauthorized_client");
}

#[tokio::test]
async fn a_users_login_can_open_a_clients_own_scopes() {
    let mut browser = Browser::new(|plan| plan.clients[0].scopes = vec!["read".to_owned()]);
    let code = browser.authorize(&but("scope", "openid read write")).await.returned().remove("code").unwrap();
    assert_eq!(browser.redeem(&code).await.json()["scope"], "openid read");
}

#[tokio::test]
async fn of_two_keys_the_named_one_verifies() {
    let keys = Arc::new([key(), key()]);
    let both: Vec<_> = keys.iter().map(|key| ClientKey::read(&Value::Object(key.jwk().clone())).unwrap()).collect();
    let mut browser = with_service(&keys[0]);
    let mut plan = plan();
    plan.clients.push(IdpClient { id: "service".to_owned(), keys: both, grants: vec![Grant::ClientCredentials], ..IdpClient::default() });
    browser.idp = Idp::new(&plan, Url::parse(BASE).unwrap(), browser.surroundings.clone());
    for key in keys.iter() {
        assert_eq!(browser.assert_with(&key.sign(&browser.assertion()), &[]).await.status, 200);
    }
}

#[tokio::test]
async fn a_public_client_may_name_itself_in_the_header() {
    let mut browser = Browser::new(|_| {});
    let mut request = post(TOKEN, &[("grant_type", "refresh_token"), ("refresh_token", "x")]);
    request.headers_mut().insert(AUTHORIZATION, basic("spa", "").parse().unwrap());
    assert_eq!(browser.send(request).await.json()["error"], "invalid_grant");
}
