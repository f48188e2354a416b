//! One signing key: how it is made, how it signs (RFC 7515), and how the world sees it (RFC 7517).
//!
//! `ring` signs: it keeps a key ready for use, where other libraries read it anew for every token. RSA keys come from
//! `rsa`, as `ring` makes none.

use super::keys::random;
use crate::plan::SigningAlgorithm;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use serde_json::{Map, Value, json};

/// Bits of an RSA modulus (RFC 7518 §3.3: at least 2048).
const RSA_BITS: usize = 2048;

/// Why a key that was just made can be read: the same size and form were asked for.
const FRESH: &str = "a fresh key has the form that was asked for";

/// A key pair with everything that signing and publishing need, ready made.
pub(super) struct SigningKey {
    algorithm: SigningAlgorithm,
    pair: Pair,
    kid: String,
    jwk: Map<String, Value>,
    public: DecodingKey,
    /// The protected header, encoded.
    header: String,
}

enum Pair {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

/// What is wrong with a signature on purpose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flaws {
    pub(super) kid: Kid,
    pub(super) alg: Alg,
    /// The signature does not verify.
    pub(super) broken: bool,
}

/// The `kid` of a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Kid {
    /// That of the key.
    #[default]
    Own,
    /// One that no key has.
    Unknown,
    Missing,
}

/// The `alg` of a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Alg {
    /// That of the key.
    #[default]
    Own,
    /// `none`, with an empty signature (RFC 7515 §A.5).
    None,
    /// `HS256`, with a secret that is no key of this provider (RFC 8725 §2.1).
    Hs256,
}

impl SigningKey {
    /// A fresh key. Its `kid` is its thumbprint (RFC 7638). For RS256 this takes up to some seconds.
    pub(super) fn generate(algorithm: SigningAlgorithm) -> Self {
        let random = SystemRandom::new();
        let (pair, parameters) = match algorithm {
            SigningAlgorithm::Es256 => {
                let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("the system gives random bytes");
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref(), &random).expect(FRESH);
                // SEC 1 §2.3.3: 0x04, then both coordinates.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                let parameters = json!({ "crv": "P-256", "kty": "EC", "x": encode(x), "y": encode(y) });
                (Pair::Es256(pair), parameters)
            }
            SigningAlgorithm::EdDsa => {
                let der = Ed25519KeyPair::generate_pkcs8(&random).expect("the system gives random bytes");
                let pair = Ed25519KeyPair::from_pkcs8(der.as_ref()).expect(FRESH);
                let parameters = json!({ "crv": "Ed25519", "kty": "OKP", "x": encode(pair.public_key().as_ref()) });
                (Pair::EdDsa(pair), parameters)
            }
            SigningAlgorithm::Rs256 => {
                let private =
                    rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, RSA_BITS).expect("the size is one that RSA keys can have");
                let der = private.to_pkcs1_der().expect("a key of two primes has a PKCS #1 form");
                let pair = RsaKeyPair::from_der(der.as_bytes()).expect(FRESH);
                let public: ring::rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
                let parameters = json!({ "e": encode(&public.e), "kty": "RSA", "n": encode(&public.n) });
                (Pair::Rs256(pair), parameters)
            }
        };
        Self::new(algorithm, pair, parameters)
    }

    /// `parameters` are the members that RFC 7638 §3.2 hashes, in its order.
    fn new(algorithm: SigningAlgorithm, pair: Pair, parameters: Value) -> Self {
        let kid = encode(digest::digest(&digest::SHA256, parameters.to_string().as_bytes()).as_ref());
        let Value::Object(mut jwk) = parameters else { unreachable!("parameters are written as an object above") };
        jwk.insert("use".to_owned(), "sig".into());
        jwk.insert("alg".to_owned(), algorithm.name().into());
        jwk.insert("kid".to_owned(), kid.clone().into());
        let published: Jwk = serde_json::from_value(Value::Object(jwk.clone())).expect("the members are those of a JWK");
        let public = DecodingKey::from_jwk(&published).expect("the members are those of a JWK");
        let header = protected(algorithm.name(), Some(&kid));
        Self { algorithm, pair, kid, jwk, public, header }
    }

    pub(super) fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half, as it is published.
    pub(super) fn jwk(&self) -> &Map<String, Value> {
        &self.jwk
    }

    /// Signs `claims` as a JWT.
    pub(super) fn sign(&self, claims: &Map<String, Value>) -> String {
        let mut token = String::with_capacity(1024);
        token.push_str(&self.header);
        push_part(&mut token, &serde_json::to_vec(claims).expect("a JSON object can be written"));
        let signature = self.signature(token.as_bytes());
        push_part(&mut token, &signature);
        token
    }

    /// Signs `claims` with `flaws`; a switched algorithm takes `secret`.
    pub(super) fn sign_wrongly(&self, claims: &Map<String, Value>, flaws: Flaws, secret: &[u8]) -> String {
        let unknown;
        let kid = match flaws.kid {
            Kid::Own => Some(self.kid.as_str()),
            Kid::Missing => None,
            Kid::Unknown => {
                unknown = random();
                Some(unknown.as_str())
            }
        };
        let alg = match flaws.alg {
            Alg::Own => self.algorithm.name(),
            Alg::None => "none",
            Alg::Hs256 => "HS256",
        };
        let mut token = protected(alg, kid);
        push_part(&mut token, &serde_json::to_vec(claims).expect("a JSON object can be written"));
        let mut signature = match flaws.alg {
            Alg::Own => self.signature(token.as_bytes()),
            Alg::None => Vec::new(),
            Alg::Hs256 => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
                ring::hmac::sign(&key, token.as_bytes()).as_ref().to_vec()
            }
        };
        if flaws.broken
            && let Some(octet) = signature.last_mut()
        {
            *octet ^= 1;
        }
        push_part(&mut token, &signature);
        token
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Es256(pair) => pair.sign(&random, message).expect("the system gives random bytes").as_ref().to_vec(),
            Pair::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("the buffer has the size of the modulus");
                signature
            }
        }
    }

    /// The claims of a token that this key signed for `issuer`, even if it is expired: hints may be (RP-Initiated Logout 1.0 §2).
    pub(super) fn read(&self, token: &str, issuer: &str) -> Option<Map<String, Value>> {
        let mut validation = Validation::new(match self.algorithm {
            SigningAlgorithm::Es256 => Algorithm::ES256,
            SigningAlgorithm::Rs256 => Algorithm::RS256,
            SigningAlgorithm::EdDsa => Algorithm::EdDSA,
        });
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["iss"]);
        validation.set_issuer(&[issuer]);
        jsonwebtoken::decode(token, &self.public, &validation).ok().map(|data| data.claims)
    }
}

/// `at_hash` of an access token (OpenID Connect Core 1.0 §3.1.3.6): the left half of its digest, by the hash of the
/// signature's algorithm. Ed25519 hashes with SHA-512 (RFC 8032 §5.1).
pub(super) fn at_hash(access_token: &str, algorithm: SigningAlgorithm) -> String {
    let hash = match algorithm {
        SigningAlgorithm::Es256 | SigningAlgorithm::Rs256 => &digest::SHA256,
        SigningAlgorithm::EdDsa => &digest::SHA512,
    };
    let digest = digest::digest(hash, access_token.as_bytes());
    encode(&digest.as_ref()[..digest.as_ref().len() / 2])
}

fn protected(alg: &str, kid: Option<&str>) -> String {
    let mut header = json!({ "typ": "JWT", "alg": alg });
    if let Some(kid) = kid {
        header["kid"] = kid.into();
    }
    encode(header.to_string().as_bytes())
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn push_part(token: &mut String, bytes: &[u8]) {
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(bytes, token);
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: [SigningAlgorithm; 2] = [SigningAlgorithm::Es256, SigningAlgorithm::EdDsa];

    fn claims() -> Map<String, Value> {
        [("iss".to_owned(), "https://a/".into()), ("exp".to_owned(), 1.into())].into_iter().collect()
    }

    #[test]
    fn the_published_key_is_public_only_and_named_by_its_thumbprint() {
        for (algorithm, members) in [
            (SigningAlgorithm::Es256, vec!["alg", "crv", "kid", "kty", "use", "x", "y"]),
            (SigningAlgorithm::EdDsa, vec!["alg", "crv", "kid", "kty", "use", "x"]),
            (SigningAlgorithm::Rs256, vec!["alg", "e", "kid", "kty", "n", "use"]),
        ] {
            let key = SigningKey::generate(algorithm);
            let names: std::collections::BTreeSet<_> = key.jwk().keys().map(String::as_str).collect();
            assert_eq!(names, members.into_iter().collect());
            assert_eq!((&key.jwk()["alg"], &key.jwk()["use"]), (&algorithm.name().into(), &"sig".into()));
            let jwk: Jwk = serde_json::from_value(Value::Object(key.jwk().clone())).unwrap();
            assert_eq!(jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap(), key.kid());
            assert_eq!(key.read(&key.sign(&claims()), "https://a/"), Some(claims()), "another library verifies it");
        }
    }

    #[test]
    fn a_hint_must_be_signed_by_this_key_for_this_issuer() {
        for algorithm in FAST {
            let (ours, theirs) = (SigningKey::generate(algorithm), SigningKey::generate(algorithm));
            let nameless = Map::from_iter([("exp".to_owned(), 1.into())]);
            assert_eq!(ours.read(&ours.sign(&claims()), "https://b/"), None);
            assert_eq!(ours.read(&ours.sign(&nameless), "https://a/"), None);
            assert_eq!(ours.read(&theirs.sign(&claims()), "https://a/"), None);
            assert_eq!(ours.read("a.b.c", "https://a/"), None);
        }
    }

    #[test]
    fn every_flaw_is_what_it_is_called_and_none_verifies() {
        let key = SigningKey::generate(SigningAlgorithm::Es256);
        let header =
            |token: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap() };
        let flawed = |flaws| key.sign_wrongly(&claims(), flaws, b"secret");
        assert_eq!(header(&flawed(Flaws::default())), header(&key.sign(&claims())));

        let missing = header(&flawed(Flaws { kid: Kid::Missing, ..Flaws::default() }));
        assert!(missing.get("kid").is_none() && missing["alg"] == "ES256");
        assert_ne!(header(&flawed(Flaws { kid: Kid::Unknown, ..Flaws::default() }))["kid"], key.kid());

        let none = flawed(Flaws { alg: Alg::None, ..Flaws::default() });
        assert!(header(&none)["alg"] == "none" && none.ends_with('.'));

        let switched = flawed(Flaws { alg: Alg::Hs256, ..Flaws::default() });
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        assert!(jsonwebtoken::decode::<Value>(&switched, &DecodingKey::from_secret(b"secret"), &validation).is_ok());

        let broken = flawed(Flaws { broken: true, ..Flaws::default() });
        assert_eq!(broken.len(), key.sign(&claims()).len());
        for token in [&none, &switched, &broken] {
            assert_eq!(key.read(token, "https://a/"), None);
        }
    }

    #[test]
    fn the_hash_of_the_access_token_follows_the_algorithm() {
        // OpenID Connect Core 1.0 §A.3 uses this token and hash.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(at_hash(token, SigningAlgorithm::Rs256), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(at_hash(token, SigningAlgorithm::Es256), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(URL_SAFE_NO_PAD.decode(at_hash(token, SigningAlgorithm::EdDsa)).unwrap().len(), 32);
    }
}
