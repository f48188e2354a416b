//! The start of a sign-in: `POST /auth/sign-in/oauth2`, and `POST /auth/oauth2/link` for one more account.
//!
//! The callback URL is kept with the state and is **not** in the answer; what the user agent gets is the provider's
//! authorize URL, whose `redirect_uri` is the API's own callback.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::app::Api;
use super::body::Fields;
use super::config::{Config, PROVIDER};
use super::idp::IdpError;
use super::origin::{PublicBase, may_redirect_to};
use super::reply::{self, ApiError};
use super::signing::random_url_safe;
use super::store::{Link, StateRow};
use crate::wire;

/// The length of a state: 192 bits.
const STATE_LENGTH: usize = 32;

/// The length of a code verifier, the longest that RFC 7636 §4.1 allows.
const VERIFIER_LENGTH: usize = 128;

pub(super) async fn sign_in(State(api): State<Arc<Api>>, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Response {
    start(&api, &headers, body, None).await.unwrap_or_else(IntoResponse::into_response)
}

pub(super) async fn link(State(api): State<Arc<Api>>, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Response {
    let token = api.cookies.session_token(&headers).and_then(|token| api.store.session(&token));
    let Some(user) = token.filter(|found| found.session.expires_at > api.clock.now()).map(|found| found.user) else {
        return ApiError::with_status(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "Unauthorized").into_response();
    };
    let link = Link { user_id: user.id, email: user.email };
    start(&api, &headers, body, Some(link)).await.unwrap_or_else(IntoResponse::into_response)
}

async fn start(api: &Api, headers: &HeaderMap, body: Result<Bytes, BytesRejection>, link: Option<Link>) -> Result<Response, ApiError> {
    let config = &api.config;
    let base = PublicBase::of(config, headers);
    let fields = Fields::read(headers, body)?;
    let callback_url = target(config, &base, &fields, "callbackURL", "CALLBACK_URL")?;
    let error_url = target(config, &base, &fields, "errorCallbackURL", "ERROR_CALLBACK_URL")?;
    let new_user_url = target(config, &base, &fields, "newUserCallbackURL", "NEW_USER_CALLBACK_URL")?;

    let provider = fields.required_text("providerId")?;
    if provider != PROVIDER {
        return Err(no_provider());
    }
    let scopes = fields.texts("scopes")?;
    let redirect = !fields.flag("disableRedirect")?;
    let request_sign_up = fields.flag("requestSignUp")?;

    let misconfigured = |error: IdpError| {
        (api.log)(&format!("sign-in refused: {error}"));
        ApiError::bad_request("INVALID_OAUTH_CONFIGURATION", "Invalid OAuth configuration")
    };
    let discovery = api.idp.discover().await.map_err(misconfigured)?;
    let state = random_url_safe(STATE_LENGTH);
    let verifier = random_url_safe(VERIFIER_LENGTH);
    let redirect_uri = redirect_uri(api, &base);
    let url = api.idp.authorize_url(&discovery, &state, &verifier, &redirect_uri, &scopes).map_err(misconfigured)?;
    let row = StateRow {
        callback_url: callback_url.unwrap_or_else(|| base.origin.clone()),
        error_url,
        new_user_url,
        verifier,
        request_sign_up,
        link,
        expires_at: api.clock.now().after(config.state_row_lifetime),
    };
    let cookie = api.cookies.set_state(&state, config.state_cookie_lifetime);
    api.store.put_state(state, row);

    let mut answer = if redirect && wire::is_navigation(headers) {
        wire::redirect(StatusCode::SEE_OTHER, &url)
    } else {
        reply::ok(&json!({ "url": url, "redirect": redirect }))
    };
    wire::set_cookies(&mut answer, [cookie]);
    Ok(answer)
}

/// The redirect URI of this sign-in; sent to the authorize and to the token endpoint alike (RFC 6749 §4.1.3).
pub(super) fn redirect_uri(api: &Api, base: &PublicBase) -> String {
    match &api.config.provider.redirect_uri {
        Some(uri) => uri.clone(),
        None => format!("{}/oauth2/callback/{PROVIDER}", base.auth_url()),
    }
}

pub(super) fn no_provider() -> ApiError {
    ApiError::bad_request("PROVIDER_CONFIG_NOT_FOUND", "No config found for provider")
}

/// A URL to which the caller wants the user sent later.
pub(super) fn target(config: &Config, base: &PublicBase, fields: &Fields, name: &str, code: &str) -> Result<Option<String>, ApiError> {
    match fields.text(name)? {
        Some(url) if !may_redirect_to(config, base, url) => {
            Err(ApiError::forbidden(&format!("INVALID_{code}"), &format!("Invalid {name}")))
        }
        url => Ok(url.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use wiremock::MockServer;

    use super::*;
    use crate::mosaic::api::testing::{Lab, STATE, vars};

    const PATH: &str = "/auth/sign-in/oauth2";
    const JSON: (&str, &str) = ("content-type", "application/json");
    const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

    #[tokio::test]
    async fn a_sign_in_gives_the_authorize_url_and_sets_the_state_cookie() {
        let lab = Lab::new(vars()).await;
        let (answer, state, _) = lab.start(json!({})).await;
        assert_eq!(answer.status, StatusCode::OK);
        let body = answer.json();
        assert_eq!(body["redirect"], true);
        assert!(!body.to_string().contains("app.mosaic.test"), "the callback URL stays with the state: {body}");

        let url = url::Url::parse(body["url"].as_str().expect("a URL")).expect("a URL");
        let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(query["redirect_uri"], "https://api.mosaic.test/auth/oauth2/callback/authentik");
        assert_eq!(query["scope"], "openid profile email");
        assert_eq!(query["code_challenge_method"], "S256");
        assert_eq!(query["code_challenge"].len(), 43);
        assert_eq!(state.len(), 32);

        let lines = answer.set_cookies();
        let [line] = lines.as_slice() else { panic!("one cookie: {lines:?}") };
        assert!(line.starts_with(&format!("{STATE}={state}.")), "{line}");
        assert!(line.ends_with("; Max-Age=300; Path=/; HttpOnly; Secure; SameSite=Lax"), "{line}");
    }

    #[tokio::test]
    async fn a_form_that_navigates_is_sent_on() {
        let lab = Lab::new(vars()).await;
        let body = "providerId=authentik&callbackURL=https%3A%2F%2Fapp.mosaic.test%2F&errorCallbackURL=";
        let answer = lab.send("POST", PATH, &[FORM, ("sec-fetch-mode", "navigate")], body).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert!(answer.location().starts_with(&format!("{}/authorize?", lab.idp.uri())));
        assert!(answer.cookie(STATE).is_some());
        let fetched = lab.send("POST", PATH, &[FORM, ("sec-fetch-mode", "cors")], body).await;
        assert_eq!(fetched.status, StatusCode::OK);
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_request_is_said() {
        let lab = Lab::new(vars()).await;
        let with = |name: &str, url: &str| json!({"providerId": "authentik", name: url}).to_string();
        let evil = "https://evil.test/";
        let long = format!("{{\"providerId\":\"{}\"}}", "x".repeat(70_000));
        for (body, status, code) in [
            (with("callbackURL", evil), 403, "INVALID_CALLBACK_URL"),
            (with("errorCallbackURL", evil), 403, "INVALID_ERROR_CALLBACK_URL"),
            (with("newUserCallbackURL", "//evil.test"), 403, "INVALID_NEW_USER_CALLBACK_URL"),
            (r#"{"providerId":"github"}"#.to_owned(), 400, "PROVIDER_CONFIG_NOT_FOUND"),
            ("{}".to_owned(), 400, "VALIDATION_ERROR"),
            (r#"{"providerId":7}"#.to_owned(), 400, "VALIDATION_ERROR"),
            ("[".repeat(1_000), 400, "VALIDATION_ERROR"),
            (long, 413, "PAYLOAD_TOO_LARGE"),
        ] {
            let answer = lab.send("POST", PATH, &[JSON], &body).await;
            assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (status, Some(code)));
            assert!(answer.set_cookies().is_empty());
            lab.pass(11);
        }
        let answer = lab.send("POST", PATH, &[("content-type", "text/plain")], "x").await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }

    #[tokio::test]
    async fn without_a_base_url_the_redirect_uri_is_that_of_the_request_and_the_prefix_stays_in_production() {
        let lab = Lab::new(vars().put("BETTER_AUTH_URL", None)).await;
        let body = json!({"providerId": "authentik", "callbackURL": "/"}).to_string();
        let fields = [JSON, ("host", "127.0.0.1:3001"), ("x-forwarded-host", "api.other.test"), ("x-forwarded-proto", "https")];
        let answer = lab.send("POST", PATH, &fields, &body).await;
        let url = answer.json()["url"].to_string();
        assert!(url.contains("redirect_uri=https%3A%2F%2Fapi.other.test%2Fauth%2Foauth2%2Fcallback%2Fauthentik"), "{url}");
        assert!(answer.cookie(STATE).is_some());

        let lab = Lab::new(vars().put("BETTER_AUTH_URL", None).put("NODE_ENV", Some("development"))).await;
        let answer = lab.send("POST", PATH, &fields, &body).await;
        assert!(answer.cookie("better-auth.state").is_some(), "{answer:?}");
    }

    #[tokio::test]
    async fn a_provider_that_cannot_be_discovered_is_a_configuration_error() {
        let gone = MockServer::start().await;
        let lab = Lab::new(vars().put("OIDC_DISCOVERY_URL", Some(&format!("{}/nowhere", gone.uri())))).await;
        let answer = lab.send("POST", PATH, &[JSON], r#"{"providerId":"authentik"}"#).await;
        assert_eq!(answer.json()["code"], "INVALID_OAUTH_CONFIGURATION");
    }

    #[tokio::test]
    async fn one_more_account_needs_a_session() {
        let lab = Lab::new(vars()).await;
        let body = r#"{"providerId":"authentik","callbackURL":"/linked"}"#;
        let refused = lab.send("POST", "/auth/oauth2/link", &[JSON], body).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);

        let session = lab.sign_in().await;
        let fields = [JSON, ("cookie", session.as_str()), ("origin", "https://app.mosaic.test")];
        let answer = lab.send("POST", "/auth/oauth2/link", &fields, body).await;
        let state = answer.cookie(STATE).expect("a state cookie");
        let value = state.split(['=', '.']).nth(2).expect("a state").to_owned();
        let linked = lab.call_back(&value, Some(&state)).await;
        assert_eq!((linked.status, linked.location()), (StatusCode::FOUND, "/linked"));
    }
}
