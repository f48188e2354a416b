//! What people see, and what protects the forms.

use super::*;

const LOGIN: &str = "/if/flow/default-authentication-flow/";

fn names(reply: &Reply, selector: &str) -> Vec<String> {
    reply.html().select(&Selector::parse(selector).unwrap()).map(|element| element.text().collect::<String>()).collect()
}

#[tokio::test]
async fn every_field_of_the_login_page_has_its_label() {
    let mut browser = Browser::new(|_| {});
    let login = browser.get(&authorize_uri(&but("login_hint", "jar\"vis"))).await.location().to_owned();
    let page = browser.get(&login).await;
    assert_eq!(names(&page, "label"), ["Username", "Password"]);
    for field in ["uid_field", "password"] {
        assert_eq!(page.attribute(&format!("label[for={field}] ~ input#{field}"), "name").as_deref(), Some(field));
    }
    assert_eq!(names(&page, "button[type=submit]"), ["Log in"]);
    assert_eq!(page.attribute("input[name=uid_field]", "value").as_deref(), Some("jar\"vis"), "login_hint is filled in");
    assert_eq!(page.text(".lead"), "to continue to mosaic");
}

#[tokio::test]
async fn the_consent_page_names_the_client_and_what_it_asks_for() {
    let mut browser = Browser::new(|plan| plan.consent = Consent::Explicit);
    let consent = browser.authorize(&healthy()).await.location().to_owned();
    let page = browser.get(&consent).await;
    assert_eq!(page.text("h1"), "mosaic wants to use your account");
    assert_eq!(names(&page, ".scopes code"), ["openid", "email", "profile"]);
    assert_eq!(names(&page, "button"), ["Allow", "Deny"]);
    assert!(page.text(".note").contains("https://api.test."));
}

#[tokio::test]
async fn pages_load_nothing_and_cannot_be_framed() {
    let mut browser = Browser::new(|_| {});
    for uri in [LOGIN, "/nowhere", "/application/o/authorize/"] {
        let page = browser.get(uri).await;
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && policy.ends_with("frame-ancestors 'none'"), "{policy}");
        assert_eq!((page.header("cache-control"), page.header("x-content-type-options")), ("no-store", "nosniff"));
        let html = page.html();
        assert!(html.select(&Selector::parse("script, [src], link, [style]").unwrap()).next().is_none());
        let style: String = html.select(&Selector::parse("style").unwrap()).flat_map(|style| style.text()).collect();
        let digest = base64::engine::general_purpose::STANDARD.encode(<sha2::Sha256 as sha2::Digest>::digest(style));
        assert!(policy.contains(&digest), "the policy allows the style that is there");
    }
}

#[tokio::test]
async fn a_wrong_password_shows_the_page_again_and_keeps_the_name() {
    let mut browser = Browser::new(|_| {});
    for (name, why) in [("jarvis", "wrong password"), ("<b>nobody", "no user of that name")] {
        let page = browser.log_in(LOGIN, name, "guess").await;
        assert_eq!(page.status, 200);
        assert_eq!(page.text("[role=alert]"), "Invalid username or password");
        assert_eq!(page.attribute("input[name=uid_field]", "value").as_deref(), Some(name));
        assert_eq!(page.note, format!("login: refused, {why}"));
    }
    assert_eq!(browser.log_in(LOGIN, "jarvis", "jarvis-pässword").await.location(), "/if/user/");
    assert_eq!(browser.get("/if/user/").await.text(".lead"), "as jarvis");
}

#[tokio::test]
async fn the_login_form_works_once_and_in_one_browser() {
    let mut browser = Browser::new(|_| {});
    let transaction = browser.get(LOGIN).await.transaction();
    let form = [("transaction", transaction.as_str()), ("uid_field", "jarvis"), ("password", "jarvis-pässword")];

    let mut attacker = browser.another();
    let reply = attacker.post(LOGIN, &form).await;
    assert_eq!((reply.status.as_u16(), reply.note.as_str()), (403, "login: refused, the form came without the cookie"));
    let reply = attacker.post(LOGIN, &form).await;
    assert_eq!(reply.note, "login: refused, the form is unknown, expired, or from another browser");

    let anonymous = browser.cookie.clone();
    assert_eq!(browser.post(LOGIN, &form).await.status, 303);
    browser.cookie = anonymous;
    assert_eq!(browser.post(LOGIN, &form).await.status, 403, "the form was used");
}

#[tokio::test]
async fn a_login_form_that_comes_too_late_is_shown_anew_with_its_way_back() {
    let mut browser = Browser::new(|_| {});
    let login = browser.get(&authorize_uri(&healthy())).await.location().to_owned();
    let transaction = browser.get(&login).await.transaction();
    browser.surroundings.clock.advance(Duration::from_secs(31 * 60));
    let page = browser.post(&login, &[("transaction", &transaction), ("uid_field", "jarvis"), ("password", "jarvis-pässword")]).await;
    assert_eq!(page.status, 403);
    let form = [("transaction", page.transaction()), ("uid_field", "jarvis".to_owned()), ("password", "jarvis-pässword".to_owned())];
    let hop = browser.post(&login, &form.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    assert_eq!(hop.location(), authorize_uri(&healthy()));
}

#[tokio::test]
async fn on_plain_http_the_cookie_is_lax_and_not_secure() {
    let mut browser = Browser::new(|_| {});
    browser.idp = Idp::new(&plan(), Url::parse("http://localhost:9000/ignored").unwrap(), browser.surroundings.clone());
    let page = browser.get(LOGIN).await;
    assert!(page.header("set-cookie").ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{}", page.header("set-cookie"));
    assert_eq!(browser.idp.issuer(), "http://localhost:9000/application/o/mosaic/");
}

#[tokio::test]
async fn wrong_addresses_and_methods_say_so() {
    let mut browser = Browser::new(|_| {});
    let reply = browser.get("/application/o/authorize").await;
    assert_eq!(
        (reply.status.as_u16(), reply.note.as_str()),
        (404, "provider: nothing at `/application/o/authorize`, a slash is missing at its end")
    );
    assert_eq!(browser.get("/application/o/elsewhere/jwks/").await.status, 404);
    let reply = browser.get("/application/o/token/").await;
    assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, "POST, OPTIONS"));
    let reply = browser.send(Request::head("/application/o/mosaic/jwks/").body(Body::empty()).unwrap()).await;
    assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, ""));
}

#[tokio::test]
async fn bodies_are_bounded() {
    let mut browser = Browser::new(|_| {});
    let large = "x".repeat(64 * 1024);
    for uri in ["/application/o/token/", LOGIN, "/application/o/authorize/"] {
        assert_eq!(browser.post(uri, &[("code", &large)]).await.status, 413, "{uri}");
    }
    assert_eq!(browser.send(Request::post(LOGIN).header(CONTENT_TYPE, "text/plain").body("a=b".into()).unwrap()).await.status, 415);
}
