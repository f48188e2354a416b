//! Family B: stored but not sent.

pub(super) mod cookie_lax_on_post_callback;
pub(super) mod cookie_path_miss;
