//! `POST /signup`: new accounts.

use super::Inner;
use super::answer::Answer;
use super::call::Turn;
use super::failure::Failure;
use super::flow::Pkce;
use super::message::{Purpose, valid_email, valid_phone};
use super::session::signed_in;
use super::store::Stores;
use super::user::{Identity, Password, User, object};
use crate::plan::Claims;
use serde_json::json;

/// Shortest password.
const SHORTEST: usize = 6;
/// Longest password in bytes, for the sake of bcrypt in the original.
const LONGEST: usize = 72;

/// Who signs up.
#[derive(Debug)]
pub(super) struct Newcomer {
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) password: Option<String>,
    pub(super) data: Claims,
}

/// Whether a password is good enough.
pub(super) fn check_password(password: &str) -> Result<(), Failure> {
    if password.len() > LONGEST {
        return Err(Failure::invalid(format!("Password cannot be longer than {LONGEST} characters")));
    }
    if password.chars().count() < SHORTEST {
        return Err(Failure::weak(format!("Password should be at least {SHORTEST} characters.")));
    }
    Ok(())
}

impl Inner {
    pub(super) fn signup(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let fields = turn.call.json()?;
        let (email, phone, password) = (fields.text("email")?, fields.text("phone")?, fields.text("password")?);
        if email.is_empty() && phone.is_empty() {
            return Err(Failure::unprocessable("anonymous_provider_disabled", "Anonymous sign-ins are disabled"));
        }
        if self.plan.signup_disabled {
            return Err(Failure::unprocessable("signup_disabled", "Signups not allowed for this instance"));
        }
        if password.is_empty() {
            return Err(Failure::invalid("Signup requires a valid password"));
        }
        check_password(&password)?;
        if !email.is_empty() && !phone.is_empty() {
            return Err(Failure::invalid("Only an email address or phone number should be provided on signup."));
        }
        if !["", "sms", "whatsapp"].contains(&fields.text("channel")?.as_str()) {
            return Err(Failure::invalid("Invalid channel, supported values are 'sms' or 'whatsapp'."));
        }
        let pkce = Pkce::of(&fields)?;
        if !phone.is_empty() && pkce.is_some() {
            return Err(Failure::invalid("PKCE not supported for phone signups"));
        }
        let data = fields.object("data")?.unwrap_or_default();
        let email = if email.is_empty() { None } else { Some(valid_email(&email)?) };
        let phone = if phone.is_empty() { None } else { Some(valid_phone(&phone)?) };
        let redirect_to = self.referrer(turn);
        let mut stores = self.stores();
        let stores = &mut *stores;
        let existing = find(stores, email.as_deref(), phone.as_deref()).filter(|user| is_confirmed(user, email.is_some()));
        if let Some(existing) = existing {
            turn.user = Some(existing.label());
            if self.plan.autoconfirm {
                return Err(Failure::unprocessable("user_already_exists", "User already registered"));
            }
            // Whether there is such an account is nobody's business, so the answer looks like that to a new one.
            let mut nobody = new_user(&Newcomer { email, phone, password: None, data }, turn.now);
            nobody.identities.clear();
            return Ok(Answer::json(&nobody.json(), "nothing done").because("this address is confirmed already"));
        }
        let by_email = email.is_some();
        let id = self.enrol(stores, turn, Newcomer { email, phone, password: Some(password), data }, pkce, &redirect_to)?;
        let user = stores.users.get(&id).expect("the user was made under the same lock");
        if is_confirmed(user, by_email) {
            let session = self.sign_in(stores, turn, &id, "password");
            return Ok(signed_in(&session, "sign-up"));
        }
        Ok(Answer::json(&self.user_json(user, turn), "signed up").because("a message was sent to confirm the address"))
    }

    /// Makes an account, or finds the one that waits to be confirmed, and has it confirmed: by message, or at once.
    pub(super) fn enrol(
        &self,
        stores: &mut Stores,
        turn: &mut Turn<'_>,
        newcomer: Newcomer,
        pkce: Option<Pkce>,
        redirect_to: &str,
    ) -> Result<String, Failure> {
        // What is known of an account that waits is not changed: nobody knows whose it is.
        let id = match find(stores, newcomer.email.as_deref(), newcomer.phone.as_deref()) {
            Some(user) => user.id.clone(),
            None => {
                self.may_sign_up(stores)?;
                let user = new_user(&newcomer, turn.now);
                let id = user.id.clone();
                stores.users.insert(id.clone(), user);
                id
            }
        };
        let user = stores.users.get_mut(&id).expect("the user was found or made under the same lock");
        turn.user = Some(user.label());
        match (&newcomer.email, &newcomer.phone) {
            (Some(_), _) if self.plan.autoconfirm => user.confirm(turn.now),
            (None, _) if self.plan.autoconfirm => user.confirm_phone(turn.now),
            (Some(email), _) => {
                self.mail(turn, Purpose::Signup, email, &mut user.confirmation, pkce.is_some(), redirect_to)?;
                stores.begin_flow("email/signup", pkce, &id, turn.now);
            }
            (None, Some(phone)) => self.text(turn, phone, &mut user.confirmation)?,
            (None, None) => {}
        }
        Ok(id)
    }
}

fn find<'s>(stores: &'s Stores, email: Option<&str>, phone: Option<&str>) -> Option<&'s User> {
    match email {
        Some(email) => stores.by_email(email),
        None => stores.by_phone(phone.unwrap_or_default()),
    }
}

fn is_confirmed(user: &User, by_email: bool) -> bool {
    if by_email { user.is_confirmed() } else { user.phone_confirmed_at.is_some() }
}

fn new_user(newcomer: &Newcomer, now: time::OffsetDateTime) -> User {
    let mut user = User::new(newcomer.email.clone(), newcomer.phone.clone(), now);
    user.password = newcomer.password.as_deref().map(Password::new);
    let provider = if newcomer.email.is_some() { "email" } else { "phone" };
    let mut data = object(json!({ "sub": user.id, "email_verified": false, "phone_verified": false }));
    if let Some(email) = &user.email {
        data.insert("email".to_owned(), email.as_str().into());
    }
    if let Some(phone) = &user.phone {
        data.insert("phone".to_owned(), phone.as_str().into());
    }
    for (name, value) in &newcomer.data {
        if !data.contains_key(name) {
            data.insert(name.clone(), value.clone());
        }
    }
    user.user_metadata = data.clone();
    let id = user.id.clone();
    user.identities.push(Identity::new(provider, &id, data, now));
    user.note_providers();
    user
}
