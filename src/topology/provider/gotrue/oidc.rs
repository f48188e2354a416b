//! The server as a client of an OpenID provider (OpenID Connect Core 1.0 §3.1): code for tokens, and who the ID token names.

use super::Inner;
use super::session::ProviderTokens;
use crate::plan::{Claims, GotrueExternal};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::{ACCEPT, AUTHORIZATION};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use url::form_urlencoded::byte_serialize;

/// How far a provider's clock may be behind when a token is not valid yet.
const LEEWAY: i64 = 300;

/// What a discovery document says (OpenID Connect Discovery 1.0 §3).
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Discovery {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: String,
    token_endpoint: String,
    pub(super) jwks_uri: String,
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    #[serde(default)]
    id_token_signing_alg_values_supported: Vec<String>,
}

/// What the token endpoint gives (RFC 6749 §5.1).
#[derive(Debug, Deserialize)]
struct Tokens {
    access_token: String,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    id_token: Option<String>,
}

/// Who came from a provider.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    /// `sub` there.
    pub(super) subject: String,
    /// Their address there, and whether the provider vouches for it.
    pub(super) email: Option<(String, bool)>,
    /// What is kept of their claims.
    pub(super) data: Claims,
    pub(super) tokens: ProviderTokens,
    pub(super) nonce: Option<String>,
}

/// Where it failed: the client is told only this much.
#[derive(Debug)]
pub(super) enum Unreached {
    /// The code brought no tokens.
    Exchange(String),
    /// The tokens named nobody.
    Profile(String),
}

impl Inner {
    /// Redeems a provider's code and finds out who came.
    pub(super) async fn redeem(
        &self,
        external: &GotrueExternal,
        code: &str,
        verifier: &str,
        now: OffsetDateTime,
    ) -> Result<Arrival, Unreached> {
        let discovery = self.egress.discover(&external.issuer, now).await.map_err(Unreached::Exchange)?;
        let tokens = self.exchange(&discovery, external, code, verifier).await.map_err(Unreached::Exchange)?;
        let provider_tokens = ProviderTokens { access: tokens.access_token.clone(), refresh: tokens.refresh_token.unwrap_or_default() };
        let claims = match &tokens.id_token {
            Some(id_token) => self.read_id_token(&discovery, &external.client_id, id_token, now).await,
            None => self.userinfo(&discovery, &tokens.access_token).await,
        };
        let arrival = claims.and_then(Arrival::of).map_err(Unreached::Profile)?;
        Ok(Arrival { tokens: provider_tokens, ..arrival })
    }

    async fn exchange(&self, discovery: &Discovery, external: &GotrueExternal, code: &str, verifier: &str) -> Result<Tokens, String> {
        let callback = self.callback_url();
        let mut form =
            vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", callback.as_str()), ("code_verifier", verifier)];
        let mut request = self.egress.client()?.post(&discovery.token_endpoint).header(ACCEPT, "application/json");
        let methods = &discovery.token_endpoint_auth_methods_supported;
        match &external.secret {
            // RFC 6749 §2.3.1, the default where nothing is announced.
            Some(secret) if methods.is_empty() || methods.iter().any(|method| method == "client_secret_basic") => {
                let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let pair = STANDARD.encode(format!("{}:{}", encoded(&external.client_id), encoded(secret.expose())));
                request = request.header(AUTHORIZATION, format!("Basic {pair}"));
            }
            Some(secret) => form.extend([("client_id", external.client_id.as_str()), ("client_secret", secret.expose())]),
            None => form.push(("client_id", &external.client_id)),
        }
        self.egress.json(request.form(&form)).await
    }

    async fn userinfo(&self, discovery: &Discovery, token: &str) -> Result<Map<String, Value>, String> {
        let endpoint = discovery.userinfo_endpoint.as_ref().ok_or("there is neither an ID token nor a userinfo endpoint")?;
        self.egress.json(self.egress.client()?.get(endpoint).bearer_auth(token)).await
    }

    /// The claims of an ID token for `client_id` (OpenID Connect Core 1.0 §3.1.3.7). Keys that do not fit are asked for anew.
    pub(super) async fn read_id_token(
        &self,
        discovery: &Discovery,
        client_id: &str,
        token: &str,
        now: OffsetDateTime,
    ) -> Result<Map<String, Value>, String> {
        let keys = self.egress.keys(discovery, false).await?;
        let claims = match signed_claims(&keys, discovery, token) {
            Ok(claims) => claims,
            Err(_) => signed_claims(&*self.egress.keys(discovery, true).await?, discovery, token)?,
        };
        check(&claims, &discovery.issuer, client_id, now.unix_timestamp())?;
        Ok(claims)
    }

    /// Where providers send users back to.
    pub(super) fn callback_url(&self) -> String {
        format!("{}/callback", self.external_url)
    }
}

/// The claims of a token that one of the keys signed, by an algorithm that the provider announces.
fn signed_claims(keys: &JwkSet, discovery: &Discovery, token: &str) -> Result<Map<String, Value>, String> {
    let header = jsonwebtoken::decode_header(token).map_err(|error| format!("the ID token has no readable header: {error}"))?;
    let algorithm = format!("{:?}", header.alg);
    let announced = &discovery.id_token_signing_alg_values_supported;
    let is_symmetric = matches!(header.alg, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512);
    let is_announced = if announced.is_empty() { algorithm == "RS256" } else { announced.contains(&algorithm) };
    if is_symmetric || !is_announced {
        return Err(format!("the ID token is signed with {algorithm}, which the provider does not announce"));
    }
    let fits = |key: &&Jwk| header.kid.is_none() || key.common.key_id == header.kid;
    let mut validation = Validation::new(header.alg);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let mut why = "no published key has the ID token's kid".to_owned();
    for key in keys.keys.iter().filter(fits) {
        let Ok(decoding) = DecodingKey::from_jwk(key) else { continue };
        match jsonwebtoken::decode(token, &decoding, &validation) {
            Ok(data) => return Ok(data.claims),
            Err(error) => why = format!("the ID token's signature does not fit: {error}"),
        }
    }
    Err(why)
}

fn check(claims: &Map<String, Value>, issuer: &str, client_id: &str, now: i64) -> Result<(), String> {
    if claims.get("iss").and_then(Value::as_str) != Some(issuer) {
        return Err("the ID token is of another issuer".to_owned());
    }
    if !audience(claims).any(|audience| audience == client_id) {
        return Err("the ID token is for another audience".to_owned());
    }
    let number = |name: &str| claims.get(name).and_then(Value::as_i64);
    match number("exp") {
        None => return Err("the ID token has no end".to_owned()),
        Some(expires) if now >= expires => return Err("the ID token is expired".to_owned()),
        Some(_) => {}
    }
    if number("nbf").is_some_and(|from| now.saturating_add(LEEWAY) < from) {
        return Err("the ID token is not valid yet".to_owned());
    }
    Ok(())
}

/// `aud`, one or several.
fn audience(claims: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let audience = claims.get("aud");
    let several = audience.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    audience.and_then(Value::as_str).into_iter().chain(several)
}

/// Whether `at_hash` belongs to the access token (OpenID Connect Core 1.0 §3.1.3.6); a token without one says nothing.
pub(super) fn is_hash_of(claims: &Map<String, Value>, access_token: &str) -> bool {
    let expected = URL_SAFE_NO_PAD.encode(&Sha256::digest(access_token)[..16]);
    claims.get("at_hash").is_none_or(|hash| hash.as_str() == Some(&expected))
}

/// Claims that are kept with the identity.
const KEPT: [&str; 16] = [
    "iss",
    "sub",
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone",
];

impl Arrival {
    /// Who these claims name.
    pub(super) fn of(claims: Map<String, Value>) -> Result<Self, String> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let subject = text("sub").ok_or("the provider names nobody: `sub` is missing")?.to_owned();
        // Some providers send it as text.
        let verified = claims.get("email_verified").is_some_and(|verified| *verified == true || *verified == "true");
        let email = text("email").map(|email| (email.to_lowercase(), verified));
        let mut data: Claims = KEPT.into_iter().filter_map(|name| Some((name.to_owned(), text(name)?.into()))).collect();
        for (name, from) in [("full_name", "name"), ("avatar_url", "picture"), ("provider_id", "sub")] {
            if let Some(value) = text(from) {
                data.insert(name.to_owned(), value.into());
            }
        }
        if let Some((email, _)) = &email {
            data.insert("email".to_owned(), email.as_str().into());
        }
        data.insert("email_verified".to_owned(), verified.into());
        data.insert("phone_verified".to_owned(), false.into());
        let nonce = text("nonce").map(str::to_owned);
        Ok(Self { subject, email, data, tokens: ProviderTokens::default(), nonce })
    }
}
