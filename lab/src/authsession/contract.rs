//! What the contract leaves open ("not found"), chosen in one place, and the three versions of what it says.

use std::time::Duration;

/// Lifetime of a challenge. Chosen.
pub(super) const CHALLENGE_TTL: Duration = Duration::from_secs(300);
/// How much longer Redis keeps the record, so that `challenge_expired` can be told from `challenge_not_found`. Chosen.
pub(super) const CHALLENGE_KEPT: Duration = Duration::from_secs(600);
/// How long a confirmed challenge answers an identical confirm. Chosen.
pub(super) const CONFIRMED_KEPT: Duration = Duration::from_secs(300);
/// Wrong codes after which a challenge fails. Chosen.
pub(super) const ATTEMPTS: u64 = 5;
/// Active sessions of a user unless the key of the limit says otherwise. Chosen.
pub(super) const SESSION_LIMIT: u64 = 5;
/// The fixed window in which an address gets one mail.
pub(super) const COOLDOWN: Duration = Duration::from_secs(60);
/// What a request may take as a whole.
pub(super) const APPLICATION_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the PING of all adapters may take at start. Chosen: that of a request.
pub(super) const PING_WITHIN: Duration = Duration::from_secs(3);
/// Prefix of everything that is the source of truth. Chosen.
pub(super) const SOURCE_PREFIX: &str = "authsession:";
/// Prefix of the projection.
pub(super) const CACHE_PREFIX: &str = "gateway:session:";
/// Stream of the projection's changes.
pub(super) const STREAM: &str = "gateway:session_events";
/// About how many entries the stream keeps. Chosen.
pub(super) const STREAM_LENGTH: u64 = 1024;
/// Adapters that look after themselves before April 2026, and share one client since.
pub(super) const ADAPTERS: [&str; 5] = ["challenge store", "session store", "config provider", "projection publisher", "throttle"];

/// The versions of the contract that are in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// As the runbook has it: no `time_zone`, one Redis address, five PINGs.
    March,
    /// `time_zone` is mandatory, one shared Redis client with a password, retired variables abort the start.
    April,
    /// The consolidated `backend`: no projection and no stream, a challenge is used up by its confirm, and one answer for
    /// unknown, expired and used ones.
    Backend,
}
