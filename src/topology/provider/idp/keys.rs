//! Random ids, and values that are compared or published by their digest.

use crate::topology::provider::fresh;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};

/// 256 random bits in 43 base64url characters: for codes, tokens, sessions and transactions.
pub(super) fn random() -> String {
    URL_SAFE_NO_PAD.encode(fresh::bytes::<32>())
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
