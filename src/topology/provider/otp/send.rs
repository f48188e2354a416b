//! A code made and sent.

use super::recipient::{Recipient, given};
use super::{Endpoint, Fields, Inner, Refusal, reply};
use crate::plan::FaultKind;
use crate::topology::inbox::{Channel, Draft};
use crate::topology::provider::fresh::digits;
use crate::topology::provider::note::{Decision, Outcome, quoted};
use crate::topology::switchboard::Who;
use http::StatusCode;
use serde_json::Value;

/// Longest code that a caller may choose.
const LONGEST_CODE: usize = 10;

impl Inner {
    pub(super) fn send(&self, fields: &Fields, who: &Who<'_>) -> Result<Outcome, Refusal> {
        let (recipient, method) = recipient(fields)?;
        let fallback =
            [Recipient::phone(fields, "fallback_phone")?, Recipient::email(fields, "fallback_email")?].into_iter().flatten().next();
        let template = self.template(fields)?;
        let code = match given(fields, "otp") {
            None => digits(self.plan.digits),
            Some(value) => chosen(value)?,
        };
        let decision = |outcome: &str| Decision::new(Endpoint::Send.name(), outcome.to_owned());
        if self.faults.strikes(FaultKind::OtpUnsent, who).is_some() {
            return Ok(Outcome::new(reply::sent(Some(false)), decision("fault: nothing was sent, and said so with 200")));
        }
        let undelivered = self.faults.strikes(FaultKind::Undelivered, who);
        let flag = self.faults.strikes(FaultKind::OtpFlagMissing, who).is_none().then_some(true);
        let now = self.surroundings.clock.now();
        {
            let mut store = self.store();
            let Some(left) = store.balance.checked_sub(1) else {
                return Err(Refusal::new(StatusCode::BAD_REQUEST, "the balance is used up"));
            };
            store.balance = left;
            store.keep(&recipient.address, code.clone(), now, self.plan.code_ttl, self.plan.attempts);
        }
        let text = template.replace("{otp}", &code);
        let to = quoted(&recipient.address);
        let decision = match (undelivered, fallback) {
            // What cannot be delivered to one recipient alone goes where the caller said it should go then.
            (Some(fault), Some(fallback)) if fault.scope.user.is_some() => {
                let told = format!("code sent to the fallback {}", quoted(&fallback.address));
                self.deliver(fallback, text);
                decision(&told).because(format!("fault: {to} cannot be reached"))
            }
            (Some(_), _) => decision("fault: said to be sent, and was not").because(format!("{method} to {to}")),
            (None, _) => {
                self.deliver(recipient, text);
                decision("code sent").because(format!("{method} to {to}"))
            }
        };
        Ok(Outcome::new(reply::sent(flag), decision))
    }

    fn template(&self, fields: &Fields) -> Result<&str, Refusal> {
        let id = match given(fields, "template_id") {
            None => 1,
            Some(Value::String(text)) => text.parse().map_err(|_| Refusal::parameter("template_id", "template_id must be a number"))?,
            Some(value) => value.as_u64().ok_or_else(|| Refusal::parameter("template_id", "template_id must be a number"))?,
        };
        let known = self.plan.templates.iter().find(|(known, _)| *known == id);
        known.map(|(_, text)| text.as_str()).ok_or_else(|| Refusal::value("template_id", "template_id names no template"))
    }

    fn deliver(&self, recipient: Recipient, text: String) {
        let subject = (recipient.channel == Channel::Mail).then(|| "Verification code".to_owned());
        let from = self.plan.sender.clone();
        self.surroundings.inbox.deliver(Draft { channel: recipient.channel, from, to: vec![recipient.address], subject, text, html: None });
    }
}

/// Whom the method means, and the method.
fn recipient(fields: &Fields) -> Result<(Recipient, &'static str), Refusal> {
    let method = match given(fields, "method").map(Value::as_str) {
        None => return Err(Refusal::parameter("method", "method is missing")),
        Some(Some("sms")) => "sms",
        Some(Some("whatsapp")) => "whatsapp",
        Some(Some("email")) => "email",
        Some(_) => return Err(Refusal::parameter("method", "method is sms, whatsapp or email")),
    };
    let (name, found) = match method {
        "email" => ("email", Recipient::email(fields, "email")?),
        _ => ("phone", Recipient::phone(fields, "phone")?),
    };
    found.map(|recipient| (recipient, method)).ok_or_else(|| Refusal::parameter(name, format!("{name} is missing")))
}

/// A code that the caller chose.
fn chosen(value: &Value) -> Result<String, Refusal> {
    let code = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_u64() => number.to_string(),
        _ => return Err(Refusal::parameter("otp", "otp must be text")),
    };
    let good = (1..=LONGEST_CODE).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if good { Ok(code) } else { Err(Refusal::value("otp", "otp must be of at most 10 letters and digits")) }
}
