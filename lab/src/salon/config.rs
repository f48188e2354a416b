//! What the environment says. Read once, when the process starts: a change of it wants a restart.

use std::time::Duration;

use super::clock::Clock;
use super::contract;
use super::faults::{Fault, Faults};
use crate::LabError;
use crate::env::Env;

/// Every variable that is read here.
pub(super) const VARIABLES: [&str; 19] = [
    "ENVIRONMENT",
    "BUILD_ID",
    "OTP_PROVIDER",
    "AUTHENTICA_BASE_URL",
    "AUTHENTICA_API_KEY",
    "AUTHENTICA_TIMEOUT_SECONDS",
    "OTP_EXPIRY_MINUTES",
    "OTP_MAX_PER_WINDOW",
    "OTP_WINDOW_MINUTES",
    "OTP_RESEND_COOLDOWN_SECONDS",
    "OTP_MAX_ATTEMPTS",
    "PHONE_AUTH_IP_MAX_PER_WINDOW",
    "PHONE_AUTH_DEVICE_MAX_PER_WINDOW",
    "PHONE_AUTH_RISK_WINDOW_MINUTES",
    "TRUSTED_PROXIES",
    "DJANGO_SECRET_KEY",
    "STAFF_TOKEN",
    "CLOCK_SKEW_SECONDS",
    "FAULTS",
];

/// Who sends codes and checks them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provider {
    /// Printed to the log, checked here: for development.
    Console,
    /// The vendor does both.
    Authentica,
}

impl Provider {
    pub(super) fn name(self) -> &'static str {
        match self {
            Provider::Console => "console",
            Provider::Authentica => "authentica",
        }
    }
}

/// The settings.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) environment: String,
    pub(super) build: String,
    pub(super) provider: Provider,
    /// Without a slash at its end.
    pub(super) vendor_url: String,
    pub(super) vendor_key: Option<String>,
    pub(super) vendor_timeout: Duration,
    pub(super) expiry: Duration,
    pub(super) max_per_window: u32,
    pub(super) window: Duration,
    pub(super) cooldown: Duration,
    pub(super) max_attempts: u32,
    pub(super) ip_max: u32,
    pub(super) device_max: u32,
    pub(super) risk_window: Duration,
    /// Proxies in front of this server that write into `X-Forwarded-For`.
    pub(super) proxies: usize,
    pub(super) secret_key: String,
    pub(super) staff_token: String,
    pub(super) clock: Clock,
    pub(super) faults: Faults,
}

impl Config {
    pub(super) fn read(env: &Env<'_>) -> Result<Config, LabError> {
        let faults = Faults::read(env)?;
        let minutes = |name, default| number(env, name, default).map(|minutes| Duration::from_secs(u64::from(minutes) * 60));
        let expiry = minutes("OTP_EXPIRY_MINUTES", 5)?;
        Ok(Config {
            environment: env.get("ENVIRONMENT").unwrap_or_else(|| "development".to_owned()),
            build: env.get("BUILD_ID").unwrap_or_else(|| "dev".to_owned()),
            provider: env.choice("OTP_PROVIDER", &[("console", Provider::Console), ("authentica", Provider::Authentica)])?,
            vendor_url: vendor_url(env)?,
            vendor_key: env.get("AUTHENTICA_API_KEY").filter(|_| !faults.has(Fault::KeyUnset)),
            vendor_timeout: env.seconds("AUTHENTICA_TIMEOUT_SECONDS", Duration::from_secs(10))?,
            expiry: if faults.has(Fault::ExpiryInSeconds) { expiry / 60 } else { expiry },
            max_per_window: number(env, "OTP_MAX_PER_WINDOW", 5)?,
            window: minutes("OTP_WINDOW_MINUTES", 15)?,
            cooldown: env.seconds("OTP_RESEND_COOLDOWN_SECONDS", Duration::from_secs(60))?,
            max_attempts: number(env, "OTP_MAX_ATTEMPTS", 5)?,
            ip_max: number(env, "PHONE_AUTH_IP_MAX_PER_WINDOW", contract::IP_MAX_PER_WINDOW)?,
            device_max: number(env, "PHONE_AUTH_DEVICE_MAX_PER_WINDOW", contract::DEVICE_MAX_PER_WINDOW)?,
            risk_window: minutes("PHONE_AUTH_RISK_WINDOW_MINUTES", contract::RISK_WINDOW_MINUTES)?,
            proxies: number(env, "TRUSTED_PROXIES", 1)? as usize,
            secret_key: env.required("DJANGO_SECRET_KEY", "the key that tokens are signed with")?,
            staff_token: env.required("STAFF_TOKEN", "what staff send as `X-Staff-Token`")?,
            clock: Clock::ahead_by(skew(env)?),
            faults,
        })
    }

    pub(super) fn has(&self, fault: Fault) -> bool {
        self.faults.has(fault)
    }
}

fn vendor_url(env: &Env<'_>) -> Result<String, LabError> {
    let url = env.url("AUTHENTICA_BASE_URL")?;
    Ok(url.map_or_else(|| "https://api.authentica.sa".to_owned(), |url| url.as_str().trim_end_matches('/').to_owned()))
}

fn number(env: &Env<'_>, name: &'static str, default: u32) -> Result<u32, LabError> {
    let Some(text) = env.get(name) else { return Ok(default) };
    let good = text.parse().ok().filter(|number| *number <= 1_000_000);
    good.ok_or_else(|| LabError::Invalid { name, expected: "a whole number up to a million".to_owned() })
}

fn skew(env: &Env<'_>) -> Result<i64, LabError> {
    let Some(text) = env.get("CLOCK_SKEW_SECONDS") else { return Ok(0) };
    let good = text.parse().ok().filter(|seconds: &i64| seconds.unsigned_abs() <= 10 * 366 * 86_400);
    good.ok_or_else(|| LabError::Invalid { name: "CLOCK_SKEW_SECONDS", expected: "a number of seconds, ten years at most".to_owned() })
}
