//! The scenario resolved: names looked up, templates, regexes, JSONPaths, URLs and durations compiled.
//!
//! In: a [`scenario`](crate::scenario) with its includes, a profile, a variant. Out: a [`Plan`], in which nothing textual
//! is left to be parsed while the run is under way. Values that only the run can know (captures) stay as [`Template`]s.

pub mod backend;
pub mod backing;
pub mod browser;
pub mod compile;
mod duration;
pub mod expect;
pub mod fault;
pub mod gotrue;
pub mod key;
pub mod matcher;
pub mod probe;
pub mod provider;
pub mod service;
pub mod step;
pub mod template;
pub mod totp;

pub use backend::{Backend, ImagePlan, OriginPlan, ProcessPlan, Ready, ReplayPlan, StubPlan, StubReply, StubRoute, UpstreamPlan};
pub use browser::{
    Authenticator, Browser, BrowserPolicy, Credentials, DialogPlan, Engine, FetchPlan, Input, PasskeyPlan, PermissionState, ScriptPlan,
    TabPlan,
};
pub use compile::{Compiled, compile, compile_variant};
pub use duration::duration;
pub(crate) use duration::shown as shown_duration;
pub use expect::{Beside, Capture, CaptureFrom, CookieExpectation, Expectation, ExpectationKind, HopExpectation, SameAs, UrlPart};
pub use fault::{Fault, FaultArguments, FaultKind, FaultScope, Service};
pub use gotrue::{
    GotrueAlgorithm, GotrueExternal, GotrueJwt, GotrueLimits, GotrueOtp, GotruePlan, GotrueRefresh, GotrueSession, GotrueUser,
    RedirectGlob, RefreshKind,
};
pub use key::{ClientKey, KeyError};
pub use matcher::{JsonType, Matcher};
pub use probe::{Build, Endpoints, Forms, ProbeAbout, ProbePlan, SessionProbe};
pub use provider::{
    Claims, ClientAuth, Consent, Grant, IdpClient, IdpPlan, IdpUser, Mfa, Pages, RefreshPlan, RefreshRule, SigningAlgorithm,
};
pub use service::{InboxHookPlan, OtpFlag, OtpPlan, ServiceKind, ServicePlan, SmtpPlan};
pub use step::{
    Body, BoundaryPlan, BoundaryStart, CallsPlan, Channel, Clear, CookieChange, CookieEdit, CookiesPlan, FaultsPlan, Field, From, GapsPlan,
    HttpMethod, InboxPlan, LimitPlan, LoopPlan, Need, Replay, ReplayOf, RequestPlan, Step, StepId, Verb, WaitPlan, Wanted,
};
pub use template::{Filter, JsonTemplate, Part, Scope, Template, TemplateError};
pub use totp::{BadSeed, TotpSeed};

use crate::base::Secret;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// One run of one scenario: a variant under a profile.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What the scenario calls itself.
    pub title: String,
    /// The scenario file, relative to where the command was started when possible.
    pub file: PathBuf,
    /// The variant, when the scenario has several.
    pub variant: Option<String>,
    /// The profile that was laid over the scenario.
    pub profile: Option<String>,
    /// Words to choose scenarios by.
    pub tags: Vec<String>,
    /// Requirement ids that this scenario covers.
    pub covers: Vec<String>,
    /// Findings that this run must report, because it reproduces them on purpose (rule ids).
    pub finds: Vec<String>,
    /// Rules that are silenced, with the reason that the scenario gives.
    pub allow: BTreeMap<String, String>,
    /// Snapshot transitions that are no drift.
    pub transitions: Vec<Transition>,
    /// Every origin of the run and what stands behind it, in the order of the file.
    pub origins: Vec<OriginPlan>,
    /// What the run provides beside its origins, in the order of the file.
    pub services: Vec<ServicePlan>,
    /// Variables known before the run, for templates that also need captures.
    pub variables: BTreeMap<String, String>,
    /// Secrets, by the name templates use.
    pub secrets: BTreeMap<String, Secret>,
    /// The steps, flows already laid out.
    pub steps: Vec<Step>,
    /// What is asked when all steps are done, or one of them failed, because the command line wants it. No snapshot shows it.
    pub after: Vec<Step>,
    /// How many of the first steps only look whether the services are up.
    pub smoke: usize,
    /// Limits and policies of the run.
    pub policy: Policy,
    /// The only engine that can perform it; either when absent.
    pub needs: Option<Engine>,
    /// The only browser that it is about.
    pub browser: Option<Browser>,
    /// Why its chain is another one in a real browser; the run then has a snapshot of its own there.
    pub differs: Option<String>,
    /// Who performs it.
    pub engine: Engine,
}

impl Plan {
    /// `file` or `file#variant`, with `@browser` where a real one performs it by choice: how this run is named everywhere.
    #[must_use]
    pub fn id(&self) -> String {
        let mut name = self.file.with_extension("").display().to_string();
        if let Some(variant) = &self.variant {
            name.push('#');
            name.push_str(variant);
        }
        if self.engine == Engine::Browser && self.needs.is_none() {
            name.push_str("@browser");
        }
        name
    }

    /// Whether its snapshot in a real browser is not that of the http engine.
    #[must_use]
    pub fn has_own_snapshot(&self) -> bool {
        self.engine == Engine::Browser && self.needs.is_none() && self.differs.is_some()
    }

    /// Whether some step is done on a page.
    #[must_use]
    pub fn has_pages(&self) -> bool {
        let mut has = false;
        each_step(&self.steps, &mut |step| has |= step.verb.is_of_pages());
        has
    }

    /// Whether some step moves the clock.
    #[must_use]
    pub fn moves_clock(&self) -> bool {
        let mut moves = false;
        each_step(&self.steps, &mut |step| {
            moves |= match &step.verb {
                Verb::Clock(_) | Verb::Boundary(_) => true,
                Verb::Limit(limit) => limit.every.is_some() || limit.within.is_some(),
                _ => false,
            };
        });
        moves
    }
}

impl Verb {
    /// Whether it is done on a page: by a real browser, where one performs the run.
    #[must_use]
    pub fn is_of_pages(&self) -> bool {
        matches!(
            self,
            Self::Open(_)
                | Self::Click(_)
                | Self::Fill(_)
                | Self::Press(_)
                | Self::Select(_)
                | Self::Wait(_)
                | Self::Reload
                | Self::Back
                | Self::Fetch(_)
                | Self::Tab(_)
                | Self::Script(_)
                | Self::Screenshot(_)
                | Self::Dialog(_)
                | Self::Passkey(_)
        )
    }
}

/// Every step among `steps` and within them, in the order of their numbers.
pub fn each_step<'p>(steps: &'p [Step], look: &mut impl FnMut(&'p Step)) {
    for step in steps {
        each_within(step, look);
    }
}

/// A step and every step within it.
pub fn each_within<'p>(step: &'p Step, look: &mut impl FnMut(&'p Step)) {
    look(step);
    match &step.verb {
        Verb::Race(steps) | Verb::Flow { steps, .. } => each_step(steps, look),
        Verb::Repeat(plan) => each_step(&plan.steps, look),
        Verb::Poll { step, .. } => each_within(step, look),
        Verb::Boundary(plan) => plan.steps().for_each(|step| each_within(step, look)),
        Verb::Limit(plan) => plan.steps().for_each(|step| each_within(step, look)),
        _ => {}
    }
}

/// A difference from the snapshot that is allowed: `from` may become `to`, nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// What the snapshot says.
    pub from: String,
    /// What may stand there instead.
    pub to: String,
    /// Why this is no drift.
    pub because: String,
}

/// Limits and policies of one run.
#[derive(Debug, Clone)]
pub struct Policy {
    /// How long one step may take unless it says otherwise.
    pub step_timeout: Duration,
    /// How long the whole run may take.
    pub run_timeout: Duration,
    /// Redirects in a row before following stops (Fetch §4.5: 20).
    pub max_redirects: usize,
    /// Largest response body that is read, in bytes, after decompression.
    pub max_body: usize,
    /// Whether cookies in third-party contexts are kept and sent.
    pub third_party_cookies: bool,
    /// Whether real origins may be reached.
    pub live: bool,
    /// Whether the run is compared with a snapshot.
    pub snapshot: bool,
    /// Whether steps that do not depend on a failed one are done all the same.
    pub keep_going: bool,
    /// How a real browser is set up.
    pub browser: BrowserPolicy,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            step_timeout: Duration::from_secs(15),
            run_timeout: Duration::from_secs(120),
            max_redirects: 20,
            max_body: 8 * 1024 * 1024,
            third_party_cookies: true,
            live: false,
            snapshot: true,
            keep_going: false,
            browser: BrowserPolicy::default(),
        }
    }
}

/// A declared origin, for messages that must list them.
#[must_use]
pub fn origin_names(origins: &[OriginPlan]) -> Vec<String> {
    origins.iter().map(|plan| plan.origin.to_string()).collect()
}
