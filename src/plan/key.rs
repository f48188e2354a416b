//! A public key by which a client proves who it is.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

/// The public half of a client's key (RFC 7517 §4), checked to be usable.
#[derive(Clone)]
pub struct ClientKey {
    kid: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// Why a JWK cannot be used to verify a client's signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is not a JWK at all, or one of a kind nobody here knows.
    #[error("this is no JWK")]
    Unreadable,
    /// A private or symmetric key stands in the scenario.
    #[error("this key is not public")]
    Private,
    /// Of this type or on this curve nothing can be verified here.
    #[error("this type of key is not supported")]
    Unsupported,
    /// Its numbers have the wrong size, or are no base64url.
    #[error("this key is damaged")]
    Damaged,
}

impl KeyError {
    /// How to mend it.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::Unreadable => "write the public key as RFC 7517 has it: `{ kty: EC, crv: P-256, x: …, y: … }`",
            Self::Private => "leave out `d` and the other private members: the provider needs the public half alone",
            Self::Unsupported => "use an EC key on P-256 or P-384, an RSA key, or an Ed25519 key",
            Self::Damaged => "copy `x` and `y`, or `n` and `e`, once more: they are base64url without padding",
        }
    }
}

impl std::fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientKey").field("kid", &self.kid).field("algorithms", &self.algorithms).finish_non_exhaustive()
    }
}

impl ClientKey {
    /// Reads one JWK.
    ///
    /// # Errors
    ///
    /// When it is no public key that signatures can be verified with.
    pub fn read(jwk: &Value) -> Result<Self, KeyError> {
        const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
        if PRIVATE.iter().any(|member| jwk.get(member).is_some()) {
            return Err(KeyError::Private);
        }
        let jwk: Jwk = serde_json::from_value(jwk.clone()).map_err(|_| KeyError::Unreadable)?;
        let possible: &[Algorithm] = match &jwk.algorithm {
            AlgorithmParameters::EllipticCurve(parameters) => {
                let (size, algorithms): (_, &[_]) = match parameters.curve {
                    EllipticCurve::P256 => (32, &[Algorithm::ES256]),
                    EllipticCurve::P384 => (48, &[Algorithm::ES384]),
                    _ => return Err(KeyError::Unsupported),
                };
                let whole = octets(&parameters.x) == Some(size) && octets(&parameters.y) == Some(size);
                whole.then_some(algorithms).ok_or(KeyError::Damaged)?
            }
            AlgorithmParameters::RSA(parameters) => {
                // RFC 7518 §3.3: at least 2048 bits. The upper bound keeps verification cheap.
                let whole = octets(&parameters.n).is_some_and(|size| (256..=1024).contains(&size))
                    && octets(&parameters.e).is_some_and(|size| (1..=8).contains(&size));
                let algorithms =
                    &[Algorithm::RS256, Algorithm::PS256, Algorithm::RS384, Algorithm::PS384, Algorithm::RS512, Algorithm::PS512];
                whole.then_some(algorithms).ok_or(KeyError::Damaged)?
            }
            AlgorithmParameters::OctetKeyPair(parameters) if parameters.curve == EllipticCurve::Ed25519 => {
                (octets(&parameters.x) == Some(32)).then_some(&[Algorithm::EdDSA]).ok_or(KeyError::Damaged)?
            }
            _ => return Err(KeyError::Unsupported),
        };
        let named = jwk.common.key_algorithm.map(|named| Algorithm::try_from(named).ok());
        let fits = |algorithm: &Algorithm| named.is_none_or(|named| named == Some(*algorithm));
        let algorithms: Vec<_> = possible.iter().copied().filter(fits).collect();
        if algorithms.is_empty() {
            return Err(KeyError::Unsupported);
        }
        let key = DecodingKey::from_jwk(&jwk).map_err(|_| KeyError::Damaged)?;
        Ok(Self { kid: jwk.common.key_id, algorithms, key })
    }

    /// Its name, if it has one.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What it may verify: what its type allows, or the one way its `alg` names.
    #[must_use]
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// The key, for whoever verifies.
    #[must_use]
    pub fn decoding_key(&self) -> &DecodingKey {
        &self.key
    }
}

/// How many octets `text` holds, when it is base64url.
fn octets(text: &str) -> Option<usize> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok().map(|octets| octets.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn public_keys_are_read_and_others_are_refused() {
        let x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
        let y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
        let ec = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "k" });
        let key = ClientKey::read(&ec).unwrap();
        assert_eq!((key.kid(), key.algorithms()), (Some("k"), &[Algorithm::ES256][..]));
        let rsa = |bytes: usize, alg: &str| {
            use base64::Engine as _;
            let n = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(vec![0xff; bytes]);
            ClientKey::read(&json!({ "kty": "RSA", "n": n, "e": "AQAB", "alg": alg })).map(|key| key.algorithms().to_vec())
        };
        assert_eq!(rsa(256, "PS256").unwrap(), [Algorithm::PS256]);
        assert_eq!(rsa(128, "PS256").unwrap_err(), KeyError::Damaged);
        assert_eq!(rsa(256, "ES256").unwrap_err(), KeyError::Unsupported);
        for (jwk, error) in [
            (json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "d": x }), KeyError::Private),
            (json!({ "kty": "oct", "k": "c2VjcmV0" }), KeyError::Private),
            (json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": y }), KeyError::Damaged),
            (json!({ "kty": "OKP", "crv": "Ed25519", "x": "AA" }), KeyError::Damaged),
            (json!({ "kty": "EC", "crv": "P-521", "x": x, "y": y }), KeyError::Unsupported),
            (json!("key"), KeyError::Unreadable),
            (json!({}), KeyError::Unsupported),
        ] {
            assert_eq!(ClientKey::read(&jwk).unwrap_err(), error, "{jwk}");
        }
    }
}
