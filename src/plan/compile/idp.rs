//! The embedded OpenID provider of an origin.

use super::compiler::Compiler;
use crate::plan::{Claims, Consent, IdpClient, IdpPlan, IdpUser, Service};
use crate::scenario::node::Key;
use crate::scenario::origin::{Client, Idp, User};
use sha2::{Digest as _, Sha256};
use std::time::Duration;

const CODE_TTL: Duration = Duration::from_secs(60);
const TOKEN_TTL: Duration = Duration::from_secs(300);

impl Compiler<'_> {
    pub(super) fn idp(&mut self, idp: &Idp) -> Option<IdpPlan> {
        let consent = match &idp.consent {
            None => Some(Consent::Implicit),
            Some(text) => match self.known(text, "`consent`").as_str() {
                "explicit" => Some(Consent::Explicit),
                "implicit" => Some(Consent::Implicit),
                other => {
                    self.unknown(text.span, "consent", other, ["explicit", "implicit"]);
                    None
                }
            },
        };
        let slug = idp.slug.as_ref().map_or_else(|| "app".to_owned(), |text| self.known(text, "a slug"));
        let users = idp.users.0.iter().map(|(key, user)| self.user(key, user)).collect();
        let clients = idp.clients.0.iter().map(|(key, client)| self.client(key, client)).collect();
        let code_ttl = self.duration_or(idp.code_ttl.as_ref(), CODE_TTL);
        let token_ttl = self.duration_or(idp.token_ttl.as_ref(), TOKEN_TTL);
        let faults = self.all_faults(&idp.faults.0, Service::Idp);
        Some(IdpPlan { slug, consent: consent?, users, clients, code_ttl, token_ttl, faults })
    }

    fn user(&mut self, key: &Key, user: &User) -> IdpUser {
        let name = key.name.clone();
        let mut claims = Claims::new();
        for (claim, value) in &user.claims.0 {
            claims.insert(claim.name.clone(), self.known_json(value, "a claim"));
        }
        IdpUser {
            password: self.secret(&user.password, &format!("idp.users.{name}.password")),
            subject: user.sub.as_ref().map_or_else(|| subject(&name), |text| self.known(text, "a subject")),
            claims,
            name,
        }
    }

    fn client(&mut self, key: &Key, client: &Client) -> IdpClient {
        if client.redirect_uris.is_empty() {
            self.fault_with(key.span, format!("client `{}` has no redirect URI", key.name), "list them under `redirect_uris`");
        }
        IdpClient {
            id: key.name.clone(),
            secret: client.secret.as_ref().map(|text| self.secret(text, &format!("idp.clients.{}.secret", key.name))),
            redirect_uris: client.redirect_uris.iter().map(|text| self.known(text, "a redirect URI")).collect(),
            require_pkce: client.require_pkce.unwrap_or(false),
            post_logout_redirect_uris: client.post_logout_redirect_uris.iter().map(|text| self.known(text, "a redirect URI")).collect(),
        }
    }
}

/// `sub` of a user that the scenario gives none: stable, and nothing one could take for the name (OIDC Core §5.1).
fn subject(name: &str) -> String {
    Sha256::digest(name.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
