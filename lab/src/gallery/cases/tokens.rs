//! Tokens and the provider.

use super::{CALLBACK, Case, Route, authorize, get, link, post};
use crate::gallery::case::token;
use serde_json::{Value, json};

const ISSUER: &str = "https://id.provider.test";
const STATE_VALUE: &str = "state-0123456789";

/// A single-page app: it gets the code and asks for the tokens itself, and the provider answers with `tokens`.
fn single_page(tokens: fn(i64) -> Value, iss: &str) -> Vec<Route> {
    let verifier = "'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'";
    redeeming(verifier, post("/token").tokens(tokens), iss)
}

/// The same, with a verifier by this expression and a token endpoint of its own.
fn redeeming(verifier: &str, token: Route, iss: &str) -> Vec<Route> {
    let redeems = format!(
        "<p id=\"told\">Asking</p><script>(async () => {{\
         const ask = (path, init) => fetch('{ISSUER}' + path, init).then(answer => answer.json());\
         await ask('/.well-known/openid-configuration'); await ask('/keys');\
         const body = new URLSearchParams({{ grant_type: 'authorization_code', code: 'code-0123456789', client_id: 'gallery', redirect_uri: '{CALLBACK}' }});\
         const verifier = {verifier}; if (verifier) body.set('code_verifier', verifier);\
         const tokens = await ask('/token', {{ method: 'POST', body }});\
         if (tokens.access_token) await ask('/userinfo', {{ headers: {{ authorization: 'Bearer ' + tokens.access_token }} }});\
         }})().then(() => told.textContent = 'Done', () => told.textContent = 'Done')</script>"
    );
    let cors = |route: Route| route.says("access-control-allow-origin", "*").says("access-control-allow-headers", "authorization");
    let discovery = json!({
        "issuer": ISSUER, "authorization_endpoint": format!("{ISSUER}/authorize"), "token_endpoint": format!("{ISSUER}/token"),
        "jwks_uri": format!("{ISSUER}/keys"), "userinfo_endpoint": format!("{ISSUER}/userinfo"),
        "authorization_response_iss_parameter_supported": true,
    });
    let preflight = |path| cors(Route::options(path)).status(204);
    vec![
        get("/login").page("Sign in", &link(&authorize(STATE_VALUE, CALLBACK))),
        get("/authorize").page("Sign in at the provider", &link(&format!("{CALLBACK}?code=code-0123456789&state={STATE_VALUE}{iss}"))),
        get("/callback").says("referrer-policy", "no-referrer").page("One moment", &redeems),
        cors(get("/.well-known/openid-configuration").json(&discovery)),
        cors(
            get("/keys")
                .json(&json!({ "keys": [{ "kty": "RSA", "kid": "gallery-1", "alg": "RS256", "use": "sig", "n": "AQAB", "e": "AQAB" }] })),
        ),
        cors(token),
        preflight("/userinfo"),
        cors(get("/userinfo").json(&json!({ "sub": "person-ada-1" }))),
    ]
}

/// The claims as they should be, with those of `change` in their place.
fn claims(now: i64, change: Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "sub": "person-ada-1", "aud": "gallery", "iat": now, "exp": now + 600, "nonce": "nonce-of-the-gallery",
    });
    if let (Some(all), Value::Object(change)) = (claims.as_object_mut(), change) {
        all.extend(change);
    }
    json!({ "access_token": "opaque-token-of-ada-0123456789", "token_type": "Bearer", "expires_in": 600, "id_token": token(&claims) })
}

/// The same with another key's id.
fn of_unknown_key(now: i64) -> Value {
    let mut response = claims(now, json!({}));
    let swapped = response["id_token"].as_str().and_then(|token| token.split_once('.')).map(|(_, rest)| {
        use base64::Engine as _;
        let head = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json!({ "alg": "RS256", "kid": "gallery-2" }).to_string());
        format!("{head}.{rest}")
    });
    response["id_token"] = swapped.into();
    response
}

pub(super) fn cases() -> Vec<Case> {
    const ISS: &str = "&iss=https%3A%2F%2Fid.provider.test";
    vec![
        Case::new("tokens-healthy", &[], single_page(|now| claims(now, json!({})), ISS)).spares(&[
            "iss-mismatch",
            "jwks-kid-missing",
            "userinfo-sub-mismatch",
        ]),
        Case::new("other-issuer", &["iss-mismatch"], single_page(|now| claims(now, json!({ "iss": "https://id.provider.test/" })), ISS)),
        Case::new("no-iss", &["iss-param-mismatch"], single_page(|now| claims(now, json!({})), "")),
        Case::new("other-audience", &["aud-azp-mismatch"], single_page(|now| claims(now, json!({ "aud": "another-client" })), ISS)),
        Case::new("other-nonce", &["nonce-mismatch"], single_page(|now| claims(now, json!({ "nonce": "nonce-of-another-login" })), ISS)),
        Case::new("from-the-future", &["clock-skew"], single_page(|now| claims(now, json!({ "iat": now + 900, "exp": now + 1800 })), ISS)),
        Case::new(
            "born-dead",
            &["token-dead-on-arrival"],
            single_page(|now| claims(now, json!({ "iat": now - 7200, "exp": now - 3600 })), ISS),
        ),
        Case::new("unknown-key", &["jwks-kid-missing"], single_page(of_unknown_key, ISS)),
        Case::new("other-person", &["userinfo-sub-mismatch"], single_page(|now| claims(now, json!({ "sub": "person-bob-2" })), ISS)),
        // The verifier lies in the storage of a tab that is not this one.
        Case::new("no-verifier", &["pkce-verifier-missing"], {
            let refuses =
                post("/token").status(400).json(&json!({ "error": "invalid_grant", "error_description": "code_verifier is missing" }));
            redeeming("sessionStorage.getItem('verifier')", refuses, ISS)
        }),
        Case::new(
            "token-in-query",
            &["token-in-url"],
            [get("/login").page("Sign in", &link("/home?access_token=opaque-token-of-ada-0123456789")), get("/home").page("Home", "")],
        ),
        Case::new(
            "implicit",
            &["implicit-or-password-grant"],
            [
                get("/login")
                    .page("Sign in", &link(&authorize(STATE_VALUE, CALLBACK).replace("response_type=code", "response_type=token"))),
                get("/authorize").page("Sign in at the provider", ""),
            ],
        ),
    ]
}
