//! The choice of an account.

use super::*;

impl Browser {
    /// A browser where jarvis is logged in.
    async fn logged_in() -> Self {
        let mut browser = Self::new(|_| {});
        browser.log_in(super::super::LOGIN, "jarvis", "jarvis-pässword").await;
        browser
    }
}

#[tokio::test]
async fn the_account_of_the_session_can_be_taken() {
    let mut browser = Browser::logged_in().await;
    let login = browser.get(&authorize_uri(&but("prompt", "select_account"))).await.location().to_owned();
    let page = browser.get(&login).await;
    assert_eq!((page.text("h1").as_str(), page.text(".lead").as_str()), ("Choose an account", "to continue to mosaic"));
    assert_eq!(
        (page.text("button[value=continue]").as_str(), page.text("button[value=other]").as_str()),
        ("Continue as jarvis", "Use another account")
    );
    let reply = browser.post(&login, &[("transaction", &page.transaction()), ("account", "continue")]).await;
    assert_eq!(reply.note, "login: `jarvis` continued");
    let back = reply.location().to_owned();
    assert!(browser.get(&back).await.returned().contains_key("code"));
    assert!(browser.get(&authorize_uri(&but("prompt", "select_account"))).await.location().starts_with("/if/flow/"), "each time anew");
}

#[tokio::test]
async fn another_account_is_logged_in_by_name() {
    let mut browser = Browser::logged_in().await;
    let login = browser.get(&authorize_uri(&but("prompt", "select_account"))).await.location().to_owned();
    let page = browser.get(&login).await;
    let other = browser.post(&login, &[("transaction", &page.transaction()), ("account", "other")]).await.location().to_owned();
    let reply = browser.log_in(&other, "plain", "plain-pässword").await;
    let back = reply.location().to_owned();
    let code = browser.get(&back).await.returned().remove("code").expect("a code");
    let token = browser.redeem(&code).await.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(browser.userinfo(&token).await.json()["sub"], "sub-plain");
}

#[tokio::test]
async fn a_choice_is_no_login() {
    let mut browser = Browser::logged_in().await;
    browser.surroundings.clock.advance(Duration::from_secs(61));
    let mut parameters = but("prompt", "select_account");
    parameters.push(("max_age", "60"));
    let login = browser.get(&authorize_uri(&parameters)).await.location().to_owned();
    let page = browser.get(&login).await;
    let reply = browser.post(&login, &[("transaction", &page.transaction()), ("account", "continue")]).await;
    assert_eq!(reply.attribute("input[name=uid_field]", "value").as_deref(), Some("jarvis"), "the name is there, the password is not");
    let form = [("transaction", reply.transaction()), ("uid_field", "jarvis".into()), ("password", "jarvis-pässword".into())];
    let back = browser.post(&login, &form.each_ref().map(|(name, value)| (*name, value.as_str()))).await.location().to_owned();
    assert!(browser.get(&back).await.returned().contains_key("code"));
}

#[tokio::test]
async fn without_a_session_or_with_prompt_login_there_is_nothing_to_choose() {
    let mut browser = Browser::new(|_| {});
    let login = browser.get(&authorize_uri(&but("prompt", "select_account"))).await.location().to_owned();
    assert_eq!(browser.get(&login).await.text("h1"), "Log in");
    let mut browser = Browser::logged_in().await;
    let login = browser.get(&authorize_uri(&but("prompt", "login select_account"))).await.location().to_owned();
    assert_eq!(browser.get(&login).await.text("h1"), "Log in");
}

#[tokio::test]
async fn the_choice_belongs_to_one_browser_and_one_time() {
    let mut browser = Browser::logged_in().await;
    let login = browser.get(&authorize_uri(&but("prompt", "select_account"))).await.location().to_owned();
    let form = [("transaction", browser.get(&login).await.transaction()), ("account", "continue".to_owned())];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(browser.another().post(&login, &form).await.status, 403);
    assert_eq!(browser.post(&login, &form).await.status, 303);
    assert_eq!(browser.post(&login, &form).await.status, 403);
}
