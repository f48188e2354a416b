//! `POST /otp`, `/magiclink` and `/recover`: signing in, or back in, by message.

use super::Inner;
use super::answer::Answer;
use super::call::{Fields, Turn};
use super::failure::Failure;
use super::flow::Pkce;
use super::message::{Purpose, valid_email, valid_phone};
use super::signup::Newcomer;
use serde_json::json;

impl Inner {
    pub(super) fn otp(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let fields = turn.call.json()?;
        let (email, phone, channel) = (fields.text("email")?, fields.text("phone")?, fields.text("channel")?);
        if !email.is_empty() && !phone.is_empty() {
            return Err(Failure::invalid("Only an email address or phone number should be provided"));
        }
        if !email.is_empty() && !channel.is_empty() {
            return Err(Failure::invalid("Channel should only be specified with Phone OTP"));
        }
        Pkce::of(&fields)?;
        if !fields.flag("create_user", true)? {
            let stores = self.stores();
            let known = match (email.as_str(), phone.as_str()) {
                ("", "") => true,
                ("", phone) => stores.by_phone(&valid_phone(phone)?).is_some(),
                (email, _) => stores.by_email(&valid_email(email)?).is_some(),
            };
            if !known {
                return Err(Failure::unprocessable("otp_disabled", "Signups not allowed for otp").because("nobody has this address"));
            }
        }
        if !email.is_empty() {
            return self.send_magiclink(turn, &fields);
        }
        if phone.is_empty() {
            return Err(Failure::invalid("One of email or phone must be set"));
        }
        self.send_code(turn, &fields)
    }

    pub(super) fn magiclink(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let fields = turn.call.json()?;
        self.send_magiclink(turn, &fields)
    }

    /// A link for who is confirmed; for anybody else the mail that confirms.
    fn send_magiclink(&self, turn: &mut Turn<'_>, fields: &Fields) -> Result<Answer, Failure> {
        let email = fields.text("email")?;
        if email.is_empty() {
            return Err(Failure::invalid("Password recovery requires an email"));
        }
        let email = valid_email(&email)?;
        let pkce = Pkce::of(fields)?;
        let data = fields.object("data")?.unwrap_or_default();
        let redirect_to = self.referrer(turn);
        let mut stores = self.stores();
        let stores = &mut *stores;
        let confirmed = stores.by_email(&email).filter(|user| user.is_confirmed()).map(|user| user.id.clone());
        let id = match confirmed {
            Some(id) => id,
            None => {
                let newcomer = Newcomer { email: Some(email.clone()), phone: None, password: None, data };
                let id = self.enrol(stores, turn, newcomer, pkce.clone(), &redirect_to)?;
                if !stores.users.get(&id).is_some_and(super::user::User::is_confirmed) {
                    return Ok(Answer::json(&json!({}), "confirmation mailed"));
                }
                id
            }
        };
        let user = stores.users.get_mut(&id).expect("the user was found under the same lock");
        turn.user = Some(user.label());
        self.mail(turn, Purpose::Magiclink, &email, &mut user.recovery, pkce.is_some(), &redirect_to)?;
        stores.begin_flow("magiclink", pkce, &id, turn.now);
        Ok(Answer::json(&json!({}), "link mailed"))
    }

    fn send_code(&self, turn: &mut Turn<'_>, fields: &Fields) -> Result<Answer, Failure> {
        let phone = valid_phone(&fields.text("phone")?)?;
        if !["", "sms", "whatsapp"].contains(&fields.text("channel")?.as_str()) {
            return Err(Failure::invalid("Invalid channel, supported values are 'sms' or 'whatsapp'."));
        }
        let data = fields.object("data")?.unwrap_or_default();
        let mut stores = self.stores();
        let stores = &mut *stores;
        let confirmed = stores.by_phone(&phone).filter(|user| user.phone_confirmed_at.is_some()).map(|user| user.id.clone());
        let id = match confirmed {
            Some(id) => id,
            None => {
                let newcomer = Newcomer { email: None, phone: Some(phone.clone()), password: None, data };
                let id = self.enrol(stores, turn, newcomer, None, "")?;
                if stores.users.get(&id).is_none_or(|user| user.phone_confirmed_at.is_none()) {
                    return Ok(Answer::json(&json!({}), "code sent"));
                }
                id
            }
        };
        let user = stores.users.get_mut(&id).expect("the user was found under the same lock");
        turn.user = Some(user.label());
        self.text(turn, &phone, &mut user.confirmation)?;
        Ok(Answer::json(&json!({}), "code sent"))
    }

    pub(super) fn recover(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let fields = turn.call.json()?;
        let email = fields.text("email")?;
        if email.is_empty() {
            return Err(Failure::invalid("Password recovery requires an email"));
        }
        let email = valid_email(&email)?;
        let pkce = Pkce::of(&fields)?;
        let redirect_to = self.referrer(turn);
        let mut stores = self.stores();
        // Whether there is such an account is nobody's business.
        let Some(id) = stores.by_email(&email).map(|user| user.id.clone()) else {
            return Ok(Answer::json(&json!({}), "nothing sent").because("nobody has this address"));
        };
        let user = stores.users.get_mut(&id).expect("the user was found under the same lock");
        turn.user = Some(user.label());
        self.mail(turn, Purpose::Recovery, &email, &mut user.recovery, pkce.is_some(), &redirect_to)?;
        stores.begin_flow("recovery", pkce, &id, turn.now);
        Ok(Answer::json(&json!({}), "recovery mailed"))
    }
}
