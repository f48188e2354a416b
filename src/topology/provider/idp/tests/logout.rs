//! Logging out.

use super::*;

const END: &str = "/application/o/mosaic/end-session/";
const BYE: &str = "https://mosaic.test/bye";

#[tokio::test]
async fn an_id_token_of_the_user_logs_out_at_once() {
    let mut browser = Browser::new(|_| {});
    let hint = browser.tokens().await["id_token"].as_str().unwrap().to_owned();
    let query = encode(&[("id_token_hint", &hint), ("post_logout_redirect_uri", BYE), ("state", "s")]);
    let session = browser.cookie.clone();
    let reply = browser.get(&format!("{END}?{query}")).await;
    assert_eq!(reply.location(), format!("{BYE}?state=s"));
    assert!(reply.header("set-cookie").ends_with("; SameSite=None; Secure; Max-Age=0"), "{}", reply.header("set-cookie"));
    browser.cookie = session;
    assert!(browser.get(&authorize_uri(&healthy())).await.location().starts_with("/if/flow/"), "the session is over, not just the cookie");
}

#[tokio::test]
async fn without_a_hint_the_user_is_asked() {
    let mut browser = Browser::new(|_| {});
    browser.code().await;
    let page = browser.get(&format!("{END}?{}", encode(&[("client_id", "mosaic"), ("post_logout_redirect_uri", BYE)]))).await;
    assert_eq!((page.status.as_u16(), page.text("button").as_str()), (200, "Log out"));
    let transaction = page.transaction();

    let mut attacker = browser.another();
    attacker.code().await;
    assert!(attacker.post(END, &[("transaction", &transaction)]).await.note.contains("page shown"), "a form of another browser asks anew");
    assert!(browser.get("/if/user/").await.status == 200);
    assert_eq!(browser.post(END, &[("transaction", &transaction)]).await.location(), BYE);
    assert_eq!(browser.get("/if/user/").await.status, 302);
}

#[tokio::test]
async fn unregistered_destinations_and_foreign_hints_get_a_page() {
    let mut browser = Browser::new(|_| {});
    let hint = browser.tokens().await["id_token"].as_str().unwrap().to_owned();
    for query in [
        vec![("client_id", "mosaic"), ("post_logout_redirect_uri", "https://evil.test/")],
        vec![("post_logout_redirect_uri", BYE)],
        vec![("client_id", "nobody")],
        vec![("id_token_hint", "x.y.z")],
        vec![("id_token_hint", &hint), ("client_id", "other")],
    ] {
        let reply = browser.get(&format!("{END}?{}", encode(&query))).await;
        assert_eq!(reply.status, 400, "{query:?}");
        assert!(!reply.headers.contains_key(LOCATION));
    }
    assert_eq!(browser.get("/if/user/").await.status, 200, "nobody was logged out");
}
