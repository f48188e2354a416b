//! Refresh tokens: who gets them, what they give, and what becomes of them.

use super::*;
use crate::plan::{Grant, RefreshRule};

const OFFLINE: &str = "openid email profile offline_access";
const END: &str = "/application/o/mosaic/end-session/";

fn refreshing(token: &str) -> Vec<(&str, &str)> {
    vec![("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "mosaic"), ("client_secret", "s3cr:t+%")]
}

fn text(tokens: &Value, name: &str) -> String {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name}: {tokens}")).to_owned()
}

impl Browser {
    /// Tokens of a login that asked for refresh tokens.
    async fn offline(&mut self) -> Value {
        let code = self.authorize(&but("scope", OFFLINE)).await.returned().remove("code").unwrap();
        self.redeem(&code).await.json()
    }

    async fn refresh(&mut self, token: &str) -> Reply {
        self.post("/application/o/token/", &refreshing(token)).await
    }
}

#[tokio::test]
async fn whoever_was_granted_offline_access_gets_one() {
    let mut browser = Browser::new(|_| {});
    assert!(browser.tokens().await.get("refresh_token").is_none());
    let tokens = browser.offline().await;
    assert_eq!(tokens["scope"], OFFLINE);
    text(&tokens, "refresh_token");

    let mut always = Browser::new(|plan| plan.clients[0].refresh = RefreshRule::Always);
    text(&always.tokens().await, "refresh_token");

    let mut never = Browser::new(|plan| {
        plan.clients[0].grants = vec![Grant::AuthorizationCode];
        plan.clients[0].refresh = RefreshRule::Always;
    });
    let tokens = never.offline().await;
    assert_eq!((&tokens["scope"], tokens.get("refresh_token")), (&json!("openid email profile"), None), "OpenID Connect Core §11");
    let refused = never.refresh("x").await;
    assert_eq!((refused.status.as_u16(), refused.json()["error"].as_str().unwrap()), (400, "unauthorized_client"));
}

#[tokio::test]
async fn each_use_gives_new_tokens_for_the_same_login() {
    let mut browser = Browser::new(|_| {});
    let first = browser.offline().await;
    let before = browser.verify(&text(&first, "id_token")).await;
    browser.surroundings.clock.advance(Duration::from_secs(3600));

    let reply = browser.refresh(&text(&first, "refresh_token")).await;
    assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (200, "no-store"));
    assert_eq!(reply.note, "token: tokens refreshed (client mosaic)");
    let second = reply.json();
    for name in ["access_token", "refresh_token", "id_token"] {
        assert_ne!(first[name], second[name], "{name}");
    }
    let after = browser.verify(&text(&second, "id_token")).await;
    for name in ["iss", "sub", "aud", "auth_time", "email"] {
        assert_eq!(before[name], after[name], "{name}: OpenID Connect Core §12.2");
    }
    assert!(after["iat"].as_i64() >= before["iat"].as_i64().map(|iat| iat + 3600) && after.get("nonce").is_none());
    assert_eq!(browser.userinfo(&text(&second, "access_token")).await.status, 200);
}

#[tokio::test]
async fn a_used_one_that_comes_back_ends_everything_from_its_login() {
    let mut browser = Browser::new(|_| {});
    let first = browser.offline().await;
    let other_login = browser.offline().await;
    let second = browser.refresh(&text(&first, "refresh_token")).await.json();

    let reply = browser.refresh(&text(&first, "refresh_token")).await;
    assert_eq!((reply.status.as_u16(), reply.json()["error"].as_str().unwrap()), (400, "invalid_grant"));
    assert_eq!(reply.note, "token: refused, the refresh token was used before; everything from the same login is revoked (client mosaic)");
    assert_eq!(browser.refresh(&text(&second, "refresh_token")).await.json()["error_description"], "the refresh token was revoked");
    for tokens in [&first, &second] {
        assert_eq!(browser.userinfo(&text(tokens, "access_token")).await.status, 401);
    }
    assert_eq!(browser.refresh(&text(&other_login, "refresh_token")).await.status, 200, "another login is another family");
}

#[tokio::test]
async fn the_reuse_interval_spares_whoever_lost_an_answer() {
    let mut browser = Browser::new(|plan| plan.refresh.reuse_interval = Duration::from_secs(10));
    let first = text(&browser.offline().await, "refresh_token");
    let lost = text(&browser.refresh(&first).await.json(), "refresh_token");
    browser.surroundings.clock.advance(Duration::from_secs(8));
    let again = browser.refresh(&first).await;
    assert_eq!(again.note, "token: tokens refreshed once more, within the reuse interval (client mosaic)");
    let again = text(&again.json(), "refresh_token");
    assert_ne!(again, lost);
    browser.surroundings.clock.advance(Duration::from_secs(3));
    assert_eq!(browser.refresh(&first).await.status, 400, "the interval is counted from the first use");
    for token in [&lost, &again] {
        assert_eq!(browser.refresh(token).await.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_uses_at_once_one_succeeds_without_an_interval_and_all_with_one() {
    for (interval, expected) in [(0, 1), (10, 16)] {
        let mut browser = Browser::new(|plan| plan.refresh.reuse_interval = Duration::from_secs(interval));
        let token = text(&browser.offline().await, "refresh_token");
        let attempts: Vec<_> = (0..16)
            .map(|_| {
                let (mut browser, token) = (browser.another(), token.clone());
                tokio::spawn(async move { browser.refresh(&token).await.status })
            })
            .collect();
        let mut granted = 0;
        for attempt in attempts {
            granted += usize::from(attempt.await.unwrap() == 200);
        }
        assert_eq!(granted, expected);
    }
}

#[tokio::test]
async fn scopes_get_narrower_and_never_wider() {
    let mut browser = Browser::new(|_| {});
    let token = text(&browser.offline().await, "refresh_token");
    for scope in ["openid phone", "openid goauthentik.io/api"] {
        let reply = browser.post("/application/o/token/", &[refreshing(&token), vec![("scope", scope)]].concat()).await;
        assert_eq!((reply.status.as_u16(), reply.json()["error"].as_str().unwrap()), (400, "invalid_scope"));
    }
    let narrow = browser.post("/application/o/token/", &[refreshing(&token), vec![("scope", "openid")]].concat()).await.json();
    assert_eq!(narrow["scope"], "openid");
    let claims = browser.userinfo(&text(&narrow, "access_token")).await.json();
    assert_eq!(claims, json!({ "sub": "sub-jarvis" }));
    let wide = browser.refresh(&text(&narrow, "refresh_token")).await.json();
    assert_eq!(wide["scope"], OFFLINE, "RFC 6749 §6: the refresh token keeps its scope");
}

#[tokio::test]
async fn it_belongs_to_its_client_and_ends_by_the_clock() {
    let mut browser = Browser::new(|plan| plan.refresh.ttl = Duration::from_secs(100));
    let token = text(&browser.offline().await, "refresh_token");
    let mut foreign = refreshing(&token);
    foreign.truncate(2);
    foreign.extend([("client_id", "other"), ("client_secret", "other-secret")]);
    assert_eq!(browser.post("/application/o/token/", &foreign).await.json()["error"], "invalid_grant");
    assert_eq!(browser.refresh("unknown").await.json()["error"], "invalid_grant");
    assert_eq!(browser.refresh("").await.json()["error"], "invalid_request");

    browser.surroundings.clock.advance(Duration::from_secs(99));
    let next = text(&browser.refresh(&token).await.json(), "refresh_token");
    browser.surroundings.clock.advance(Duration::from_secs(99));
    let last = text(&browser.refresh(&next).await.json(), "refresh_token");
    browser.surroundings.clock.advance(Duration::from_secs(100));
    assert_eq!(browser.refresh(&last).await.json()["error_description"], "the refresh token is unknown or expired");
}

#[tokio::test]
async fn without_rotation_it_stays_the_same() {
    let mut browser = Browser::new(|plan| plan.refresh.rotate = false);
    let token = text(&browser.offline().await, "refresh_token");
    for _ in 0..3 {
        let tokens = browser.refresh(&token).await.json();
        assert!(tokens.get("refresh_token").is_none() && tokens["access_token"].is_string());
    }
}

#[tokio::test]
async fn a_code_that_comes_back_takes_its_refresh_tokens_with_it() {
    let mut browser = Browser::new(|_| {});
    let code = browser.authorize(&but("scope", OFFLINE)).await.returned().remove("code").unwrap();
    let token = text(&browser.redeem(&code).await.json(), "refresh_token");
    assert_eq!(browser.redeem(&code).await.status, 400);
    assert_eq!(browser.refresh(&token).await.json()["error_description"], "the refresh token was revoked");
}

#[tokio::test]
async fn logging_out_ends_those_that_are_not_meant_to_outlive_the_session() {
    for (scope, survives) in [("openid", false), ("openid offline_access", true)] {
        let mut browser = Browser::new(|plan| plan.clients[0].refresh = RefreshRule::Always);
        let code = browser.authorize(&but("scope", scope)).await.returned().remove("code").unwrap();
        let tokens = browser.redeem(&code).await.json();
        let bystander = {
            let mut other = browser.another();
            let code = other.authorize(&but("scope", scope)).await.returned().remove("code").unwrap();
            text(&other.redeem(&code).await.json(), "refresh_token")
        };
        let hint = text(&tokens, "id_token");
        assert_eq!(browser.get(&format!("{END}?{}", encode(&[("id_token_hint", &hint)]))).await.status, 200);
        assert_eq!(browser.refresh(&text(&tokens, "refresh_token")).await.status == 200, survives, "{scope}");
        assert_eq!(browser.refresh(&bystander).await.status, 200, "another browser's session goes on");
    }
}
