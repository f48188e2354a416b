//! Public keys as authenticators hand them out (COSE, RFC 9052 §7 and RFC 9053), and signatures by them.

use super::cbor::Value;
use ring::signature::{ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};

/// ECDSA with P-256 and SHA-256 (RFC 9053 §2.1).
pub(super) const ES256: i64 = -7;
/// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8812 §2).
pub(super) const RS256: i64 = -257;

// Parameters of a key (RFC 9052 §7.1) and of its kinds (RFC 9053 §7.1.1, RFC 8230 §4).
const KTY: i64 = 1;
const ALG: i64 = 3;
const EC2: i64 = 2;
const RSA: i64 = 3;
const P256: i64 = 1;

/// A key that can verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// The point, uncompressed (SEC 1 §2.3.3).
    Es256(Vec<u8>),
    Rs256 {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
}

impl PublicKey {
    /// The key, if it is whole and of a kind that this server knows.
    pub(super) fn from_cose(key: &Value) -> Option<PublicKey> {
        let number = |name| match key.at(name) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        };
        let bytes = |name| key.at(name).and_then(Value::bytes);
        match (number(ALG)?, number(KTY)?) {
            (ES256, EC2) => {
                let (x, y) = (bytes(-2)?, bytes(-3)?);
                let whole = number(-1) == Some(P256) && x.len() == 32 && y.len() == 32;
                whole.then(|| PublicKey::Es256([&[4], x, y].concat()))
            }
            (RS256, RSA) => Some(PublicKey::Rs256 { modulus: bytes(-1)?.to_vec(), exponent: bytes(-2)?.to_vec() }),
            _ => None,
        }
    }

    /// Its algorithm, as COSE numbers it.
    pub(super) const fn algorithm(&self) -> i64 {
        match self {
            PublicKey::Es256(_) => ES256,
            PublicKey::Rs256 { .. } => RS256,
        }
    }

    /// Whether the signature is by this key and over this message.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            PublicKey::Es256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature),
            PublicKey::Rs256 { modulus, exponent } => {
                RsaPublicKeyComponents { n: modulus, e: exponent }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        }
        .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ec(alg: i64, crv: i64, x: usize) -> Value {
        let entries = [
            (KTY, Value::Integer(EC2)),
            (ALG, Value::Integer(alg)),
            (-1, Value::Integer(crv)),
            (-2, Value::Bytes(vec![1; x])),
            (-3, Value::Bytes(vec![2; 32])),
        ];
        Value::Map(entries.into_iter().map(|(key, value)| (Value::Integer(key), value)).collect())
    }

    #[test]
    fn keys_of_other_kinds_or_with_parts_missing_are_refused() {
        assert_eq!(PublicKey::from_cose(&ec(ES256, P256, 32)).map(|key| key.algorithm()), Some(ES256));
        assert_eq!(PublicKey::from_cose(&ec(-8, P256, 32)), None);
        assert_eq!(PublicKey::from_cose(&ec(ES256, 2, 32)), None);
        assert_eq!(PublicKey::from_cose(&ec(ES256, P256, 31)), None);
        assert_eq!(PublicKey::from_cose(&ec(RS256, P256, 32)), None);
        assert_eq!(PublicKey::from_cose(&Value::Null), None);
    }

    #[test]
    fn a_point_that_is_not_on_the_curve_verifies_nothing() {
        let key = PublicKey::from_cose(&ec(ES256, P256, 32)).expect("well-formed");
        assert!(!key.verifies(b"message", b"signature"));
    }
}
