//! Family F: tokens and the provider.

mod implicit_or_password_grant;
mod jwks_stale;
mod refresh_reuse_race;
mod silent_renew_blocked;
mod token_dead_on_arrival;
mod token_in_url;

use super::Rule;

/// The family's rules, those that name a cause before those that name a symptom.
pub(super) const RULES: &[&Rule] = &[
    &refresh_reuse_race::RULE,
    &silent_renew_blocked::RULE,
    &token_dead_on_arrival::RULE,
    &jwks_stale::RULE,
    &token_in_url::RULE,
    &implicit_or_password_grant::RULE,
];
