//! What only a real browser can do, and how it is set up.

use super::matcher::Matcher;
use super::step::RequestPlan;
use super::template::Template;

/// Who performs page steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Engine {
    /// Forms and links from HTML, no script, a jar that acts as a browser's.
    #[default]
    Http,
    /// A real browser.
    Browser,
}

impl Engine {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Http, Self::Browser];

    /// Its name in scenarios and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Browser => "browser",
        }
    }
}

/// A real browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Browser {
    /// Chromium and what is built on it; the http engine acts as it does.
    Chromium,
    /// Firefox.
    Firefox,
}

impl Browser {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Chromium, Self::Firefox];

    /// Its name in scenarios.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
        }
    }
}

/// How an actor's browser is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserPolicy {
    /// Whether pages may run scripts.
    pub javascript: bool,
    /// Language and region (BCP 47); that of the machine when absent.
    pub locale: Option<String>,
    /// Time zone (IANA); that of the machine when absent.
    pub time_zone: Option<String>,
    /// Width and height of the window in CSS pixels; the browser's own when absent.
    pub viewport: Option<(u32, u32)>,
    /// Permissions and their states.
    pub permissions: Vec<(String, PermissionState)>,
    /// How pages are operated.
    pub input: Input,
}

impl Default for BrowserPolicy {
    fn default() -> Self {
        Self { javascript: true, locale: None, time_zone: None, viewport: None, permissions: Vec::new(), input: Input::Script }
    }
}

/// What a page gets that asks for a permission (Permissions §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum PermissionState {
    Granted,
    Denied,
    Prompt,
}

impl PermissionState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Granted, Self::Denied, Self::Prompt];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Denied => "denied",
            Self::Prompt => "prompt",
        }
    }
}

/// How pages are operated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Input {
    /// By script: fast, and enough for nearly every page.
    #[default]
    Script,
    /// By pointer and keys, as a person does.
    Real,
}

/// Which tab an actor turns to.
#[derive(Debug, Clone)]
pub enum TabPlan {
    /// A new one, on this URL if one is given.
    New(Option<Template>),
    /// Closes the one that is shown; the one before it is shown then.
    Close,
    /// The one that was opened last.
    Newest,
    /// The one with this number, counted from one in the order of opening.
    Number(usize),
    /// The one whose page is like this.
    Like {
        /// Its URL.
        url: Option<Matcher>,
        /// Its title.
        title: Option<Matcher>,
    },
}

/// A request of the page's script.
#[derive(Debug, Clone)]
pub struct FetchPlan {
    /// What is sent.
    pub request: RequestPlan,
    /// Whether cookies go with it.
    pub credentials: Credentials,
}

/// Whether cookies go with a page's request (Fetch §2.2.5, credentials mode).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Credentials {
    /// To the page's own origin only.
    #[default]
    SameOrigin,
    /// Everywhere.
    Include,
    /// Nowhere.
    Omit,
}

impl Credentials {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::SameOrigin, Self::Include, Self::Omit];

    /// Its name in the standard.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SameOrigin => "same-origin",
            Self::Include => "include",
            Self::Omit => "omit",
        }
    }
}

/// A script that runs in the page.
#[derive(Debug, Clone)]
pub struct ScriptPlan {
    /// The body of an async function.
    pub body: String,
    /// Its arguments.
    pub arguments: Vec<(String, Template)>,
}

/// How questions of a page are answered.
#[derive(Debug, Clone)]
pub enum DialogPlan {
    /// With yes.
    Accept,
    /// With no.
    Dismiss,
    /// With yes and this text.
    Text(Template),
}

/// A device that keeps passkeys, or none any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasskeyPlan {
    /// The actor gets one.
    Add(Authenticator),
    /// The actor's are taken away.
    Remove,
}

/// A virtual authenticator (WebAuthn §11.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authenticator {
    /// How it is attached.
    pub transport: &'static str,
    /// Whether it keeps discoverable credentials.
    pub resident: bool,
    /// Whether its owner is verified.
    pub verified: bool,
}

impl Authenticator {
    /// How one can be attached (WebAuthn §5.8.4).
    pub const TRANSPORTS: [&str; 5] = ["internal", "usb", "nfc", "ble", "hybrid"];
}

impl Default for Authenticator {
    fn default() -> Self {
        Self { transport: "internal", resident: true, verified: true }
    }
}
