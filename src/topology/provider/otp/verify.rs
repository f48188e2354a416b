//! A code checked.

use super::recipient::{Recipient, given};
use super::store::Tried;
use super::{Endpoint, Fields, Inner, Refusal, reply};
use crate::plan::FaultKind;
use crate::topology::provider::note::{Decision, Outcome, quoted};
use crate::topology::switchboard::Who;
use serde_json::Value;

impl Inner {
    pub(super) fn verify(&self, fields: &Fields, who: &Who<'_>) -> Result<Outcome, Refusal> {
        let tried = match given(fields, "otp") {
            None => return Err(Refusal::parameter("otp", "otp is missing")),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => return Err(Refusal::parameter("otp", "otp must be text")),
        };
        let recipient = match Recipient::phone(fields, "phone")? {
            Some(phone) => Some(phone),
            None => Recipient::email(fields, "email")?,
        };
        let recipient = recipient.ok_or_else(|| Refusal::parameter("phone", "phone or email is missing"))?;
        let came_to = self.store().attempt(&recipient.address, &tried, self.surroundings.clock.now());
        let flag_missing = self.faults.strikes(FaultKind::OtpFlagMissing, who).is_some();
        let told = |right: bool| if flag_missing { None } else { Some(right) };
        let whose = quoted(&recipient.address);
        let name = Endpoint::Verify.name();
        let (right, decision) = match came_to {
            Tried::Right if self.faults.strikes(FaultKind::OtpUnverified, who).is_some() => {
                (false, Decision::new(name, "fault: the right code was called wrong"))
            }
            Tried::Right => (true, Decision::new(name, "code accepted")),
            Tried::None => (false, Decision::new(name, "code refused").because("none was sent to this recipient, or it was used before")),
            Tried::Wrong => (false, Decision::new(name, "code refused").because("it is not the one that was sent")),
            Tried::UsedUp => (false, Decision::new(name, "code refused").because("too many wrong ones were tried")),
            Tried::Expired => (false, Decision::new(name, "code refused").because("it has expired")),
        };
        let why = decision.why.as_ref().map_or_else(|| whose.clone(), |why| format!("{why}: {whose}"));
        Ok(Outcome::new(reply::verified(self.plan.flag, told(right)), decision.because(why)))
    }
}
