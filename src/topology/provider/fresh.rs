//! What every service makes anew: random bytes, codes to be typed, challenges, and the ends of lifetimes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use std::time::Duration;
use time::OffsetDateTime;

/// Random bytes.
pub(super) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

/// A random code of so many digits.
pub(super) fn digits(count: usize) -> String {
    let mut code = String::with_capacity(count);
    while code.len() < count {
        let [byte] = bytes();
        // 250 is a multiple of ten: every digit is as likely as any other.
        if byte < 250 {
            code.push(char::from(b'0' + byte % 10));
        }
    }
    code
}

/// The S256 challenge of a verifier (RFC 7636 §4.2).
pub(super) fn s256(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// `lifetime` from `now`; a lifetime past the end of the calendar ends there.
pub(super) fn after(now: OffsetDateTime, lifetime: Duration) -> OffsetDateTime {
    now.saturating_add(time::Duration::try_from(lifetime).unwrap_or(time::Duration::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pkce_matches_the_example_of_the_standard() {
        // RFC 7636, appendix B.
        assert_eq!(s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn codes_have_their_length_and_every_digit() {
        let code = digits(1000);
        assert_eq!(code.len(), 1000);
        assert!(('0'..='9').all(|digit| code.contains(digit)));
    }

    #[test]
    fn a_lifetime_ends_with_the_calendar() {
        let now = OffsetDateTime::UNIX_EPOCH;
        assert_eq!(after(now, Duration::from_secs(60)) - now, time::Duration::MINUTE);
        assert_eq!(after(now, Duration::MAX).year(), 9999);
    }
}
