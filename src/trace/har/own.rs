//! What authchain adds to the format under `_authchain`, so that its own files come back whole.
//!
//! Anybody can write that into a file. So it is taken only where it fits the rest of the file (see [`import`](super::import)), and
//! texts are escaped and bounded as all text from elsewhere is.

use crate::base::escape;
use crate::trace::{Cause, CookieSet, CookieWithheld, Hop, HopId, Reason, Resource, SetVerdict, StepRecord};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use time::OffsetDateTime;
use url::Url;

/// Longest text that is taken from a file, in characters.
const LONGEST: usize = 1000;
/// Longest name of a cookie (RFC 6265bis §5.6), in characters.
const LONGEST_NAME: usize = 4096;
/// Longest name of an actor and code of a reason, in characters.
const LONGEST_WORD: usize = 60;
/// Most reasons, and most other cookies, that are taken for one.
const MOST: usize = 50;
/// How deep steps are shown inside one another.
const DEEPEST: usize = 16;

/// What an entry has beside the format.
#[derive(Serialize, Deserialize)]
pub(super) struct OwnEntry {
    pub(super) hop: u32,
    pub(super) step: usize,
    actor: String,
    cause: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<u32>,
    resource: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    set: Vec<OwnSet>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    withheld: Vec<OwnWithheld>,
}

#[derive(Serialize, Deserialize)]
struct OwnSet {
    verdict: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<OwnReason>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<OwnReason>,
}

#[derive(Serialize, Deserialize)]
struct OwnWithheld {
    name: String,
    domain: String,
    path: String,
    reasons: Vec<OwnReason>,
}

#[derive(Serialize, Deserialize)]
struct OwnReason {
    code: String,
    explanation: String,
}

/// What the log has beside the format.
#[derive(Serialize, Deserialize)]
pub(super) struct OwnLog {
    pub(super) steps: Vec<OwnStep>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct OwnStep {
    number: u32,
    label: String,
    actor: String,
    depth: usize,
    #[serde(with = "time::serde::rfc3339")]
    started: OffsetDateTime,
    took_ms: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

const CAUSES: [(Cause, &str); 12] = [
    (Cause::Open, "open"),
    (Cause::Link, "link"),
    (Cause::Form, "form"),
    (Cause::AutoForm, "auto-form"),
    (Cause::Refresh, "refresh"),
    (Cause::Reload, "reload"),
    (Cause::Back, "back"),
    (Cause::Api, "api"),
    (Cause::Replay, "replay"),
    (Cause::Probe, "probe"),
    (Cause::Script, "script"),
    (Cause::Subresource, "subresource"),
];

const RESOURCES: [Resource; 5] = [Resource::Document, Resource::Frame, Resource::Fetch, Resource::Preflight, Resource::Asset];

impl OwnEntry {
    /// `text` is what every text goes through before it is written.
    pub(super) fn of(hop: &Hop, text: &dyn Fn(&str) -> String) -> Self {
        let (cause, from) = match &hop.cause {
            Cause::Redirect(from) => ("redirect", Some(from.0)),
            cause => (CAUSES.iter().find(|(known, _)| known == cause).map_or("open", |(_, word)| word), None),
        };
        Self {
            hop: hop.id.0,
            step: hop.step,
            actor: hop.actor.to_string(),
            cause: cause.to_owned(),
            from,
            resource: hop.resource.name().to_owned(),
            set: hop.set.iter().map(|set| OwnSet::of(set, text)).collect(),
            withheld: hop.withheld.iter().map(|withheld| OwnWithheld::of(withheld, text)).collect(),
        }
    }

    /// Who asked.
    pub(super) fn actor(&self) -> String {
        taken(&self.actor, LONGEST_WORD)
    }

    /// How many Set-Cookie lines it has a verdict on.
    pub(super) fn verdicts(&self) -> usize {
        self.set.len()
    }

    /// Whether it says that a cookie was kept.
    pub(super) fn keeps(&self) -> bool {
        self.set.iter().any(|set| matches!(set.verdict.as_str(), "stored" | "replaced"))
    }

    /// Whether it says that a cookie stayed at home.
    pub(super) fn withholds(&self) -> bool {
        !self.withheld.is_empty()
    }

    pub(super) fn cause(&self) -> Cause {
        match self.from {
            Some(from) if self.cause == "redirect" => Cause::Redirect(HopId(from)),
            _ => CAUSES.iter().find(|(_, word)| *word == self.cause).map_or(Cause::Open, |(cause, _)| cause.clone()),
        }
    }

    pub(super) fn resource(&self) -> Resource {
        RESOURCES.into_iter().find(|resource| resource.name() == self.resource).unwrap_or_default()
    }

    /// Gives Set-Cookie lines the verdicts that were told of them, in order.
    pub(super) fn judge(&self, set: &mut [CookieSet]) {
        for (cookie, own) in set.iter_mut().zip(&self.set) {
            cookie.verdict = own.verdict();
            cookie.warnings = reasons(&own.warnings);
        }
    }

    pub(super) fn withheld(&self) -> Vec<CookieWithheld> {
        let one = |own: &OwnWithheld| CookieWithheld {
            name: escape::shorten(&own.name, LONGEST_NAME).into_owned().into(),
            domain: taken(&own.domain, LONGEST),
            path: taken(&own.path, LONGEST),
            reasons: reasons(&own.reasons),
        };
        self.withheld.iter().map(one).collect()
    }
}

impl OwnSet {
    fn of(set: &CookieSet, text: &dyn Fn(&str) -> String) -> Self {
        let (verdict, blocked, others) = match &set.verdict {
            SetVerdict::Stored => ("stored", None, None),
            SetVerdict::Replaced => ("replaced", None, None),
            SetVerdict::Deleted => ("deleted", None, None),
            SetVerdict::DeletedNothing(others) => ("deleted-nothing", None, Some(others)),
            SetVerdict::Blocked(reasons) => ("blocked", Some(reasons), None),
            SetVerdict::Unknown => ("unknown", None, None),
        };
        Self {
            verdict: verdict.to_owned(),
            reasons: blocked.map(|reasons| told(reasons, text)).unwrap_or_default(),
            others: others.into_iter().flatten().map(|other| text(other)).collect(),
            warnings: told(&set.warnings, text),
        }
    }

    fn verdict(&self) -> SetVerdict {
        match self.verdict.as_str() {
            "stored" => SetVerdict::Stored,
            "replaced" => SetVerdict::Replaced,
            "deleted" => SetVerdict::Deleted,
            "deleted-nothing" => SetVerdict::DeletedNothing(self.others.iter().take(MOST).map(|other| taken(other, LONGEST)).collect()),
            "blocked" => SetVerdict::Blocked(reasons(&self.reasons)),
            _ => SetVerdict::Unknown,
        }
    }
}

impl OwnWithheld {
    fn of(withheld: &CookieWithheld, text: &dyn Fn(&str) -> String) -> Self {
        Self {
            name: String::from_utf8_lossy(&withheld.name).into_owned(),
            domain: withheld.domain.clone(),
            path: text(&withheld.path),
            reasons: told(&withheld.reasons, text),
        }
    }
}

impl OwnStep {
    pub(super) fn of(step: &StepRecord, text: &dyn Fn(&str) -> String, url: &dyn Fn(&str) -> String) -> Self {
        Self {
            number: step.number,
            label: text(&step.label),
            actor: step.actor.to_string(),
            depth: step.depth,
            started: step.started,
            took_ms: step.took.as_secs_f64() * 1000.0,
            page: step.page.as_ref().map(|page| url(page.as_str())),
            error: step.error.as_deref().map(text),
        }
    }

    pub(super) fn record(self) -> StepRecord {
        StepRecord {
            page: self.page.and_then(|page| Url::parse(&page).ok()),
            error: self.error.map(|error| taken(&error, LONGEST)),
            took: Duration::from_secs_f64(self.took_ms.clamp(0.0, 86_400_000.0) / 1000.0),
            depth: self.depth.min(DEEPEST),
            ..super::import::step(self.number, taken(&self.label, LONGEST), taken(&self.actor, LONGEST_WORD).into(), self.started)
        }
    }
}

fn told(reasons: &[Reason], text: &dyn Fn(&str) -> String) -> Vec<OwnReason> {
    reasons.iter().map(|reason| OwnReason { code: reason.code.clone(), explanation: text(&reason.explanation) }).collect()
}

fn reasons(own: &[OwnReason]) -> Vec<Reason> {
    let one = |own: &OwnReason| Reason { code: taken(&own.code, LONGEST_WORD), explanation: taken(&own.explanation, LONGEST) };
    own.iter().take(MOST).map(one).collect()
}

/// Text of a file, on one line and no longer than `most`.
fn taken(text: &str, most: usize) -> String {
    escape::shorten(&escape::line(text), most).into_owned()
}
