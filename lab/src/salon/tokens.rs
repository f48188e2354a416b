//! The tokens that a verified code brings: JWTs as SimpleJWT makes them, HS256.

use axum::http::HeaderMap;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::clock::Millis;
use super::contract::ACCESS_TTL;
use crate::wire;

#[derive(Serialize, Deserialize)]
struct Claims {
    token_type: String,
    user_id: u64,
    iat: u64,
    exp: u64,
    jti: String,
}

/// An access token for a user, good from `now` on.
pub(super) fn issue(user: u64, now: Millis, key: &str) -> Option<String> {
    let iat = now / 1000;
    let claims =
        Claims { token_type: "access".to_owned(), user_id: user, iat, exp: iat + ACCESS_TTL.as_secs(), jti: super::store::random_id() };
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(key.as_bytes())).ok()
}

/// The user of `Authorization: Bearer`, if the token is ours and good at `now`.
pub(super) fn user(headers: &HeaderMap, now: Millis, key: &str) -> Option<u64> {
    let (scheme, token) = wire::text(headers, "authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mut rules = Validation::new(Algorithm::HS256);
    // By the app's own clock, which may be wrong.
    rules.validate_exp = false;
    let claims = jsonwebtoken::decode::<Claims>(token.trim(), &DecodingKey::from_secret(key.as_bytes()), &rules).ok()?.claims;
    (claims.token_type == "access" && now / 1000 < claims.exp).then_some(claims.user_id)
}
