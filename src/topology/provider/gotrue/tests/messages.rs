//! Signing up and in by mail and text message.

use super::*;
use crate::topology::inbox::{Channel, Draft};

impl Client {
    /// The newest message.
    fn mail(&self) -> Draft {
        self.surroundings.inbox.messages().pop().expect("a message").draft
    }

    /// The code in the newest message.
    fn code(&self) -> String {
        let text = self.mail().text;
        text.split(|c: char| !c.is_ascii_digit()).rfind(|digits| digits.len() == 6).unwrap_or_else(|| panic!("no code: {text}")).to_owned()
    }

    /// The link in the newest message.
    fn link(&self) -> String {
        let text = self.mail().text;
        text.lines().find(|line| line.contains("://")).unwrap_or_else(|| panic!("no link: {text}")).to_owned()
    }

    async fn verify(&self, body: Value) -> Reply {
        self.post("/verify", body).await
    }
}

const NEW: &str = "grace@x.test";

#[tokio::test]
async fn who_signs_up_confirms_by_code() {
    let client = Client::new(|_| {});
    let signed = client.post("/signup", json!({ "email": NEW, "password": "long-enough", "data": { "name": "Grace" } })).await;
    assert_eq!((signed.status.as_u16(), signed.text("email")), (200, NEW.to_owned()));
    assert_eq!((&signed.json()["email_confirmed_at"], &signed.json()["user_metadata"]["name"]), (&Value::Null, &"Grace".into()));
    assert_eq!(client.sign_in(NEW, "long-enough").await.error(), (400, "email_not_confirmed".to_owned()));
    let (code, mail) = (client.code(), client.mail());
    assert_eq!((mail.channel, mail.to.as_slice()), (Channel::Mail, [NEW.to_owned()].as_slice()));
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(client.verify(json!({ "type": "signup", "email": NEW, "token": wrong })).await.error(), (403, "otp_expired".to_owned()));
    let session = client.verify(json!({ "type": "signup", "email": NEW, "token": code })).await;
    assert_eq!(session.status, 200, "{} {}", session.note, session.body);
    assert_eq!(session.json()["user"]["user_metadata"]["email_verified"], true);
    assert_eq!(client.verify(json!({ "type": "signup", "email": NEW, "token": code })).await.error(), (403, "otp_expired".to_owned()));
    assert_eq!(client.sign_in(NEW, "long-enough").await.status, 200);
}

#[tokio::test]
async fn signing_up_is_refused_for_the_reasons_of_the_original() {
    let client = Client::new(|_| {});
    let weak = client.post("/signup", json!({ "email": NEW, "password": "short" })).await;
    assert_eq!((weak.error(), &weak.json()["weak_password"]), ((422, "weak_password".to_owned()), &json!({ "reasons": ["length"] })));
    for (body, error) in [
        (json!({}), (422, "anonymous_provider_disabled")),
        (json!({ "email": NEW }), (400, "validation_failed")),
        (json!({ "email": "grace", "password": "long-enough" }), (400, "validation_failed")),
        (json!({ "email": NEW, "password": "long-enough", "code_challenge": "x" }), (400, "validation_failed")),
    ] {
        assert_eq!(client.post("/signup", body.clone()).await.error(), (error.0, error.1.to_owned()), "{body}");
    }
    // Somebody who has an account learns nothing, and neither does anybody else.
    let known = client.post("/signup", json!({ "email": ADA, "password": "long-enough" })).await;
    assert_eq!((known.status.as_u16(), &known.json()["identities"]), (200, &json!([])));
    assert!(client.surroundings.inbox.messages().is_empty());
    let closed = Client::new(|plan| plan.signup_disabled = true);
    assert_eq!(
        closed.post("/signup", json!({ "email": NEW, "password": "long-enough" })).await.error(),
        (422, "signup_disabled".to_owned())
    );
    let open = Client::new(|plan| plan.autoconfirm = true);
    assert!(open.post("/signup", json!({ "email": NEW, "password": "long-enough" })).await.json()["access_token"].is_string());
    assert_eq!(
        open.post("/signup", json!({ "email": NEW, "password": "long-enough" })).await.error(),
        (422, "user_already_exists".to_owned())
    );
}

#[tokio::test]
async fn a_magic_link_brings_tokens_in_the_fragment() {
    let client = Client::new(|_| {});
    assert_eq!(client.post("/otp?redirect_to=https%3A%2F%2Fapp.test%2Fin", json!({ "email": ADA })).await.json(), json!({}));
    let link = client.link();
    assert!(link.starts_with("https://proj.supabase.test/auth/v1/verify?token="), "{link}");
    let followed = client.get(&link).await;
    assert_eq!((followed.status.as_u16(), followed.fragment()["type"].as_str()), (303, "magiclink"));
    assert!(followed.location().starts_with("https://app.test/in#access_token="));
    assert_eq!(client.get_user(&followed.fragment()["access_token"]).await.status, 200);
    let again = client.get(&link).await;
    assert_eq!(
        again.location(),
        "https://app.test/in#error=access_denied&error_code=otp_expired&error_description=Email+link+is+invalid+or+has+expired&sb="
    );
}

#[tokio::test]
async fn a_magic_link_of_pkce_brings_a_code() {
    let client = Client::new(|_| {});
    let body = json!({ "email": ADA, "code_challenge": s256(VERIFIER), "code_challenge_method": "s256" });
    assert_eq!(client.post("/magiclink", body).await.status, 200);
    let link = client.link();
    assert!(link.contains("token=pkce_"), "{link}");
    client.advance(1000);
    let followed = client.get(&link).await;
    // The window of the code opens now, and not when the link was sent.
    let code = followed.query()["code"].clone();
    client.advance(290);
    let session = client.post("/token?grant_type=pkce", json!({ "auth_code": code, "code_verifier": VERIFIER })).await;
    assert_eq!(session.status, 200, "{} {}", session.note, session.body);
    let again = client.get(&link).await;
    assert_eq!((again.query()["error_code"].as_str(), again.fragment()["error_code"].as_str()), ("otp_expired", "otp_expired"));
}

#[tokio::test]
async fn an_app_may_take_the_hash_into_a_link_of_its_own() {
    let client = Client::new(|plan| plan.otp.link = Some("https://app.test/auth/confirm?token_hash={token_hash}&type={type}".to_owned()));
    client.post("/recover", json!({ "email": ADA })).await;
    let link = Url::parse(&client.link()).unwrap();
    let query: BTreeMap<String, String> = link.query_pairs().into_owned().collect();
    let body = json!({ "type": query["type"], "token_hash": query["token_hash"] });
    assert_eq!(
        client.verify(json!({ "type": "signup", "token_hash": query["token_hash"] })).await.error(),
        (403, "otp_expired".to_owned())
    );
    assert_eq!(client.verify(body.clone()).await.status, 200);
    assert_eq!(client.verify(body).await.error(), (403, "otp_expired".to_owned()));
}

#[tokio::test]
async fn codes_end_and_messages_keep_their_distance() {
    let client = Client::new(|_| {});
    client.post("/otp", json!({ "email": ADA })).await;
    let soon = client.post("/otp", json!({ "email": ADA })).await;
    assert_eq!(soon.error(), (429, "over_email_send_rate_limit".to_owned()));
    assert!(soon.text("message").starts_with("For security purposes, you can only request this after "), "{}", soon.body);
    client.advance(61);
    assert_eq!(client.post("/otp", json!({ "email": ADA })).await.status, 200);
    let code = client.code();
    client.advance(3601);
    assert_eq!(client.verify(json!({ "type": "email", "email": ADA, "token": code })).await.error(), (403, "otp_expired".to_owned()));
}

#[tokio::test]
async fn a_phone_gets_a_code_by_text_message() {
    let client = Client::new(|_| {});
    assert_eq!(client.post("/otp", json!({ "phone": "+49 170 1234567" })).await.status, 200);
    assert_eq!((client.mail().channel, client.mail().to), (Channel::Sms, vec!["+491701234567".to_owned()]));
    let code = client.code();
    client.advance(50);
    let session = client.verify(json!({ "type": "sms", "phone": "+491701234567", "token": code })).await;
    assert_eq!((session.status.as_u16(), &session.json()["user"]["email"]), (200, &ADA.into()));
    client.advance(60);
    client.post("/otp", json!({ "phone": "+491701234567" })).await;
    let code = client.code();
    client.advance(61);
    assert_eq!(
        client.verify(json!({ "type": "sms", "phone": "+491701234567", "token": code })).await.error(),
        (403, "otp_expired".to_owned())
    );
}

#[tokio::test]
async fn nobody_is_made_who_should_not_be() {
    let client = Client::new(|_| {});
    let stranger = client.post("/otp", json!({ "email": NEW, "create_user": false })).await;
    assert_eq!(stranger.error(), (422, "otp_disabled".to_owned()));
    assert_eq!(client.post("/recover", json!({ "email": NEW })).await.json(), json!({}));
    assert!(client.surroundings.inbox.messages().is_empty());
    assert_eq!(client.post("/otp", json!({ "email": NEW })).await.status, 200);
    assert_eq!(client.verify(json!({ "type": "email", "email": NEW, "token": client.code() })).await.status, 200);
}

#[tokio::test]
async fn what_was_sent_is_sent_again() {
    let client = Client::new(|_| {});
    client.post("/signup", json!({ "email": NEW, "password": "long-enough" })).await;
    let first = client.code();
    client.advance(61);
    assert_eq!(client.post("/resend", json!({ "type": "signup", "email": NEW })).await.json(), json!({}));
    let second = client.code();
    assert_eq!(client.surroundings.inbox.messages().len(), 2);
    if first != second {
        assert_eq!(client.verify(json!({ "type": "signup", "email": NEW, "token": first })).await.error(), (403, "otp_expired".to_owned()));
    }
    assert_eq!(client.verify(json!({ "type": "signup", "email": NEW, "token": second })).await.status, 200);
    client.advance(61);
    client.post("/resend", json!({ "type": "signup", "email": NEW })).await;
    assert_eq!(client.surroundings.inbox.messages().len(), 2);
    assert_eq!(client.post("/resend", json!({ "type": "letter", "email": NEW })).await.error(), (400, "validation_failed".to_owned()));
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let client = Client::new(|_| {});
    let [other, own] = [client.session().await, client.session().await].map(|session| text(&session, "access_token"));
    let change = async |body: Value| client.with_token("PUT", "/user", &own, body).await;
    assert_eq!(change(json!({ "password": PASSWORD })).await.error(), (422, "same_password".to_owned()));
    assert_eq!(change(json!({ "app_metadata": { "admin": true } })).await.error(), (403, "not_admin".to_owned()));
    assert_eq!(change(json!({ "email": "mallory@x.test" })).await.error(), (422, "email_exists".to_owned()));
    let changed = change(json!({ "password": "battery-staple", "data": { "theme": "dark" } })).await;
    assert_eq!((changed.status.as_u16(), &changed.json()["user_metadata"]["theme"]), (200, &"dark".into()));
    assert_eq!((client.get_user(&own).await.status.as_u16(), client.get_user(&other).await.status.as_u16()), (200, 403));
    assert_eq!(client.sign_in(ADA, "battery-staple").await.status, 200);
    assert_eq!(client.sign_in(ADA, PASSWORD).await.error(), (400, "invalid_credentials".to_owned()));
}

#[tokio::test]
async fn a_new_address_needs_both_to_agree() {
    let client = Client::new(|_| {});
    let token = text(&client.session().await, "access_token");
    let pending = client.with_token("PUT", "/user", &token, json!({ "email": "lovelace@x.test" })).await;
    assert_eq!((pending.status.as_u16(), &pending.json()["new_email"]), (200, &"lovelace@x.test".into()));
    let messages = client.surroundings.inbox.messages();
    let links: Vec<_> = messages.iter().map(|message| message.draft.text.lines().find(|line| line.contains("://")).unwrap()).collect();
    assert_eq!(messages.iter().map(|message| message.draft.to[0].as_str()).collect::<Vec<_>>(), ["lovelace@x.test", ADA]);
    assert!(client.get(links[0]).await.fragment()["message"].starts_with("Confirmation link accepted."));
    assert_eq!(client.get_user(&token).await.text("email"), ADA);
    assert_eq!(client.get(links[0]).await.fragment()["error_code"], "otp_expired");
    assert_eq!(client.get(links[1]).await.fragment()["type"], "email_change");
    assert_eq!(client.get_user(&token).await.text("email"), "lovelace@x.test");
    assert_eq!(client.sign_in("lovelace@x.test", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_new_number_needs_its_code() {
    let client = Client::new(|_| {});
    let token = text(&client.session().await, "access_token");
    let pending = client.with_token("PUT", "/user", &token, json!({ "phone": "+4915112345678" })).await;
    assert_eq!(pending.json()["new_phone"], "4915112345678");
    let verified = client.verify(json!({ "type": "phone_change", "phone": "+4915112345678", "token": client.code() })).await;
    assert_eq!((verified.status.as_u16(), &verified.json()["user"]["phone"]), (200, &"4915112345678".into()));
}
