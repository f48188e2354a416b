//! What every grant ends in: tokens in the stores.

use crate::topology::provider::idp::scope::Scopes;
use crate::topology::provider::idp::store::{AccessToken, Family, RefreshToken, Stores};
use crate::topology::provider::idp::{Inner, after};
use std::sync::Arc;
use time::OffsetDateTime;

/// Tokens that are about to be stored.
pub(super) struct Issue {
    pub(super) family: Arc<Family>,
    /// Those of the access token.
    pub(super) scopes: Scopes,
    pub(super) access_token: String,
    pub(super) refresh_token: Option<String>,
}

/// Tokens that were stored.
pub(in crate::topology::provider::idp) struct Issued {
    pub(in crate::topology::provider::idp) family: Arc<Family>,
    pub(in crate::topology::provider::idp) scopes: Scopes,
    pub(in crate::topology::provider::idp) access_token: String,
    pub(super) refresh_token: Option<String>,
    /// Whether the ID token repeats the nonce: not after a refresh (OpenID Connect Core 1.0 §12.2).
    pub(in crate::topology::provider::idp) with_nonce: bool,
    /// For the log.
    pub(super) outcome: &'static str,
}

impl Issue {
    pub(super) fn done(self, outcome: &'static str, with_nonce: bool) -> Issued {
        let Self { family, scopes, access_token, refresh_token } = self;
        Issued { family, scopes, access_token, refresh_token, with_nonce, outcome }
    }
}

impl Inner {
    /// Puts the tokens into the stores, for their lifetimes.
    pub(super) fn store(&self, stores: &mut Stores, issue: &Issue, now: OffsetDateTime) {
        let expires = after(now, self.plan.token_ttl);
        let token = AccessToken { family: issue.family.clone(), scopes: issue.scopes.clone(), issued: now, expires };
        stores.tokens.insert(issue.access_token.clone(), token, now, expires);
        if let Some(id) = &issue.refresh_token {
            let expires = after(now, self.plan.refresh.ttl);
            let token = RefreshToken { family: issue.family.clone(), issued: now, expires, rotated: None };
            stores.refresh_tokens.insert(id.clone(), token, now, expires);
        }
    }
}
