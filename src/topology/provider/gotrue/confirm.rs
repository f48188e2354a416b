//! Whose code or link it is, whether it still counts, and what follows from it.

use super::Inner;
use super::call::Turn;
use super::failure::Failure;
use super::message::OneTime;
use super::store::Stores;
use super::user::User;
use serde_json::Value;
use std::time::Duration;

/// What the client gives.
#[derive(Debug)]
pub(super) enum Given {
    /// The hash from a link.
    Hash(String),
    /// A code that was mailed.
    Email { email: String, hash: String },
    /// A code that was sent to a phone.
    Phone { phone: String, hash: String },
}

/// What a code or link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Confirmation,
    /// A magic link, or a recovery.
    Recovery(&'static str),
    EmailChange,
    Phone,
    PhoneChange,
}

/// A code or link that counts.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Id of the user.
    pub(super) user: String,
    what: What,
    hash: String,
}

impl Found {
    /// How the flow behind it is called.
    pub(super) fn method(&self) -> &'static str {
        match self.what {
            What::Confirmation => "email/signup",
            What::Recovery(kind) => kind,
            What::EmailChange => "email_change",
            What::Phone | What::PhoneChange => "otp",
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Confirmed {
    Whole,
    /// The other address has to agree as well.
    Halfway,
}

fn expired_link(why: &'static str) -> Failure {
    Failure::forbidden("otp_expired", "Email link is invalid or has expired").because(why)
}

fn expired_code(why: &'static str) -> Failure {
    Failure::forbidden("otp_expired", "Token has expired or is invalid").because(why)
}

/// What a `type` of mail may stand for.
fn kinds(kind: &str) -> Option<&'static [What]> {
    Some(match kind {
        "email" => &[What::Confirmation, What::Recovery("magiclink")],
        "signup" | "invite" => &[What::Confirmation],
        "magiclink" => &[What::Recovery("magiclink")],
        "recovery" => &[What::Recovery("recovery")],
        "email_change" => &[What::EmailChange],
        _ => return None,
    })
}

/// What was sent for it, if it waits.
fn sent(user: &User, what: What) -> impl Iterator<Item = &OneTime> {
    let change = user.email_change.as_ref().filter(|_| what == What::EmailChange);
    let single = match what {
        What::Confirmation | What::Phone => Some(&user.confirmation),
        What::Recovery(_) => Some(&user.recovery),
        What::PhoneChange => user.phone_change.as_ref().map(|change| &change.code),
        What::EmailChange => None,
    };
    single.into_iter().chain(change.into_iter().flat_map(|change| [&change.new, &change.current]))
}

impl Inner {
    fn ttl(&self, what: What) -> Duration {
        match what {
            What::Phone | What::PhoneChange => self.plan.otp.sms_ttl,
            _ => self.plan.otp.mail_ttl,
        }
    }

    /// The link with this hash.
    pub(super) fn find_hash(&self, stores: &Stores, turn: &mut Turn<'_>, kind: &str, hash: &str) -> Result<Found, Failure> {
        let kinds = kinds(kind).ok_or_else(|| Failure::invalid("Invalid email verification type"))?;
        let candidates = stores.users.values().flat_map(|user| kinds.iter().map(move |what| (user, *what)));
        let mut fitting = candidates.flat_map(|(user, what)| sent(user, what).map(move |sent| (user, what, sent)));
        let (user, what, sent) =
            fitting.find(|(_, _, sent)| sent.is(hash)).ok_or_else(|| expired_link("nobody waits for this link, or it was used before"))?;
        turn.user = Some(user.label());
        if user.banned {
            return Err(Failure::forbidden("user_banned", "User is banned"));
        }
        if sent.is_over(self.ttl(what), turn.now) {
            return Err(expired_link("its time is over"));
        }
        Ok(Found { user: user.id.clone(), what, hash: hash.to_owned() })
    }

    /// The code with this hash, typed by who has the address.
    pub(super) fn find_by_email(
        &self,
        stores: &Stores,
        turn: &mut Turn<'_>,
        kind: &str,
        email: &str,
        hash: &str,
    ) -> Result<Found, Failure> {
        let kinds = kinds(kind).ok_or_else(|| expired_code("this type of code is not for mail"))?;
        // A change of address is confirmed under the new address as well.
        let changing = |user: &&User| kind == "email_change" && user.email_change.as_ref().is_some_and(|change| change.to == email);
        let user = stores.users.values().find(changing).or_else(|| stores.by_email(email));
        self.find_code(user, turn, kinds, hash)
    }

    /// The code with this hash, typed by who has the number.
    pub(super) fn find_by_phone(
        &self,
        stores: &Stores,
        turn: &mut Turn<'_>,
        kind: &str,
        phone: &str,
        hash: &str,
    ) -> Result<Found, Failure> {
        let changing = |user: &&User| user.phone_change.as_ref().is_some_and(|change| change.to == phone);
        match kind {
            "sms" => self.find_code(stores.by_phone(phone), turn, &[What::Phone], hash),
            "phone_change" => self.find_code(stores.users.values().find(changing), turn, &[What::PhoneChange], hash),
            _ => Err(expired_code("this type of code is not for phones")),
        }
    }

    fn find_code(&self, user: Option<&User>, turn: &mut Turn<'_>, kinds: &[What], hash: &str) -> Result<Found, Failure> {
        let user = user.ok_or_else(|| expired_code("nobody has this address"))?;
        turn.user = Some(user.label());
        if user.banned {
            return Err(Failure::forbidden("user_banned", "User is banned"));
        }
        let mut fitting = kinds.iter().flat_map(|what| sent(user, *what).map(move |sent| (*what, sent)));
        let (what, sent) =
            fitting.find(|(_, sent)| sent.is(hash)).ok_or_else(|| expired_code("the code is another, or was used before"))?;
        if sent.is_over(self.ttl(what), turn.now) {
            return Err(expired_code("its time is over"));
        }
        Ok(Found { user: user.id.clone(), what, hash: hash.to_owned() })
    }

    /// Uses a code or link up, and does what it stands for.
    pub(super) fn confirm(&self, stores: &mut Stores, turn: &Turn<'_>, found: &Found) -> Result<Confirmed, Failure> {
        let user = stores.users.get_mut(&found.user).ok_or_else(|| expired_link("the user is gone"))?;
        match found.what {
            What::Confirmation => user.confirm(turn.now),
            What::Recovery(_) => {
                user.recovery.clear();
                if !user.is_confirmed() {
                    user.confirm(turn.now);
                }
            }
            What::Phone => user.confirm_phone(turn.now),
            What::PhoneChange => {
                if let Some(change) = user.phone_change.take() {
                    user.phone = Some(change.to);
                    user.confirm_phone(turn.now);
                }
            }
            What::EmailChange => return Ok(change_email(user, turn, &found.hash)),
        }
        for identity in &mut user.identities {
            if identity.email().is_some() && identity.email() == user.email.as_deref() {
                identity.data.insert("email_verified".to_owned(), user.email_confirmed_at.is_some().into());
            }
        }
        user.note_providers();
        Ok(Confirmed::Whole)
    }
}

/// Takes the agreement of one address; when both agreed, the address is changed.
fn change_email(user: &mut User, turn: &Turn<'_>, hash: &str) -> Confirmed {
    let Some(mut change) = user.email_change.take() else { return Confirmed::Whole };
    for sent in [&mut change.new, &mut change.current] {
        if sent.is(hash) {
            sent.clear();
        }
    }
    if change.new.is_open() || change.current.is_open() {
        user.email_change = Some(change);
        return Confirmed::Halfway;
    }
    for identity in user.identities.iter_mut().filter(|identity| identity.provider == "email") {
        identity.data.insert("email".to_owned(), Value::from(change.to.as_str()));
        identity.updated_at = turn.now;
    }
    user.email = Some(change.to);
    user.confirm(turn.now);
    Confirmed::Whole
}
