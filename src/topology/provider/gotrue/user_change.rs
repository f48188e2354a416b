//! `PUT /user`: what users change about themselves.

use super::Inner;
use super::answer::Answer;
use super::call::Turn;
use super::failure::Failure;
use super::flow::Pkce;
use super::message::{OneTime, Purpose, valid_email, valid_phone};
use super::signup::check_password;
use super::user::{EmailChange, Password, PhoneChange, User};

impl Inner {
    pub(super) fn change_user(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let mut stores = self.stores();
        let stores = &mut *stores;
        let bearer = self.authenticate(stores, turn)?;
        let fields = turn.call.json()?;
        let (email, phone, password) = (fields.text("email")?, fields.text("phone")?, fields.given("password")?);
        let email = if email.is_empty() { None } else { Some(valid_email(&email)?) };
        let phone = if phone.is_empty() { None } else { Some(valid_phone(&phone)?) };
        if let Some(password) = &password {
            check_password(password)?;
        }
        let pkce = Pkce::of(&fields)?;
        let data = fields.object("data")?;
        if fields.object("app_metadata")?.is_some() {
            return Err(Failure::forbidden("not_admin", "Updating app_metadata requires admin privileges"));
        }
        let user = stores.users.get(&bearer.user).expect("the user was found under the same lock");
        let new_email = email.filter(|email| user.email.as_ref() != Some(email));
        let new_phone = phone.filter(|phone| user.phone.as_ref() != Some(phone));
        if new_email.as_deref().is_some_and(|email| stores.by_email(email).is_some()) {
            return Err(Failure::unprocessable("email_exists", "A user with this email address has already been registered"));
        }
        if new_phone.as_deref().is_some_and(|phone| stores.by_phone(phone).is_some()) {
            return Err(Failure::unprocessable("phone_exists", "A user with this phone number has already been registered"));
        }
        if password.as_deref().is_some_and(|password| user.has_password(password)) {
            return Err(Failure::unprocessable("same_password", "New password should be different from the old password."));
        }
        let redirect_to = self.referrer(turn);
        let user = stores.users.get_mut(&bearer.user).expect("the user was found under the same lock");
        // Messages first: when one may not be sent yet, nothing else is changed either.
        if let Some(email) = &new_email {
            self.mail_change(turn, user, email, pkce.is_some(), &redirect_to)?;
        }
        if let Some(phone) = new_phone {
            let mut code = user.phone_change.take().map(|change| change.code).unwrap_or_default();
            let sent = self.text(turn, &phone, &mut code);
            user.phone_change = Some(PhoneChange { to: phone, code });
            sent?;
        }
        if let Some(data) = data {
            user.update_metadata(data);
        }
        user.updated_at = turn.now;
        if let Some(password) = &password {
            user.password = Some(Password::new(password));
            user.forget_codes();
        }
        let json = self.user_json(user, turn);
        if new_email.is_some() {
            stores.begin_flow("email_change", pkce, &bearer.user, turn.now);
        }
        if password.is_some() {
            // A new password ends every other session.
            stores.end_sessions(&bearer.user, |session| Some(&session.id) != bearer.session.as_ref());
        }
        Ok(Answer::json(&json, "user changed"))
    }

    /// Asks the new address, and the present one if there is one, to agree to a change.
    pub(super) fn mail_change(&self, turn: &Turn<'_>, user: &mut User, to: &str, pkce: bool, redirect_to: &str) -> Result<(), Failure> {
        let mut change =
            user.email_change.clone().unwrap_or(EmailChange { to: to.to_owned(), current: OneTime::default(), new: OneTime::default() });
        to.clone_into(&mut change.to);
        self.mail(turn, Purpose::EmailChange, to, &mut change.new, pkce, redirect_to)?;
        if let Some(current) = &user.email {
            self.mail(turn, Purpose::EmailChange, current, &mut change.current, pkce, redirect_to)?;
        }
        user.email_change = Some(change);
        Ok(())
    }
}
