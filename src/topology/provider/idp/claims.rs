//! What a client is told about a user, by the scopes it was granted (OpenID Connect Core 1.0 §5.4).

use super::Inner;
use super::faults::is_protocol_claim;
use super::keys::at_hash;
use super::scope::{Scope, Scopes};
use super::store::Code;
use crate::plan::{Claims, IdpUser};
use crate::topology::switchboard::Who;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// The user's claims that `scopes` open, without `sub`.
///
/// Defaults follow Authentik: the names fall back to the user name, groups to none, and an email address is
/// unverified unless the scenario says otherwise. An email address is never made up. A claim that the scenario sets to
/// null is left out (§5.3.2).
fn user_claims(user: &IdpUser, scopes: &Scopes) -> Claims {
    let mut claims = Claims::new();
    if let Some(email) = user.claims.get("email").filter(|email| !email.is_null()) {
        claims.insert("email".to_owned(), email.clone());
        claims.insert("email_verified".to_owned(), false.into());
    }
    claims.insert("name".to_owned(), user.name.clone().into());
    let name = user.claims.get("name").cloned().unwrap_or_else(|| user.name.clone().into());
    claims.insert("given_name".to_owned(), name);
    claims.insert("preferred_username".to_owned(), user.name.clone().into());
    claims.insert("nickname".to_owned(), user.name.clone().into());
    claims.insert("groups".to_owned(), json!([]));
    for (name, value) in &user.claims {
        claims.insert(name.clone(), value.clone());
    }
    claims.retain(|name, value| !value.is_null() && name != "sub" && !is_protocol_claim(name) && scopes.contains(Scope::of_claim(name)));
    claims
}

impl Inner {
    /// The answer of the userinfo endpoint (§5.3.2).
    pub(super) fn userinfo(&self, user: &IdpUser, scopes: &Scopes) -> Value {
        let mut claims = Claims::new();
        claims.insert("sub".to_owned(), user.subject.clone().into());
        claims.extend(user_claims(user, scopes));
        self.faults.spoil_userinfo(&mut claims, scopes, &Who { endpoint: "userinfo", client: None, user: Some(&user.name) });
        Value::Object(claims)
    }

    /// A signed ID token (§2, §3.1.3.6).
    pub(super) fn id_token(&self, code: &Code, access_token: &str, now: OffsetDateTime) -> String {
        let user = &self.plan.users[code.user];
        let issued = now.unix_timestamp();
        let lifetime = i64::try_from(self.plan.token_ttl.as_secs()).unwrap_or(i64::MAX);
        let mut claims = Claims::new();
        claims.insert("iss".to_owned(), self.issuer.clone().into());
        claims.insert("sub".to_owned(), user.subject.clone().into());
        claims.insert("aud".to_owned(), self.plan.clients[code.client].id.clone().into());
        claims.insert("exp".to_owned(), issued.saturating_add(lifetime).into());
        claims.insert("iat".to_owned(), issued.into());
        claims.insert("auth_time".to_owned(), code.auth_time.unix_timestamp().into());
        if let Some(nonce) = &code.nonce {
            claims.insert("nonce".to_owned(), nonce.clone().into());
        }
        claims.insert("at_hash".to_owned(), at_hash(access_token).into());
        claims.extend(user_claims(user, &code.scopes));
        let who = Who { endpoint: "token", client: Some(self.client_id(code.client)), user: Some(&user.name) };
        self.faults.spoil_id_token(&mut claims, &code.scopes, &who);
        self.key.sign(&claims)
    }
}
