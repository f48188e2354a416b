//! What is wrong with ID tokens and userinfo on purpose.

use super::*;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The parts of a token, whoever signed it.
fn part(token: &str, nth: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(nth).unwrap()).unwrap()).unwrap()
}

struct Login {
    browser: Browser,
    header: Value,
    claims: Value,
    token: String,
    access_token: String,
    userinfo: Value,
    note: String,
    now: i64,
}

async fn login_with(text: &str) -> Login {
    let mut browser = Browser::with_fault(fault(text));
    let now = browser.surroundings.clock.now().unix_timestamp();
    let code = browser.code().await;
    let reply = browser.redeem(&code).await;
    assert_eq!(reply.status, 200, "{text}: {}", reply.note);
    let token = reply.json()["id_token"].as_str().unwrap().to_owned();
    let access_token = reply.json()["access_token"].as_str().unwrap().to_owned();
    let userinfo = browser.userinfo(&access_token).await.json();
    Login { header: part(&token, 0), claims: part(&token, 1), browser, token, access_token, userinfo, note: reply.note, now }
}

/// Whether a published key verifies the token.
async fn verifies(browser: &mut Browser, token: &str) -> bool {
    let jwks: jsonwebtoken::jwk::JwkSet = serde_json::from_value(browser.get("/application/o/mosaic/jwks/").await.json()).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    let keys = jwks.keys.iter().map(|key| jsonwebtoken::DecodingKey::from_jwk(key).unwrap());
    keys.into_iter().any(|key| jsonwebtoken::decode::<Value>(token, &key, &validation).is_ok())
}

#[tokio::test]
async fn claims_are_empty_or_of_another_type() {
    let login = login_with("claim_empty=email").await;
    assert_eq!((&login.claims["email"], &login.userinfo["email"]), (&json!(""), &json!("")));
    assert_eq!(login.note, "token: tokens issued, fault: claim_empty (client mosaic)");
    for (claim, expected) in
        [("email", json!(42)), ("groups", json!("[\"staff\"]")), ("email_verified", json!("false")), ("sub", json!(42))]
    {
        let login = login_with(&format!("claim_type={claim}")).await;
        assert_eq!((&login.claims[claim], &login.userinfo[claim]), (&expected, &expected), "{claim}");
    }
    let login = login_with("claim_type=aud").await;
    assert_eq!((&login.claims["aud"], login.userinfo.get("aud")), (&json!(42), None));
}

#[tokio::test]
async fn an_address_is_unverified_whatever_the_user_is() {
    let mut browser = Browser::new(|plan| {
        plan.users[0].claims.insert("email_verified".to_owned(), true.into());
        plan.faults.push(fault("email_unverified"));
    });
    let tokens = browser.tokens().await;
    assert_eq!(part(tokens["id_token"].as_str().unwrap(), 1)["email_verified"], false);
    assert_eq!(browser.userinfo(tokens["access_token"].as_str().unwrap()).await.json()["email_verified"], false);
    browser.idp.switchboard().clear(None);
    let tokens = browser.tokens().await;
    assert_eq!(part(tokens["id_token"].as_str().unwrap(), 1)["email_verified"], true);
}

#[tokio::test]
async fn one_claim_of_the_protocol_is_wrong_and_the_rest_is_right() {
    let healthy = login_with("claim_missing=nothing").await;
    for (name, claim) in
        [("iss_wrong", "iss"), ("aud_wrong", "aud"), ("nonce_wrong", "nonce"), ("nonce_missing", "nonce"), ("azp_wrong", "azp")]
    {
        let mut login = login_with(name).await;
        assert_ne!(login.claims.get(claim), healthy.claims.get(claim), "{name}");
        for other in ["iss", "sub", "nonce", "email"].into_iter().filter(|other| *other != claim) {
            assert_eq!(login.claims[other], healthy.claims[other], "{name}: {other}");
        }
        assert!(verifies(&mut login.browser, &login.token).await, "{name}: the signature is right");
        assert_eq!(login.note, format!("token: tokens issued, fault: {name} (client mosaic)"));
    }
    let azp = login_with("azp_wrong").await.claims;
    assert_eq!((&azp["aud"][0], &azp["aud"][1]), (&json!("mosaic"), &azp["azp"]));
    let at_hash = login_with("at_hash_wrong").await;
    let right = super::super::signing::at_hash(&at_hash.access_token, SigningAlgorithm::Es256);
    assert!(at_hash.claims["at_hash"].as_str().unwrap().len() == right.len() && at_hash.claims["at_hash"] != right);
}

#[tokio::test]
async fn userinfo_speaks_of_somebody_else() {
    let login = login_with("sub_differs").await;
    assert_eq!(login.claims["sub"], "sub-jarvis");
    assert!(login.userinfo["sub"].is_string() && login.userinfo["sub"] != "sub-jarvis");
}

#[tokio::test]
async fn tokens_are_early_expired_or_stamped_by_a_wrong_clock() {
    let time = |login: &Login, name: &str| login.claims[name].as_i64().unwrap() - login.now;
    let about = |value: i64, expected: i64| assert!((expected..expected + 10).contains(&value), "{value} is not {expected}");
    let early = login_with("token_early").await;
    for (name, expected) in [("iat", 3600), ("nbf", 3600), ("exp", 3900)] {
        about(time(&early, name), expected);
    }
    let expired = login_with("token_expired=10m").await;
    about(time(&expired, "exp"), -600);
    about(time(&expired, "iat"), -900);
    let skewed = login_with("clock_skewed=90s").await;
    about(time(&skewed, "iat"), 90);
    about(time(&skewed, "exp"), 390);
    assert_eq!(skewed.claims.get("nbf"), None);
}

#[tokio::test]
async fn the_header_names_no_key_or_one_that_nobody_has() {
    let mut missing = login_with("kid_missing").await;
    assert!(missing.header.get("kid").is_none() && verifies(&mut missing.browser, &missing.token).await);
    let mut unknown = login_with("kid_unknown").await;
    let jwks = unknown.browser.get("/application/o/mosaic/jwks/").await.json();
    assert!(unknown.header["kid"].is_string() && jwks["keys"].as_array().unwrap().iter().all(|key| key["kid"] != unknown.header["kid"]));
}

#[tokio::test]
async fn signatures_are_absent_switched_or_broken() {
    let none = login_with("alg_none").await;
    assert!(none.header["alg"] == "none" && none.token.ends_with('.'));

    let switched = login_with("alg_switched").await;
    assert_eq!(switched.header["alg"], "HS256");
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    validation.validate_aud = false;
    let secret = jsonwebtoken::DecodingKey::from_secret(b"s3cr:t+%");
    assert!(jsonwebtoken::decode::<Value>(&switched.token, &secret, &validation).is_ok(), "with the secret of the client");

    let mut broken = login_with("signature_broken").await;
    assert_eq!(broken.header["alg"], "ES256");
    assert!(!verifies(&mut broken.browser, &broken.token).await);
}

#[tokio::test]
async fn keys_change_in_the_middle_of_a_session() {
    let mut browser = Browser::new(|_| {});
    let before = browser.tokens().await["id_token"].as_str().unwrap().to_owned();
    browser.idp.switchboard().add(fault(r#"{"key_rotated": {"times": 1}}"#));
    let during = browser.tokens().await["id_token"].as_str().unwrap().to_owned();
    let after = browser.tokens().await["id_token"].as_str().unwrap().to_owned();
    assert!(!verifies(&mut browser, &before).await, "the old key is withdrawn");
    assert!(verifies(&mut browser, &during).await && verifies(&mut browser, &after).await);
    assert_eq!(part(&during, 0)["kid"], part(&after, 0)["kid"], "it struck once");

    let mut unpublished = login_with("key_unpublished").await;
    assert!(!verifies(&mut unpublished.browser, &unpublished.token).await);
    assert_eq!(unpublished.header["alg"], "ES256");
}

#[tokio::test]
async fn a_fault_keeps_to_its_client_and_user() {
    let mut browser = Browser::new(|plan| {
        plan.faults.push(fault(r#"{"alg_none": {"user": "plain"}}"#));
        plan.faults.push(fault(r#"{"nonce_missing": {"client": "other"}}"#));
    });
    let token = browser.tokens().await["id_token"].as_str().unwrap().to_owned();
    assert_eq!((&part(&token, 0)["alg"], &part(&token, 1)["nonce"]), (&json!("ES256"), &json!("n-1")));
    let mut plain = browser.another();
    plain.log_in("/if/flow/default-authentication-flow/", "plain", "plain-pässword").await;
    let token = plain.tokens().await["id_token"].as_str().unwrap().to_owned();
    assert_eq!(part(&token, 0)["alg"], "none");
}
