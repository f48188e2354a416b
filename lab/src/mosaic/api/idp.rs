//! The API as a relying party: discovery, token, userinfo, JWKS. Nothing is kept between requests, as in the original.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::Url;

use super::config::{ClientAuth, IdToken, Provider};
use super::signing::pkce_challenge;
use crate::egress::{self, EgressError};

/// The algorithms of an id_token that is checked; all asymmetric, so that a public key can never pass for an HMAC
/// secret (RFC 8725 §2.1).
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::EdDSA,
];

/// Why the provider's answer is of no use. For the log: a caller only ever sees an error token.
#[derive(Debug, thiserror::Error)]
pub(super) enum IdpError {
    #[error("{what} gave {source}")]
    Egress { what: &'static str, source: EgressError },
    #[error("{what} answered {status}")]
    Status { what: &'static str, status: StatusCode },
    #[error("{what} answered no usable JSON")]
    Json { what: &'static str },
    #[error("the discovery document has no {0}")]
    Incomplete(&'static str),
    #[error("the id_token does not hold: {0}")]
    IdToken(String),
}

/// What is used of the discovery document (OIDC Discovery §3).
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Discovery {
    pub(super) issuer: Option<String>,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    jwks_uri: Option<String>,
}

/// What is used of a token answer (RFC 6749 §5.1, OIDC Core §3.1.3.3).
#[derive(Deserialize)]
pub(super) struct Tokens {
    access_token: Option<String>,
    id_token: Option<String>,
}

/// The provider, seen from the API.
pub(super) struct Idp {
    client: reqwest::Client,
    pub(super) provider: Provider,
}

impl Idp {
    pub(super) fn new(client: reqwest::Client, provider: Provider) -> Idp {
        Idp { client, provider }
    }

    pub(super) async fn discover(&self) -> Result<Discovery, IdpError> {
        self.json("discovery", self.client.get(&self.provider.discovery_url)).await
    }

    /// Where to send the user agent (RFC 6749 §4.1.1, RFC 7636 §4.3).
    pub(super) fn authorize_url(
        &self,
        discovery: &Discovery,
        state: &str,
        verifier: &str,
        redirect_uri: &str,
        more_scopes: &[String],
    ) -> Result<String, IdpError> {
        let unusable = |_| IdpError::Incomplete("usable authorization_endpoint");
        let mut url = Url::parse(&discovery.authorization_endpoint).map_err(unusable)?;
        let scopes: Vec<&str> = more_scopes.iter().chain(&self.provider.scopes).map(String::as_str).collect();
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &self.provider.client_id)
                .append_pair("state", state)
                .append_pair("scope", &scopes.join(" "))
                .append_pair("redirect_uri", redirect_uri);
            if self.provider.pkce {
                query.append_pair("code_challenge_method", "S256").append_pair("code_challenge", &pkce_challenge(verifier));
            }
        }
        Ok(url.into())
    }

    /// Trades the code (RFC 6749 §4.1.3). With `ID_TOKEN=verified` an id_token that does not hold fails the exchange.
    pub(super) async fn exchange(&self, discovery: &Discovery, code: &str, verifier: &str, redirect_uri: &str) -> Result<Tokens, IdpError> {
        let provider = &self.provider;
        let mut form = vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri)];
        if provider.pkce {
            form.push(("code_verifier", verifier));
        }
        let mut request = self.client.post(&discovery.token_endpoint);
        match provider.client_auth {
            ClientAuth::Post => {
                form.push(("client_id", &provider.client_id));
                form.push(("client_secret", &provider.client_secret));
            }
            ClientAuth::Basic => request = request.basic_auth(&provider.client_id, Some(&provider.client_secret)),
        }
        let tokens: Tokens = self.json("the token endpoint", request.form(&form)).await?;
        if let (IdToken::Verified, Some(token)) = (provider.id_token, &tokens.id_token) {
            self.verify(discovery, token).await?;
        }
        Ok(tokens)
    }

    /// What the provider says about the person: the id_token's claims if they have `sub` and `email`, else userinfo.
    pub(super) async fn profile(&self, discovery: &Discovery, tokens: &Tokens) -> Result<Map<String, Value>, IdpError> {
        if self.provider.id_token != IdToken::Ignored {
            let claims = tokens.id_token.as_deref().and_then(claims_of).unwrap_or_default();
            if ["sub", "email"].iter().all(|name| !text_claim(&claims, name).is_empty()) {
                return Ok(claims);
            }
        }
        let endpoint = discovery.userinfo_endpoint.as_ref().ok_or(IdpError::Incomplete("userinfo_endpoint"))?;
        let mut request = self.client.get(endpoint);
        if let Some(token) = &tokens.access_token {
            request = request.bearer_auth(token);
        }
        self.json("userinfo", request).await
    }

    /// OIDC Core §3.1.3.7: signature by the provider's key, `iss`, `aud`, `exp`. No nonce is sent, so none is asked for.
    async fn verify(&self, discovery: &Discovery, token: &str) -> Result<(), IdpError> {
        let refused = |why: &dyn std::fmt::Display| IdpError::IdToken(why.to_string());
        let header = jsonwebtoken::decode_header(token).map_err(|error| refused(&error))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(refused(&format_args!("algorithm {:?} is not taken", header.alg)));
        }
        let keys = discovery.jwks_uri.as_ref().ok_or(IdpError::Incomplete("jwks_uri"))?;
        let keys: JwkSet = self.json("the JWKS", self.client.get(keys)).await?;
        let key = match &header.kid {
            Some(kid) => keys.find(kid),
            None => keys.keys.first().filter(|_| keys.keys.len() == 1),
        };
        let key = key.ok_or_else(|| refused(&"no key of the JWKS is its own"))?;
        let key = DecodingKey::from_jwk(key).map_err(|error| refused(&error))?;
        let mut rules = Validation::new(header.alg);
        rules.set_audience(&[&self.provider.client_id]);
        rules.set_issuer(&[discovery.issuer.as_deref().ok_or(IdpError::Incomplete("issuer"))?]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        jsonwebtoken::decode::<Map<String, Value>>(token, &key, &rules).map_err(|error| refused(&error))?;
        Ok(())
    }

    async fn json<T: DeserializeOwned>(&self, what: &'static str, request: reqwest::RequestBuilder) -> Result<T, IdpError> {
        let egress = |source| IdpError::Egress { what, source };
        let answer = request.header("accept", "application/json").send().await;
        let answer = answer.map_err(|error| egress(error.without_url().into()))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(IdpError::Status { what, status });
        }
        let bytes = egress::body(answer).await.map_err(egress)?;
        serde_json::from_slice(&bytes).map_err(|_| IdpError::Json { what })
    }
}

/// A claim that should be text; nothing where it is missing or something else.
pub(super) fn text_claim<'c>(claims: &'c Map<String, Value>, name: &str) -> &'c str {
    claims.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The claims of a JWT, unchecked.
fn claims_of(token: &str) -> Option<Map<String, Value>> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}
