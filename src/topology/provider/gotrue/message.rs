//! One-time codes and links, and the messages that carry them into the run's inbox.

use super::Inner;
use super::call::Turn;
use super::failure::Failure;
use crate::plan::FaultKind;
use crate::topology::inbox::{Channel, Draft};
use crate::topology::provider::fresh::{after, digits};
use sha2::{Digest as _, Sha224};
use std::time::Duration;
use time::OffsetDateTime;
use url::form_urlencoded::byte_serialize;

/// Marks a link that leads to a code instead of a session.
pub(super) const PKCE_PREFIX: &str = "pkce_";
/// Who writes.
const FROM: &str = "noreply@mail.app.supabase.io";

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Signup,
    Magiclink,
    Recovery,
    EmailChange,
}

impl Purpose {
    /// `type` of its link.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Signup => "signup",
            Self::Magiclink => "magiclink",
            Self::Recovery => "recovery",
            Self::EmailChange => "email_change",
        }
    }

    fn subject(self) -> &'static str {
        match self {
            Self::Signup => "Confirm Your Email",
            Self::Magiclink => "Your Magic Link",
            Self::Recovery => "Reset Your Password",
            Self::EmailChange => "Confirm Email Change",
        }
    }
}

/// What was sent last, as its digest, and when.
#[derive(Debug, Clone, Default)]
pub(super) struct OneTime {
    /// SHA-224 of address and code, with [`PKCE_PREFIX`] before it where that applies; empty when it is used up.
    hash: String,
    sent_at: Option<OffsetDateTime>,
}

impl OneTime {
    pub(super) fn sent_at(&self) -> Option<OffsetDateTime> {
        self.sent_at
    }

    /// Whether it waits to be used.
    pub(super) fn is_open(&self) -> bool {
        !self.hash.is_empty()
    }

    /// Takes it as used; when it was sent still counts.
    pub(super) fn clear(&mut self) {
        self.hash.clear();
    }

    /// Whether `hash` is of it, with the prefix or without.
    pub(super) fn is(&self, hash: &str) -> bool {
        self.is_open() && (self.hash == hash || self.hash.strip_prefix(PKCE_PREFIX) == Some(hash))
    }

    /// Whether its time is over.
    pub(super) fn is_over(&self, ttl: Duration, now: OffsetDateTime) -> bool {
        self.sent_at.is_none_or(|sent| now > after(sent, ttl))
    }

    /// How many whole seconds are left until another may be sent.
    fn wait(&self, frequency: Duration, now: OffsetDateTime) -> Option<i64> {
        let next = after(self.sent_at?, frequency);
        (now < next).then(|| (next - now).whole_seconds())
    }

    /// A new code for `address`; the code goes out, its digest stays.
    fn renew(&mut self, address: &str, pkce: bool, now: OffsetDateTime) -> String {
        let code = digits(6);
        self.hash = format!("{}{}", if pkce { PKCE_PREFIX } else { "" }, hash(address, &code));
        self.sent_at = Some(now);
        code
    }
}

/// The digest by which a code for `address` is known.
pub(super) fn hash(address: &str, code: &str) -> String {
    Sha224::digest(format!("{address}{code}")).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn too_soon(code: &str, left: i64) -> Failure {
    Failure::too_many(code, format!("For security purposes, you can only request this after {left} seconds."))
}

impl Inner {
    /// Mails a code and a link to `to`.
    pub(super) fn mail(
        &self,
        turn: &Turn<'_>,
        purpose: Purpose,
        to: &str,
        one_time: &mut OneTime,
        pkce: bool,
        redirect_to: &str,
    ) -> Result<(), Failure> {
        if let Some(left) = one_time.wait(self.plan.otp.frequency, turn.now) {
            return Err(too_soon("over_email_send_rate_limit", left));
        }
        let code = one_time.renew(to, pkce, turn.now);
        if self.is_undelivered(turn) {
            return Ok(());
        }
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let template = format!("{}/verify?token={{token_hash}}&type={{type}}&redirect_to={{redirect_to}}", self.external_url);
        let link = self.plan.otp.link.as_deref().unwrap_or(&template);
        let link = link.replace("{token_hash}", &encoded(&one_time.hash)).replace("{type}", purpose.name());
        let link = link.replace("{redirect_to}", &encoded(redirect_to));
        let subject = purpose.subject();
        let html = maud::html! {
            h2 { (subject) }
            p { "Follow this link:" }
            p { a href=(link) { (subject) } }
            p { "Alternatively, enter the code: " (code) }
        };
        self.surroundings.inbox.deliver(Draft {
            channel: Channel::Mail,
            from: FROM.to_owned(),
            to: vec![to.to_owned()],
            subject: Some(subject.to_owned()),
            text: format!("{subject}\n\nFollow this link:\n{link}\n\nAlternatively, enter the code: {code}\n"),
            html: Some(html.into_string()),
        });
        Ok(())
    }

    fn is_undelivered(&self, turn: &Turn<'_>) -> bool {
        *turn.undelivered.get_or_init(|| self.strikes(FaultKind::Undelivered, turn))
    }

    /// Sends a code to a phone.
    pub(super) fn text(&self, turn: &Turn<'_>, to: &str, one_time: &mut OneTime) -> Result<(), Failure> {
        if let Some(left) = one_time.wait(self.plan.otp.frequency, turn.now) {
            return Err(too_soon("over_sms_send_rate_limit", left));
        }
        let code = one_time.renew(to, false, turn.now);
        if !self.is_undelivered(turn) {
            self.surroundings.inbox.deliver(Draft {
                channel: Channel::Sms,
                from: "Supabase".to_owned(),
                to: vec![format!("+{to}")],
                subject: None,
                text: format!("Your code is {code}"),
                html: None,
            });
        }
        Ok(())
    }
}

/// A number without `+` and spaces.
pub(super) fn phone_number(phone: &str) -> String {
    phone.strip_prefix('+').unwrap_or(phone).replace(' ', "")
}

/// A number in E.164 form, without `+`.
pub(super) fn valid_phone(phone: &str) -> Result<String, Failure> {
    let phone = phone_number(phone);
    let fits = (2..=15).contains(&phone.len()) && phone.bytes().all(|byte| byte.is_ascii_digit()) && !phone.starts_with('0');
    if fits { Ok(phone) } else { Err(Failure::invalid("Invalid phone number format (E.164 required)")) }
}

/// An address in lower case (RFC 5321 §4.5.3.1 has the bound).
pub(super) fn valid_email(email: &str) -> Result<String, Failure> {
    if email.is_empty() {
        return Err(Failure::invalid("An email address is required"));
    }
    let whole = |(local, domain): (&str, &str)| {
        let plain =
            |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"@".contains(c));
        plain(local) && plain(domain) && !domain.starts_with('.') && !domain.ends_with('.')
    };
    if email.len() <= 254 && email.rsplit_once('@').is_some_and(whole) {
        Ok(email.to_lowercase())
    } else {
        Err(Failure::invalid("Unable to validate email address: invalid format"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_numbers_are_brought_to_one_form() {
        assert_eq!(valid_phone("+49 170 1234567").unwrap(), "491701234567");
        assert_eq!(valid_email("Ada@X.test").unwrap(), "ada@x.test");
        for email in ["", "ada", "@x.test", "ada@", "a b@x.test", "ada@x.test\n", "ada@@x.test", "<ada@x.test>"] {
            assert!(valid_email(email).is_err(), "{email}");
        }
        for phone in ["", "0170", "+1", "12345678901234567", "abc"] {
            assert!(valid_phone(phone).is_err(), "{phone}");
        }
    }
}
