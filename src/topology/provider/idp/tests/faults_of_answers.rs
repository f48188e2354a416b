//! What is wrong on purpose with everything but ID tokens: responses, codes, refresh tokens, metadata, sessions and consent.

use super::*;

const OFFLINE: &str = "openid offline_access";

async fn returned(text: &str) -> (Reply, Vec<(String, String)>) {
    let reply = Browser::with_fault(fault(text)).authorize(&healthy()).await;
    let url = Url::parse(reply.location()).unwrap();
    let pairs = url.query_pairs().into_owned().collect();
    (reply, pairs)
}

fn values<'a>(pairs: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
}

#[tokio::test]
async fn the_state_is_dropped_or_there_twice() {
    let (reply, pairs) = returned("state_dropped").await;
    assert!(values(&pairs, "state").is_empty() && values(&pairs, "code").len() == 1);
    assert_eq!(reply.note, "authorize: sent back with a code, fault: state_dropped (client mosaic)");
    let (_, pairs) = returned("state_duplicated").await;
    assert_eq!(values(&pairs, "state"), ["st ate/1", "st ate/1"]);
}

#[tokio::test]
async fn the_issuer_of_the_response_is_missing_or_another() {
    let (_, pairs) = returned("response_iss_missing").await;
    assert!(values(&pairs, "iss").is_empty() && values(&pairs, "state") == ["st ate/1"]);
    let (_, pairs) = returned("response_iss_wrong").await;
    assert!(values(&pairs, "iss").len() == 1 && values(&pairs, "iss") != [ISSUER]);
}

#[tokio::test]
async fn codes_are_expired_or_somebody_elses() {
    for (text, why) in [("code_expired", "the code is expired"), ("code_foreign", "the code was issued to another client")] {
        let mut browser = Browser::with_fault(fault(text));
        let code = browser.code().await;
        let reply = browser.redeem(&code).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["error"]), (400, &json!("invalid_grant")));
        assert_eq!(reply.json()["error_description"], why);
        browser.idp.switchboard().clear(None);
        let code = browser.code().await;
        assert_eq!(browser.redeem(&code).await.status, 200);
    }
}

#[tokio::test]
async fn a_loose_redirect_uri_stays_on_its_origin() {
    let mut browser = Browser::with_fault(fault("redirect_uri_loose"));
    browser.code().await;
    let longer = "https://api.test/callback?keep=1&next=https://evil.test/";
    let reply = browser.get(&authorize_uri(&but("redirect_uri", longer))).await;
    assert!(reply.location().starts_with("https://api.test/callback?keep=1&next="), "{}", reply.location());
    assert_eq!(reply.note, "authorize: sent back with a code, fault: redirect_uri_loose (client mosaic)");
    for uri in ["https://api.test/other", "https://evil.test/callback?keep=1", "https://api.test/callback?keep="] {
        assert_eq!(browser.get(&authorize_uri(&but("redirect_uri", uri))).await.status, 400, "{uri}");
    }
    browser.idp.switchboard().clear(None);
    assert_eq!(browser.get(&authorize_uri(&but("redirect_uri", longer))).await.status, 400);
}

#[tokio::test]
async fn the_metadata_lies_about_the_issuer_or_the_host() {
    let mut browser = Browser::with_fault(fault("issuer_slash"));
    let metadata = browser.get("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["issuer"], ISSUER.trim_end_matches('/'));
    assert_eq!(metadata["jwks_uri"], format!("{ISSUER}jwks/"));

    browser.idp.switchboard().set(vec![fault("discovery_internal_host=authentik-server:9000")]);
    let reply = browser.get("/.well-known/openid-configuration").await;
    assert_eq!(reply.note, "discovery: metadata sent, fault: discovery_internal_host");
    let metadata = reply.json();
    assert_eq!(metadata["issuer"], ISSUER);
    for name in
        ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint", "introspection_endpoint"]
    {
        assert!(metadata[name].as_str().unwrap().starts_with("https://authentik-server:9000/application/o/"), "{name}");
    }
}

#[tokio::test]
async fn consent_is_asked_and_skipped_where_it_should_not_be() {
    let mut browser = Browser::with_fault(fault("consent_asked"));
    let hop = browser.authorize(&healthy()).await;
    assert!(hop.location().contains("explicit-consent"), "{}", hop.location());
    assert_eq!(browser.get(&authorize_uri(&but("prompt", "none"))).await.returned()["error"], "consent_required");

    let mut explicit = Browser::new(|plan| {
        plan.consent = Consent::Explicit;
        plan.faults.push(fault("consent_skipped"));
    });
    let hop = explicit.authorize(&healthy()).await;
    assert!(hop.returned().contains_key("code"));
    assert_eq!(hop.note, "authorize: sent back with a code, fault: consent_skipped (client mosaic)");
}

#[tokio::test]
async fn a_forgotten_session_signs_nobody_in_silently() {
    let mut browser = Browser::with_fault(fault("session_forgotten"));
    let first = browser.authorize(&healthy()).await;
    assert!(first.returned().contains_key("code"), "a login for this very request counts");
    let hop = browser.get(&authorize_uri(&healthy())).await;
    assert!(hop.location().starts_with("/if/flow/"), "{}", hop.location());
    assert_eq!(hop.note, "authorize: sent to the login page, nobody is logged in, fault: session_forgotten (client mosaic)");
    assert_eq!(browser.get(&authorize_uri(&but("prompt", "none"))).await.returned()["error"], "login_required");
}

async fn refresh(browser: &mut Browser, token: &str) -> Reply {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "mosaic"), ("client_secret", "s3cr:t+%")];
    browser.post("/application/o/token/", &form).await
}

/// A provider with a fault, and the refresh token of a login.
async fn offline(text: &str, interval: u64) -> (Browser, String) {
    let mut browser = Browser::new(|plan| plan.refresh.reuse_interval = Duration::from_secs(interval));
    let code = browser.authorize(&but("scope", OFFLINE)).await.returned().remove("code").unwrap();
    let token = browser.redeem(&code).await.json()["refresh_token"].as_str().unwrap().to_owned();
    browser.idp.switchboard().add(fault(text));
    (browser, token)
}

#[tokio::test]
async fn a_refresh_token_is_refused_missing_or_the_same_again() {
    let (mut browser, token) = offline("refresh_rejected", 0).await;
    let reply = refresh(&mut browser, &token).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["error"]), (400, &json!("invalid_grant")));
    assert_eq!(reply.note, "token: refused, fault: refresh_rejected (client mosaic)");
    browser.idp.switchboard().clear(None);
    assert_eq!(refresh(&mut browser, &token).await.status, 200, "it was not spent");

    let (mut browser, token) = offline("refresh_missing", 0).await;
    let reply = refresh(&mut browser, &token).await;
    assert!(reply.status == 200 && reply.json().get("refresh_token").is_none());
    assert_eq!(refresh(&mut browser, &token).await.status, 400, "it is spent all the same");
    let code = browser.authorize(&but("scope", OFFLINE)).await.returned().remove("code").unwrap();
    let tokens = browser.redeem(&code).await.json();
    assert!(tokens["access_token"].is_string() && tokens.get("refresh_token").is_none());

    let (mut browser, token) = offline("refresh_not_rotated", 0).await;
    for _ in 0..2 {
        assert_eq!(refresh(&mut browser, &token).await.json()["refresh_token"], token.as_str());
    }
}

#[tokio::test]
async fn reuse_is_ignored_or_punished_against_the_rules() {
    let (mut browser, token) = offline("refresh_reuse_ignored", 0).await;
    let next = refresh(&mut browser, &token).await.json()["refresh_token"].as_str().unwrap().to_owned();
    let again = refresh(&mut browser, &token).await;
    assert_eq!(again.note, "token: tokens refreshed once more, fault: refresh_reuse_ignored (client mosaic)");
    assert_eq!(refresh(&mut browser, &next).await.status, 200, "nothing was revoked");

    let (mut browser, token) = offline("refresh_reuse_punished", 60).await;
    let next = refresh(&mut browser, &token).await.json()["refresh_token"].as_str().unwrap().to_owned();
    let again = refresh(&mut browser, &token).await;
    assert_eq!(
        again.note,
        "token: refused, the refresh token was used before; everything from the same login is revoked, fault: refresh_reuse_punished (client mosaic)"
    );
    assert_eq!(refresh(&mut browser, &next).await.status, 400, "the family is gone");
}

#[tokio::test]
async fn an_error_comes_with_its_description_or_without() {
    let described = r#"{"token_error": {"error": "invalid_grant", "description": "no such code", "client": "mosaic"}}"#;
    let mut browser = Browser::with_fault(fault(described));
    let code = browser.code().await;
    let error = browser.redeem(&code).await.json();
    assert_eq!(error, json!({ "error": "invalid_grant", "error_description": "no such code" }));
    browser.idp.switchboard().set(vec![fault("token_error=invalid_grant")]);
    assert_eq!(browser.redeem(&code).await.json(), json!({ "error": "invalid_grant" }));
    browser.idp.switchboard().set(vec![fault(r#"{"token_error": {"error": "invalid_grant", "client": "other"}}"#)]);
    assert_eq!(browser.redeem(&code).await.status, 200, "it is meant for another client");
}
