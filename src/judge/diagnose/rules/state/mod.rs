//! Family D: state, nonce, PKCE, one-time values.

mod callback_error;
mod code_never_redeemed;

use super::Rule;

/// The family's rules, those that name a cause before those that name a symptom.
pub(super) const RULES: &[&Rule] = &[&callback_error::RULE, &code_never_redeemed::RULE];
