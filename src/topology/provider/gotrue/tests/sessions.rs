//! Passwords, access tokens, refresh tokens, signing out.

use super::*;
use crate::plan::{GotrueAlgorithm, GotrueRefresh, RefreshKind};

fn counter(plan: &mut GotruePlan) {
    plan.refresh.kind = RefreshKind::Counter;
}

#[tokio::test]
async fn a_session_has_what_clients_read() {
    let client = Client::new(|_| {});
    let session = client.session().await;
    let names: Vec<_> = session.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["access_token", "token_type", "expires_in", "expires_at", "refresh_token", "user"]);
    assert_eq!((&session["token_type"], &session["expires_in"]), (&"bearer".into(), &3600.into()));
    let user = &session["user"];
    assert_eq!((&user["aud"], &user["email"], &user["phone"]), (&"authenticated".into(), &ADA.into(), &"491701234567".into()));
    assert_eq!(user["app_metadata"], json!({ "provider": "email", "providers": ["email", "phone"] }));
    assert_eq!(user["identities"][0]["identity_data"]["sub"], user["id"]);
    let shown = client.get_user(&text(&session, "access_token")).await;
    assert_eq!(shown.json(), *user);
    assert_eq!(shown.note, "user: user shown for `ada@x.test`");
}

#[tokio::test]
async fn an_access_token_is_verified_by_the_published_key() {
    let client = Client::new(|_| {});
    let token = text(&client.session().await, "access_token");
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_value(client.get("/.well-known/jwks.json").await.json()).unwrap();
    let key = set.find(&jsonwebtoken::decode_header(&token).unwrap().kid.unwrap()).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
    validation.set_audience(&["authenticated"]);
    validation.set_issuer(&[format!("{BASE}/auth/v1")]);
    let key = jsonwebtoken::DecodingKey::from_jwk(key).unwrap();
    let claims = jsonwebtoken::decode::<Value>(&token, &key, &validation).unwrap().claims;
    assert_eq!((&claims["email"], &claims["role"], &claims["aal"]), (&ADA.into(), &"authenticated".into(), &"aal1".into()));
    assert_eq!(claims["amr"][0]["method"], "password");
}

#[tokio::test]
async fn a_shared_secret_signs_tokens_and_is_not_published() {
    let client = Client::new(|plan| plan.jwt.algorithm = GotrueAlgorithm::Hs256(Secret::new("jwt", "super-secret-of-32-characters-abc")));
    let token = text(&client.session().await, "access_token");
    assert_eq!(jsonwebtoken::decode_header(&token).unwrap().alg, jsonwebtoken::Algorithm::HS256);
    assert_eq!(client.get_user(&token).await.status, 200);
    assert_eq!(client.get("/.well-known/jwks.json").await.json(), json!({ "keys": [] }));
}

#[tokio::test]
async fn passwords_are_refused_for_the_reasons_of_the_original() {
    let client = Client::new(|_| {});
    for (email, password, code) in [
        (ADA, "wrong", "invalid_credentials"),
        ("nobody@x.test", PASSWORD, "invalid_credentials"),
        ("link@x.test", "", "invalid_credentials"),
        ("mallory@x.test", PASSWORD, "user_banned"),
        ("new@x.test", PASSWORD, "email_not_confirmed"),
        ("", PASSWORD, "validation_failed"),
    ] {
        assert_eq!(client.sign_in(email, password).await.error(), (400, code.to_owned()), "{email}");
    }
    let both = json!({ "email": ADA, "phone": "+491701234567", "password": PASSWORD });
    assert_eq!(client.post("/token?grant_type=password", both).await.error(), (400, "validation_failed".to_owned()));
    let phone = json!({ "phone": "+49 170 1234567", "password": PASSWORD });
    assert_eq!(client.post("/token?grant_type=password", phone).await.status, 200);
    assert_eq!(client.post("/token?grant_type=magic", json!({})).await.error(), (400, "invalid_credentials".to_owned()));
}

#[tokio::test]
async fn errors_have_the_shape_of_the_version_that_the_client_knows() {
    let client = Client::new(|_| {});
    let newer = client.refresh("unknown").await;
    let message = "Invalid Refresh Token: Refresh Token Not Found";
    assert_eq!(newer.json(), json!({ "code": "refresh_token_not_found", "message": message }));
    assert_eq!((newer.header("x-supabase-api-version"), newer.header("x-sb-error-code")), ("2024-01-01", "refresh_token_not_found"));
    let request = Request::post("/auth/v1/token?grant_type=refresh_token").body(Body::from(r#"{"refresh_token":"unknown"}"#)).unwrap();
    let older = client.send(request).await;
    assert_eq!(older.json(), json!({ "code": 400, "error_code": "refresh_token_not_found", "msg": message }));
    assert_eq!((older.header("x-supabase-api-version"), older.header("x-sb-error-code")), ("", "refresh_token_not_found"));
    let oauth = client.refresh("").await;
    assert_eq!((oauth.status.as_u16(), oauth.json()["error"].as_str()), (400, Some("invalid_request")));
    assert_eq!(client.post("/token?grant_type=pkce", json!([])).await.error(), (400, "bad_json".to_owned()));
    assert_eq!(client.post("/token?grant_type=password", json!({ "email": 7 })).await.error(), (400, "bad_json".to_owned()));
}

#[tokio::test]
async fn a_token_is_rotated_and_the_session_stays_the_same() {
    let client = Client::new(|_| {});
    let first = client.session().await;
    let second = client.refresh(&text(&first, "refresh_token")).await;
    assert_ne!(second.text("refresh_token"), text(&first, "refresh_token"));
    assert_eq!(second.header("sb-auth-refresh-token-reuse"), "false");
    assert!(!second.header("sb-auth-session-id").is_empty());
    assert_eq!(client.get_user(&second.text("access_token")).await.status, 200);
    assert_eq!(second.note, "token: session refreshed for `ada@x.test`, the token was rotated");
}

#[tokio::test]
async fn the_parent_of_the_active_token_is_taken_at_any_age_and_brings_the_active_one() {
    let client = Client::new(|_| {});
    let first = text(&client.session().await, "refresh_token");
    let second = client.rotate(&first).await;
    client.advance(30 * 24 * 3600);
    assert_eq!(client.rotate(&first).await, second);
    assert_eq!(client.rotate(&first).await, second);
}

#[tokio::test]
async fn an_older_token_is_taken_within_the_interval_and_brings_the_active_one() {
    let client = Client::new(|_| {});
    let first = text(&client.session().await, "refresh_token");
    let second = client.rotate(&first).await;
    let third = client.rotate(&second).await;
    client.advance(9);
    assert_eq!(client.rotate(&first).await, third);
}

#[tokio::test]
async fn an_older_token_after_the_interval_ends_the_whole_family() {
    let client = Client::new(|_| {});
    let first = text(&client.session().await, "refresh_token");
    let second = client.rotate(&first).await;
    let third = client.rotate(&second).await;
    client.advance(11);
    let reused = client.refresh(&first).await;
    assert_eq!(reused.error(), (400, "refresh_token_already_used".to_owned()));
    assert_eq!(
        reused.note,
        "token: refused with refresh_token_already_used for `ada@x.test`, it was used before the reuse interval; the whole family is revoked"
    );
    client.advance(11);
    for token in [&first, &second, &third] {
        assert_eq!(client.refresh(token).await.error(), (400, "refresh_token_already_used".to_owned()));
    }
}

#[tokio::test]
async fn without_rotation_a_reuse_is_refused_and_the_family_lives_on() {
    let client = Client::new(|plan| plan.refresh = GotrueRefresh { rotate: false, ..plan.refresh });
    let first = text(&client.session().await, "refresh_token");
    let second = client.rotate(&first).await;
    let third = client.rotate(&second).await;
    client.advance(11);
    assert_eq!(client.refresh(&first).await.error(), (400, "refresh_token_already_used".to_owned()));
    assert_eq!(client.refresh(&third).await.status, 200);
}

#[tokio::test]
async fn counter_tokens_say_how_they_were_used() {
    let client = Client::new(counter);
    let first = text(&client.session().await, "refresh_token");
    let rotated = client.refresh(&first).await;
    let second = rotated.text("refresh_token");
    assert_eq!((rotated.header("sb-auth-refresh-token-counter"), rotated.header("sb-auth-refresh-token-reuse")), ("1", "false"));
    client.advance(3600);
    let unsaved = client.refresh(&first).await;
    assert_eq!(unsaved.text("refresh_token"), second);
    assert_eq!(
        (unsaved.header("sb-auth-refresh-token-reuse"), unsaved.header("sb-auth-refresh-token-reuse-cause")),
        ("true", "fail-to-save")
    );
    let third = client.rotate(&second).await;
    let concurrent = client.refresh(&first).await;
    assert_eq!(
        (concurrent.text("refresh_token"), concurrent.header("sb-auth-refresh-token-reuse-cause")),
        (third.clone(), "concurrent-refresh")
    );
    client.advance(11);
    let late = client.refresh(&first).await;
    assert_eq!((late.error(), late.header("sb-auth-refresh-token-rotated")), ((400, "refresh_token_already_used".to_owned()), "true"));
    assert_eq!(client.refresh(&third).await.error(), (400, "refresh_token_not_found".to_owned()));
}

#[tokio::test]
async fn a_counter_token_of_another_server_is_none() {
    let theirs = text(&Client::new(counter).session().await, "refresh_token");
    assert_eq!(Client::new(counter).refresh(&theirs).await.error(), (400, "refresh_token_not_found".to_owned()));
}

#[tokio::test]
async fn sessions_end_by_timebox_and_inactivity() {
    let client = Client::new(|plan| {
        plan.session.timebox = Some(Duration::from_secs(1000));
        plan.session.inactivity = Some(Duration::from_secs(300));
    });
    let mut token = text(&client.session().await, "refresh_token");
    for _ in 0..3 {
        client.advance(290);
        token = client.rotate(&token).await;
    }
    client.advance(131);
    let over = client.refresh(&token).await;
    assert_eq!(
        (over.error(), over.text("message")),
        ((400, "session_expired".to_owned()), "Invalid Refresh Token: Session Expired".to_owned())
    );
    let idle = text(&client.session().await, "refresh_token");
    client.advance(301);
    assert_eq!(client.refresh(&idle).await.text("message"), "Invalid Refresh Token: Session Expired (Inactivity)");
}

#[tokio::test]
async fn an_access_token_is_asked_for_and_looked_at() {
    let client = Client::new(|_| {});
    assert_eq!(client.get("/user").await.error(), (401, "no_authorization".to_owned()));
    let token = text(&client.session().await, "access_token");
    let altered = format!("{}{}", &token[..token.len() - 4], if token.ends_with("AAAA") { "BBBB" } else { "AAAA" });
    for token in ["x", "a.b.c", &altered, &text(&Client::new(|_| {}).session().await, "access_token")] {
        assert_eq!(client.get_user(token).await.error(), (403, "bad_jwt".to_owned()), "{token}");
    }
    client.advance(3540);
    assert_eq!(client.get_user(&token).await.status, 200);
    client.advance(60);
    let expired = client.get_user(&token).await;
    assert_eq!(expired.error(), (403, "bad_jwt".to_owned()));
    assert!(expired.body.contains("token is expired"), "{}", expired.body);
}

#[tokio::test]
async fn signing_out_ends_the_sessions_that_are_meant() {
    for (scope, left) in
        [("", [false, false]), ("?scope=global", [false, false]), ("?scope=local", [false, true]), ("?scope=others", [true, false])]
    {
        let client = Client::new(|_| {});
        let sessions = [client.session().await, client.session().await];
        let tokens = sessions.each_ref().map(|session| text(session, "access_token"));
        let reply = client.with_token("POST", &format!("/logout{scope}"), &tokens[0], Value::Null).await;
        assert_eq!((reply.status.as_u16(), reply.body.as_str()), (204, ""), "{scope}");
        for (session, alive) in sessions.iter().zip(left) {
            let user = client.get_user(&text(session, "access_token")).await;
            let refreshed = client.refresh(&text(session, "refresh_token")).await;
            let expected = if alive {
                ((200, String::new()), (200, String::new()))
            } else {
                ((403, "session_not_found".to_owned()), (400, "refresh_token_not_found".to_owned()))
            };
            assert_eq!((user.error(), refreshed.error()), expected, "{scope}");
        }
    }
    let client = Client::new(|_| {});
    let token = text(&client.session().await, "access_token");
    assert_eq!(client.with_token("POST", "/logout?scope=all", &token, Value::Null).await.error(), (400, "validation_failed".to_owned()));
    assert_eq!(client.post("/logout", Value::Null).await.error(), (401, "no_authorization".to_owned()));
}

#[tokio::test]
async fn too_many_calls_are_refused_until_the_bucket_fills() {
    let client = Client::new(|plan| plan.rate_limits.token_refresh = 3);
    for _ in 0..3 {
        assert_eq!(client.refresh("x").await.status, 400);
    }
    assert_eq!(client.refresh("x").await.error(), (429, "over_request_rate_limit".to_owned()));
    client.advance(100);
    assert_eq!(client.refresh("x").await.status, 400);
    assert_eq!(client.refresh("x").await.status, 429);
}
