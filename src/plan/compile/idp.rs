//! The embedded OpenID provider of an origin.

use super::compiler::Compiler;
use crate::plan::{
    Claims, ClientAuth, ClientKey, Consent, Grant, IdpClient, IdpPlan, IdpUser, Mfa, Pages, RefreshPlan, RefreshRule, Service,
    SigningAlgorithm, TotpSeed,
};
use crate::scenario::node::{Key, Node};
use crate::scenario::origin::{Client, Idp, Refresh, User};
use crate::scenario::read::Text;
use sha2::{Digest as _, Sha256};

/// The words of `mfa`.
#[derive(Clone, Copy)]
enum MfaKind {
    Totp,
    Mail,
}

impl Compiler<'_> {
    pub(super) fn idp(&mut self, idp: &Idp) -> Option<IdpPlan> {
        let default = IdpPlan::default();
        let consent = idp.consent.as_ref().map_or(Some(default.consent), |text| self.consent(text));
        let pages = idp.pages.as_ref().map_or(Some(default.pages), |text| self.pages(text));
        let slug = idp.slug.as_ref().map_or(default.slug, |text| self.known(text, "a slug"));
        let users = idp.users.0.iter().map(|(key, user)| self.user(key, user)).collect();
        let clients = idp.clients.0.iter().map(|(key, client)| self.client(key, client)).collect();
        let code_ttl = self.duration_or(idp.code_ttl.as_ref(), default.code_ttl);
        let token_ttl = self.duration_or(idp.token_ttl.as_ref(), default.token_ttl);
        let refresh = idp.refresh.as_ref().map_or(default.refresh, |refresh| self.refresh(refresh));
        let signing = idp.signing.as_ref().and_then(|text| self.signing(text)).unwrap_or(default.signing);
        let faults = self.all_faults(&idp.faults.0, Service::Idp);
        Some(IdpPlan { slug, pages: pages?, consent: consent?, users, clients, code_ttl, token_ttl, refresh, signing, faults })
    }

    fn consent(&mut self, text: &Text) -> Option<Consent> {
        let name = |consent| match consent {
            Consent::Explicit => "explicit",
            Consent::Once => "once",
            Consent::Implicit => "implicit",
        };
        self.one_of(text, "consent", [Consent::Explicit, Consent::Once, Consent::Implicit], name)
    }

    fn pages(&mut self, text: &Text) -> Option<Pages> {
        let name = |pages| match pages {
            Pages::Plain => "plain",
            Pages::Shadow => "shadow",
        };
        self.one_of(text, "style of pages", [Pages::Plain, Pages::Shadow], name)
    }

    fn refresh(&mut self, refresh: &Refresh) -> RefreshPlan {
        let default = RefreshPlan::default();
        RefreshPlan {
            ttl: self.duration_or(refresh.ttl.as_ref(), default.ttl),
            rotate: refresh.rotate.unwrap_or(default.rotate),
            reuse_interval: self.duration_or(refresh.reuse_interval.as_ref(), default.reuse_interval),
        }
    }

    fn signing(&mut self, text: &Text) -> Option<SigningAlgorithm> {
        self.one_of(text, "signing algorithm", SigningAlgorithm::ALL, SigningAlgorithm::name)
    }

    /// The one of `all` whose name `text` is; otherwise the names are told.
    fn one_of<T: Copy, const N: usize>(&mut self, text: &Text, what: &str, all: [T; N], name: fn(T) -> &'static str) -> Option<T> {
        let known = self.known(text, &format!("a {what}"));
        let found = all.into_iter().find(|one| name(*one) == known);
        if found.is_none() && !known.is_empty() {
            self.unknown(text.span, what, &known, all.map(name));
        }
        found
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
        let name = |kind| match kind {
            MfaKind::Totp => "totp",
            MfaKind::Mail => "mail",
        };
        match self.one_of(kind, "second factor", [MfaKind::Totp, MfaKind::Mail], name)? {
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

    fn client(&mut self, key: &Key, client: &Client) -> IdpClient {
        let default = IdpClient::default();
        let grants = match client.grants.as_slice() {
            [] => default.grants,
            named => named.iter().filter_map(|text| self.one_of(text, "grant", Grant::ALL, Grant::name)).collect(),
        };
        if client.redirect_uris.is_empty() && grants.contains(&Grant::AuthorizationCode) {
            self.fault_with(key.span, format!("client `{}` has no redirect URI", key.name), "list them under `redirect_uris`");
        }
        let compiled = IdpClient {
            id: key.name.clone(),
            secret: client.secret.as_ref().map(|text| self.secret(text, &format!("idp.clients.{}.secret", key.name))),
            keys: client.jwks.as_ref().map(|jwks| self.client_keys(jwks)).unwrap_or_default(),
            auth: client.auth.as_ref().and_then(|text| self.one_of(text, "client authentication", ClientAuth::ALL, ClientAuth::name)),
            grants,
            redirect_uris: client.redirect_uris.iter().map(|text| self.known(text, "a redirect URI")).collect(),
            scopes: client.scopes.iter().map(|text| self.scope(text)).collect(),
            require_pkce: client.require_pkce.unwrap_or(default.require_pkce),
            pkce_plain: client.pkce_plain.unwrap_or(default.pkce_plain),
            post_logout_redirect_uris: client.post_logout_redirect_uris.iter().map(|text| self.known(text, "a redirect URI")).collect(),
            refresh: client.refresh.as_ref().and_then(|text| self.refresh_rule(text)).unwrap_or(default.refresh),
            id_token_alg: client.id_token_alg.as_ref().and_then(|text| self.signing(text)),
        };
        self.check_client(key, client, &compiled);
        compiled
    }

    /// What fits together in a client and what does not.
    fn check_client(&mut self, key: &Key, client: &Client, compiled: &IdpClient) {
        if let (Some(text), Some(auth)) = (&client.auth, compiled.auth)
            && !compiled.may_authenticate_by(auth)
        {
            let (message, hint) = match auth {
                ClientAuth::Basic | ClientAuth::Post => ("has no secret to authenticate with", "give it a `secret`"),
                ClientAuth::PrivateKeyJwt => ("has no keys to authenticate with", "give it a `jwks` with its public keys"),
                ClientAuth::None => ("cannot be public and have a secret or keys", "leave out `auth`, or `secret` and `jwks`"),
            };
            self.fault_with(text.span, format!("client `{}` {message}", key.name), hint);
        }
        if let Some(text) = &client.refresh
            && !compiled.grants.contains(&Grant::RefreshToken)
        {
            self.fault_with(text.span, format!("client `{}` may not refresh", key.name), "add `refresh_token` to its `grants`");
        }
        if let Some(text) = client.grants.iter().find(|text| text.value == Grant::ClientCredentials.name())
            && compiled.is_public()
        {
            // RFC 6749 §4.4: only confidential clients may.
            self.fault_with(
                text.span,
                format!("client `{}` is public and proves nothing by itself", key.name),
                "give it a `secret` or `jwks`",
            );
        }
    }

    fn refresh_rule(&mut self, text: &Text) -> Option<RefreshRule> {
        let name = |rule| match rule {
            RefreshRule::OfflineAccess => "offline_access",
            RefreshRule::Always => "always",
        };
        self.one_of(text, "refresh rule", [RefreshRule::OfflineAccess, RefreshRule::Always], name)
    }

    /// A scope of a client's own (RFC 6749 §3.3).
    fn scope(&mut self, text: &Text) -> String {
        let scope = self.known(text, "a scope");
        let is_token = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if scope.is_empty() || !scope.bytes().all(is_token) {
            let message = "a scope is one word of visible ASCII without quotes and backslashes";
            self.fault_with(text.span, message, "write several as a list: `scopes: [read, write]`");
        }
        scope
    }

    fn client_keys(&mut self, jwks: &Node) -> Vec<ClientKey> {
        let set = self.known_json(jwks, "a key");
        let Some(keys) = set.get("keys").and_then(|keys| keys.as_array()).filter(|keys| !keys.is_empty()) else {
            self.fault_with(jwks.span, "this is no JWK Set with keys", "write `{ keys: [ … ] }` (RFC 7517 §5)");
            return Vec::new();
        };
        keys.iter()
            .filter_map(|key| match ClientKey::read(key) {
                Ok(key) => Some(key),
                Err(error) => {
                    self.fault_with(jwks.span, error.to_string(), error.hint());
                    None
                }
            })
            .collect()
    }
}

/// `sub` of a user that the scenario gives none: stable, and nothing one could take for the name (OIDC Core §5.1).
fn subject(name: &str) -> String {
    Sha256::digest(name.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
