//! Scopes and the claims that each of them opens (OpenID Connect Core 1.0 §5.4).

/// A scope that the provider knows. Others are ignored, as RFC 6749 §3.3 allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Openid,
    Email,
    Profile,
    Address,
    Phone,
}

impl Scope {
    pub(super) const ALL: [Self; 5] = [Self::Openid, Self::Email, Self::Profile, Self::Address, Self::Phone];

    /// The value in `scope`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Openid => "openid",
            Self::Email => "email",
            Self::Profile => "profile",
            Self::Address => "address",
            Self::Phone => "phone",
        }
    }

    /// What the consent page says about it.
    pub(super) fn meaning(self) -> &'static str {
        match self {
            Self::Openid => "Confirm who you are",
            Self::Email => "See your email address",
            Self::Profile => "See your name, username and groups",
            Self::Address => "See your postal address",
            Self::Phone => "See your phone number",
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
    /// Reads a space-separated list; unknown scopes are left out.
    pub(super) fn read(text: &str) -> Self {
        let mut scopes = Vec::new();
        for name in text.split(' ') {
            if let Some(scope) = Scope::ALL.into_iter().find(|scope| scope.name() == name)
                && !scopes.contains(&scope)
            {
                scopes.push(scope);
            }
        }
        Self(scopes)
    }

    /// Takes the scopes of `other` in, each once.
    pub(super) fn add(&mut self, other: &Self) {
        for scope in other.iter() {
            if !self.contains(scope) {
                self.0.push(scope);
            }
        }
    }

    pub(super) fn contains(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
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
        let scopes = Scopes::read("openid  email goauthentik.io/api openid offline_access");
        assert_eq!(scopes.to_string(), "openid email");
        assert!(Scopes::read("x").is_empty());
    }
}
