//! Tokens that a grant gave, and their places in the stores.

use super::Inner;
use super::scope::Scopes;
use super::store::{AccessToken, Family, RefreshToken, Stores};
use crate::topology::provider::fresh::after;
use std::sync::Arc;
use time::OffsetDateTime;

/// What a client gets for its grant; the ID token is signed later, outside the lock.
pub(super) struct Issued {
    pub(super) family: Arc<Family>,
    /// Those of the access token.
    pub(super) scopes: Scopes,
    pub(super) access_token: String,
    pub(super) refresh_token: Option<String>,
    /// Whether the ID token repeats the nonce: not after a refresh (OpenID Connect Core 1.0 §12.2).
    pub(super) with_nonce: bool,
    /// For the log.
    pub(super) outcome: &'static str,
}

impl Inner {
    /// Puts the tokens into the stores, for their lifetimes.
    pub(super) fn store(&self, stores: &mut Stores, issued: &Issued, now: OffsetDateTime) {
        let expires = after(now, self.plan.token_ttl);
        let token = AccessToken { family: issued.family.clone(), scopes: issued.scopes.clone(), issued: now, expires };
        stores.tokens.insert(issued.access_token.clone(), token, now, expires);
        if let Some(id) = &issued.refresh_token {
            let expires = after(now, self.plan.refresh.ttl);
            let token = RefreshToken { family: issued.family.clone(), issued: now, expires, rotated: None };
            stores.refresh_tokens.insert(id.clone(), token, now, expires);
        }
    }
}
