//! The life of a code: asked for, sent, verified.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::clock::{Millis, millis};
use super::config::{Config, Provider};
use super::contract::{self, Refusal};
use super::faults::Fault;
use super::phone::normalise;
use super::store::{Purpose, Store};
use super::throttle::{Asker, address, device, request_id};
use super::tokens;
use super::vendor::{Heard, Vendor};
use crate::Log;

/// One running API.
pub(super) struct Salon {
    pub(super) config: Config,
    pub(super) store: Arc<Store>,
    pub(super) vendor: Vendor,
    pub(super) log: Log,
    pub(super) window: Arc<Window>,
    /// Another one after every start.
    pub(super) boot: String,
}

/// The last errors that were logged, as a log viewer shows them.
#[derive(Debug, Default)]
pub(super) struct Window(Mutex<VecDeque<String>>);

impl Window {
    /// Most lines.
    const MOST: usize = 100;

    fn add(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= Self::MOST {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// A request, as far as every handler needs it.
pub(super) struct Call {
    pub(super) headers: HeaderMap,
    pub(super) id: String,
}

impl Call {
    pub(super) fn new(headers: HeaderMap) -> Call {
        Call { id: request_id(&headers), headers }
    }
}

/// Members of a JSON body.
pub(super) struct Fields(pub(super) serde_json::Map<String, Value>);

impl Fields {
    fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim())),
            Some(_) => Err(Refusal::Invalid("A member has the wrong type.")),
        }
    }

    fn typed_number(&self) -> Result<&str, Refusal> {
        let typed = self.text("phone_number")?.ok_or(Refusal::Invalid("phone_number is required."))?;
        if typed.chars().count() > contract::LONGEST_NUMBER { Err(Refusal::Phone) } else { Ok(typed) }
    }
}

impl Salon {
    pub(super) fn now(&self) -> Millis {
        self.config.clock.now()
    }

    /// The number as accounts and limits know it.
    fn identity(&self, typed: &str) -> Result<String, Refusal> {
        let number = normalise(typed).ok_or(Refusal::Phone)?;
        Ok(if self.config.has(Fault::NumbersAsTyped) { typed.to_owned() } else { number })
    }

    /// `…/request/`: has a code sent.
    pub(super) async fn request(self: &Arc<Self>, purpose: Purpose, fields: &Fields, call: &Call) -> Result<Value, Refusal> {
        let typed = fields.typed_number()?;
        let number = self.identity(typed)?;
        let channel = match fields.text("channel")? {
            None => "sms",
            Some(channel @ ("sms" | "whatsapp")) => channel,
            Some(_) => return Err(Refusal::Channel),
        };
        let dialled = normalise(typed).ok_or(Refusal::Phone)?;
        let admitted = self.admit(purpose, &number, fields, call);
        let id = match admitted {
            Ok(id) => id,
            Err(refusal) => {
                if matches!(refusal, Refusal::Throttled(contract::Limit::Cooldown, _)) && self.config.has(Fault::RefusalSends) {
                    let _ = self.vendor.send(&dialled, channel, &self.config, &mut None).await;
                }
                return Err(refusal);
            }
        };
        let mut heard = None;
        let unsent = self.config.has(Fault::Unsent) && self.config.provider == Provider::Authentica;
        let sent = if unsent { None } else { Some(self.vendor.send(&dialled, channel, &self.config, &mut heard).await) };
        self.tell("send", &number, call, heard.as_ref(), sent.as_ref().is_some_and(Result::is_err));
        let code = sent.transpose()?.and_then(|sent| sent.code);
        if let Some(code) = code.as_deref().filter(|_| self.config.provider == Provider::Console) {
            (self.log)(&format!("otp console: the code for {} is {code}", hashed(&number)));
        }
        if let Some(row) = self.store.lock().row(id) {
            row.sent = true;
            row.code = code;
        }
        let Config { expiry, cooldown, .. } = self.config;
        Ok(contract::requested(channel, expiry, cooldown, self.config.has(Fault::OlderBuild)))
    }

    /// A row for a request that no limit refuses, and a user for who signs in.
    fn admit(&self, purpose: Purpose, number: &str, fields: &Fields, call: &Call) -> Result<u64, Refusal> {
        let now = self.now();
        let asker = Asker { ip: address(&call.headers, &self.config), device: device(fields.text("device_id")?) };
        let mut tables = self.store.lock();
        tables.admit_number(number, now, &self.config)?;
        if purpose == Purpose::Auth {
            tables.admit_asker(&asker, now, &self.config)?;
            if !self.config.has(Fault::UserAtVerify) {
                tables.user(number);
            }
        }
        Ok(tables.add(number, purpose, now, now + millis(self.config.expiry)))
    }

    /// `…/verify/`: checks a code. In the `phone/` family that is a sign-in.
    pub(super) async fn verify(self: &Arc<Self>, purpose: Purpose, fields: &Fields, call: &Call) -> Result<Value, Refusal> {
        let typed = fields.typed_number()?;
        let code = fields.text("code")?.filter(|code| !code.is_empty()).ok_or(Refusal::Invalid("code is required."))?;
        let number = if self.config.has(Fault::RawNumberAtVerify) { typed.to_owned() } else { self.identity(typed)? };
        let (id, chosen) = self.attempt(purpose, &number)?;
        let mut heard = None;
        let right = match chosen {
            Some(chosen) => (chosen == code).then_some(()).ok_or(Refusal::Code),
            None => {
                let dialled = normalise(typed).ok_or(Refusal::Phone)?;
                self.vendor.verify(&dialled, code, &self.config, &mut heard).await
            }
        };
        self.tell("verify", &number, call, heard.as_ref(), right.is_err());
        let mut tables = self.store.lock();
        if let Some(row) = tables.row(id) {
            row.verified = right.is_ok();
            if self.config.has(Fault::AttemptsRacy) {
                row.attempts += 1;
            }
        }
        right?;
        if purpose == Purpose::Verify {
            if let Some(user) = tables.users.get_mut(&number).filter(|_| !self.config.has(Fault::FlagNeverSet)) {
                user.is_phone_verified = true;
            }
            return Ok(json!({ "detail": "Phone number verified.", "verified": true }));
        }
        let user = tables.user(&number);
        user.is_phone_verified |= !self.config.has(Fault::FlagNeverSet);
        let key = if self.config.has(Fault::TokensUnknown) { "another key, which nobody trusts" } else { &self.config.secret_key };
        let access = tokens::issue(user.id, self.now(), key).ok_or(Refusal::Crashed)?;
        Ok(json!({ "access": access, "token_type": "Bearer", "expires_in": contract::ACCESS_TTL.as_secs(), "user": profile(user) }))
    }

    /// The row that a code is tried on, one attempt used up; with it the code, where this server chose it. An attempt counts
    /// before the vendor is asked, so that guesses at the same time cannot share one.
    fn attempt(&self, purpose: Purpose, number: &str) -> Result<(u64, Option<String>), Refusal> {
        let now = self.now();
        let shared = self.config.has(Fault::PurposesShared);
        let mut tables = self.store.lock();
        let row = tables.newest(number, |row| shared || row.purpose == purpose).ok_or(Refusal::Code)?;
        if row.verified {
            return Err(Refusal::Code);
        }
        // The moment itself is past the limit.
        if now >= row.expires_at {
            return Err(Refusal::Expired);
        }
        if row.attempts >= self.config.max_attempts && !self.config.has(Fault::AttemptsUnlimited) {
            return Err(Refusal::Locked);
        }
        if !self.config.has(Fault::AttemptsRacy) {
            row.attempts += 1;
        }
        Ok((row.id, row.code.clone()))
    }

    /// One line for what the vendor did, so that support can find it by time, number and request id.
    fn tell(&self, what: &str, number: &str, call: &Call, heard: Option<&Heard>, failed: bool) {
        if failed && self.config.has(Fault::SendErrorsUnlogged) {
            return;
        }
        let Some(heard) = heard else { return };
        let level = if failed { "ERROR" } else { "INFO" };
        let status = heard.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        let ids = if self.config.has(Fault::RequestIdsLost) {
            String::new()
        } else {
            format!(" request_id={} vendor_request_id={}", call.id, heard.request_id.as_deref().unwrap_or("-"))
        };
        let line = format!(
            "{level} otp {what} {} number={} vendor_status={status} took={}ms at={}{ids}",
            heard.outcome,
            hashed(number),
            heard.took,
            super::clock::iso(self.now()),
        );
        (self.log)(&line);
        if failed {
            self.window.add(line);
        }
    }
}

/// A user as the API shows one.
pub(super) fn profile(user: &super::store::User) -> Value {
    json!({ "id": user.id, "phone_number": user.number, "name": user.name, "is_phone_verified": user.is_phone_verified })
}

/// What a log has in place of a number.
pub(super) fn hashed(number: &str) -> String {
    Sha256::digest(number.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
