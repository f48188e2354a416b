//! Family D: state, nonce, PKCE, one-time values.

pub(super) mod callback_error;
pub(super) mod code_never_redeemed;
