//! Better Auth's own session routes: `GET /auth/get-session` and `POST /auth/sign-out`.
//!
//! `get-session` answers **200 with `null`** when there is no session, never 401. It reads the one configured cookie.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::app::Api;
use super::body::Fields;
use super::origin::PublicBase;
use super::reply::{self, ApiError};
use super::sign_in::target;
use super::store::SignedIn;
use crate::wire;

pub(super) async fn get_session(State(api): State<Arc<Api>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let asked = |name: &str| wire::query(query.as_deref(), name).as_deref() == Some("true");
    let now = api.clock.now();
    let Some(token) = api.cookies.session_token(&headers) else {
        let answer = api.bearer_session(&headers).map_or(Value::Null, |found| payload(&found));
        return reply::ok(&answer);
    };
    if !asked("disableCookieCache")
        && let Some(answer) = api.cookies.cached(&headers, now)
    {
        return reply::ok(&answer);
    }
    let found = api.store.session(&token);
    let Some(mut found) = found.filter(|found| found.session.expires_at > now) else {
        api.store.end_session(&token);
        let mut answer = reply::ok(&Value::Null);
        wire::set_cookies(&mut answer, api.cookies.clear_session());
        return answer;
    };

    let mut lines = Vec::new();
    // Due once `update age` of the lifetime has been used up: the row is not written at every look.
    let due = found.session.expires_at.before(api.config.session_lifetime).after(api.config.session_update_age) <= now;
    if due && !asked("disableRefresh") {
        let expires_at = now.after(api.config.session_lifetime);
        if let Some(session) = api.store.extend(&token, expires_at, now) {
            found.session = session;
            lines.push(api.cookies.set_session(&token, api.config.session_lifetime));
        }
    }
    let body = payload(&found);
    let left = found.session.expires_at.since(now);
    lines.extend(api.cookies.set_cache(&body, now).filter(|_| left > Duration::ZERO));
    let mut answer = reply::ok(&body);
    wire::set_cookies(&mut answer, lines);
    answer
}

pub(super) async fn sign_out(State(api): State<Arc<Api>>, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Response {
    let fields = match Fields::read(&headers, body) {
        Ok(fields) => fields,
        Err(error) => return error.into_response(),
    };
    let next = match next_page(&api, &headers, &fields) {
        Ok(next) => next,
        Err(error) => return error.into_response(),
    };
    if let Some(token) = api.cookies.session_token(&headers).filter(|_| api.config.sign_out_ends_session) {
        api.store.end_session(&token);
    }
    let mut answer = match next {
        Some(url) => wire::redirect(StatusCode::SEE_OTHER, &url),
        None => reply::ok(&json!({ "success": true })),
    };
    // The cookies go whether or not the session did: so has the original.
    wire::set_cookies(&mut answer, api.cookies.clear_session());
    answer
}

/// Where a form's navigation wants to go afterwards.
fn next_page(api: &Api, headers: &HeaderMap, fields: &Fields) -> Result<Option<String>, ApiError> {
    let url = target(&api.config, &PublicBase::of(&api.config, headers), fields, "callbackURL", "CALLBACK_URL")?;
    Ok(url.filter(|_| wire::is_navigation(headers)))
}

/// The body of `get-session`.
fn payload(found: &SignedIn) -> Value {
    let SignedIn { session, user, .. } = found;
    json!({
        "session": {
            "id": session.id,
            "token": session.token,
            "userId": session.user_id,
            "expiresAt": session.expires_at.iso(),
            "createdAt": session.created_at.iso(),
            "updatedAt": session.updated_at.iso(),
            "ipAddress": session.ip_address,
            "userAgent": session.user_agent,
        },
        "user": {
            "id": user.id,
            "name": user.name,
            "email": user.email,
            "emailVerified": user.email_verified,
            "image": user.image,
            "createdAt": user.created_at.iso(),
            "updatedAt": user.updated_at.iso(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mosaic::api::testing::{Answer, Lab, SESSION, vars};

    const DAY: u64 = 24 * 60 * 60;

    async fn sign_out(lab: &Lab, cookie: &str) -> Answer {
        lab.send("POST", "/auth/sign-out", &[("cookie", cookie), ("origin", "https://app.mosaic.test")], "").await
    }

    #[tokio::test]
    async fn no_session_is_200_null() {
        let lab = Lab::new(vars()).await;
        let session = lab.sign_in().await;
        let forged = session.replacen('=', "=A", 1);
        let plain = session.replacen("__Secure-", "", 1);
        for cookie in [None, Some("a=1"), Some(forged.as_str()), Some(plain.as_str())] {
            let answer = lab.get("/auth/get-session", cookie).await;
            assert_eq!((answer.status, answer.json()), (StatusCode::OK, Value::Null), "{cookie:?}");
        }
    }

    #[tokio::test]
    async fn a_session_tells_who_it_is() {
        let lab = Lab::new(vars()).await;
        let session = lab.sign_in().await;
        let answer = lab.get("/auth/get-session", Some(&session)).await;
        let body = answer.json();
        assert_eq!(body["user"]["email"], "jarvis@mosaic.test");
        assert_eq!(body["session"]["expiresAt"], "2023-11-21T22:13:20.000Z");
        assert!(answer.set_cookies().is_empty(), "not due yet");
    }

    #[tokio::test]
    async fn the_expiry_slides_once_a_day_and_not_when_told_not_to() {
        let lab = Lab::new(vars()).await;
        let session = lab.sign_in().await;
        lab.pass(DAY);
        let asked = lab.get("/auth/get-session?disableRefresh=true", Some(&session)).await;
        assert!(asked.set_cookies().is_empty());
        let slid = lab.get("/auth/get-session", Some(&session)).await;
        assert_eq!(slid.cookie(SESSION).as_deref(), Some(session.as_str()));
        assert_eq!(slid.json()["session"]["expiresAt"], "2023-11-22T22:13:20.000Z");
        lab.pass(7 * DAY - 1);
        assert!(!lab.get("/auth/get-session?disableRefresh=true", Some(&session)).await.json().is_null());
        lab.pass(1);
        let over = lab.get("/auth/get-session", Some(&session)).await;
        assert!(over.json().is_null());
        assert_eq!(over.cookie(SESSION).as_deref(), Some("__Secure-better-auth.session_token="));
    }

    #[tokio::test]
    async fn a_signed_out_cookie_is_worth_nothing() {
        let lab = Lab::new(vars()).await;
        let session = lab.sign_in().await;
        let answer = sign_out(&lab, &session).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({"success": true})));
        assert_eq!(answer.set_cookies()[0], "__Secure-better-auth.session_token=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax");
        assert!(lab.get("/auth/get-session", Some(&session)).await.json().is_null());
        assert_eq!(lab.get("/auth/session", Some(&session)).await.status, StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn a_session_that_outlives_its_sign_out_still_answers() {
        let lab = Lab::new(vars().put("SIGN_OUT", Some("keeps-session"))).await;
        let session = lab.sign_in().await;
        assert_eq!(sign_out(&lab, &session).await.status, StatusCode::OK);
        assert!(!lab.get("/auth/get-session", Some(&session)).await.json().is_null());
    }

    #[tokio::test]
    async fn a_form_that_signs_out_is_sent_on_and_nowhere_strange() {
        let lab = Lab::new(vars()).await;
        let fields = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-mode", "navigate")];
        let answer = lab.send("POST", "/auth/sign-out", &fields, "callbackURL=https://app.mosaic.test/login").await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "https://app.mosaic.test/login"));
        let answer = lab.send("POST", "/auth/sign-out", &fields, "callbackURL=https://evil.test/").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }

    #[tokio::test]
    async fn the_cache_cookie_answers_after_the_session_has_gone() {
        let lab = Lab::new(vars().put("COOKIE_CACHE", Some("on"))).await;
        let session = lab.sign_in().await;
        let first = lab.get("/auth/get-session", Some(&session)).await;
        let cache = first.cookie("__Secure-better-auth.session_data").expect("the cache");
        let both = format!("{session}; {cache}");
        sign_out(&lab, &session).await;
        assert!(!lab.get("/auth/get-session", Some(&both)).await.json().is_null());
        assert_eq!(lab.get("/auth/session", Some(&both)).await.status, StatusCode::UNAUTHORIZED);
        assert!(lab.get("/auth/get-session?disableCookieCache=true", Some(&both)).await.json().is_null());
    }
}
