//! What a run provides beside the pages of its origins: mail server, message hook, vendor of one-time passwords.

use super::backend::ProcessPlan;
use super::backing::RedisPlan;
use super::fault::Fault;
use super::step::Channel;
use super::template::JsonTemplate;
use crate::base::{Secret, Span};
use std::time::Duration;

/// Something that the run provides beside its origins.
#[derive(Debug, Clone)]
pub struct ServicePlan {
    /// Its name, by which templates of processes know it.
    pub name: String,
    /// What it is.
    pub kind: ServiceKind,
    /// Where the scenario declares it.
    pub span: Span,
}

/// What a service is.
#[derive(Debug, Clone)]
pub enum ServiceKind {
    /// A mail server.
    Smtp(SmtpPlan),
    /// A Redis server.
    Redis(RedisPlan),
    /// Any other server, from an image.
    Container(Box<ProcessPlan>),
}

impl ServicePlan {
    /// What templates may ask of a service: `${service.NAME.port}`.
    pub const ADDRESS: [&'static str; 3] = ["host", "port", "url"];
}

/// A mail server that takes every mail into the run's inbox.
#[derive(Debug, Clone, Default)]
pub struct SmtpPlan {
    /// The reply code that every recipient is refused with (RFC 5321 §4.2.1).
    pub reject: Option<u16>,
    /// How long it waits before it accepts a mail.
    pub delay: Duration,
}

/// A hook that takes text messages over HTTP.
#[derive(Debug, Clone)]
pub struct InboxHookPlan {
    /// Names under which the recipient may stand; the first that is there counts.
    pub to: Vec<String>,
    /// Names under which the text may stand.
    pub text: Vec<String>,
    /// Names under which the sender may stand.
    pub from: Vec<String>,
    /// What the message counts as.
    pub channel: Channel,
    /// Status of the answer.
    pub status: u16,
    /// JSON of the answer.
    pub reply: JsonTemplate,
}

/// The embedded vendor of one-time passwords.
#[derive(Debug, Clone)]
pub struct OtpPlan {
    /// What `X-Authorization` must hold.
    pub key: Secret,
    /// Which member says that a code was right.
    pub flag: OtpFlag,
    /// Lifetime of a code.
    pub code_ttl: Duration,
    /// Wrong codes after which the right one is not taken any more.
    pub attempts: u32,
    /// Digits of a code.
    pub digits: usize,
    /// Messages that can still be paid for.
    pub balance: u64,
    /// Who the messages come from.
    pub sender: String,
    /// Texts by `template_id`; `{otp}` stands for the code.
    pub templates: Vec<(u64, String)>,
    /// Faults that are on from the start.
    pub faults: Vec<Fault>,
}

/// The member of an answer that says whether a code was right: the vendor's documents name three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtpFlag {
    /// `status`, as in the reference.
    Status,
    /// `verified`, as in the vendor's own read-me.
    Verified,
    /// `success`, as in the answer to sending.
    Success,
}

impl OtpFlag {
    /// Every member.
    pub const ALL: [Self; 3] = [Self::Status, Self::Verified, Self::Success];

    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Verified => "verified",
            Self::Success => "success",
        }
    }
}
