//! Family B: stored but not sent.

mod cookie_lax_on_post_callback;
mod cookie_path_miss;

use super::Rule;

/// The family's rules, those that name a cause before those that name a symptom.
pub(super) const RULES: &[&Rule] = &[&cookie_lax_on_post_callback::RULE, &cookie_path_miss::RULE];
