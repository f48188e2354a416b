//! Family D: state, nonce, PKCE, one-time values.

mod auth_route_prefetched;
mod callback_error;
mod callback_error_swallowed;
mod callback_other_context;
mod code_never_redeemed;
mod code_replayed;
mod magic_link_consumed;
mod nonce_cookie_pileup;
mod nonce_mismatch;
mod otp_window;
mod pkce_verifier_missing;
mod pkce_weak;
mod state_cookie_expired;
mod state_cookie_never_set;
mod state_cookie_overwritten;
mod state_not_verified;
mod state_value_mismatch;

use super::Rule;

/// The family's rules, those that name a cause before those that name a symptom.
pub(super) const RULES: &[&Rule] = &[
    &callback_error_swallowed::RULE,
    &state_cookie_never_set::RULE,
    &state_cookie_overwritten::RULE,
    &state_cookie_expired::RULE,
    &state_value_mismatch::RULE,
    &callback_other_context::RULE,
    &auth_route_prefetched::RULE,
    &magic_link_consumed::RULE,
    &code_replayed::RULE,
    &pkce_verifier_missing::RULE,
    &nonce_mismatch::RULE,
    &nonce_cookie_pileup::RULE,
    &otp_window::RULE,
    &pkce_weak::RULE,
    &state_not_verified::RULE,
    &callback_error::RULE,
    &code_never_redeemed::RULE,
];
