//! Family F: tokens and the provider.

mod aud_azp_mismatch;
mod clock_skew;
mod implicit_or_password_grant;
mod iss_mismatch;
mod iss_param_mismatch;
mod jwks_kid_missing;
mod jwks_stale;
mod refresh_not_written_back;
mod refresh_reuse_race;
mod silent_renew_blocked;
mod token_dead_on_arrival;
mod token_in_url;
mod userinfo_sub_mismatch;

use super::Rule;

/// The family's rules, those that name a cause before those that name a symptom.
pub(super) const RULES: &[&Rule] = &[
    &refresh_reuse_race::RULE,
    &refresh_not_written_back::RULE,
    &silent_renew_blocked::RULE,
    &token_dead_on_arrival::RULE,
    &iss_mismatch::RULE,
    &iss_param_mismatch::RULE,
    &aud_azp_mismatch::RULE,
    &clock_skew::RULE,
    &jwks_kid_missing::RULE,
    &userinfo_sub_mismatch::RULE,
    &jwks_stale::RULE,
    &token_in_url::RULE,
    &implicit_or_password_grant::RULE,
];
