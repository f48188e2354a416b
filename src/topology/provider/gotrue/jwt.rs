//! Access tokens: signed with a key of its own that is published (ES256, RFC 7518 §3.4), or with a shared secret (HS256).

use super::Inner;
use super::answer::Answer;
use super::session::Session;
use super::user::{AUTHENTICATED, User};
use crate::plan::GotrueAlgorithm;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

/// Signs and checks access tokens.
pub(super) struct Signer {
    algorithm: Algorithm,
    private: EncodingKey,
    public: DecodingKey,
    /// The public half; a shared secret has none.
    jwk: Option<Jwk>,
}

impl Signer {
    pub(super) fn new(algorithm: &GotrueAlgorithm) -> Self {
        match algorithm {
            GotrueAlgorithm::Hs256(secret) => {
                let secret = secret.expose().as_bytes();
                let (private, public) = (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
                Self { algorithm: Algorithm::HS256, private, public, jwk: None }
            }
            GotrueAlgorithm::Es256 => {
                let pair = rcgen::KeyPair::generate().expect("the system gives random bytes");
                let private = EncodingKey::from_ec_der(pair.serialized_der());
                let mut jwk = Jwk::from_encoding_key(&private, Algorithm::ES256).expect("the key pair was generated on P-256");
                jwk.common.key_id = jwk.thumbprint(ThumbprintHash::SHA256).ok();
                jwk.common.public_key_use = Some(PublicKeyUse::Signature);
                let public = DecodingKey::from_jwk(&jwk).expect("the JWK was made from a key pair");
                Self { algorithm: Algorithm::ES256, private, public, jwk: Some(jwk) }
            }
        }
    }

    fn kid(&self) -> Option<&str> {
        self.jwk.as_ref().and_then(|jwk| jwk.common.key_id.as_deref())
    }

    fn sign(&self, claims: &Map<String, Value>) -> String {
        let header = Header { kid: self.kid().map(str::to_owned), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, claims, &self.private).expect("a JSON object is signed with a key that was valid at the start")
    }

    /// The claims of a token of this server that is still good.
    ///
    /// # Errors
    /// Why it is not, in the words of the original's library.
    pub(super) fn verify(&self, token: &str, now: OffsetDateTime) -> Result<Map<String, Value>, &'static str> {
        let segments = token.split('.').count();
        if segments != 3 {
            return Err("token is malformed: token contains an invalid number of segments");
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| "token is malformed: could not JSON decode header")?;
        if header.alg != self.algorithm {
            return Err("token signature is invalid: signing method is invalid");
        }
        if self.jwk.is_some() && header.kid.as_deref() != self.kid() {
            return Err("token is unverifiable: error while executing keyfunc: unrecognized JWT kid");
        }
        let mut validation = Validation::new(self.algorithm);
        // By the run's clock, below.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let data = jsonwebtoken::decode::<Map<String, Value>>(token, &self.public, &validation)
            .map_err(|_| "token signature is invalid: signature is invalid")?;
        let expires = data.claims.get("exp").and_then(Value::as_i64);
        if expires.is_some_and(|expires| now.unix_timestamp() >= expires) {
            return Err("token has invalid claims: token is expired");
        }
        Ok(data.claims)
    }
}

impl Inner {
    /// An access token, stamped `issued`.
    pub(super) fn access_token(
        &self,
        user: &User,
        session: &Session,
        issued: OffsetDateTime,
        expires: OffsetDateTime,
        shown: &Value,
    ) -> String {
        let claims = json!({
            "iss": self.external_url,
            "sub": user.id,
            "aud": AUTHENTICATED,
            "exp": expires.unix_timestamp(),
            "iat": issued.unix_timestamp(),
            "email": user.email.as_deref().unwrap_or_default(),
            "phone": user.phone.as_deref().unwrap_or_default(),
            "app_metadata": user.app_metadata,
            "user_metadata": shown["user_metadata"],
            "role": AUTHENTICATED,
            "aal": "aal1",
            "amr": [{ "method": session.method, "timestamp": session.created_at.unix_timestamp() }],
            "session_id": session.id,
            "is_anonymous": false,
        });
        self.signer.sign(&super::user::object(claims))
    }

    /// The key set (RFC 7517 §5); a shared secret is not in it.
    pub(super) fn jwks(&self) -> Answer {
        let keys = self.signer.jwk.as_ref().map(|jwk| {
            let mut key = serde_json::to_value(jwk).unwrap_or_default();
            key["key_ops"] = json!(["verify"]);
            key["ext"] = true.into();
            key
        });
        let mut answer = Answer::json(&json!({ "keys": keys.as_slice() }), "keys published");
        let headers = answer.response.headers_mut();
        headers.insert(http::header::CACHE_CONTROL, http::HeaderValue::from_static("public, max-age=600"));
        answer
    }
}
