//! A client comes by itself (RFC 6749 §4.4): it gets an access token for its own scopes, and neither refresh nor ID token.

use super::TokenRequest;
use crate::topology::provider::idp::faults::Asked;
use crate::topology::provider::idp::issue::Issued;
use crate::topology::provider::idp::refused::Refused;
use crate::topology::provider::idp::scope::Scopes;
use crate::topology::provider::idp::store::Family;
use crate::topology::provider::idp::{Inner, keys};
use crate::topology::switchboard::Who;
use std::sync::Arc;

impl Inner {
    pub(super) fn client_credentials(&self, request: &TokenRequest<'_>) -> Result<(Issued, Asked<'_>), Refused> {
        let client = &self.plan.clients[request.client];
        if client.is_public() {
            return Err(Refused::request(Some(request.client), "unauthorized_client", "a public client proves nothing by itself"));
        }
        let scopes = match request.get("scope")? {
            // RFC 6749 §3.3: without a scope there is a default, and here that is all the client has.
            None => Scopes::own(&client.scopes),
            Some(text) => {
                let scopes = Scopes::read(text, &client.scopes).only_own();
                if scopes.is_empty() {
                    let description = "no scope of this client's own was asked for";
                    return Err(Refused::request(Some(request.client), "invalid_scope", description));
                }
                scopes
            }
        };
        let family = Arc::new(Family::new(request.client, None, scopes.clone(), request.now));
        let issued = Issued {
            scopes,
            family,
            access_token: keys::random(),
            refresh_token: None,
            with_nonce: false,
            outcome: "access token issued to the client itself",
        };
        self.store(&mut self.stores(), &issued, request.now);
        Ok((issued, self.faults.ask(Who { endpoint: super::NAME, client: Some(&client.id), user: None })))
    }
}
