//! The vendor of one-time passwords, and the hook for text messages.

use super::compiler::Compiler;
use crate::base::Span;
use crate::plan::{Channel, InboxHookPlan, JsonTemplate, OtpFlag, OtpPlan, Service};
use crate::scenario::origin::{InboxHook, Otp};
use crate::scenario::read::Text;
use std::time::Duration;

const CODE_TTL: Duration = Duration::from_secs(5 * 60);
const ATTEMPTS: u32 = 5;
const DIGITS: u32 = 6;
const BALANCE: u64 = 1000;
const SENDER: &str = "Authentica";
const TEMPLATE: &str = "Your verification code is {otp}";

/// Names that common senders use, the more telling ones first.
const TO: [&str; 9] = ["to", "To", "phone", "phone_number", "recipient", "mobile", "msisdn", "number", "destination"];
const TEXT: [&str; 8] = ["text", "body", "Body", "message", "Message", "content", "sms", "msg"];
const FROM: [&str; 6] = ["from", "From", "sender", "sender_id", "sender_name", "originator"];

impl Compiler<'_> {
    pub(super) fn otp(&mut self, otp: &Otp) -> Option<OtpPlan> {
        let flag = match &otp.flag {
            None => OtpFlag::Status,
            Some(text) => {
                let name = self.known(text, "a flag");
                match OtpFlag::ALL.into_iter().find(|flag| flag.name() == name) {
                    Some(flag) => flag,
                    None => {
                        self.unknown(text.span, "flag", &name, OtpFlag::ALL.map(OtpFlag::name));
                        return None;
                    }
                }
            }
        };
        let digits = otp.digits.as_ref().map_or(DIGITS, |digits| digits.value);
        if let Some(written) = otp.digits.as_ref().filter(|digits| !(4..=10).contains(&digits.value)) {
            self.fault(written.span, "a code has four to ten digits");
        }
        let attempts = otp.attempts.as_ref().map_or(ATTEMPTS, |attempts| attempts.value);
        if let Some(written) = otp.attempts.as_ref().filter(|attempts| attempts.value == 0) {
            self.fault(written.span, "somebody who may not try can never be verified");
        }
        let mut templates = Vec::new();
        for (key, text) in &otp.templates.0 {
            let Ok(id) = key.name.parse::<u64>() else {
                self.fault_with(key.span, format!("`{}` is no `template_id`", key.name), "templates have numbers");
                continue;
            };
            let text_known = self.known(text, "a template");
            if !text_known.contains("{otp}") {
                self.fault_with(text.span, "a template without the code", "write `{otp}` where the code shall stand");
            }
            templates.push((id, text_known));
        }
        if templates.is_empty() {
            templates.push((1, TEMPLATE.to_owned()));
        }
        Some(OtpPlan {
            key: self.secret(&otp.key, "otp.key"),
            flag,
            code_ttl: self.duration_or(otp.code_ttl.as_ref(), CODE_TTL),
            attempts,
            digits: usize::try_from(digits).unwrap_or(10).min(10),
            balance: otp.balance.unwrap_or(BALANCE),
            sender: otp.sender.as_ref().map_or_else(|| SENDER.to_owned(), |text| self.known(text, "a sender")),
            templates,
            faults: self.all_faults(&otp.faults.0, Service::Otp),
        })
    }

    pub(super) fn inbox_hook(&mut self, hook: &InboxHook, span: Span) -> Option<InboxHookPlan> {
        let mut names = |own: &Option<Text>, usual: &[&str]| match own {
            Some(name) => vec![self.known(name, "the name of a field")],
            None => usual.iter().map(|name| (*name).to_owned()).collect(),
        };
        let (to, text, from) = (names(&hook.to, &TO), names(&hook.text, &TEXT), names(&hook.from, &FROM));
        let channel = match &hook.channel {
            None => Channel::Sms,
            Some(text) => self.channel(text)?,
        };
        let status = hook.status.unwrap_or(200);
        if !(200..=599).contains(&status) {
            self.fault(span, format!("{status} is not the status of an answer"));
        }
        let reply = match &hook.reply {
            Some(reply) => self.json(reply),
            None => JsonTemplate::Map(vec![("ok".to_owned(), JsonTemplate::Plain(true.into()))]),
        };
        Some(InboxHookPlan { to, text, from, channel, status, reply })
    }
}
