//! Signed cookie values and random tokens.
//!
//! A signed value is `token.signature`, written into the cookie with `encodeURIComponent` **once**. The signature is
//! the standard base64 of an HMAC-SHA256 over the token: exactly 44 characters, the last of them `=`. The reader
//! decodes once; a value that was encoded twice still has `%3D` where the `=` should be, fails the length test, and
//! is no session at all rather than a forged one.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::wire;

/// The length of a base64 HMAC-SHA256 with its padding.
const SIGNATURE_LENGTH: usize = 44;

/// Letters and digits: session tokens and ids.
const ALPHANUMERIC: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// The unreserved alphabet of states and code verifiers (RFC 7636 §4.1, without `.` and `~`).
const URL_SAFE: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_";

/// The key of the cookies.
#[derive(Clone)]
pub(super) struct Signer(Hmac<Sha256>);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(..)")
    }
}

impl Signer {
    pub(super) fn new(secret: &str) -> Signer {
        Signer(Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length (RFC 2104 §3)"))
    }

    fn mac(&self, message: &str) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(message.as_bytes());
        mac
    }

    /// The value to put into a cookie: signed, and encoded once.
    pub(super) fn seal(&self, token: &str) -> String {
        let signature = STANDARD.encode(self.mac(token).finalize().into_bytes());
        wire::encode_component(&format!("{token}.{signature}"))
    }

    /// The token in a cookie's value as it was received, if its signature holds.
    pub(super) fn open(&self, received: &[u8]) -> Option<String> {
        // A value the decoder throws on is used as it is, as in the original; it cannot verify then.
        let value = wire::decode_component(received).or_else(|| String::from_utf8(received.to_vec()).ok())?;
        let (token, signature) = value.rsplit_once('.')?;
        if token.is_empty() || signature.len() != SIGNATURE_LENGTH || !signature.ends_with('=') {
            return None;
        }
        let signature = STANDARD.decode(signature).ok()?;
        self.mac(token).verify_slice(&signature).ok()?;
        Some(token.to_owned())
    }

    /// The signature of the session cache: base64url without padding.
    pub(super) fn tag(&self, message: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(message).finalize().into_bytes())
    }

    /// Whether `tag` is that of `message`, compared in constant time.
    pub(super) fn tag_holds(&self, message: &str, tag: &str) -> bool {
        URL_SAFE_NO_PAD.decode(tag).is_ok_and(|tag| self.mac(message).verify_slice(&tag).is_ok())
    }
}

/// A token of letters and digits, about 5.95 bits of entropy each.
pub(super) fn random_id(length: usize) -> String {
    random_from(ALPHANUMERIC, length)
}

/// A token of the URL-safe alphabet, 6 bits of entropy each.
pub(super) fn random_url_safe(length: usize) -> String {
    random_from(URL_SAFE, length)
}

/// A version 4 UUID (RFC 9562 §5.4).
pub(super) fn random_uuid() -> String {
    let mut bytes = [0_u8; 16];
    fill(&mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The S256 challenge of a verifier (RFC 7636 §4.2).
pub(super) fn pkce_challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

fn random_from(alphabet: &[u8], length: usize) -> String {
    // Bytes past the last whole multiple of the alphabet are thrown away, or its first letters would come more often.
    let fair = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(length);
    let mut pool = [0_u8; 64];
    while text.len() < length {
        fill(&mut pool);
        let wanted = length - text.len();
        let letters = pool.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
        text.extend(letters.map(|byte| char::from(alphabet[byte % alphabet.len()])).take(wanted));
    }
    text
}

fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the system has random bytes once it has started");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_to_its_token() {
        let signer = Signer::new("a secret");
        let sealed = signer.seal("tok");
        let signature = sealed.strip_prefix("tok.").expect("the dot is not encoded");
        assert!(signature.ends_with("%3D"), "{sealed}");
        assert_eq!(signer.open(sealed.as_bytes()).as_deref(), Some("tok"));
    }

    #[test]
    fn the_signature_is_the_standard_one() {
        // RFC 4231 §4.3, test case 2.
        let tag = Signer::new("Jefe").tag("what do ya want for nothing?");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let hex: String = URL_SAFE_NO_PAD.decode(tag).expect("base64url").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected);
    }

    #[test]
    fn a_value_decoded_or_not_opens_and_one_encoded_twice_does_not() {
        let signer = Signer::new("a secret");
        let sealed = signer.seal("tok");
        let decoded = wire::decode_component(sealed.as_bytes()).expect("valid encoding");
        assert_eq!(signer.open(decoded.as_bytes()).as_deref(), Some("tok"));
        assert_eq!(signer.open(wire::encode_component(&sealed).as_bytes()), None);
    }

    #[test]
    fn nothing_forged_opens() {
        let signer = Signer::new("a secret");
        let sealed = signer.seal("tok");
        let other_token = sealed.replacen("tok", "tik", 1);
        let other_key = Signer::new("another").seal("tok");
        let cut = &sealed[..sealed.len() - 3];
        for value in [other_token.as_str(), &other_key, cut, "tok", "tok.", ".", "", "%", "tok.%ff"] {
            assert_eq!(signer.open(value.as_bytes()), None, "{value}");
        }
        assert_eq!(signer.open(b"tok.\xff"), None);
    }

    #[test]
    fn random_tokens_have_their_length_and_alphabet() {
        for length in [0, 1, 32, 128] {
            let token = random_url_safe(length);
            assert!(token.len() == length && token.bytes().all(|byte| URL_SAFE.contains(&byte)), "{token}");
        }
        assert_ne!(random_id(32), random_id(32));
        assert_eq!(random_uuid().as_bytes()[14], b'4');
    }

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        assert_eq!(pkce_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
