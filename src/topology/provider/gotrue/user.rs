//! Users and their identities, and how clients see them.

use super::message::OneTime;
use super::uuid;
use crate::plan::{Claims, GotrueUser};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// `aud` and `role` of everybody.
pub(super) const AUTHENTICATED: &str = "authenticated";

/// Somebody with an account.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) id: String,
    /// In lower case.
    pub(super) email: Option<String>,
    /// In E.164 form without `+`.
    pub(super) phone: Option<String>,
    pub(super) password: Option<Password>,
    pub(super) email_confirmed_at: Option<OffsetDateTime>,
    pub(super) phone_confirmed_at: Option<OffsetDateTime>,
    pub(super) banned: bool,
    pub(super) user_metadata: Claims,
    pub(super) app_metadata: Claims,
    pub(super) identities: Vec<Identity>,
    pub(super) created_at: OffsetDateTime,
    pub(super) updated_at: OffsetDateTime,
    pub(super) last_sign_in_at: Option<OffsetDateTime>,
    /// Sent to confirm address or number.
    pub(super) confirmation: OneTime,
    /// Sent to sign in or to recover the account.
    pub(super) recovery: OneTime,
    pub(super) email_change: Option<EmailChange>,
    pub(super) phone_change: Option<PhoneChange>,
}

/// A change of address that waits for both addresses to agree.
#[derive(Debug, Clone)]
pub(super) struct EmailChange {
    pub(super) to: String,
    /// Sent to the address of before, if there was one; empty once it agreed.
    pub(super) current: OneTime,
    /// Sent to the new address; empty once it agreed.
    pub(super) new: OneTime,
}

/// A change of number that waits for the code.
#[derive(Debug, Clone)]
pub(super) struct PhoneChange {
    pub(super) to: String,
    pub(super) code: OneTime,
}

/// A password as its digest.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Password([u8; 32]);

impl Password {
    pub(super) fn new(password: &str) -> Self {
        Self(Sha256::digest(password).into())
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password")
    }
}

/// One way in which a user is known: by e-mail, by phone, or at a provider.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    id: String,
    /// Who they are there.
    pub(super) provider_id: String,
    pub(super) provider: String,
    pub(super) data: Claims,
    pub(super) last_sign_in_at: OffsetDateTime,
    created_at: OffsetDateTime,
    pub(super) updated_at: OffsetDateTime,
}

impl Identity {
    pub(super) fn new(provider: &str, provider_id: &str, data: Claims, now: OffsetDateTime) -> Self {
        Self {
            id: uuid::random(),
            provider_id: provider_id.to_owned(),
            provider: provider.to_owned(),
            data,
            last_sign_in_at: now,
            created_at: now,
            updated_at: now,
        }
    }

    pub(super) fn email(&self) -> Option<&str> {
        self.data.get("email").and_then(Value::as_str)
    }

    fn json(&self, user: &str) -> Value {
        let mut json = json!({
            "identity_id": self.id,
            "id": self.provider_id,
            "user_id": user,
            "identity_data": self.data,
            "provider": self.provider,
            "last_sign_in_at": time(self.last_sign_in_at),
            "created_at": time(self.created_at),
            "updated_at": time(self.updated_at),
        });
        if let Some(email) = self.email() {
            json["email"] = email.into();
        }
        json
    }
}

impl User {
    /// Somebody new, who has confirmed nothing.
    pub(super) fn new(email: Option<String>, phone: Option<String>, now: OffsetDateTime) -> Self {
        Self {
            id: uuid::random(),
            email: email.map(|email| email.to_lowercase()),
            phone,
            password: None,
            email_confirmed_at: None,
            phone_confirmed_at: None,
            banned: false,
            user_metadata: Claims::new(),
            app_metadata: Claims::new(),
            identities: Vec::new(),
            created_at: now,
            updated_at: now,
            last_sign_in_at: None,
            confirmation: OneTime::default(),
            recovery: OneTime::default(),
            email_change: None,
            phone_change: None,
        }
    }

    /// A user of the plan.
    pub(super) fn planned(plan: &GotrueUser, now: OffsetDateTime) -> Self {
        let mut user = Self::new(plan.email.clone(), plan.phone.clone(), now);
        let name = plan.email.as_deref().or(plan.phone.as_deref()).unwrap_or_default();
        user.id = plan.id.clone().unwrap_or_else(|| uuid::derived(name));
        user.password = plan.password.as_ref().map(|password| Password::new(password.expose()));
        user.banned = plan.banned;
        let confirmed = plan.confirmed.then_some(now);
        user.email_confirmed_at = confirmed.filter(|_| user.email.is_some());
        user.phone_confirmed_at = confirmed.filter(|_| user.phone.is_some());
        for (provider, address) in [("email", &plan.email), ("phone", &plan.phone)] {
            if let Some(address) = address {
                let data = json!({
                    "sub": user.id,
                    provider: address,
                    "email_verified": user.email_confirmed_at.is_some(),
                    "phone_verified": user.phone_confirmed_at.is_some(),
                });
                let id = user.id.clone();
                user.identities.push(Identity::new(provider, &id, object(data), now));
            }
        }
        user.user_metadata = plan.user_metadata.clone();
        user.note_providers();
        user.app_metadata.extend(plan.app_metadata.clone());
        user
    }

    /// How faults and the log name them.
    pub(super) fn label(&self) -> String {
        self.email.as_ref().or(self.phone.as_ref()).unwrap_or(&self.id).clone()
    }

    pub(super) fn is_confirmed(&self) -> bool {
        self.email_confirmed_at.is_some()
    }

    pub(super) fn has_password(&self, password: &str) -> bool {
        self.password.as_ref().is_some_and(|own| *own == Password::new(password))
    }

    /// Takes the address as confirmed; what was sent before is good for nothing any more.
    pub(super) fn confirm(&mut self, now: OffsetDateTime) {
        self.email_confirmed_at = Some(now);
        self.user_metadata.insert("email_verified".to_owned(), true.into());
        self.forget_codes();
        self.updated_at = now;
    }

    /// Takes the number as confirmed.
    pub(super) fn confirm_phone(&mut self, now: OffsetDateTime) {
        self.phone_confirmed_at = Some(now);
        self.confirmation.clear();
        self.updated_at = now;
    }

    pub(super) fn forget_codes(&mut self) {
        self.confirmation.clear();
        self.recovery.clear();
    }

    /// Lists the providers of all identities, first one first.
    pub(super) fn note_providers(&mut self) {
        let mut providers: Vec<&str> = Vec::new();
        for identity in &self.identities {
            if !providers.contains(&identity.provider.as_str()) {
                providers.push(&identity.provider);
            }
        }
        if let Some(first) = providers.first() {
            self.app_metadata.insert("provider".to_owned(), (*first).into());
        }
        self.app_metadata.insert("providers".to_owned(), json!(providers));
    }

    /// Lays `metadata` over what is there; null takes a member away.
    pub(super) fn update_metadata(&mut self, metadata: Claims) {
        for (name, value) in metadata {
            if value.is_null() {
                self.user_metadata.shift_remove(&name);
            } else {
                self.user_metadata.insert(name, value);
            }
        }
    }

    /// The user as clients see them.
    pub(super) fn json(&self) -> Value {
        let mut json = Map::new();
        let mut set = |name: &str, value: Value| drop(json.insert(name.to_owned(), value));
        set("id", self.id.as_str().into());
        set("aud", AUTHENTICATED.into());
        set("role", AUTHENTICATED.into());
        set("email", self.email.as_deref().unwrap_or_default().into());
        let mut moment = |name: &str, at: Option<OffsetDateTime>| {
            if let Some(at) = at {
                set(name, time(at).into());
            }
        };
        moment("email_confirmed_at", self.email_confirmed_at);
        set("phone", self.phone.as_deref().unwrap_or_default().into());
        let mut moment = |name: &str, at: Option<OffsetDateTime>| {
            if let Some(at) = at {
                set(name, time(at).into());
            }
        };
        moment("phone_confirmed_at", self.phone_confirmed_at);
        moment("confirmation_sent_at", self.confirmation.sent_at());
        // The earlier of the two, as the original computes it.
        moment("confirmed_at", self.email_confirmed_at.into_iter().chain(self.phone_confirmed_at).min());
        moment("recovery_sent_at", self.recovery.sent_at());
        moment("email_change_sent_at", self.email_change.as_ref().and_then(|change| change.new.sent_at()));
        moment("phone_change_sent_at", self.phone_change.as_ref().and_then(|change| change.code.sent_at()));
        moment("last_sign_in_at", self.last_sign_in_at);
        if let Some(change) = &self.email_change {
            set("new_email", change.to.as_str().into());
        }
        if let Some(change) = &self.phone_change {
            set("new_phone", change.to.as_str().into());
        }
        set("app_metadata", self.app_metadata.clone().into());
        set("user_metadata", self.user_metadata.clone().into());
        set("identities", self.identities.iter().map(|identity| identity.json(&self.id)).collect());
        set("created_at", time(self.created_at).into());
        set("updated_at", time(self.updated_at).into());
        set("is_anonymous", false.into());
        json.into()
    }
}

/// The members of a JSON object.
pub(super) fn object(value: Value) -> Claims {
    match value {
        Value::Object(members) => members,
        _ => Claims::new(),
    }
}

/// RFC 3339, as timestamps in answers are written.
pub(super) fn time(at: OffsetDateTime) -> String {
    // It can only fail for years beyond 9999, which no lifetime reaches.
    at.format(&Rfc3339).unwrap_or_default()
}
