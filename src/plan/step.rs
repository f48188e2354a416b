//! The steps of a plan.

use super::backing::{ProcessAct, RedisFaultPlan, RedisLookPlan};
use super::browser::{DialogPlan, FetchPlan, PasskeyPlan, ScriptPlan, TabPlan};
use super::expect::{Capture, CaptureFrom, Expectation, ExpectationKind};
use super::fault::{Fault, FaultKind};
use super::matcher::Matcher;
use super::probe::ProbePlan;
use super::template::{JsonTemplate, Template};
use crate::base::Span;
use crate::web::html::Locator;
use crate::web::origin::Origin;
use regex::Regex;
use std::sync::Arc;
use std::time::Duration;

/// Number of a step in the plan, counted over all nested steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepId(pub u32);

impl StepId {
    /// Numbers from here on are those of steps that the command line added.
    pub const ADDED: u32 = 1 << 31;

    /// Whether the command line added the step.
    #[must_use]
    pub fn is_added(self) -> bool {
        self.0 >= Self::ADDED
    }
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its number.
    pub number: StepId,
    /// The id that the scenario gives it, for references.
    pub id: Option<String>,
    /// One line for people, secrets by name: `click "Log in"`.
    pub label: String,
    /// Where it stands.
    pub span: Span,
    /// Who does it.
    pub actor: Arc<str>,
    /// What is done.
    pub verb: Verb,
    /// What it must show.
    pub expect: Vec<Expectation>,
    /// What is kept of it.
    pub capture: Vec<Capture>,
    /// What of earlier steps it cannot do without.
    pub needs: Vec<Need>,
    /// How long it may take.
    pub timeout: Duration,
}

/// Something of an earlier step that a later one cannot do without.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// That the step with this id went well.
    Step(String),
    /// The value that was captured under this name.
    Capture(String),
}

impl Step {
    /// Whether it looks at the page's web storage.
    #[must_use]
    pub fn asks_for_storage(&self) -> bool {
        let expected = |expectation: &Expectation| matches!(expectation.kind, ExpectationKind::Local(..) | ExpectationKind::Session(..));
        let captured = |capture: &Capture| matches!(capture.from, CaptureFrom::Local(_) | CaptureFrom::Session(_));
        self.expect.iter().any(expected) || self.capture.iter().any(captured)
    }

    /// Whether the scenario asks how it fails, instead of wanting it done.
    #[must_use]
    pub fn is_meant_to_fail(&self) -> bool {
        self.expect.iter().any(|expectation| matches!(expectation.kind, ExpectationKind::Failure(_)))
    }
}

/// What a step does.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant)] // A plan has few steps, and each is read in place.
pub enum Verb {
    /// Goes to a URL as if typed into the address bar.
    Open(Template),
    /// Follows a link or presses a button.
    Click(Locator),
    /// Fills fields.
    Fill(Vec<Field>),
    /// Presses a key in the page; Enter submits.
    Press(String),
    /// Chooses options.
    Select(Vec<Field>),
    /// Waits until the page is as described.
    Wait(WaitPlan),
    /// Loads the page again.
    Reload,
    /// Goes back in the history.
    Back,
    /// Sends one HTTP request.
    Request(Box<RequestPlan>),
    /// Sends an earlier request again.
    Replay(Box<Replay>),
    /// Changes the actor's jar.
    Cookies(CookiesPlan),
    /// Looks at the actor's last response again, without a request.
    Expect,
    /// Steps at the same time.
    Race(Vec<Step>),
    /// Steps again and again.
    Repeat(LoopPlan),
    /// One step until its expectations hold.
    Poll {
        /// The step.
        step: Box<Step>,
        /// Time between two tries.
        every: Duration,
        /// Time after which it has failed.
        within: Duration,
    },
    /// Steps of a named flow, for display; they run in order.
    Flow {
        /// Its name.
        name: String,
        /// Its steps with arguments filled in.
        steps: Vec<Step>,
    },
    /// Lets time pass.
    Sleep(Duration),
    /// Looks at how an origin was called.
    Calls(CallsPlan),
    /// Asks until it is throttled.
    Limit(Box<LimitPlan>),
    /// Asks beyond the login itself, as a program that leaves the actor's cookies alone.
    Probe(Box<ProbePlan>),
    /// Connects to what stands behind an origin.
    Tcp(Origin),
    /// Waits for a message.
    Inbox(Box<InboxPlan>),
    /// Moves the run's clock forwards.
    Clock(Duration),
    /// A step just before a limit and one just past it.
    Boundary(Box<BoundaryPlan>),
    /// Changes what an embedded service does wrong.
    Fault(FaultsPlan),
    /// Looks into a Redis service.
    Redis(Box<RedisLookPlan>),
    /// Changes what happens to commands on their way to Redis.
    RedisFault(RedisFaultPlan),
    /// Starts, stops or signals a process, or looks at it.
    Process(Box<ProcessAct>),
    /// The actor's last navigation ended at a custom scheme.
    DeepLink(Matcher),
    /// Turns to another tab.
    Tab(TabPlan),
    /// Has the page's script send a request.
    Fetch(Box<FetchPlan>),
    /// Runs a script in the page.
    Script(ScriptPlan),
    /// Takes a picture of the page, under this name.
    Screenshot(String),
    /// How questions of the page are answered from now on.
    Dialog(DialogPlan),
    /// Gives the actor a device for passkeys, or takes it away.
    Passkey(PasskeyPlan),
}

/// One field and what goes into it.
#[derive(Debug, Clone)]
pub struct Field {
    /// The field.
    pub field: Locator,
    /// The value; for check boxes `true` or `false`.
    pub value: Template,
}

/// When a wait is over: all that is given holds.
#[derive(Debug, Clone)]
pub struct WaitPlan {
    /// The page's URL.
    pub url: Option<Matcher>,
    /// Its visible text.
    pub text: Option<Matcher>,
    /// Something is there.
    pub visible: Option<Locator>,
}

/// Methods of the HTTP verbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum HttpMethod {
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Head,
    Options,
}

impl HttpMethod {
    /// Every method.
    pub const ALL: [Self; 7] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete, Self::Head, Self::Options];

    /// As it stands in a request line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
        }
    }
}

/// One HTTP request as the scenario asks for it.
#[derive(Debug, Clone)]
pub struct RequestPlan {
    /// Method.
    pub method: HttpMethod,
    /// URL; relative ones resolve against the actor's page.
    pub url: Template,
    /// Query pairs to add.
    pub query: Vec<(String, Template)>,
    /// Headers to send; they replace what would be sent. An empty list of parts removes the header.
    pub headers: Vec<(String, Option<Template>)>,
    /// Body.
    pub body: Body,
    /// Where it comes from.
    pub from: From,
    /// Whether the jar's cookies go with it and its Set-Cookies are kept.
    pub cookies: bool,
    /// Whether redirects are followed.
    pub follow: bool,
}

/// Who a request seems to come from: decides Origin, Referer, Sec-Fetch headers and SameSite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// `fetch` with credentials in the actor's current page; like [`Client`](From::Client) when it has none.
    Page,
    /// `fetch` with credentials in a page of this origin.
    Origin(Origin),
    /// No page: a program with the actor's jar, no Origin, no Referer, no Sec-Fetch.
    Client,
}

/// The body of a request.
#[derive(Debug, Clone)]
pub enum Body {
    /// None.
    Empty,
    /// JSON with its content type.
    Json(JsonTemplate),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, Template)>),
    /// `multipart/form-data`, text parts.
    Multipart(Vec<(String, Template)>),
    /// Text with a content type of the step's headers.
    Raw(Template),
}

/// An earlier request, sent again with changes.
#[derive(Debug, Clone)]
pub struct Replay {
    /// Which.
    pub of: ReplayOf,
    /// Query parameters to set (or remove).
    pub query: Vec<(String, Option<Template>)>,
    /// Headers to set (or remove).
    pub headers: Vec<(String, Option<Template>)>,
    /// Whether the Cookie header of the first time goes out again byte for byte, instead of what the jar would send.
    pub same_cookies: bool,
    /// Whether redirects are followed.
    pub follow: bool,
}

/// Which earlier request.
#[derive(Debug, Clone)]
pub struct ReplayOf {
    /// The step with this id; the last step that made a request when absent.
    pub step: Option<String>,
    /// Among its hops the first whose URL matches; its first hop when absent.
    pub url: Option<Matcher>,
}

/// Changes of the actor's jar, in order.
#[derive(Debug, Clone)]
pub struct CookiesPlan {
    /// The URL whose cookies are meant.
    pub at: Template,
    /// The changes.
    pub changes: Vec<CookieEdit>,
}

/// One change and where it stands.
#[derive(Debug, Clone)]
pub struct CookieEdit {
    /// The change.
    pub change: CookieChange,
    /// Where it stands.
    pub span: Span,
}

/// One change of the jar.
#[derive(Debug, Clone)]
pub enum CookieChange {
    /// Stores a cookie from Set-Cookie text, as if the URL had answered with it.
    Set(Template),
    /// Replaces the value of a stored cookie, attributes kept.
    Value(String, Template),
    /// Renames a stored cookie.
    Rename(String, String),
    /// Removes a cookie by name.
    Delete(String),
    /// Removes all that would be sent to the URL.
    Clear,
}

/// Steps again and again.
#[derive(Debug, Clone)]
pub struct LoopPlan {
    /// How often.
    pub times: u32,
    /// The steps, run in order each time.
    pub steps: Vec<Step>,
}

/// How an origin was called so far.
#[derive(Debug, Clone)]
pub struct CallsPlan {
    /// The origin.
    pub origin: Origin,
    /// Method of the calls that count.
    pub method: Option<String>,
    /// Path of the calls that count.
    pub path: Option<Matcher>,
    /// How many there must be.
    pub count: Option<Matcher>,
    /// Status of each of them.
    pub status: Option<Matcher>,
    /// Milliseconds between one and the next, for each gap.
    pub spacing: Option<Matcher>,
    /// How many of them no route of a stub fits.
    pub unexpected: Option<Matcher>,
    /// What must be found in this order among `METHOD /path` of the calls.
    pub order: Vec<Matcher>,
    /// How long the caller waited between them.
    pub gaps: Option<GapsPlan>,
    /// Only calls since the step with this id began.
    pub since: Option<String>,
}

/// How long a caller waits after each answer before it calls again.
#[derive(Debug, Clone, PartialEq)]
pub struct GapsPlan {
    /// Each wait, in order.
    pub waits: Vec<Duration>,
    /// How far each may be from that, as a part of it.
    pub jitter: f64,
    /// How much longer each may be because machines are busy.
    pub slack: Duration,
}

impl GapsPlan {
    /// The shortest and the longest that a wait may be.
    #[must_use]
    pub fn bounds(&self, wait: Duration) -> (Duration, Duration) {
        let off = wait.mul_f64(self.jitter);
        (wait.saturating_sub(off), wait + off + self.slack)
    }
}

/// Asking until it is throttled.
#[derive(Debug, Clone)]
pub struct LimitPlan {
    /// What is done again and again; the capture [`TRY`](Self::TRY) counts.
    pub step: Step,
    /// What an answer that is throttled shows.
    pub throttled: Vec<Expectation>,
    /// How often it is done at most.
    pub tries: u32,
    /// How far the clock moves between two tries.
    pub every: Option<Duration>,
    /// Steps that differ in one thing each, by the name of that thing.
    pub vary: Vec<(String, Step)>,
    /// How long the block may last.
    pub within: Option<Duration>,
    /// How far the clock moves between two looks at the block.
    pub stride: Duration,
}

impl LimitPlan {
    /// The name of the capture that counts the tries.
    pub const TRY: &'static str = "try";

    /// Every step in it.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        std::iter::once(&self.step).chain(self.vary.iter().map(|(_, step)| step))
    }
}

/// How a message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// By e-mail.
    Mail,
    /// By text message, WhatsApp included.
    Sms,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 2] = [Self::Mail, Self::Sms];

    /// Its name in scenarios and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Sms => "sms",
        }
    }
}

/// A message that is waited for: the newest that is as described.
#[derive(Debug, Clone)]
pub struct InboxPlan {
    /// The mail address or phone number it goes to.
    pub to: Template,
    /// How it travels; either way when absent.
    pub channel: Option<Channel>,
    /// Who sends it.
    pub from: Option<Matcher>,
    /// Its subject.
    pub subject: Option<Matcher>,
    /// Its text.
    pub text: Option<Matcher>,
    /// The code that it carries.
    pub code: Wanted,
    /// The link that it carries.
    pub link: Wanted,
    /// How long it is waited for.
    pub within: Duration,
    /// How many such messages there must be; one at least when absent.
    pub count: Option<Matcher>,
    /// Only messages since the step with this id began.
    pub since: Option<String>,
}

/// What is looked for in a message.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// What looks like one, if there is any.
    Perhaps,
    /// What looks like one; a message without it is not meant.
    Any,
    /// What the expression finds, its first group or all of it; a message without it is not meant.
    Like(Regex),
}

/// One step just before a time limit and one just past it.
#[derive(Debug, Clone)]
pub struct BoundaryPlan {
    /// The limit.
    pub limit: Duration,
    /// How far from it the steps are done.
    pub margin: Duration,
    /// What starts the limit.
    pub start: BoundaryStart,
    /// What is done just before it.
    pub before: Option<Step>,
    /// What is done just past it.
    pub after: Option<Step>,
}

impl BoundaryPlan {
    /// Every step in it, in the order in which they are done first.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        let start = match &self.start {
            BoundaryStart::Steps(steps) => steps.as_slice(),
            BoundaryStart::Since(_) => &[],
        };
        start.iter().chain(&self.before).chain(&self.after)
    }
}

/// What starts a limit.
#[derive(Debug, Clone)]
pub enum BoundaryStart {
    /// The last of these; they are done anew for each side of the limit.
    Steps(Vec<Step>),
    /// The step with this id, done before.
    Since(String),
}

/// A change of what the embedded service of an origin does wrong.
#[derive(Debug, Clone)]
pub struct FaultsPlan {
    /// The origin.
    pub origin: Origin,
    /// Which faults are turned off first.
    pub clear: Clear,
    /// What is turned on then.
    pub add: Vec<Fault>,
}

/// Which faults are turned off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clear {
    /// All of them.
    All,
    /// Those of these kinds.
    Kinds(Vec<FaultKind>),
}
