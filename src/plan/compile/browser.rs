//! What only a real browser can do, and who performs a run.

use super::compiler::Compiler;
use super::matcher::Subject;
use crate::base::{Diagnostic, Span};
use crate::plan::{
    Authenticator, Body, Browser, BrowserPolicy, CaptureFrom, Credentials, DialogPlan, Engine, ExpectationKind, FetchPlan, From,
    HttpMethod, Input, PasskeyPlan, PermissionState, RequestPlan, ScriptPlan, Step, TabPlan, Verb, each_step,
};
use crate::scenario::browser::{Dialog, Fetch, Passkey, Script, Tab};
use crate::scenario::file::Settings;
use crate::scenario::read::{Short, Text};

/// Widest and highest window, in CSS pixels.
const MAX_VIEWPORT: u32 = 10_000;
/// Words for tabs.
const TABS: [&str; 3] = ["newest", "new", "close"];

impl Compiler<'_> {
    pub(super) fn tab(&mut self, tab: &Short<Tab>) -> Option<TabPlan> {
        let long = match tab {
            Short::Text(text) => {
                let known = self.known(text, "a tab");
                return Some(match known.as_str() {
                    "newest" => TabPlan::Newest,
                    "new" => TabPlan::New(None),
                    "close" => TabPlan::Close,
                    other => match other.parse() {
                        Ok(number) if number > 0 => TabPlan::Number(number),
                        _ => {
                            self.unknown(text.span, "tab", other, TABS);
                            return None;
                        }
                    },
                });
            }
            Short::Long(long) => long,
        };
        let Tab { open, url, title } = &long.value;
        match (open, url.is_some() || title.is_some()) {
            (Some(open), false) => Some(TabPlan::New(Some(self.url(open)))),
            (None, true) => Some(TabPlan::Like {
                url: self.optional(url.as_ref(), Subject::Text),
                title: self.optional(title.as_ref(), Subject::Visible),
            }),
            (Some(_), true) => {
                self.fault_with(long.span, "a tab is opened or found, not both", "keep `open`, or `url` and `title`");
                None
            }
            (None, false) => {
                self.fault_with(long.span, "no tab is named", "give it `open`, `url` or `title`, or one of the words: newest, new, close");
                None
            }
        }
    }

    pub(super) fn fetch(&mut self, fetch: &Short<Fetch>) -> Option<FetchPlan> {
        let plain = |url| RequestPlan {
            method: HttpMethod::Get,
            url,
            query: Vec::new(),
            headers: Vec::new(),
            body: Body::Empty,
            from: From::Page,
            cookies: true,
            follow: true,
        };
        let long = match fetch {
            Short::Text(url) => {
                let url = self.url(url);
                return Some(FetchPlan { request: plain(url), credentials: Credentials::default() });
            }
            Short::Long(long) => long,
        };
        let Fetch { url, method, query, headers, json, form, body, credentials } = &long.value;
        let method = match method {
            None => HttpMethod::Get,
            Some(text) => {
                let known = self.known(text, "a method").to_ascii_uppercase();
                let found = HttpMethod::ALL.into_iter().find(|method| method.as_str() == known);
                if found.is_none() {
                    self.unknown(text.span, "method", &known, HttpMethod::ALL.map(HttpMethod::as_str));
                }
                found?
            }
        };
        let credentials = match credentials {
            None => Credentials::default(),
            Some(text) => self.word(text, "credentials mode", Credentials::ALL, Credentials::name)?,
        };
        let url = self.url(url);
        let body = match (json, form, body) {
            (Some(json), None, None) => Body::Json(self.json(json)),
            (None, Some(form), None) => Body::Form(self.pairs(form)),
            (None, None, Some(text)) => Body::Raw(self.template(text)),
            (None, None, None) => Body::Empty,
            _ => {
                self.fault_with(long.span, "a request has one body", "keep one of `json`, `form` and `body`");
                return None;
            }
        };
        let request = RequestPlan { method, query: self.pairs(query), headers: self.headers(headers), body, ..plain(url) };
        Some(FetchPlan { request, credentials })
    }

    pub(super) fn script(&mut self, script: &Short<Script>) -> ScriptPlan {
        match script {
            Short::Text(text) => ScriptPlan { body: self.known(text, "a script"), arguments: Vec::new() },
            Short::Long(long) => ScriptPlan { body: self.known(&long.value.run, "a script"), arguments: self.pairs(&long.value.with) },
        }
    }

    /// The name of a picture becomes that of a file.
    pub(super) fn screenshot(&mut self, name: &Text) -> String {
        let known = self.known(name, "the name of a picture");
        if known.is_empty() || known.len() > 80 || !known.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-')) {
            self.fault_with(name.span, format!("`{known}` is not a name"), "names have letters, digits, `_` and `-`, at most 80");
        }
        known
    }

    pub(super) fn dialog(&mut self, dialog: &Short<Dialog>) -> Option<DialogPlan> {
        match dialog {
            Short::Long(long) => Some(DialogPlan::Text(self.template(&long.value.text))),
            Short::Text(text) => match self.known(text, "an answer").as_str() {
                "accept" => Some(DialogPlan::Accept),
                "dismiss" => Some(DialogPlan::Dismiss),
                other => {
                    self.unknown(text.span, "answer", other, ["accept", "dismiss"]);
                    None
                }
            },
        }
    }

    pub(super) fn passkey(&mut self, passkey: &Short<Passkey>) -> Option<PasskeyPlan> {
        let default = Authenticator::default();
        match passkey {
            Short::Text(text) => match self.known(text, "a change of passkeys").as_str() {
                "add" => Some(PasskeyPlan::Add(default)),
                "remove" => Some(PasskeyPlan::Remove),
                other => {
                    self.unknown(text.span, "change of passkeys", other, ["add", "remove"]);
                    None
                }
            },
            Short::Long(long) => {
                let Passkey { transport, resident, verified } = &long.value;
                let transport = match transport {
                    None => default.transport,
                    Some(text) => self.word(text, "transport", Authenticator::TRANSPORTS, |transport| transport)?,
                };
                let (resident, verified) = (resident.unwrap_or(default.resident), verified.unwrap_or(default.verified));
                Some(PasskeyPlan::Add(Authenticator { transport, resident, verified }))
            }
        }
    }

    /// The one of `all` that a word names.
    fn word<T: Copy, const N: usize>(&mut self, text: &Text, what: &str, all: [T; N], name: fn(T) -> &'static str) -> Option<T> {
        let known = self.known(text, what);
        let found = all.into_iter().find(|one| name(*one) == known);
        if found.is_none() {
            self.unknown(text.span, what, &known, all.map(name));
        }
        found
    }

    pub(super) fn browser_policy(&mut self, settings: &Settings) -> BrowserPolicy {
        let mut policy = BrowserPolicy::default();
        policy.javascript = settings.javascript.unwrap_or(policy.javascript);
        policy.locale = settings.locale.as_ref().map(|text| self.known(text, "a locale"));
        policy.time_zone = settings.time_zone.as_ref().map(|text| self.known(text, "a time zone"));
        policy.viewport = settings.viewport.as_ref().and_then(|text| self.viewport(text));
        for (key, text) in &settings.permissions.0 {
            let state = self.word(text, "state of a permission", PermissionState::ALL, PermissionState::name);
            policy.permissions.extend(state.map(|state| (key.name.clone(), state)));
        }
        if let Some(text) = &settings.input {
            let known = [Input::Script, Input::Real];
            let name = |input| if input == Input::Real { "real" } else { "script" };
            policy.input = self.word(text, "way to operate a browser", known, name).unwrap_or_default();
        }
        policy
    }

    fn viewport(&mut self, text: &Text) -> Option<(u32, u32)> {
        let known = self.known(text, "a viewport");
        let side = |side: &str| side.parse().ok().filter(|side| (1..=MAX_VIEWPORT).contains(side));
        let size = known.split_once('x').and_then(|(width, height)| Some((side(width)?, side(height)?)));
        if size.is_none() {
            self.fault_with(text.span, format!("`{known}` is no size"), "write width and height in CSS pixels: `390x844`");
        }
        size
    }

    /// Who must perform a run, by what the scenario says.
    pub(super) fn needs(&mut self, engine: Option<&Text>) -> Option<Engine> {
        self.word(engine?, "engine", Engine::ALL, Engine::name)
    }

    /// The only browser that a run is about, by what the scenario says.
    pub(super) fn browser(&mut self, browser: Option<&Text>) -> Option<Browser> {
        self.word(browser?, "browser", Browser::ALL, Browser::name)
    }

    /// Steps that ask for what only a real browser has, in a run that need not have one.
    pub(super) fn ask_for_a_browser(&mut self, needs: Option<Engine>, steps: &[Step]) {
        if needs == Some(Engine::Browser) {
            return;
        }
        let mut faults = Vec::new();
        each_step(steps, &mut |step| faults.extend(asks_for_a_browser(step)));
        for (span, what) in faults {
            let hint = "write `engine: browser` at the top of the scenario or into its variant";
            self.faults.push(Diagnostic::error(format!("{what} needs a real browser")).at(span, "").hint(hint));
        }
    }
}

/// What in a step only a real browser can do, and where it stands.
fn asks_for_a_browser(step: &Step) -> Option<(Span, &'static str)> {
    let verb = match &step.verb {
        Verb::Tab(_) => Some("`tab`"),
        Verb::Script(_) => Some("`script`"),
        Verb::Screenshot(_) => Some("`screenshot`"),
        Verb::Dialog(_) => Some("`dialog`"),
        Verb::Passkey(_) => Some("`passkey`"),
        _ => None,
    };
    let expected = || {
        step.expect.iter().find_map(|expectation| match expectation.kind {
            ExpectationKind::Local(..) | ExpectationKind::Session(..) => Some((expectation.span, "web storage")),
            ExpectationKind::Console(_) => Some((expectation.span, "the console")),
            ExpectationKind::Dialog(_) => Some((expectation.span, "`dialog`")),
            _ => None,
        })
    };
    let captured = || {
        step.capture.iter().find_map(|capture| match capture.from {
            CaptureFrom::Local(_) | CaptureFrom::Session(_) => Some((capture.span, "web storage")),
            _ => None,
        })
    };
    verb.map(|verb| (step.span, verb)).or_else(expected).or_else(captured)
}
