//! Family G: edge, caches, deployment.

mod auth_response_cacheable;
mod config_drift;
mod deploy_mixed_replicas;
mod deploy_sha_mismatch;
mod deploy_unverifiable;
mod har_no_redirect_bodies;
mod har_sanitised;
mod request_header_budget;
mod response_header_budget;
mod set_cookie_from_cache;
mod stale_client_bundle;
mod sw_intercepted;

use super::Rule;

/// The family's rules, those that name a cause before those that name a symptom.
pub(super) const RULES: &[&Rule] = &[
    &set_cookie_from_cache::RULE,
    &auth_response_cacheable::RULE,
    &request_header_budget::RULE,
    &response_header_budget::RULE,
    &sw_intercepted::RULE,
    &stale_client_bundle::RULE,
    &deploy_sha_mismatch::RULE,
    &deploy_mixed_replicas::RULE,
    &deploy_unverifiable::RULE,
    &config_drift::RULE,
    &har_sanitised::RULE,
    &har_no_redirect_bodies::RULE,
];
