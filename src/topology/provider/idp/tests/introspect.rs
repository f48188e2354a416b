//! What resource servers are told about tokens, and how tokens are thrown away.

use super::*;

const INTROSPECT: &str = "/application/o/introspect/";
const REVOKE: &str = "/application/o/revoke/";
const MOSAIC: [(&str, &str); 2] = [("client_id", "mosaic"), ("client_secret", "s3cr:t+%")];
const OTHER: [(&str, &str); 2] = [("client_id", "other"), ("client_secret", "other-secret")];

impl Browser {
    async fn offline_tokens(&mut self) -> (String, String) {
        let code = self.authorize(&but("scope", "openid offline_access")).await.returned().remove("code").unwrap();
        let tokens = self.redeem(&code).await.json();
        (tokens["access_token"].as_str().unwrap().to_owned(), tokens["refresh_token"].as_str().unwrap().to_owned())
    }

    async fn about(&mut self, token: &str) -> Value {
        let reply = self.post(INTROSPECT, &[&OTHER[..], &[("token", token)]].concat()).await;
        assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (200, "no-store"), "{}", reply.note);
        assert!(!reply.note.contains(token));
        reply.json()
    }
}

#[tokio::test]
async fn an_active_token_is_described() {
    let mut browser = Browser::new(|_| {});
    let (access, refresh) = browser.offline_tokens().await;
    let about = browser.about(&access).await;
    assert_eq!(about["exp"].as_i64().unwrap() - about["iat"].as_i64().unwrap(), 300);
    for (name, value) in [
        ("active", json!(true)),
        ("scope", json!("openid offline_access")),
        ("client_id", json!("mosaic")),
        ("username", json!("jarvis")),
        ("token_type", json!("Bearer")),
        ("sub", json!("sub-jarvis")),
        ("iss", json!(ISSUER)),
    ] {
        assert_eq!(about[name], value, "{name}");
    }
    let about = browser.about(&refresh).await;
    assert_eq!((&about["active"], about.get("token_type")), (&json!(true), None));
}

#[tokio::test]
async fn nothing_is_said_about_any_other() {
    let mut browser = Browser::new(|_| {});
    let (access, refresh) = browser.offline_tokens().await;
    let inactive = json!({ "active": false });
    assert_eq!(browser.about("unknown").await, inactive);
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    assert_eq!(browser.post("/application/o/token/", &[&form[..], &MOSAIC].concat()).await.status, 200);
    assert_eq!(browser.about(&refresh).await, inactive, "it was rotated");
    assert_eq!(browser.about(&access).await["active"], true);
    browser.surroundings.clock.advance(Duration::from_secs(300));
    assert_eq!(browser.about(&access).await, inactive);
}

#[tokio::test]
async fn only_clients_that_prove_who_they_are_may_ask() {
    let mut browser = Browser::new(|_| {});
    for (form, status, error) in [
        (vec![("token", "x")], 401, "invalid_client"),
        (vec![("token", "x"), ("client_id", "spa")], 401, "invalid_client"),
        (vec![("token", "x"), ("client_id", "mosaic"), ("client_secret", "wrong")], 401, "invalid_client"),
        (MOSAIC.to_vec(), 400, "invalid_request"),
        ([&MOSAIC[..], &[("token", "x"), ("token", "y")]].concat(), 400, "invalid_request"),
    ] {
        let reply = browser.post(INTROSPECT, &form).await;
        assert_eq!((reply.status.as_u16(), reply.json()["error"].as_str().unwrap()), (status, error), "{form:?}");
        assert_eq!(reply.headers.contains_key("www-authenticate"), status == 401);
    }
}

#[tokio::test]
async fn a_revoked_access_token_goes_alone_and_a_refresh_token_with_its_family() {
    let mut browser = Browser::new(|_| {});
    let (access, refresh) = browser.offline_tokens().await;
    let reply = browser.post(REVOKE, &[&MOSAIC[..], &[("token", &access), ("token_type_hint", "refresh_token")]].concat()).await;
    assert_eq!((reply.status.as_u16(), reply.body.as_str(), reply.header("cache-control")), (200, "", "no-store"));
    assert_eq!(reply.note, "revoke: access token revoked (client mosaic)");
    assert_eq!(browser.userinfo(&access).await.status, 401);

    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let tokens = browser.post("/application/o/token/", &[&form[..], &MOSAIC].concat()).await.json();
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let reply = browser.post(REVOKE, &[&MOSAIC[..], &[("token", refresh)]].concat()).await;
    assert_eq!(reply.note, "revoke: refresh token revoked with everything from the same login (client mosaic)");
    assert_eq!(browser.userinfo(access).await.status, 401, "RFC 7009 §2.1");
    assert_eq!(browser.about(refresh).await["active"], false);
    assert_eq!(browser.post(REVOKE, &[&MOSAIC[..], &[("token", "unknown")]].concat()).await.status, 200, "RFC 7009 §2.2");
}

#[tokio::test]
async fn nobody_revokes_the_tokens_of_others() {
    let mut browser = Browser::new(|_| {});
    let (access, refresh) = browser.offline_tokens().await;
    for token in [&access, &refresh] {
        let reply = browser.post(REVOKE, &[&OTHER[..], &[("token", token)]].concat()).await;
        assert_eq!((reply.status.as_u16(), reply.json()["error"].as_str().unwrap()), (400, "invalid_grant"));
        assert_eq!(browser.about(token).await["active"], true);
    }
    assert_eq!(browser.post(REVOKE, &[("token", &access)]).await.status, 401);
}

#[tokio::test]
async fn a_public_client_throws_its_tokens_away_from_its_page() {
    let mut browser = Browser::new(|_| {});
    let mut parameters = but("client_id", "spa");
    parameters.retain(|(name, _)| *name != "redirect_uri");
    parameters.push(("redirect_uri", SPA));
    let code = browser.authorize(&parameters).await.returned().remove("code").unwrap();
    let form =
        [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", SPA), ("code_verifier", VERIFIER), ("client_id", "spa")];
    let access = browser.post("/application/o/token/", &form).await.json()["access_token"].as_str().unwrap().to_owned();
    let mut request = post(REVOKE, &[("client_id", "spa"), ("token", &access)]);
    request.headers_mut().insert("origin", "https://spa.test".parse().unwrap());
    let reply = browser.send(request).await;
    assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-origin")), (200, "https://spa.test"));
    assert_eq!(browser.userinfo(&access).await.status, 401);
}
