//! What a client is told about a user, by the scopes it was granted (OpenID Connect Core 1.0 §5.4).

use super::Inner;
use super::faults::{Asked, is_protocol_claim};
use super::issue::Issued;
use super::scope::{Scope, Scopes};
use super::signing::{Flaws, at_hash};
use crate::plan::{Claims, FaultKind, IdpUser, SigningAlgorithm};
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
    pub(super) fn userinfo(&self, user: &IdpUser, scopes: &Scopes, asked: &mut Asked<'_>) -> Value {
        let mut claims = Claims::new();
        claims.insert("sub".to_owned(), user.subject.as_str().into());
        claims.extend(user_claims(user, scopes));
        asked.spoil_userinfo(&mut claims, scopes);
        Value::Object(claims)
    }

    /// A signed ID token (§2, §3.1.3.6, §12.2).
    pub(super) async fn id_token(&self, issued: &Issued, user: usize, asked: &mut Asked<'_>, now: OffsetDateTime) -> String {
        let client = &self.plan.clients[issued.family.client];
        let algorithm = client.id_token_alg.unwrap_or(self.plan.signing);
        let key = if asked.on(FaultKind::KeyUnpublished) {
            self.keys.stray(algorithm).await
        } else {
            if asked.on(FaultKind::KeyRotated) {
                self.keys.rotate(true).await;
            }
            self.keys.signer(algorithm).await
        };
        let mut claims = self.id_claims(issued, user, algorithm, now);
        asked.spoil_id_token(&mut claims, &issued.scopes, algorithm);
        let flaws = asked.flaws();
        if flaws == Flaws::default() {
            return key.sign(&claims);
        }
        // A public client has no secret: the published key stands in, as in the attack that RFC 8725 §2.1 tells of.
        let published = Value::Object(key.jwk().clone()).to_string();
        let secret = client.secret.as_ref().map_or(published.as_str(), |secret| secret.expose());
        key.sign_wrongly(&claims, flaws, secret.as_bytes())
    }

    fn id_claims(&self, issued: &Issued, user: usize, algorithm: SigningAlgorithm, now: OffsetDateTime) -> Claims {
        let user = &self.plan.users[user];
        let stamp = now.unix_timestamp();
        let lifetime = i64::try_from(self.plan.token_ttl.as_secs()).unwrap_or(i64::MAX);
        let mut claims = Claims::new();
        claims.insert("iss".to_owned(), self.issuer.as_str().into());
        claims.insert("sub".to_owned(), user.subject.as_str().into());
        claims.insert("aud".to_owned(), self.client_id(issued.family.client).into());
        claims.insert("exp".to_owned(), stamp.saturating_add(lifetime).into());
        claims.insert("iat".to_owned(), stamp.into());
        claims.insert("auth_time".to_owned(), issued.family.auth_time.unix_timestamp().into());
        // RFC 8176 §2. Nobody with a second factor has a session without having shown it.
        let amr: &[&str] = if user.mfa.is_some() { &["pwd", "otp", "mfa"] } else { &["pwd"] };
        claims.insert("amr".to_owned(), amr.into());
        if let Some(nonce) = issued.family.nonce.as_ref().filter(|_| issued.with_nonce) {
            claims.insert("nonce".to_owned(), nonce.as_str().into());
        }
        claims.insert("at_hash".to_owned(), at_hash(&issued.access_token, algorithm).into());
        claims.extend(user_claims(user, &issued.scopes));
        claims
    }
}
