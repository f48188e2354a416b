//! Scopes and the claims that each of them opens (OpenID Connect Core 1.0 §5.4).

use std::borrow::Borrow;
use std::sync::Arc;

/// A scope that the provider knows, or one that a client has for itself. Others are ignored, as RFC 6749 §3.3 allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    Openid,
    Email,
    Profile,
    Address,
    Phone,
    /// Refresh tokens (§11).
    OfflineAccess,
    Own(Arc<str>),
}

impl Scope {
    /// Those that every client may ask for.
    pub(super) const STANDARD: [Self; 6] = [Self::Openid, Self::Email, Self::Profile, Self::Address, Self::Phone, Self::OfflineAccess];

    /// The value in `scope`.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Openid => "openid",
            Self::Email => "email",
            Self::Profile => "profile",
            Self::Address => "address",
            Self::Phone => "phone",
            Self::OfflineAccess => "offline_access",
            Self::Own(name) => name,
        }
    }

    /// What the consent page says about it.
    pub(super) fn meaning(&self) -> &'static str {
        match self {
            Self::Openid => "Confirm who you are",
            Self::Email => "See your email address",
            Self::Profile => "See your name, username and groups",
            Self::Address => "See your postal address",
            Self::Phone => "See your phone number",
            Self::OfflineAccess => "Do this also while you are away",
            Self::Own(_) => "Use what the application calls",
        }
    }

    /// The scope that opens `claim`. What no standard scope names travels with `profile`, as Authentik's `groups` do.
    pub(super) fn of_claim(claim: &str) -> Self {
        match claim {
            "sub" => Self::Openid,
            "email" | "email_verified" => Self::Email,
            "address" => Self::Address,
            "phone_number" | "phone_number_verified" => Self::Phone,
            _ => Self::Profile,
        }
    }
}

/// The scopes of one request, each once, in the order they were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Scopes(Vec<Scope>);

impl Scopes {
    /// Reads a space-separated list for a client with scopes of its `own`; unknown scopes are left out.
    pub(super) fn read(text: &str, own: &[String]) -> Self {
        let mut scopes = Self::default();
        for name in text.split(' ').filter(|name| !name.is_empty()) {
            let standard = Scope::STANDARD.into_iter().find(|scope| scope.name() == name);
            let scope = standard.or_else(|| own.iter().any(|own| own == name).then(|| Scope::Own(name.into())));
            scopes.add_one(scope);
        }
        scopes
    }

    /// Takes the scopes of `other` in, each once.
    pub(super) fn add(&mut self, other: &Self) {
        other.iter().for_each(|scope| self.add_one(Some(scope.clone())));
    }

    /// All scopes of a client's `own`; the standard ones belong to users.
    pub(super) fn own(own: &[String]) -> Self {
        Self::read(&own.join(" "), own).only_own()
    }

    /// The part of these scopes that `text` names, or nothing when it names another one (RFC 6749 §6).
    pub(super) fn narrowed(&self, text: &str) -> Option<Self> {
        let mut narrowed = Self::default();
        for name in text.split(' ').filter(|name| !name.is_empty()) {
            narrowed.add_one(Some(self.0.iter().find(|scope| scope.name() == name)?.clone()));
        }
        Some(narrowed).filter(|narrowed| !narrowed.is_empty())
    }

    /// Takes a scope out.
    pub(super) fn without(mut self, unwanted: &Scope) -> Self {
        self.0.retain(|scope| scope != unwanted);
        self
    }

    /// Keeps the client's own scopes alone.
    pub(super) fn only_own(mut self) -> Self {
        self.0.retain(|scope| matches!(scope, Scope::Own(_)));
        self
    }

    fn add_one(&mut self, scope: Option<Scope>) {
        self.0.extend(scope.filter(|scope| !self.0.contains(scope)));
    }

    pub(super) fn contains(&self, scope: impl Borrow<Scope>) -> bool {
        self.0.contains(scope.borrow())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().cloned()
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, scope) in self.0.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { " " }, scope.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_once_each_and_unknown_ones_are_left_out() {
        let own = ["read".to_owned()];
        let scopes = Scopes::read("openid  email goauthentik.io/api read openid offline_access", &own);
        assert_eq!(scopes.to_string(), "openid email read offline_access");
        assert_eq!(scopes.without(&Scope::OfflineAccess).to_string(), "openid email read");
        assert!(Scopes::read("read", &[]).is_empty());
    }

    #[test]
    fn a_narrower_list_holds_nothing_new() {
        let scopes = Scopes::read("openid email read", &["read".to_owned()]);
        assert_eq!(scopes.narrowed("read openid read").unwrap().to_string(), "read openid");
        assert_eq!(scopes.narrowed("openid phone"), None);
        assert_eq!(scopes.narrowed(" "), None);
    }
}
