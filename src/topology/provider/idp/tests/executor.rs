//! The JSON interface, as a program meets it, and the shell on top of it.

use super::*;

const PATH: &str = "/api/v3/flows/executor/default-authentication-flow/";

/// The executor's address for the page at `page`.
fn executor(page: &str) -> String {
    let (path, query) = page.split_once('?').unwrap_or((page, ""));
    let slug = path.strip_prefix("/if/flow/").unwrap();
    format!("/api/v3/flows/executor/{slug}?query={}", url::form_urlencoded::byte_serialize(query.as_bytes()).collect::<String>())
}

impl Browser {
    async fn answer(&mut self, uri: &str, body: Value) -> Reply {
        self.send(Request::post(uri).header(CONTENT_TYPE, "application/json").body(body.to_string().into()).unwrap()).await
    }

    /// Answers, goes on to the same address as told, and returns the next challenge.
    async fn solve(&mut self, uri: &str, body: Value) -> Value {
        let reply = self.answer(uri, body).await;
        assert_eq!((reply.status.as_u16(), reply.location()), (302, uri), "{}", reply.note);
        self.get(uri).await.json()
    }

    /// The executor's address for an authorization request, with the name already given.
    async fn up_to_password(&mut self) -> String {
        let login = self.get(&authorize_uri(&healthy())).await.location().to_owned();
        let uri = executor(&login);
        let challenge = self.solve(&uri, json!({ "component": "ak-stage-identification", "uid_field": "jarvis" })).await;
        assert_eq!(challenge["component"], "ak-stage-password");
        uri
    }
}

fn error<'a>(challenge: &'a Value, field: &str) -> (&'a str, &'a str) {
    let error = &challenge["response_errors"][field][0];
    (error["string"].as_str().unwrap_or_default(), error["code"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_program_logs_in_stage_by_stage() {
    let mut browser = Browser::new(|_| {});
    let login = browser.get(&authorize_uri(&but("login_hint", "jar"))).await.location().to_owned();
    let uri = executor(&login);
    let first = browser.get(&uri).await;
    assert_eq!(first.header("content-type"), "application/json");
    assert!(first.header("set-cookie").starts_with("authentik_session="));
    let challenge = first.json();
    assert_eq!((&challenge["component"], &challenge["application_pre"]), (&"ak-stage-identification".into(), &"mosaic".into()));
    assert_eq!((&challenge["pending_user_identifier"], &challenge["password_fields"]), (&"jar".into(), &false.into()));
    assert_eq!(challenge["flow_info"]["layout"], "stacked");

    let challenge = browser.solve(&uri, json!({ "uid_field": "jarvis" })).await;
    assert_eq!((&challenge["component"], &challenge["pending_user"]), (&"ak-stage-password".into(), &"jarvis".into()));

    let wrong = browser.answer(&uri, json!({ "component": "ak-stage-password", "password": "guess" })).await;
    assert_eq!((wrong.status.as_u16(), wrong.note.as_str()), (200, "login: refused, wrong password (client mosaic)"));
    assert_eq!(error(&wrong.json(), "password"), ("Invalid password", "invalid"));

    let right = browser.answer(&uri, json!({ "password": "jarvis-pässword" })).await;
    assert_eq!((right.status.as_u16(), right.note.as_str()), (200, "login: `jarvis` logged in (client mosaic)"));
    assert_eq!(right.json()["component"], "xak-flow-redirect");
    let again = browser.get(&uri).await.json();
    assert_eq!(again["to"], right.json()["to"], "who asks once more is sent on once more");
    let back = again["to"].as_str().unwrap().to_owned();
    assert!(browser.get(&back).await.returned().contains_key("code"));
}

#[tokio::test]
async fn whether_a_user_exists_does_not_show() {
    let mut answers = Vec::new();
    for name in ["jarvis", "nobody"] {
        let mut browser = Browser::new(|_| {});
        browser.get(PATH).await;
        let mut challenge = browser.solve(PATH, json!({ "uid_field": name })).await;
        let mut wrong = browser.answer(PATH, json!({ "password": "guess" })).await.json();
        assert_eq!((challenge["pending_user"].take(), wrong["pending_user"].take()), (name.into(), name.into()));
        answers.push((challenge, wrong));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn six_wrong_passwords_deny_and_the_login_starts_over() {
    let mut browser = Browser::new(|_| {});
    let uri = browser.up_to_password().await;
    for _ in 0..5 {
        assert_eq!(browser.answer(&uri, json!({ "password": "guess" })).await.json()["component"], "ak-stage-password");
    }
    let denied = browser.answer(&uri, json!({ "password": "jarvis-pässword" })).await.json();
    assert_eq!((&denied["component"], &denied["pending_user"]), (&"ak-stage-access-denied".into(), &"jarvis".into()));
    assert_eq!(browser.get(&uri).await.json()["component"], "ak-stage-identification");
}

#[tokio::test]
async fn a_locked_user_is_denied_after_the_right_password() {
    let mut browser = Browser::new(|plan| plan.users[0].locked = true);
    let uri = browser.up_to_password().await;
    let reply = browser.answer(&uri, json!({ "password": "jarvis-pässword" })).await;
    assert_eq!(reply.note, "login: refused, the account of `jarvis` is locked (client mosaic)");
    assert_eq!(
        (&reply.json()["component"], &reply.json()["error_message"]),
        (&"ak-stage-access-denied".into(), &"Your account is locked.".into())
    );
}

#[tokio::test]
async fn the_code_of_an_app_is_a_stage() {
    let mut browser = super::mfa::with_totp();
    let uri = browser.up_to_password().await;
    let challenge = browser.solve(&uri, json!({ "password": "jarvis-pässword" })).await;
    assert_eq!(
        (&challenge["component"], &challenge["device_challenges"][0]["device_class"]),
        (&"ak-stage-authenticator-validate".into(), &"totp".into())
    );
    let wrong = browser.answer(&uri, json!({ "code": "nonsense" })).await.json();
    assert_eq!(error(&wrong, "code").1, "invalid");
    let empty = browser.answer(&uri, json!({})).await.json();
    assert_eq!(error(&empty, "non_field_errors").0, "Empty response");
    let code = browser.app_code(0);
    assert_eq!(browser.answer(&uri, json!({ "code": code })).await.json()["component"], "xak-flow-redirect");
}

#[tokio::test]
async fn a_code_is_mailed_when_the_device_is_selected_and_taken_as_a_number_too() {
    let mut browser = super::mfa::with_mail();
    let uri = browser.up_to_password().await;
    let challenge = browser.solve(&uri, json!({ "password": "jarvis-pässword" })).await;
    let device = &challenge["device_challenges"][0];
    assert_eq!(device["challenge"], json!({ "email": "j***@mosaic.test", "sent": false }));
    assert!(browser.surroundings.inbox.messages().is_empty());
    let selected = browser.answer(&uri, json!({ "selected_challenge": device })).await.json();
    assert_eq!((&selected["device_challenges"][0]["challenge"]["sent"], selected.get("response_errors")), (&true.into(), None));
    let code = browser.mailed_code(1);
    // A number has no zeros in front.
    let code = if code.starts_with('0') { json!(code) } else { json!(code.parse::<u32>().unwrap()) };
    assert_eq!(browser.answer(&uri, json!({ "code": code })).await.json()["component"], "xak-flow-redirect");
}

#[tokio::test]
async fn a_device_that_the_user_has_not_cannot_be_selected() {
    let mut browser = super::mfa::with_totp();
    let uri = browser.up_to_password().await;
    browser.solve(&uri, json!({ "password": "jarvis-pässword" })).await;
    let reply = browser.answer(&uri, json!({ "selected_challenge": { "device_class": "email" } })).await.json();
    assert_eq!(error(&reply, "selected_challenge").0, "invalid challenge selected");
    assert!(browser.surroundings.inbox.messages().is_empty());
}

#[tokio::test]
async fn consent_is_a_stage_with_a_token() {
    for (decision, expected) in [(json!("allow"), "code"), (Value::Null, "code"), (json!("deny"), "error")] {
        let mut browser = Browser::new(|plan| plan.consent = Consent::Explicit);
        let page = browser.authorize(&healthy()).await.location().to_owned();
        let uri = executor(&page);
        let challenge = browser.get(&uri).await.json();
        assert_eq!(challenge["component"], "ak-stage-consent");
        assert_eq!(challenge["permissions"][1], json!({ "id": "email", "name": "See your email address" }));
        assert_eq!(challenge["return_to"], "https://api.test");
        let token = challenge["token"].as_str().unwrap();
        for wrong in [json!({}), json!({ "token": "x" }), json!({ "token": null }), json!([token])] {
            assert_eq!(browser.answer(&uri, wrong).await.json()["component"], "ak-stage-consent");
        }
        let end = browser.answer(&uri, json!({ "token": token, "decision": decision })).await.json();
        let to = Url::parse(end["to"].as_str().unwrap()).unwrap();
        assert!(to.as_str().starts_with(CALLBACK) && to.query_pairs().any(|(name, _)| name == expected), "{to}");
        let over = browser.answer(&uri, json!({ "token": token })).await.json();
        assert_eq!(over["component"], "ak-stage-flow-error");
        assert_eq!(over["request_id"].as_str().map(str::len), Some(16));
    }
}

#[tokio::test]
async fn form_post_ends_with_a_form_for_the_script() {
    let mut browser = Browser::new(|plan| plan.consent = Consent::Explicit);
    let page = browser.authorize(&but("response_mode", "form_post")).await.location().to_owned();
    let uri = executor(&page);
    let token = browser.get(&uri).await.json()["token"].clone();
    let end = browser.answer(&uri, json!({ "token": token })).await.json();
    assert_eq!(
        (&end["component"], &end["url"], &end["attrs"]["state"]),
        (&"ak-stage-autosubmit".into(), &CALLBACK.into(), &"st ate/1".into())
    );
    assert!(end["attrs"]["code"].is_string());
}

#[tokio::test]
async fn each_browser_has_a_flow_of_its_own_and_can_give_it_up() {
    let mut browser = Browser::new(|_| {});
    let uri = browser.up_to_password().await;
    assert_eq!(browser.another().get(&uri).await.json()["component"], "ak-stage-identification");
    let cancel = browser.get(&uri).await.json()["flow_info"]["cancel_url"].as_str().unwrap().to_owned();
    let reply = browser.get(&cancel).await;
    assert!(reply.location().starts_with("/if/flow/default-authentication-flow/?next=%2Fapplication"), "{}", reply.location());
    assert_eq!(browser.get(&uri).await.json()["component"], "ak-stage-identification");
}

#[tokio::test]
async fn a_login_that_takes_too_long_starts_over() {
    let mut browser = Browser::new(|_| {});
    let uri = browser.up_to_password().await;
    browser.surroundings.clock.advance(Duration::from_secs(30 * 60));
    let reply = browser.answer(&uri, json!({ "password": "jarvis-pässword" })).await.json();
    assert_eq!((&reply["component"], error(&reply, "non_field_errors").1), (&"ak-stage-identification".into(), "invalid"));
}

#[tokio::test]
async fn only_json_of_bounded_size_is_read() {
    let mut browser = Browser::new(|_| {});
    for (kind, body, status) in [
        ("application/x-www-form-urlencoded", "uid_field=jarvis".to_owned(), 415),
        ("text/plain", "{}".to_owned(), 415),
        ("application/json", "{".to_owned(), 400),
        ("application/json", format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000)), 400),
        ("application/json; charset=utf-8", "[]".to_owned(), 200),
        ("application/json", format!("\"{}\"", "x".repeat(64 * 1024)), 413),
    ] {
        let reply = browser.send(Request::post(PATH).header(CONTENT_TYPE, kind).body(body.into()).unwrap()).await;
        assert_eq!(reply.status, status, "{kind}: {}", reply.note);
        assert!(status == 200 || reply.json()["detail"].is_string());
    }
    let reply = browser.send(Request::put(PATH).body(Body::empty()).unwrap()).await;
    assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, "GET, HEAD, POST, OPTIONS"));
    assert_eq!(browser.get("/api/v3/flows/executor/elsewhere/").await.json()["detail"], "No Flow matches the given query.");
}

#[tokio::test]
async fn pages_of_other_origins_may_not_read_it() {
    let mut browser = Browser::new(|_| {});
    let preflight = Request::options(PATH).header("origin", "https://spa.test").header("access-control-request-method", "POST");
    let reply = browser.send(preflight.body(Body::empty()).unwrap()).await;
    assert!(!reply.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn the_shell_runs_its_own_script_alone_and_leads_on_without_it() {
    let mut browser = Browser::new(|plan| plan.pages = Pages::Shadow);
    let login = browser.get(&authorize_uri(&healthy())).await.location().to_owned();
    let shell = browser.get(&login).await;
    let html = shell.html();
    let script: String = html.select(&Selector::parse("script").unwrap()).flat_map(|script| script.text()).collect();
    let digest = base64::engine::general_purpose::STANDARD.encode(<sha2::Sha256 as sha2::Digest>::digest(&script));
    let policy = shell.header("content-security-policy");
    assert!(policy.contains(&format!("script-src 'sha256-{digest}'; connect-src 'self'")), "{policy}");
    assert!(html.select(&Selector::parse("[src], link, [style], [onclick]").unwrap()).next().is_none());

    let plain = shell.attribute("noscript a", "href").or_else(|| {
        // Parsers that run scripts take what stands in noscript for text.
        let text = shell.text("noscript");
        Some(Html::parse_fragment(&text).select(&Selector::parse("a").unwrap()).next()?.value().attr("href")?.to_owned())
    });
    let plain = format!("/if/flow/default-authentication-flow/{}", plain.unwrap());
    let hop = browser.log_in(&plain, "jarvis", "jarvis-pässword").await.location().to_owned();
    assert!(browser.get(&hop).await.returned().contains_key("code"));
}

#[tokio::test]
async fn the_consent_page_of_the_shadow_style_is_the_shell_too() {
    let mut browser = Browser::new(|plan| (plan.pages, plan.consent) = (Pages::Shadow, Consent::Explicit));
    let login = browser.get(&authorize_uri(&healthy())).await.location().to_owned();
    let hop = browser.log_in(&format!("{login}&pages=plain"), "jarvis", "jarvis-pässword").await.location().to_owned();
    let consent = browser.get(&hop).await.location().to_owned();
    assert!(browser.get(&consent).await.attribute("ak-flow-executor", "data-host").is_some());
    assert_eq!(browser.get(&format!("{consent}&pages=plain")).await.text("h1"), "mosaic wants to use your account");
}

#[tokio::test]
async fn faults_of_the_login_reach_the_client_that_waits_and_no_other() {
    let fault = r#"{"endpoint_error": {"status": 503, "endpoint": "login", "client": "mosaic", "description": "down for today"}}"#;
    let mut browser = Browser::new(|plan| plan.faults.push(Fault::parse(fault, Service::Idp).unwrap()));
    let login = browser.get(&authorize_uri(&healthy())).await.location().to_owned();
    let reply = browser.get(&executor(&login)).await;
    assert_eq!((reply.status.as_u16(), reply.json()), (503, json!({ "detail": "down for today" })));
    assert_eq!(browser.get(&login).await.status, 503);
    assert_eq!(browser.get(PATH).await.status, 200, "nobody waits here");
}
