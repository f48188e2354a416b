//! Family D: state, nonce, PKCE, one-time values.

pub(super) mod callback_error;
