//! Introspection: a resource server asks whether a token is good, and for what (RFC 7662).

use super::refused::Refused;
use super::{Call, Inner, reply};
use crate::topology::provider::note::{Decision, Outcome};
use http::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;

const NAME: &str = "introspect";

impl Inner {
    pub(super) fn introspect(&self, call: &Call) -> Outcome {
        let now = self.now();
        match self.introspected(call, now) {
            Ok((client, about)) => {
                let outcome = if about["active"] == true { "told about an active token" } else { "told that the token is not active" };
                Outcome::new(reply::json(StatusCode::OK, &about), Decision::new(NAME, outcome).client(self.client_id(client)))
            }
            Err(refused) => self.refused(NAME, refused),
        }
    }

    fn introspected(&self, call: &Call, now: OffsetDateTime) -> Result<(usize, Value), Refused> {
        let form = call.form.as_ref().map_err(|unreadable| Refused::from(*unreadable))?;
        let client = self.authenticate(call, form, &self.addresses.introspect, now)?;
        if self.plan.clients[client].is_public() {
            // §2.1: otherwise anybody could try tokens out.
            let refused = Refused::request(Some(client), "invalid_client", "a public client may not introspect tokens");
            return Err(Refused { status: StatusCode::UNAUTHORIZED, ..refused });
        }
        let token = form.get("token").map_err(|_| Refused::request(Some(client), "invalid_request", "token is repeated"))?;
        let token = token.ok_or_else(|| Refused::request(Some(client), "invalid_request", "token is missing"))?;
        Ok((client, self.about(token, now)))
    }

    /// What there is to say about a token; nothing about one that is not good (§2.2). The hint is not needed: ids tell no kind.
    fn about(&self, token: &str, now: OffsetDateTime) -> Value {
        let stores = self.stores();
        let access = stores.tokens.get(token, now).filter(|token| !token.family.is_revoked());
        let refresh = stores.refresh_tokens.get(token, now).filter(|token| !token.family.is_revoked() && token.rotated.is_none());
        let (family, scopes, issued, expires) = match (access, refresh) {
            (Some(token), _) => (token.family.clone(), token.scopes.to_string(), token.issued, token.expires),
            (None, Some(token)) => (token.family.clone(), token.family.scopes.to_string(), token.issued, token.expires),
            (None, None) => return json!({ "active": false }),
        };
        let is_access = access.is_some();
        drop(stores);
        let mut about = json!({
            "active": true,
            "scope": scopes,
            "client_id": self.client_id(family.client),
            "exp": expires.unix_timestamp(),
            "iat": issued.unix_timestamp(),
            "aud": self.client_id(family.client),
            "iss": self.issuer,
        });
        // A client that came by itself is its own subject (RFC 9068 §2.2).
        about["sub"] = family.user.map_or(self.client_id(family.client), |user| &self.plan.users[user].subject).into();
        if let Some(user) = family.user {
            about["username"] = self.plan.users[user].name.as_str().into();
        }
        if is_access {
            about["token_type"] = "Bearer".into();
        }
        about
    }
}
