//! The signing key of one provider, made when it starts: ES256 (RFC 7518 §3.4), published as a JWK Set (RFC 7517).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// 256 random bits in 43 base64url characters: for codes, tokens, sessions and transactions.
pub(super) fn random() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whether both are the same, in a time that does not tell where they differ.
pub(super) fn same_secret(one: &str, other: &str) -> bool {
    Sha256::digest(one) == Sha256::digest(other)
}

/// `at_hash` of an access token (OpenID Connect Core 1.0 §3.1.3.6): the left half of its digest.
pub(super) fn at_hash(access_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(access_token)[..16])
}

/// The S256 challenge of a verifier (RFC 7636 §4.2).
pub(super) fn s256(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// A P-256 key pair.
pub(super) struct SigningKey {
    private: EncodingKey,
    public: DecodingKey,
    jwk: Jwk,
}

impl SigningKey {
    /// A fresh key. Its `kid` is its thumbprint (RFC 7638).
    pub(super) fn generate() -> Self {
        let pair = rcgen::KeyPair::generate().expect("the system gives random bytes");
        let private = EncodingKey::from_ec_der(pair.serialized_der());
        let mut jwk = Jwk::from_encoding_key(&private, Algorithm::ES256).expect("the key pair was generated on P-256");
        jwk.common.key_id = jwk.thumbprint(ThumbprintHash::SHA256).ok();
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let public = DecodingKey::from_jwk(&jwk).expect("the JWK was made from a key pair");
        Self { private, public, jwk }
    }

    /// The public half, to be published.
    pub(super) fn set(&self) -> JwkSet {
        JwkSet { keys: vec![self.jwk.clone()] }
    }

    /// Signs `claims` as a JWT.
    pub(super) fn sign(&self, claims: &Map<String, Value>) -> String {
        let header = Header { kid: self.jwk.common.key_id.clone(), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, claims, &self.private).expect("a JSON object is signed with a key that was valid at the start")
    }

    /// The claims of an ID token that this key signed for `issuer`, even if it is expired: hints may be (RP-Initiated Logout 1.0 §2).
    pub(super) fn read_hint(&self, token: &str, issuer: &str) -> Option<Map<String, Value>> {
        let mut validation = Validation::new(Algorithm::ES256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        validation.set_issuer(&[issuer]);
        jsonwebtoken::decode(token, &self.public, &validation).ok().map(|data| data.claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_key_is_public_only() {
        let set = serde_json::to_value(SigningKey::generate().set()).unwrap();
        let key = set["keys"][0].as_object().unwrap();
        let names: std::collections::BTreeSet<_> = key.keys().map(String::as_str).collect();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"].into());
        assert_eq!((&key["alg"], &key["use"], &key["kty"]), (&"ES256".into(), &"sig".into(), &"EC".into()));
    }

    #[test]
    fn a_hint_must_be_signed_by_this_key_for_this_issuer() {
        let (ours, theirs) = (SigningKey::generate(), SigningKey::generate());
        let claims: Map<_, _> = [("iss".to_owned(), "https://a/".into()), ("exp".to_owned(), 1.into())].into_iter().collect();
        assert_eq!(ours.read_hint(&ours.sign(&claims), "https://a/"), Some(claims.clone()));
        assert_eq!(ours.read_hint(&ours.sign(&claims), "https://b/"), None);
        assert_eq!(ours.read_hint(&theirs.sign(&claims), "https://a/"), None);
        assert_eq!(ours.read_hint("a.b.c", "https://a/"), None);
    }

    #[test]
    fn pkce_matches_the_example_of_the_standard() {
        // RFC 7636, appendix B.
        assert_eq!(s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
