//! `POST /resend`: what was sent, once more.

use super::Inner;
use super::answer::Answer;
use super::call::Turn;
use super::failure::Failure;
use super::flow::Pkce;
use super::message::{Purpose, valid_email, valid_phone};
use serde_json::json;

impl Inner {
    pub(super) fn resend(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let fields = turn.call.json()?;
        let (kind, email, phone) = (fields.text("type")?, fields.text("email")?, fields.text("phone")?);
        let pkce = match kind.as_str() {
            "signup" | "email_change" => Pkce::of(&fields)?,
            "sms" | "phone_change" => None,
            _ => return Err(Failure::invalid("Missing one of these types: signup, email_change, sms, phone_change")),
        };
        match (kind.as_str(), email.as_str(), phone.as_str()) {
            ("signup", "", _) => return Err(Failure::invalid("Type provided requires an email address")),
            ("sms", _, "") => return Err(Failure::invalid("Type provided requires a phone number")),
            (_, "", "") => return Err(Failure::invalid("Missing email address or phone number")),
            (_, "", _) | (_, _, "") => {}
            _ => return Err(Failure::invalid("Only an email address or phone number should be provided.")),
        }
        let redirect_to = self.referrer(turn);
        let mut stores = self.stores();
        let found = if email.is_empty() { stores.by_phone(&valid_phone(&phone)?) } else { stores.by_email(&valid_email(&email)?) };
        let nothing = |why: &'static str| Ok(Answer::json(&json!({}), "nothing sent").because(why));
        let Some(id) = found.map(|user| user.id.clone()) else { return nothing("nobody has this address") };
        let user = stores.users.get_mut(&id).expect("the user was found under the same lock");
        turn.user = Some(user.label());
        match kind.as_str() {
            "signup" if user.is_confirmed() => return nothing("the address is confirmed already"),
            "sms" if user.phone_confirmed_at.is_some() => return nothing("the number is confirmed already"),
            "signup" => {
                let to = user.email.clone().unwrap_or_default();
                self.mail(turn, Purpose::Signup, &to, &mut user.confirmation, pkce.is_some(), &redirect_to)?;
                stores.begin_flow("email/signup", pkce, &id, turn.now);
            }
            "sms" => {
                let to = user.phone.clone().unwrap_or_default();
                self.text(turn, &to, &mut user.confirmation)?;
            }
            "email_change" => {
                let Some(to) = user.email_change.as_ref().map(|change| change.to.clone()) else {
                    return nothing("no change of address is under way");
                };
                self.mail_change(turn, user, &to, pkce.is_some(), &redirect_to)?;
                stores.begin_flow("email_change", pkce, &id, turn.now);
            }
            _ => {
                let Some(change) = &mut user.phone_change else { return nothing("no change of number is under way") };
                self.text(turn, &change.to.clone(), &mut change.code)?;
            }
        }
        Ok(Answer::json(&json!({}), "sent again"))
    }
}
