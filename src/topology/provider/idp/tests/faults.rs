//! Every fault does what it is called, and only while it is on.

use super::*;

fn claim(name: &str, value: Value) -> Fault {
    Fault::from_json(&json!({ "claim_value": { "claim": name, "value": value } }), Service::Idp).unwrap()
}

fn token_error(status: u16, error: &str) -> Fault {
    Fault::from_json(&json!({ "token_error": { "status": status, "error": error } }), Service::Idp).unwrap()
}

async fn claims_with(fault: Fault) -> (Map<String, Value>, Value) {
    let mut browser = Browser::with_fault(fault);
    let tokens = browser.tokens().await;
    let id_token = browser.verify(tokens["id_token"].as_str().unwrap()).await;
    (id_token, browser.userinfo(tokens["access_token"].as_str().unwrap()).await.json())
}

#[tokio::test]
async fn a_claim_is_missing_other_or_empty() {
    let (id_token, userinfo) = claims_with(fault("claim_missing=email")).await;
    assert!(id_token.get("email").is_none() && userinfo.get("email").is_none());
    assert_eq!(userinfo["name"], "Jarvis");
    for value in [json!(""), json!("other@x.test"), json!(7), Value::Null] {
        let (id_token, userinfo) = claims_with(claim("email", value.clone())).await;
        assert_eq!((&id_token["email"], &userinfo["email"]), (&value, &value));
    }
    let (id_token, userinfo) = claims_with(claim("nonce", json!("other"))).await;
    assert_eq!(id_token["nonce"], "other");
    assert!(userinfo.get("nonce").is_none());
    let (id_token, userinfo) = claims_with(claim("phone_number", json!("+2"))).await;
    assert!(id_token.get("phone_number").is_none() && userinfo.get("phone_number").is_none(), "its scope was not granted");
}

#[tokio::test]
async fn the_token_endpoint_fails_until_told_otherwise() {
    let mut browser = Browser::with_fault(token_error(503, "temporarily_unavailable"));
    let code = browser.code().await;
    let reply = browser.redeem(&code).await;
    assert_eq!((reply.status.as_u16(), reply.json()["error"].as_str().unwrap()), (503, "temporarily_unavailable"));
    assert_eq!(reply.note, "token: refused, fault: token_error (client mosaic)");
    browser.idp.switchboard().set(Vec::new());
    assert_eq!(browser.redeem(&code).await.status, 200, "the code was not spent");
    browser.idp.switchboard().set(vec![token_error(401, "invalid_client")]);
    assert!(browser.redeem(&code).await.header("www-authenticate").starts_with("Basic"));
}

#[tokio::test]
async fn userinfo_fails() {
    for (status, challenge) in [(500, ""), (401, "Bearer realm=\"userinfo\", error=\"invalid_token\"")] {
        let mut browser = Browser::with_fault(fault(&format!("userinfo_error={status}")));
        let tokens = browser.tokens().await;
        let reply = browser.userinfo(tokens["access_token"].as_str().unwrap()).await;
        assert_eq!((reply.status.as_u16(), reply.header("www-authenticate")), (status, challenge));
    }
}

#[tokio::test]
async fn authorize_sends_back_an_error() {
    let refusal = |description: Option<&str>| {
        let mut fault = fault("authorize_error=access_denied");
        fault.arguments.description = description.map(str::to_owned);
        fault
    };
    let mut browser = Browser::with_fault(refusal(Some("no\r\nway")));
    let reply = browser.get(&authorize_uri(&healthy())).await;
    let returned = reply.returned();
    assert_eq!((returned["error"].as_str(), returned["error_description"].as_str()), ("access_denied", "no\r\nway"));
    assert_eq!((returned["state"].as_str(), returned["iss"].as_str()), ("st ate/1", ISSUER));
    browser.idp.switchboard().set(vec![refusal(None)]);
    assert!(!browser.get(&authorize_uri(&healthy())).await.returned().contains_key("error_description"));
}

#[tokio::test]
async fn the_code_is_missing() {
    let returned = Browser::with_fault(fault("code_missing")).authorize(&healthy()).await.returned();
    assert!(!returned.contains_key("code") && !returned.contains_key("error"));
    assert_eq!(returned["state"], "st ate/1");
}

#[tokio::test]
async fn the_state_is_another() {
    let reply = Browser::with_fault(fault("state_altered")).authorize(&healthy()).await;
    assert!(reply.returned().contains_key("code"));
    assert_ne!(reply.returned()["state"], "st ate/1");
    assert!(reply.note.contains("sent back with a code, fault: state_altered"), "{}", reply.note);
}

#[tokio::test]
async fn a_code_is_good_more_than_once() {
    let mut browser = Browser::with_fault(fault("code_replayable"));
    let code = browser.code().await;
    let first = browser.redeem(&code).await.json()["access_token"].as_str().unwrap().to_owned();
    let again = browser.redeem(&code).await;
    assert_eq!((again.status.as_u16(), again.note.as_str()), (200, "token: tokens issued, fault: code_replayable (client mosaic)"));
    assert_eq!(browser.userinfo(&first).await.status, 200);
    browser.idp.switchboard().set(Vec::new());
    assert_eq!(browser.redeem(&code).await.status, 400);
}

#[tokio::test]
async fn an_endpoint_fails_in_its_own_words() {
    let mut browser = Browser::with_fault(fault(r#"{"endpoint_error": {"status": 503, "endpoint": "token"}}"#));
    let code = browser.code().await;
    let reply = browser.redeem(&code).await;
    assert_eq!((reply.status.as_u16(), reply.json()["error"].as_str().unwrap()), (503, "temporarily_unavailable"));
    browser.idp.switchboard().set(vec![fault(r#"{"endpoint_error": {"status": 500, "endpoint": "authorize"}}"#)]);
    let page = browser.get(&authorize_uri(&healthy())).await;
    assert!(page.status == 500 && page.body.starts_with("<!DOCTYPE html>"), "{} {}", page.status, page.body);
    browser.idp.switchboard().clear(None);
    assert_eq!(browser.redeem(&code).await.status, 200, "the code was not spent");
}

#[tokio::test]
async fn a_client_is_throttled_from_its_second_call_on() {
    let throttled = r#"{"throttled": {"endpoint": "token", "client": "mosaic", "retry_after": "1500ms", "nth": 2, "times": 1}}"#;
    let mut browser = Browser::with_fault(fault(throttled));
    assert_eq!(browser.redeem("x").await.status, 400);
    let reply = browser.redeem("x").await;
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, "2"));
    assert_eq!(reply.note, "token: fault: throttled (client mosaic)");
    assert_eq!(browser.redeem("x").await.status, 400);
}

#[tokio::test]
async fn an_answer_is_lost_after_the_code_was_spent() {
    let mut browser = Browser::with_fault(fault(r#"{"response_lost": {"endpoint": "token", "times": 1}}"#));
    let code = browser.code().await;
    let lost = browser.redeem(&code).await;
    assert_eq!(lost.note, "token: tokens issued; fault: the answer was lost (client mosaic)");
    assert_eq!(browser.redeem(&code).await.json()["error_description"], "the code was used before");
}

#[test]
fn endpoints_of_the_catalogue_exist() {
    use super::super::Endpoint;
    for endpoint in [
        Endpoint::Authorize,
        Endpoint::Token,
        Endpoint::Userinfo,
        Endpoint::Introspect,
        Endpoint::Revoke,
        Endpoint::Jwks,
        Endpoint::Discovery,
        Endpoint::EndSession,
        Endpoint::Login,
        Endpoint::Consent,
        Endpoint::Home,
    ] {
        assert!(Service::Idp.endpoints().contains(&endpoint.name()), "{}", endpoint.name());
    }
}
