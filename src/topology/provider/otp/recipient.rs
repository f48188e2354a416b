//! Whom a code is for.

use super::{Fields, Refusal};
use crate::topology::inbox::Channel;
use serde_json::Value;

/// A phone number or a mail address, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipient {
    pub(super) address: String,
    pub(super) channel: Channel,
}

impl Recipient {
    /// Whoever a call concerns, whether or not it can be granted.
    pub(super) fn named(fields: &Fields) -> Option<Self> {
        let email = || fields.get("email").and_then(Value::as_str).map(|address| (address, Channel::Mail));
        let phone = || fields.get("phone").and_then(Value::as_str).map(|address| (address, Channel::Sms));
        let by_mail = fields.get("method").and_then(Value::as_str) == Some("email");
        let found = if by_mail { email().or_else(phone) } else { phone().or_else(email) };
        found.map(|(address, channel)| Self { address: address.to_owned(), channel })
    }

    /// The member `name`, which must be a phone number: a plus sign and two to fifteen digits (E.164).
    pub(super) fn phone(fields: &Fields, name: &'static str) -> Result<Option<Self>, Refusal> {
        let Some(value) = given(fields, name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| Refusal::parameter(name, format!("{name} must be text")))?;
        let digits = text.strip_prefix('+').unwrap_or_default();
        if !(2..=15).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) || digits.starts_with('0') {
            return Err(Refusal::value(name, format!("{name} must be a plus sign and 2 to 15 digits")));
        }
        Ok(Some(Self { address: text.to_owned(), channel: Channel::Sms }))
    }

    /// The member `name`, which must be a mail address.
    pub(super) fn email(fields: &Fields, name: &'static str) -> Result<Option<Self>, Refusal> {
        let Some(value) = given(fields, name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| Refusal::parameter(name, format!("{name} must be text")))?;
        let parts = text.split_once('@');
        let good = parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
        // RFC 5321 §4.5.3.1.3: a path has at most 256 octets, with its brackets.
        if !good || text.len() > 254 || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(Refusal::value(name, format!("{name} must be a mail address")));
        }
        Ok(Some(Self { address: text.to_owned(), channel: Channel::Mail }))
    }
}

/// A member that is there and not null.
pub(super) fn given<'f>(fields: &'f Fields, name: &str) -> Option<&'f Value> {
    fields.get(name).filter(|value| !value.is_null())
}
