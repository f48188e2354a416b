//! Revocation: a client throws its tokens away (RFC 7009).

use super::refused::Refused;
use super::{Call, Inner};
use crate::topology::provider::note::{Decision, Outcome};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use std::borrow::Cow;

const NAME: &str = "revoke";

impl Inner {
    pub(super) fn revoke(&self, call: &Call) -> Outcome {
        match self.revoked(call) {
            Ok((client, outcome)) => {
                // §2.2: the status says it all.
                let headers = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
                Outcome::new((StatusCode::OK, headers), Decision::new(NAME, outcome).client(self.client_id(client)))
            }
            Err(refused) => self.refused(NAME, refused),
        }
    }

    fn revoked(&self, call: &Call) -> Result<(usize, Cow<'static, str>), Refused> {
        let now = self.now();
        let form = call.form.as_ref().map_err(|unreadable| Refused::from(*unreadable))?;
        let client = self.authenticate(call, form, &self.addresses.revoke, now)?;
        let token = form.get("token").map_err(|_| Refused::request(Some(client), "invalid_request", "token is repeated"))?;
        let token = token.ok_or_else(|| Refused::request(Some(client), "invalid_request", "token is missing"))?;
        let others = Refused::grant(client, "the token was issued to another client");

        let mut stores = self.stores();
        if let Some(refresh) = stores.refresh_tokens.get(token, now) {
            if refresh.family.client != client {
                return Err(others);
            }
            // §2.1: with a refresh token go the access tokens of the same grant.
            refresh.family.revoke();
            return Ok((client, "refresh token revoked with everything from the same login".into()));
        }
        match stores.tokens.get(token, now).map(|token| token.family.client) {
            Some(owner) if owner != client => Err(others),
            Some(_) => {
                stores.tokens.remove(token);
                Ok((client, "access token revoked".into()))
            }
            // §2.2: a client can do nothing about a token that is not good anyway.
            None => Ok((client, "nothing to revoke".into())),
        }
    }
}
