//! The environment of the relying party, typed.

use super::cose::{ES256, RS256};
use crate::LabError;
use crate::env::Env;
use std::time::Duration;

/// What goes wrong; see the table of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    WrongRpId,
    ExpectsOtherRpId,
    ExpectsOtherOrigin,
    ForgetsChallenge,
    WantsVerification,
    CounterAhead,
    ForgetsCredentials,
}

/// Whether the authenticator is to verify its user (WebAuthn Level 3 §5.8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UserVerification {
    Preferred,
    Required,
    Discouraged,
}

impl UserVerification {
    pub(super) const fn name(self) -> &'static str {
        match self {
            UserVerification::Preferred => "preferred",
            UserVerification::Required => "required",
            UserVerification::Discouraged => "discouraged",
        }
    }
}

/// Everything the app was told.
#[derive(Clone, Debug)]
pub(super) struct Config {
    /// What `origin` in the client data must be.
    pub(super) origin: String,
    /// The relying party id that is expected.
    pub(super) rp_id: String,
    /// The relying party id that options name.
    pub(super) offered_rp_id: String,
    /// What options ask for.
    pub(super) verification: UserVerification,
    /// Whether an answer without it is refused.
    pub(super) demands_verification: bool,
    /// As COSE numbers them, the preferred one first.
    pub(super) algorithms: Vec<i64>,
    pub(super) challenge_life: Duration,
    pub(super) fault: Fault,
}

impl Config {
    pub(super) fn read(env: &Env<'_>) -> Result<Config, LabError> {
        let url = env.required_url("PUBLIC_URL", "the origin that ceremonies come from")?;
        let rp_id = env.get("RP_ID").unwrap_or_else(|| url.host_str().unwrap_or_default().to_owned());
        let fault = env.choice(
            "FAULT",
            &[
                ("none", Fault::None),
                ("wrong-rp-id", Fault::WrongRpId),
                ("expects-other-rp-id", Fault::ExpectsOtherRpId),
                ("expects-other-origin", Fault::ExpectsOtherOrigin),
                ("forgets-challenge", Fault::ForgetsChallenge),
                ("wants-verification", Fault::WantsVerification),
                ("counter-ahead", Fault::CounterAhead),
                ("forgets-credentials", Fault::ForgetsCredentials),
            ],
        )?;
        let verification = env.choice(
            "USER_VERIFICATION",
            &[
                ("preferred", UserVerification::Preferred),
                ("required", UserVerification::Required),
                ("discouraged", UserVerification::Discouraged),
            ],
        )?;
        let mut algorithms = Vec::new();
        for name in env.list("ALGORITHMS") {
            algorithms.push(match name.as_str() {
                "ES256" => ES256,
                "RS256" => RS256,
                _ => return Err(LabError::Invalid { name: "ALGORITHMS", expected: "a list of `ES256` and `RS256`".to_owned() }),
            });
        }
        if algorithms.is_empty() {
            algorithms = vec![ES256, RS256];
        }
        let origin = url.origin().ascii_serialization();
        Ok(Config {
            origin: if fault == Fault::ExpectsOtherOrigin { origin.replacen("https://", "http://", 1) } else { origin },
            offered_rp_id: if fault == Fault::WrongRpId { "passkeys.invalid".to_owned() } else { rp_id.clone() },
            rp_id: if fault == Fault::ExpectsOtherRpId { format!("www.{rp_id}") } else { rp_id },
            verification: if fault == Fault::WantsVerification { UserVerification::Discouraged } else { verification },
            demands_verification: fault == Fault::WantsVerification || verification == UserVerification::Required,
            algorithms,
            challenge_life: env.seconds("CHALLENGE_SECONDS", Duration::from_secs(300))?,
            fault,
        })
    }
}
