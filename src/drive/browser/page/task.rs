//! What a page is asked to do, and what it says came of it.

use crate::drive::browser::bidi::Event;
use crate::web::html::{Locator, LocatorKind, Wanted};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is done with the element that a locator names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    See,
    Click,
    Fill,
    Select,
}

/// A number that no other task has. Where they begin no page can guess: it could claim in the library's name that it was pressed.
fn fresh() -> u64 {
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| {
        let mut random = [0; 8];
        // Without chance the numbers are still each of one task.
        let _ = getrandom::fill(&mut random);
        // Scripts count exactly up to 2^53.
        AtomicU64::new(u64::from_ne_bytes(random) >> 12)
    });
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A locator in the library's words.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Named {
    kind: &'static str,
    needle: String,
}

impl Named {
    pub(super) fn new(locator: &Locator) -> Self {
        let kind = match locator.kind() {
            LocatorKind::Name => "name",
            LocatorKind::Label => "label",
            LocatorKind::Text => "text",
            LocatorKind::Css => "css",
            LocatorKind::TestId => "testid",
            LocatorKind::ControlName => "controlname",
        };
        Self { kind, needle: locator.needle().to_owned() }
    }
}

/// Something to do with one element. It is done once, however often it is asked for.
#[derive(Clone, Serialize)]
pub(super) struct Task {
    /// `perform`, or `survey` for only looking.
    ask: &'static str,
    id: u64,
    action: Action,
    locator: Named,
    wanted: &'static str,
    text: String,
    wanteds: Vec<String>,
    /// The press and the keys come from outside.
    real: bool,
    /// Only if the page has no frames that show; who has them is asked frame by frame.
    whole: bool,
    /// How long to wait for it.
    ms: u64,
}

impl Task {
    pub(super) fn new(action: Action, locator: &Locator) -> Self {
        let wanted = match wanted_by(action) {
            Wanted::Field => "field",
            Wanted::Pressable => "pressable",
            Wanted::Element => "element",
        };
        let id = fresh();
        let locator = Named::new(locator);
        Self { ask: "perform", id, action, locator, wanted, text: String::new(), wanteds: Vec::new(), real: false, whole: true, ms: 0 }
    }

    pub(super) fn text(self, text: &str) -> Self {
        Self { text: text.to_owned(), ..self }
    }

    pub(super) fn options(self, wanted: &[&str]) -> Self {
        Self { wanteds: wanted.iter().map(|&one| one.to_owned()).collect(), ..self }
    }

    pub(super) fn real(self, real: bool) -> Self {
        Self { real, ..self }
    }

    pub(super) fn action(&self) -> Action {
        self.action
    }

    /// Whether a browser's event is the library's word that this was pressed, whatever became of its answer.
    pub(super) fn was_pressed(&self, event: &Event) -> bool {
        let said = match event.method.as_str() {
            "goog:cdp.Runtime.consoleAPICalled" => event.params.pointer("/params/args/0/value"),
            "log.entryAdded" => event.params.get("text"),
            _ => None,
        };
        said.and_then(Value::as_str).and_then(|said| said.strip_prefix("authchain pressed ")).is_some_and(|id| id == self.id.to_string())
    }

    /// Whether it needs to pass for something that the person did.
    pub(super) fn activates(&self) -> bool {
        !self.real && self.action != Action::See
    }

    /// The same, to be done within a time, by the whole page or in one frame of it.
    pub(super) fn within(&self, ms: u64, whole: bool) -> Self {
        Self { ms, whole, ..self.clone() }
    }

    /// Only looks for what it would be done to.
    pub(super) fn survey(&self) -> Self {
        Self { ask: "survey", ..self.clone() }
    }

    /// The same once more, as something of its own.
    pub(super) fn again(&self) -> Self {
        Self { id: fresh(), ..self.clone() }
    }
}

/// What sort of element an action is for.
pub(super) fn wanted_by(action: Action) -> Wanted {
    match action {
        Action::See => Wanted::Element,
        Action::Click => Wanted::Pressable,
        Action::Fill | Action::Select => Wanted::Field,
    }
}

/// What came of a task.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Outcome {
    /// It was there.
    pub(super) seen: bool,
    /// It was pressed.
    pub(super) pressed: bool,
    /// It holds what it should.
    pub(super) filled: bool,
    /// It waits for a real press, here.
    pub(super) ready: Option<Point>,
    /// It has the focus, its content is selected, and it waits for real keys.
    pub(super) focused: bool,
    /// It is a file field and waits for files.
    pub(super) file: bool,
    /// The page has frames, each of which is to be asked.
    pub(super) frames: bool,
    /// The document goes away.
    pub(super) gone: bool,
    /// Scripts are turned off: the page cannot wait, who asks must.
    pub(super) deaf: bool,
    /// The time is up.
    pub(super) late: Option<Account>,
    /// What stood in the way.
    pub(super) blocked: Option<Blocked>,
}

/// A point of a frame's window, in CSS pixels.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// What was there.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Account {
    /// How well the name fits, 0 best.
    pub(super) tier: u32,
    /// How many elements fit that well.
    pub(super) count: usize,
    /// They, in the words of a message.
    pub(super) names: Vec<String>,
    /// Where they lead, if they are links.
    pub(super) links: Vec<Option<String>>,
    /// They are radio buttons of one group.
    pub(super) group: bool,
    /// What could have been meant.
    pub(super) candidates: Vec<String>,
    /// What fits but does not show, and why not.
    pub(super) hidden: Vec<String>,
    /// Elements that nothing can be read of.
    pub(super) closed: Vec<String>,
    pub(super) url: String,
    pub(super) title: String,
}

/// What stands in the way of an element that was found.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Blocked {
    pub(super) code: String,
    pub(super) title: String,
    /// What covers it.
    pub(super) by: String,
    /// What it is instead.
    pub(super) is: String,
    /// What to do instead.
    pub(super) hint: String,
    /// The input's type.
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) length: usize,
    pub(super) limit: usize,
    pub(super) wanted: String,
    pub(super) options: Vec<String>,
    /// Waiting does not change it.
    #[serde(rename = "final")]
    pub(super) is_final: bool,
}
