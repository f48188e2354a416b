//! Random ids, and values that are compared or published by their digest.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};

/// 256 random bits in 43 base64url characters: for codes, tokens, sessions and transactions.
pub(super) fn random() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whether both are the same, in a time that does not tell where they differ.
pub(super) fn same_secret(one: &str, other: &str) -> bool {
    is_secret(&secret_digest(one), other)
}

/// What [`is_secret`] compares with.
pub(super) fn secret_digest(secret: &str) -> [u8; 32] {
    digest(&SHA256, secret.as_bytes()).as_ref().try_into().expect("SHA-256 has 32 octets")
}

/// Whether `given` is the secret behind `expected`, in a time that does not tell where they differ.
pub(super) fn is_secret(expected: &[u8; 32], given: &str) -> bool {
    *expected == secret_digest(given)
}

/// The S256 challenge of a verifier (RFC 7636 §4.2).
pub(super) fn s256(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pkce_matches_the_example_of_the_standard() {
        // RFC 7636, appendix B.
        assert_eq!(s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
