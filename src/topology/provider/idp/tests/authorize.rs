//! The way from the authorization request back to the client.

use super::*;

#[tokio::test]
async fn a_healthy_login_goes_hop_by_hop() {
    let mut browser = Browser::new(|plan| plan.consent = Consent::Explicit);
    let uri = authorize_uri(&healthy());

    let hop = browser.get(&uri).await;
    assert_eq!((hop.status.as_u16(), hop.note.as_str()), (302, "authorize: sent to the login page, nobody is logged in (client mosaic)"));
    let login = hop.location().to_owned();
    assert!(login.starts_with("/if/flow/default-authentication-flow/?next=%2Fapplication%2Fo%2Fauthorize%2F%3F"), "{login}");

    let page = browser.get(&login).await;
    assert_eq!(page.header("set-cookie").split_once("; ").unwrap().1, "Path=/; HttpOnly; SameSite=None; Secure");
    let before = browser.cookie.clone();
    let form = [("transaction", page.transaction()), ("uid_field", "jarvis".to_owned()), ("password", "jarvis-pässword".to_owned())];
    let hop = browser.post(&login, &form.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    assert_eq!((hop.status.as_u16(), hop.location()), (303, uri.as_str()));
    assert_ne!(browser.cookie, before, "the session id changes with the login");

    let hop = browser.get(&uri).await;
    let consent = hop.location().to_owned();
    assert!(consent.starts_with("/if/flow/default-provider-authorization-explicit-consent/?transaction="), "{consent}");

    let page = browser.get(&consent).await;
    let hop = browser.post(&consent, &[("transaction", &page.transaction()), ("decision", "allow")]).await;
    assert_eq!((hop.status.as_u16(), hop.note.as_str()), (303, "consent: sent back with a code (client mosaic)"));
    assert!(hop.location().starts_with("https://api.test/callback?keep=1&code="), "{}", hop.location());
    let returned = hop.returned();
    assert_eq!((returned["state"].as_str(), returned["iss"].as_str()), ("st ate/1", ISSUER));
    assert!(!hop.note.contains(&returned["code"]));

    let tokens = browser.redeem(&returned["code"]).await.json();
    let claims = browser.verify(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!((&claims["sub"], &claims["nonce"]), (&json!("sub-jarvis"), &json!("n-1")));
}

#[tokio::test]
async fn a_session_signs_in_silently() {
    let mut browser = Browser::new(|_| {});
    browser.code().await;
    let hop = browser.get(&authorize_uri(&healthy())).await;
    assert!(hop.returned().contains_key("code"), "{}", hop.location());
    assert!(browser.get(&authorize_uri(&but("prompt", "none"))).await.returned().contains_key("code"));
}

#[tokio::test]
async fn a_session_ends_by_the_clock() {
    let mut browser = Browser::new(|_| {});
    browser.code().await;
    browser.surroundings.clock.advance(Duration::from_secs(14 * 24 * 3600 + 1));
    assert!(browser.get(&authorize_uri(&healthy())).await.location().starts_with("/if/flow/"));
}

#[tokio::test]
async fn an_unknown_client_or_address_gets_a_page_and_no_redirect() {
    let mut browser = Browser::new(|_| {});
    browser.code().await;
    let twice = [healthy(), vec![("redirect_uri", "https://evil.test/")]].concat();
    for (parameters, why) in [
        (but("client_id", ""), "client_id is missing"),
        (but("client_id", "nobody"), "unknown client `nobody`"),
        (but("redirect_uri", ""), "redirect_uri is missing"),
        (but("redirect_uri", "https://api.test/callback"), "redirect_uri `https://api.test/callback` is not registered"),
        (but("redirect_uri", "https://api.test/callback?keep=1&token=t"), "redirect_uri `https://api.test/callback?…` is not registered"),
        (but("redirect_uri", "https://other.test/cb"), "is not registered (registered: `https://api.test/callback?…`)"),
        (but("redirect_uri", "https://API.test/callback?keep=1"), "is not registered"),
        (twice, "parameter redirect_uri is repeated"),
    ] {
        let reply = browser.get(&authorize_uri(&parameters)).await;
        assert_eq!(reply.status, 400, "{why}");
        assert!(!reply.headers.contains_key(LOCATION));
        assert!(reply.note.contains(why), "{}", reply.note);
        assert!(!reply.text("[role=alert]").is_empty());
    }
}

#[tokio::test]
async fn other_mistakes_go_back_to_the_client() {
    let mut browser = Browser::new(|plan| plan.clients[0].require_pkce = true);
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let without_pkce: Vec<_> = healthy().into_iter().filter(|(name, _)| !name.starts_with("code_challenge")).collect();
    let twice = [healthy(), vec![("scope", "openid")]].concat();
    for (parameters, error) in [
        (but("response_type", ""), "invalid_request"),
        (but("response_type", "token"), "unsupported_response_type"),
        (but("response_mode", "web_message"), "invalid_request"),
        (but("scope", ""), "invalid_scope"),
        (but("scope", "goauthentik.io/api"), "invalid_scope"),
        (but("code_challenge_method", "plain"), "invalid_request"),
        (but("code_challenge_method", ""), "invalid_request"),
        (but("code_challenge", "short"), "invalid_request"),
        (without_pkce, "invalid_request"),
        (but("prompt", "none login"), "invalid_request"),
        (but("prompt", "dance"), "invalid_request"),
        (but("max_age", "-1"), "invalid_request"),
        (but("request", challenge), "request_not_supported"),
        (but("request_uri", "https://x.test/"), "request_uri_not_supported"),
        (but("registration", "{}"), "registration_not_supported"),
        (but("prompt", "none"), "login_required"),
        (twice, "invalid_request"),
    ] {
        let reply = browser.get(&authorize_uri(&parameters)).await;
        assert_eq!(reply.status, 302, "{parameters:?}");
        assert!(reply.location().starts_with("https://api.test/callback?keep=1&error="), "{}", reply.location());
        let returned = reply.returned();
        assert_eq!(returned["error"], error, "{parameters:?}");
        assert_eq!((returned["state"].as_str(), returned["iss"].as_str()), ("st ate/1", ISSUER));
        assert!(!returned["error_description"].is_empty());
    }
}

#[tokio::test]
async fn a_public_client_must_use_pkce() {
    let mut browser = Browser::new(|_| {});
    let parameters = [("response_type", "code"), ("client_id", "spa"), ("redirect_uri", SPA), ("scope", "openid")];
    let returned = browser.get(&authorize_uri(&parameters)).await.returned();
    assert_eq!(returned["error_description"], "code_challenge is required (RFC 7636)");
}

#[tokio::test]
async fn undecodable_text_goes_back_as_an_error() {
    let mut browser = Browser::new(|_| {});
    let reply = browser.get(&format!("{}&state2=%ff", authorize_uri(&healthy()))).await;
    assert_eq!(reply.returned()["error_description"], "a parameter is not valid UTF-8");
}

#[tokio::test]
async fn a_request_may_come_as_a_form() {
    let mut browser = Browser::new(|_| {});
    browser.code().await;
    let reply = browser.post("/application/o/authorize/", &healthy()).await;
    assert_eq!(reply.status, 303);
    assert!(reply.returned().contains_key("code"));
}

#[tokio::test]
async fn the_response_can_travel_in_the_fragment_or_in_a_form() {
    let mut browser = Browser::new(|_| {});
    let reply = browser.authorize(&but("response_mode", "fragment")).await;
    assert!(reply.location().starts_with("https://api.test/callback?keep=1#code="), "{}", reply.location());

    let page = browser.get(&authorize_uri(&but("response_mode", "form_post"))).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.attribute("form", "action").as_deref(), Some(CALLBACK));
    assert_eq!(page.attribute("input[name=state]", "value").as_deref(), Some("st ate/1"));
    assert_eq!(page.attribute("input[name=iss]", "value").as_deref(), Some(ISSUER));
    assert!(page.body.contains("<noscript>") && page.body.contains("Continue"));
    let script: String = page.text("script");
    let digest = base64::engine::general_purpose::STANDARD.encode(<sha2::Sha256 as sha2::Digest>::digest(script));
    assert!(page.header("content-security-policy").contains(&format!("script-src 'sha256-{digest}'")), "the policy allows this script");
    let code = page.attribute("input[name=code]", "value").unwrap();
    assert_eq!(browser.redeem(&code).await.status, 200);
}

#[tokio::test]
async fn prompt_login_asks_once_for_each_request() {
    let mut browser = Browser::new(|_| {});
    browser.code().await;
    let first = but("prompt", "login");
    let hop = browser.get(&authorize_uri(&first)).await;
    assert!(hop.note.contains("the client asks for a new login"), "{}", hop.note);
    assert!(browser.authorize(&first).await.returned().contains_key("code"));
    assert!(browser.get(&authorize_uri(&first)).await.location().starts_with("/if/flow/"), "a used login is no longer fresh");
}

#[tokio::test]
async fn max_age_is_measured_by_the_clock() {
    let mut browser = Browser::new(|_| {});
    browser.code().await;
    assert!(browser.get(&authorize_uri(&but("max_age", "100"))).await.returned().contains_key("code"));
    browser.surroundings.clock.advance(Duration::from_secs(102));
    let hop = browser.get(&authorize_uri(&but("max_age", "100"))).await;
    assert!(hop.note.contains("older than max_age"), "{}", hop.note);
    let mut parameters = but("max_age", "100");
    parameters.push(("prompt", "none"));
    assert_eq!(browser.get(&authorize_uri(&parameters)).await.returned()["error"], "login_required");
    assert!(browser.authorize(&but("max_age", "0")).await.returned().contains_key("code"));
}

#[tokio::test]
async fn a_hint_for_somebody_else_is_not_answered_silently() {
    let mut browser = Browser::new(|_| {});
    let tokens = browser.tokens().await;
    let hint = tokens["id_token"].as_str().unwrap();
    let silent = |hint| authorize_uri(&[but("prompt", "none"), vec![("id_token_hint", hint)]].concat());
    assert!(browser.get(&silent(hint)).await.returned().contains_key("code"));

    let mut other = browser.another();
    other.log_in("/if/flow/default-authentication-flow/", "plain", "plain-pässword").await;
    assert_eq!(other.get(&silent(hint)).await.returned()["error"], "login_required");
    assert_eq!(other.get(&silent("nonsense")).await.returned()["error"], "login_required");
}

#[tokio::test]
async fn a_denied_consent_is_access_denied_and_answered_once() {
    let mut browser = Browser::new(|plan| plan.consent = Consent::Explicit);
    let consent = browser.authorize(&healthy()).await.location().to_owned();
    let page = browser.get(&consent).await;
    let deny = [("transaction", page.transaction()), ("decision", "deny".to_owned())];
    let deny = deny.each_ref().map(|(name, value)| (*name, value.as_str()));
    let returned = browser.post(&consent, &deny).await.returned();
    assert_eq!((returned["error"].as_str(), returned["state"].as_str()), ("access_denied", "st ate/1"));
    assert_eq!(browser.post(&consent, &deny).await.status, 400);
    assert_eq!(browser.get(&consent).await.status, 400);
}

#[tokio::test]
async fn consent_is_asked_for_where_it_must_be() {
    let mut browser = Browser::new(|_| {});
    browser.code().await;
    assert!(browser.get(&authorize_uri(&but("prompt", "consent"))).await.location().contains("explicit-consent"));
    let mut explicit = Browser::new(|plan| plan.consent = Consent::Explicit);
    explicit.authorize(&healthy()).await;
    assert_eq!(explicit.get(&authorize_uri(&but("prompt", "none"))).await.returned()["error"], "consent_required");
}

#[tokio::test]
async fn a_consent_belongs_to_one_browser_and_ends_by_the_clock() {
    let mut browser = Browser::new(|plan| plan.consent = Consent::Explicit);
    let consent = browser.authorize(&healthy()).await.location().to_owned();
    let transaction = browser.get(&consent).await.transaction();
    let allow = [("transaction", transaction.as_str()), ("decision", "allow")];

    let mut attacker = browser.another();
    attacker.authorize(&healthy()).await;
    assert_eq!(attacker.post(&consent, &allow).await.status, 400);
    assert_eq!(browser.post(&consent, &[allow[0]]).await.status, 400, "neither allowed nor denied");

    browser.surroundings.clock.advance(Duration::from_secs(29 * 60));
    assert_eq!(browser.get(&consent).await.status, 200);
    browser.surroundings.clock.advance(Duration::from_secs(2 * 60));
    assert_eq!(browser.post(&consent, &allow).await.status, 400);
}

#[tokio::test]
async fn parameters_that_mean_nothing_here_are_ignored() {
    let mut browser = Browser::new(|_| {});
    browser.code().await;
    // OpenID Connect Core 1.0 §3.1.2.1 and §5.2: whoever does not use them must not fail because of them.
    for (name, value) in [
        ("acr_values", "urn:mace:incommon:iap:silver"),
        ("ui_locales", "fr-CA fr en"),
        ("claims_locales", "ar"),
        ("display", "popup"),
        ("claims", r#"{"id_token":{"acr":{"essential":true}}}"#),
        ("resource", "https://api.test/"),
        ("something_else", "x"),
    ] {
        let mut parameters = healthy();
        parameters.push((name, value));
        let returned = browser.get(&authorize_uri(&parameters)).await.returned();
        assert!(returned.contains_key("code"), "{name}: {returned:?}");
    }
}

#[tokio::test]
async fn choosing_an_account_takes_a_new_login() {
    let mut browser = Browser::new(|_| {});
    browser.code().await;
    assert!(browser.get(&authorize_uri(&but("prompt", "select_account"))).await.location().starts_with("/if/flow/"));
    for (prompt, error) in [("none consent", "invalid_request"), ("none select_account", "invalid_request")] {
        assert_eq!(browser.get(&authorize_uri(&but("prompt", prompt))).await.returned()["error"], error);
    }
}
