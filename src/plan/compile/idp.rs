//! The embedded OpenID provider of an origin.

use super::compiler::Compiler;
use crate::plan::{Claims, Consent, IdpClient, IdpPlan, IdpUser, Mfa, Pages, Service, TotpSeed};
use crate::scenario::node::Key;
use crate::scenario::origin::{Client, Idp, User};
use crate::scenario::read::Text;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

const CODE_TTL: Duration = Duration::from_secs(60);
const TOKEN_TTL: Duration = Duration::from_secs(300);

/// The words of `mfa`.
#[derive(Clone, Copy)]
enum MfaKind {
    Totp,
    Mail,
}

impl Compiler<'_> {
    pub(super) fn idp(&mut self, idp: &Idp) -> Option<IdpPlan> {
        let consent = idp.consent.as_ref().map_or(Some(Consent::Implicit), |text| {
            self.choice(text, "consent", [("explicit", Consent::Explicit), ("once", Consent::Once), ("implicit", Consent::Implicit)])
        });
        let pages = idp
            .pages
            .as_ref()
            .map_or(Some(Pages::Plain), |text| self.choice(text, "style of pages", [("plain", Pages::Plain), ("shadow", Pages::Shadow)]));
        let slug = idp.slug.as_ref().map_or_else(|| "app".to_owned(), |text| self.known(text, "a slug"));
        let users = idp.users.0.iter().map(|(key, user)| self.user(key, user)).collect();
        let clients = idp.clients.0.iter().map(|(key, client)| self.client(key, client)).collect();
        let code_ttl = self.duration_or(idp.code_ttl.as_ref(), CODE_TTL);
        let token_ttl = self.duration_or(idp.token_ttl.as_ref(), TOKEN_TTL);
        let faults = self.all_faults(&idp.faults.0, Service::Idp);
        Some(IdpPlan { slug, pages: pages?, consent: consent?, users, clients, code_ttl, token_ttl, faults })
    }

    fn user(&mut self, key: &Key, user: &User) -> IdpUser {
        let name = key.name.clone();
        let mut claims = Claims::new();
        for (claim, value) in &user.claims.0 {
            claims.insert(claim.name.clone(), self.known_json(value, "a claim"));
        }
        IdpUser {
            mfa: self.mfa(key, user, &claims),
            locked: user.locked.unwrap_or(false),
            password: self.secret(&user.password, &format!("idp.users.{name}.password")),
            subject: user.sub.as_ref().map_or_else(|| subject(&name), |text| self.known(text, "a subject")),
            claims,
            name,
        }
    }

    /// The second factor, when there is one and all it needs is there.
    fn mfa(&mut self, key: &Key, user: &User, claims: &Claims) -> Option<Mfa> {
        let Some(kind) = &user.mfa else {
            if let Some(seed) = &user.totp {
                self.fault_with(seed.span, "a seed that nothing asks for", "add `mfa: totp`");
            }
            return None;
        };
        match self.choice(kind, "second factor", [("totp", MfaKind::Totp), ("mail", MfaKind::Mail)])? {
            MfaKind::Totp => {
                let Some(text) = &user.totp else {
                    let hint = "give the seed of the authenticator app in base32: `totp: \"${secret.seed}\"`";
                    self.fault_with(kind.span, format!("user `{}` has no seed for `mfa: totp`", key.name), hint);
                    return None;
                };
                let secret = self.secret(text, &format!("idp.users.{}.totp", key.name));
                // A secret without a value has a fault already.
                if secret.expose().is_empty() {
                    return None;
                }
                match TotpSeed::read(&secret) {
                    Ok(seed) => Some(Mfa::Totp(seed)),
                    Err(error) => {
                        self.fault_with(text.span, error.to_string(), "take the text that the authenticator app was set up with");
                        None
                    }
                }
            }
            MfaKind::Mail => match claims.get("email").and_then(|email| email.as_str()).filter(|email| email.contains('@')) {
                Some(email) => Some(Mfa::Mail(email.to_owned())),
                None => {
                    let hint = "add it: `claims: { email: name@example.test }`";
                    self.fault_with(kind.span, format!("user `{}` has no e-mail address for `mfa: mail`", key.name), hint);
                    None
                }
            },
        }
    }

    /// One of a few words.
    fn choice<T: Copy, const N: usize>(&mut self, text: &Text, what: &str, known: [(&str, T); N]) -> Option<T> {
        let word = self.known(text, &format!("a {what}"));
        let found = known.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
        if found.is_none() {
            self.unknown(text.span, what, &word, known.map(|(name, _)| name));
        }
        found
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
