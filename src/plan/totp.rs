//! The seed that a user's authenticator app shares with the provider.

use crate::base::Secret;
use std::fmt;
use totp_rs::{Algorithm, Builder, Secret as Key, Totp};

/// Fewest bytes of a seed. RFC 4226 §4 (R6) asks for 16; seeds of 10 bytes are common, and apps take them.
const SHORTEST: usize = 10;

/// Seconds that a code stands for (RFC 6238 §5.2).
const STEP: u64 = 30;

/// A seed in base32, as apps show it, checked. Never prints.
#[derive(Clone)]
pub struct TotpSeed {
    name: Secret,
    totp: Totp,
}

/// Why a text is no seed. Tells nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSeed {
    /// Other characters than base32 has.
    #[error("the seed is not base32 (letters and the digits 2 to 7)")]
    Encoding,
    /// Too short to protect anything.
    #[error("the seed is shorter than {SHORTEST} bytes (16 characters)")]
    Short,
}

impl TotpSeed {
    /// Reads a seed: base32 (RFC 4648 §6) in either case, with or without spaces and padding.
    ///
    /// # Errors
    /// When it is something else, or too short.
    pub fn read(secret: &Secret) -> Result<Self, BadSeed> {
        let text: String = secret.expose().chars().filter(|c| !c.is_whitespace()).collect();
        let key = Key::try_from_base32(text.trim_end_matches('=').to_ascii_uppercase()).map_err(|_| BadSeed::Encoding)?;
        if key.as_bytes().len() < SHORTEST {
            return Err(BadSeed::Short);
        }
        let totp = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_step_duration(STEP).with_skew(1).with_secret(key);
        // "Noncompliant" allows shorter seeds than RFC 4226 asks for; all else is fixed above.
        Ok(Self { name: secret.clone(), totp: totp.build_noncompliant() })
    }

    /// The step whose code `code` is, at `seconds` since 1970 or one step to either side (RFC 6238 §5.2): whoever asks takes
    /// care that no step is good twice.
    #[must_use]
    pub fn step_of(&self, code: &str, seconds: u64) -> Option<u64> {
        self.totp.check(code, seconds)
    }

    /// The code at `seconds` since 1970.
    #[must_use]
    pub fn code(&self, seconds: u64) -> String {
        self.totp.generate(seconds).to_string()
    }
}

impl fmt::Debug for TotpSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TotpSeed({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `12345678901234567890`, the seed of RFC 6238, appendix B.
    const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn seed(text: &str) -> Result<TotpSeed, BadSeed> {
        TotpSeed::read(&Secret::new("seed", text))
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, cut to six digits.
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (2_000_000_000, "279037")] {
            assert_eq!(seed(SEED).unwrap().code(seconds), code, "{seconds}");
        }
    }

    #[test]
    fn one_step_of_drift_is_allowed_either_way() {
        let seed = seed(SEED).unwrap();
        let code = seed.code(300);
        assert_eq!([269, 270, 300, 329, 359, 360].map(|at| seed.step_of(&code, at)), [None, Some(10), Some(10), Some(10), Some(10), None]);
        assert_eq!(seed.step_of(&format!(" {code}"), 300), None);
    }

    #[test]
    fn seeds_are_read_as_apps_show_them_and_never_print() {
        let shown = seed("gezd gnbv gy3t qojq gezd gnbv gy3t qojq ").unwrap();
        assert_eq!(shown.code(59), "287082");
        assert_eq!(format!("{shown:?}"), "TotpSeed(‹secret:seed›)");
        assert_eq!(seed("GEZDGNBVGY3TQOJ1").unwrap_err(), BadSeed::Encoding);
        assert_eq!(seed("GEZDGNBV").unwrap_err(), BadSeed::Short);
        assert_eq!(seed("JBSWY3DPEHPK3PXP====").map(|seed| seed.code(0).len()), Ok(6));
    }
}
