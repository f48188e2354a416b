//! The provider's answer: `GET /auth/oauth2/callback/{provider}`, and `GET /auth/error` where errors go.
//!
//! Every outcome is a 302. Errors are told by `error` in the target's query; in the order in which they are found:
//!
//! | `error` | when | sent to |
//! |---|---|---|
//! | the provider's own | the provider answered with an error | the API's error URL |
//! | `oAuth_code_missing` | no code (with `error_description=undefined`, literally) | the API's error URL |
//! | `please_restart_the_process` | the state is unknown, already redeemed, or too old | the API's error URL |
//! | `state_mismatch` | the state is known, but this user agent does not hold its cookie | the API's error URL |
//! | `issuer_mismatch`, `issuer_missing` | `iss` is not the provider's (RFC 9207 §2.4), or is wanted and missing | `errorCallbackURL` |
//! | `oauth_code_verification_failed` | the code could not be traded, whatever the reason | `errorCallbackURL` |
//! | `user_info_is_missing` | neither id_token nor userinfo tell who it is | `errorCallbackURL` |
//! | `email_is_missing`, `id_is_missing`, `name_is_missing` | a claim is missing or empty | `errorCallbackURL` |
//! | `account_not_linked`, `signup_disabled` | the user may not be signed in with this account | `errorCallbackURL` |
//! | `email_doesn't_match`, `account_already_linked_to_different_user` | linking is refused | `errorCallbackURL` |
//!
//! The API's error URL is `AUTH_ERROR_URL`, else its own `/auth/error`; that one is also used where a sign-in named
//! no `errorCallbackURL`. From the moment the state is redeemed every answer expires the state cookie.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, html};
use serde_json::{Map, Value};

use super::app::{Api, device};
use super::config::PROVIDER;
use super::idp::{Discovery, text_claim};
use super::origin::PublicBase;
use super::sign_in::{no_provider, redirect_uri};
use super::store::{Profile, StateRow};
use crate::wire;

/// An outcome that is no session: the error token.
type Refusal = &'static str;

/// What a callback comes to.
struct Outcome {
    target: String,
    session: Option<String>,
}

pub(super) async fn callback(
    State(api): State<Arc<Api>>,
    Path(provider): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let base = PublicBase::of(&api.config, &headers);
    let error_url = error_url(&api, &base);
    let parameter = |name: &str| wire::query(query.as_deref(), name).filter(|value| !value.is_empty());

    let (code, error) = (parameter("code"), parameter("error"));
    let Some(code) = code.filter(|_| error.is_none()) else {
        let error = error.as_deref().unwrap_or("oAuth_code_missing");
        // The original writes a description that is not there as JavaScript writes `undefined`.
        let description = parameter("error_description").unwrap_or_else(|| "undefined".to_owned());
        let target = wire::with_query(&error_url, &[("error", error), ("error_description", &description)]);
        return wire::redirect(StatusCode::FOUND, &target);
    };
    if provider != PROVIDER {
        return no_provider().into_response();
    }

    let state = parameter("state").unwrap_or_default();
    let cookie = api.cookies.state(&headers);
    let row = match api.store.redeem_state(&state, cookie.as_deref(), api.clock.now(), api.config.prune_state) {
        Ok(row) => row,
        Err(refusal) => {
            return wire::redirect(StatusCode::FOUND, &wire::with_query(&error_url, &[("error", refusal.code())]));
        }
    };

    let errors_to = row.error_url.clone().unwrap_or(error_url);
    let outcome = finish(&api, &base, row, &code, parameter("iss").as_deref(), &headers).await;
    let outcome = outcome.unwrap_or_else(|error| Outcome { target: wire::with_query(&errors_to, &[("error", error)]), session: None });
    let mut answer = wire::redirect(StatusCode::FOUND, &outcome.target);
    let session = outcome.session.map(|token| api.cookies.set_session(&token, api.config.session_lifetime));
    wire::set_cookies(&mut answer, std::iter::once(api.cookies.clear_state()).chain(session));
    answer
}

/// From a redeemed state to a session.
async fn finish(
    api: &Api,
    base: &PublicBase,
    row: StateRow,
    code: &str,
    issuer: Option<&str>,
    headers: &HeaderMap,
) -> Result<Outcome, Refusal> {
    let refused = |error: Refusal, why: &dyn std::fmt::Display| {
        (api.log)(&format!("callback refused: {error}: {why}"));
        error
    };
    const EXCHANGE: Refusal = "oauth_code_verification_failed";
    let discovery = api.idp.discover().await.map_err(|error| refused(EXCHANGE, &error))?;
    check_issuer(&discovery, issuer, api.config.provider.issuer_required)?;

    let redirect_uri = redirect_uri(api, base);
    let tokens = api.idp.exchange(&discovery, code, &row.verifier, &redirect_uri).await;
    let tokens = tokens.map_err(|error| refused(EXCHANGE, &error))?;
    let claims = api.idp.profile(&discovery, &tokens).await;
    let profile = profile(&claims.map_err(|error| refused("user_info_is_missing", &error))?)?;

    if let Some(link) = &row.link {
        api.store.link(&profile, link).map_err(|refusal| refusal.code())?;
        return Ok(Outcome { target: row.callback_url, session: None });
    }
    let signed_in =
        api.store.sign_in(profile, device(headers), row.request_sign_up, &api.config, api.clock.now()).map_err(|refusal| refusal.code())?;
    let target = row.new_user_url.filter(|_| signed_in.is_new).unwrap_or(row.callback_url);
    Ok(Outcome { target, session: Some(signed_in.session.token) })
}

fn check_issuer(discovery: &Discovery, issuer: Option<&str>, required: bool) -> Result<(), Refusal> {
    match (discovery.issuer.as_deref(), issuer) {
        (Some(expected), Some(received)) if expected != received => Err("issuer_mismatch"),
        (Some(_), None) if required => Err("issuer_missing"),
        _ => Ok(()),
    }
}

/// The claims as a profile; an empty claim is as good as none.
fn profile(claims: &Map<String, Value>) -> Result<Profile, Refusal> {
    let email = text_claim(claims, "email");
    if email.is_empty() {
        return Err("email_is_missing");
    }
    let account_id = ["id", "sub"].iter().find_map(|name| match claims.get(*name) {
        Some(Value::String(id)) if !id.is_empty() => Some(id.clone()),
        Some(Value::Number(id)) => Some(id.to_string()),
        _ => None,
    });
    let account_id = account_id.ok_or("id_is_missing")?;
    let name = text_claim(claims, "name");
    if name.is_empty() {
        return Err("name_is_missing");
    }
    let picture = text_claim(claims, "picture");
    Ok(Profile {
        account_id,
        email: email.to_lowercase(),
        email_verified: claims.get("email_verified").and_then(Value::as_bool).unwrap_or(false),
        name: name.to_owned(),
        image: (!picture.is_empty()).then(|| picture.to_owned()),
    })
}

fn error_url(api: &Api, base: &PublicBase) -> String {
    api.config.error_url.clone().unwrap_or_else(|| format!("{}/error", base.auth_url()))
}

/// `GET /auth/error`: on to the configured page; in production without one to `/` **of the API**; else a page of its own.
pub(super) async fn error(State(api): State<Arc<Api>>, RawQuery(query): RawQuery) -> Response {
    let parameter = |name: &str| wire::query(query.as_deref(), name).filter(|value| !value.is_empty());
    let code = parameter("error").unwrap_or_else(|| "unknown".to_owned());
    let description = parameter("error_description");
    let mut told = vec![("error", code.as_str())];
    told.extend(description.as_deref().map(|text| ("error_description", text)));
    match &api.config.error_url {
        Some(url) => wire::redirect(StatusCode::FOUND, &wire::with_query(url, &told)),
        None if api.config.production => wire::redirect(StatusCode::FOUND, &wire::with_query("/", &told)),
        None => Html(error_page(&code, description.as_deref()).into_string()).into_response(),
    }
}

fn error_page(code: &str, description: Option<&str>) -> maud::Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { "Error" }
            }
            body {
                h1 { "Something went wrong" }
                p { "Code: " code { (code) } }
                p { (description.unwrap_or("An unexpected error occurred. Please try again.")) }
                a href="/" { "Go home" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jsonwebtoken::{Algorithm, EncodingKey, Header};
    use serde_json::json;
    use wiremock::matchers::{body_string_contains, method, path};
    use wiremock::{Mock, ResponseTemplate};

    use super::*;
    use crate::mosaic::api::clock::Clock;
    use crate::mosaic::api::testing::{Answer, Lab, SESSION, STATE, Vars, vars};

    const APP: &str = "https://app.mosaic.test/";
    const AT_API: &str = "https://api.mosaic.test/auth/error?error=";
    const CLEARED: &str = "__Secure-better-auth.state=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax";

    #[tokio::test]
    async fn a_good_callback_clears_the_state_sets_the_session_and_goes_to_the_callback_url() {
        let lab = Lab::new(vars()).await;
        let (_, state, cookie) = lab.start(json!({})).await;
        let answer = lab.call_back(&state, Some(&cookie)).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::FOUND, APP));
        let lines = answer.set_cookies();
        let [cleared, session] = lines.as_slice() else { panic!("two cookies: {lines:?}") };
        assert_eq!(*cleared, CLEARED);
        assert!(session.starts_with(&format!("{SESSION}=")), "{session}");
        assert!(session.ends_with("; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Lax"), "{session}");
    }

    #[tokio::test]
    async fn the_code_is_traded_with_the_verifier_of_its_own_challenge() {
        let lab = Lab::new(vars()).await;
        let (answer, state, cookie) = lab.start(json!({})).await;
        lab.call_back(&state, Some(&cookie)).await;
        let requests = lab.idp.received_requests().await.expect("recorded");
        let traded = requests.iter().find(|request| request.url.path() == "/token").expect("traded");
        let form: Map<String, Value> =
            url::form_urlencoded::parse(&traded.body).map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect();
        let challenge = super::super::signing::pkce_challenge(text_claim(&form, "code_verifier"));
        assert!(answer.json()["url"].to_string().contains(&format!("code_challenge={challenge}")));
        assert_eq!(form["redirect_uri"], "https://api.mosaic.test/auth/oauth2/callback/authentik");
        assert_eq!((&form["client_id"], &form["client_secret"]), (&json!("mosaic"), &json!("client secret")));
    }

    #[tokio::test]
    async fn no_code_and_the_providers_own_error_go_to_the_api() {
        let lab = Lab::new(vars()).await;
        let at = "/auth/oauth2/callback/authentik";
        let answer = lab.get(at, None).await;
        assert_eq!(answer.location(), format!("{AT_API}oAuth_code_missing&error_description=undefined"));
        let answer = lab.get(&format!("{at}?error=access_denied&error_description=no+thanks&state=x"), None).await;
        assert_eq!(answer.location(), format!("{AT_API}access_denied&error_description=no+thanks"));
        let answer = lab.get(&format!("{at}?error=access_denied&code=c"), None).await;
        assert_eq!(answer.location(), format!("{AT_API}access_denied&error_description=undefined"));
        assert!(answer.set_cookies().is_empty());
    }

    #[tokio::test]
    async fn a_replayed_an_altered_and_a_foreign_state_are_told_apart() {
        let lab = Lab::new(vars()).await;
        let (_, state, cookie) = lab.start(json!({})).await;
        let (_, _, other_cookie) = lab.start(json!({})).await;
        let forged = cookie.replacen(&format!("{state}."), &format!("{state}.A"), 1);
        for foreign in [None, Some(other_cookie.as_str()), Some(forged.as_str())] {
            let answer = lab.call_back(&state, foreign).await;
            assert_eq!(answer.location(), format!("{AT_API}state_mismatch"), "{foreign:?}");
            assert!(answer.set_cookies().is_empty());
        }
        let restart = format!("{AT_API}please_restart_the_process");
        assert_eq!(lab.call_back("altered", Some(&cookie)).await.location(), restart);
        assert_eq!(lab.call_back("", Some(&cookie)).await.location(), restart);
        assert_eq!(lab.call_back(&state, Some(&cookie)).await.location(), APP);
        let replayed = lab.call_back(&state, Some(&cookie)).await;
        assert_eq!(replayed.location(), restart);
        assert!(replayed.cookie(SESSION).is_none());
    }

    /// What a user agent does: it drops the cookie once its Max-Age is over.
    async fn call_back_after(seconds: u64, vars: Vars) -> Answer {
        let lab = Lab::new(vars).await;
        let (started, state, cookie) = lab.start(json!({})).await;
        let line = started.set_cookies()[0].to_owned();
        let max_age = line.split("Max-Age=").nth(1).and_then(|rest| rest.split(';').next()).expect("a Max-Age");
        let kept = seconds < max_age.parse().expect("seconds");
        lab.pass(seconds);
        lab.call_back(&state, kept.then_some(cookie.as_str())).await
    }

    #[tokio::test]
    async fn time_at_the_consent_page_has_three_bands() {
        let mismatch = format!("{AT_API}state_mismatch");
        let restart = format!("{AT_API}please_restart_the_process");
        for (seconds, expected) in [(299, APP), (300, &mismatch), (599, &mismatch), (600, &restart)] {
            assert_eq!(call_back_after(seconds, vars()).await.location(), expected, "{seconds}");
        }
        let never_pruned = vars().put("PRUNE_STATE", Some("off"));
        assert_eq!(call_back_after(600, never_pruned).await.location(), mismatch);
        let short = vars().put("STATE_COOKIE_SECONDS", Some("1")).put("STATE_ROW_SECONDS", Some("2"));
        assert_eq!(call_back_after(1, short.clone()).await.location(), mismatch);
        assert_eq!(call_back_after(2, short).await.location(), restart);
    }

    async fn with_profile(vars: Vars, claims: ResponseTemplate, more: Value) -> Answer {
        let lab = Lab::without_profile(vars).await;
        lab.answer_tokens(ResponseTemplate::new(200).set_body_json(json!({"access_token": "at"}))).await;
        lab.answer_userinfo(claims).await;
        let (_, state, cookie) = lab.start(more).await;
        lab.call_back(&state, Some(&cookie)).await
    }

    #[tokio::test]
    async fn each_gap_in_the_profile_has_its_own_token() {
        let json_of = |claims: Value| ResponseTemplate::new(200).set_body_json(claims);
        for (claims, error) in [
            (json_of(json!({"sub": "1", "name": "J"})), "email_is_missing"),
            (json_of(json!({"sub": "1", "name": "J", "email": ""})), "email_is_missing"),
            (json_of(json!({"sub": "1", "name": "J", "email": 7})), "email_is_missing"),
            (json_of(json!({"name": "J", "email": "j@mosaic.test"})), "id_is_missing"),
            (json_of(json!({"sub": "1", "email": "j@mosaic.test", "name": ""})), "name_is_missing"),
            (json_of(json!(null)), "user_info_is_missing"),
            (ResponseTemplate::new(401), "user_info_is_missing"),
            (ResponseTemplate::new(200).set_body_bytes(vec![b' '; 300_000]), "user_info_is_missing"),
        ] {
            let answer = with_profile(vars(), claims, json!({})).await;
            assert_eq!(answer.location(), format!("{AT_API}{error}"));
            assert_eq!(answer.set_cookies(), [CLEARED], "{error}");
        }
    }

    #[tokio::test]
    async fn an_error_goes_where_the_sign_in_wanted_it() {
        let claims = || ResponseTemplate::new(200).set_body_json(json!({"sub": "1", "name": "J"}));
        let login = json!({"errorCallbackURL": "https://app.mosaic.test/login?from=idp"});
        let answer = with_profile(vars(), claims(), login).await;
        assert_eq!(answer.location(), "https://app.mosaic.test/login?from=idp&error=email_is_missing");
        let configured = vars().put("AUTH_ERROR_URL", Some("https://app.mosaic.test/oops"));
        let answer = with_profile(configured, claims(), json!({})).await;
        assert_eq!(answer.location(), "https://app.mosaic.test/oops?error=email_is_missing");
    }

    #[tokio::test]
    async fn an_address_that_is_taken_and_not_proven_is_not_linked() {
        let claims = json!({"sub": "1", "name": "J", "email": "j@mosaic.test", "email_verified": false});
        let taken = vars().put("SEED_USERS", Some("j@mosaic.test"));
        let answer = with_profile(taken, ResponseTemplate::new(200).set_body_json(claims), json!({})).await;
        assert_eq!(answer.location(), format!("{AT_API}account_not_linked"));
    }

    #[tokio::test]
    async fn a_code_that_cannot_be_traded_is_one_error_whatever_the_reason() {
        for tokens in [
            ResponseTemplate::new(400).set_body_json(json!({"error": "invalid_grant"})),
            ResponseTemplate::new(500),
            ResponseTemplate::new(302).insert_header("location", "/elsewhere"),
            ResponseTemplate::new(200).set_body_string("<html>"),
        ] {
            let lab = Lab::without_profile(vars()).await;
            lab.answer_tokens(tokens).await;
            let (_, state, cookie) = lab.start(json!({})).await;
            let answer = lab.call_back(&state, Some(&cookie)).await;
            assert_eq!(answer.location(), format!("{AT_API}oauth_code_verification_failed"));
            assert!(answer.cookie(SESSION).is_none());
        }
    }

    #[tokio::test]
    async fn the_issuer_in_the_answer_is_checked() {
        for (required, issuer, error) in [
            ("off", Some("https://evil.test"), Some("issuer_mismatch")),
            ("off", None, None),
            ("on", None, Some("issuer_missing")),
            ("on", Some("own"), None),
        ] {
            let lab = Lab::new(vars().put("OIDC_REQUIRE_ISSUER", Some(required))).await;
            let (_, state, cookie) = lab.start(json!({})).await;
            let issuer = issuer.map(|issuer| if issuer == "own" { lab.idp.uri() } else { issuer.to_owned() });
            let issuer = issuer.map(|issuer| format!("&iss={issuer}")).unwrap_or_default();
            let answer = lab.call_back(&format!("{state}{issuer}"), Some(&cookie)).await;
            let expected = error.map_or_else(|| APP.to_owned(), |error| format!("{AT_API}{error}"));
            assert_eq!(answer.location(), expected);
        }
    }

    /// Signs with a key that the JWKS names, or with another.
    async fn with_id_token(mode: &str, own_key: bool, audience: &str) -> Answer {
        let lab = Lab::without_profile(vars().put("ID_TOKEN", Some(mode))).await;
        let (published, other) = (key(), key());
        let in_a_minute = Clock::system().now().after(Duration::from_secs(60)).as_millis() / 1000;
        let claims = json!({
            "iss": lab.idp.uri(), "aud": audience, "exp": in_a_minute,
            "sub": "1", "email": "j@mosaic.test", "name": "J",
        });
        let signing = if own_key { &published } else { &other };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, signing).expect("signed");
        let mut jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&published, Algorithm::ES256).expect("a key");
        jwk.common.key_id = None;
        Mock::given(method("GET"))
            .and(path("/jwks"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"keys": [jwk]})))
            .mount(&lab.idp)
            .await;
        lab.answer_tokens(ResponseTemplate::new(200).set_body_json(json!({"access_token": "at", "id_token": token}))).await;
        let (_, state, cookie) = lab.start(json!({})).await;
        lab.call_back(&state, Some(&cookie)).await
    }

    fn key() -> EncodingKey {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
        EncodingKey::from_ec_der(pair.serialized_der())
    }

    #[tokio::test]
    async fn an_id_token_is_checked_only_where_that_is_wanted() {
        let failed = format!("{AT_API}oauth_code_verification_failed");
        for (mode, own_key, audience, expected) in [
            ("verified", true, "mosaic", APP),
            ("verified", false, "mosaic", &failed),
            ("verified", true, "another", &failed),
            ("decoded", false, "another", APP),
            ("ignored", true, "mosaic", &format!("{AT_API}user_info_is_missing")),
        ] {
            let answer = with_id_token(mode, own_key, audience).await;
            assert_eq!(answer.location(), expected, "{mode} {own_key} {audience}");
        }
    }

    #[tokio::test]
    async fn the_error_route_has_three_ways_out() {
        let at = "/auth/error?error=email_is_missing&error_description=a%3Cb";
        let lab = Lab::new(vars()).await;
        assert_eq!(lab.get(at, None).await.location(), "/?error=email_is_missing&error_description=a%3Cb");
        assert_eq!(lab.get("/auth/error", None).await.location(), "/?error=unknown");
        let lab = Lab::new(vars().put("AUTH_ERROR_URL", Some("https://app.mosaic.test/oops"))).await;
        let configured = "https://app.mosaic.test/oops?error=email_is_missing&error_description=a%3Cb";
        assert_eq!(lab.get(at, None).await.location(), configured);
        let lab = Lab::new(vars().put("NODE_ENV", Some("development"))).await;
        let page = lab.get(at, None).await;
        assert_eq!(page.status, StatusCode::OK);
        let text = String::from_utf8(page.body).expect("text");
        assert!(text.contains("email_is_missing") && text.contains("a&lt;b"), "{text}");
    }

    #[tokio::test]
    async fn a_secret_in_the_authorization_header_is_not_in_the_form_too() {
        let lab = Lab::without_profile(vars().put("OIDC_TOKEN_AUTH", Some("basic"))).await;
        Mock::given(method("POST"))
            .and(path("/token"))
            .and(body_string_contains("client_secret"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
            .expect(0)
            .with_priority(1)
            .mount(&lab.idp)
            .await;
        lab.answer_tokens(ResponseTemplate::new(200).set_body_json(json!({"access_token": "at"}))).await;
        let claims = json!({"sub": "1", "email": "j@mosaic.test", "name": "J"});
        lab.answer_userinfo(ResponseTemplate::new(200).set_body_json(claims)).await;
        let (started, state, cookie) = lab.start(json!({})).await;
        assert!(started.cookie(STATE).is_some());
        assert_eq!(lab.call_back(&state, Some(&cookie)).await.location(), APP);
    }
}
