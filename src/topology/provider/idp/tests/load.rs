//! A thousand people at the same moment.

use super::*;
use std::sync::Arc;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

const MANY: usize = 1000;

/// One whole login: six requests, each as a browser or a client would send it.
async fn whole_login(mut browser: Browser, nth: usize, together: Arc<Barrier>) -> String {
    let (nonce, state) = (format!("nonce-{nth}"), format!("state-{nth}"));
    let parameters = [
        ("response_type", "code"),
        ("client_id", "mosaic"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid email offline_access"),
        ("state", &state),
        ("nonce", &nonce),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    let mut returned = browser.authorize(&parameters).await.returned();
    assert_eq!(returned["state"], state);
    let code = returned.remove("code").expect("a code");
    // All come this far before anybody goes on: whatever was issued must still be there then.
    together.wait().await;
    let reply = browser.redeem(&code).await;
    assert_eq!(reply.status, 200, "{}", reply.note);
    let tokens = reply.json();
    let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(tokens["id_token"].as_str().unwrap()).unwrap().claims;
    assert_eq!((&claims["nonce"], &claims["sub"]), (&json!(nonce), &json!("sub-jarvis")));
    together.wait().await;
    let userinfo = browser.userinfo(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!((userinfo.status.as_u16(), &userinfo.json()["sub"]), (200, &json!("sub-jarvis")));
    together.wait().await;
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
        ("client_id", "mosaic"),
        ("client_secret", "s3cr:t+%"),
    ];
    let refreshed = browser.post("/application/o/token/", &form).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.note);
    refreshed.json()["refresh_token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_logins_at_once_all_succeed() {
    let provider = Browser::new(|_| {});
    let together = Arc::new(Barrier::new(MANY));
    let mut logins: JoinSet<_> = (0..MANY).map(|nth| whole_login(provider.another(), nth, together.clone())).collect();
    let mut tokens = std::collections::BTreeSet::new();
    while let Some(login) = logins.join_next().await {
        tokens.insert(login.expect("no login fails"));
    }
    assert_eq!(tokens.len(), MANY, "everybody got a token of their own");
    let mut browser = provider.another();
    for token in tokens {
        let form = [("token", token.as_str()), ("client_id", "other"), ("client_secret", "other-secret")];
        assert_eq!(browser.post("/application/o/introspect/", &form).await.json()["active"], true, "nothing was pushed out");
    }
}
