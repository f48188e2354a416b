//! Steps: exactly one verb, and modifiers beside it.

use super::backing::{FaultStep, ProcessStep, RedisLook};
use super::browser::{Dialog, Fetch, Passkey, Script, Tab};
use super::expect::{Captured, Expect, Matcher};
use super::fault::Fault;
use super::node::{Key, Node};
use super::probe::{Again, Limit, Probe};
use super::read::{At, Flag, FromYaml, Map, OneOrMany, Reader, Short, Text, record, unknown};
use super::request::{CookieJar, Replay, Request};
use crate::base::{Diagnostic, Span};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;
use std::borrow::Cow;

/// What may stand beside a verb.
pub const MODIFIERS: [&str; 7] = ["expect", "capture", "id", "as", "when", "needs", "timeout"];

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// Where its verb stands.
    pub span: Span,
    /// What it must show.
    pub expect: Option<At<Expect>>,
    /// What is kept of it, by the name that templates use.
    pub capture: Map<Captured>,
    /// Its name, for references.
    pub id: Option<Text>,
    /// Who does it.
    pub actor: Option<Text>,
    /// The variables it depends on.
    pub when: Option<When>,
    /// Earlier steps without which it makes no sense.
    pub needs: OneOrMany<Text>,
    /// How long it may take.
    pub timeout: Option<Text>,
}

/// Variables and the values they must have, known before the run.
#[derive(Debug, Clone, PartialEq)]
pub struct When(pub Map<OneOrMany<Text>>);

impl FromYaml for When {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        if node.entries().is_none() {
            let found = node.describe();
            let fault = Diagnostic::error(format!("expected variables with their values, found {found}")).at(node.span, "");
            reader.fault(fault.hint("write `when: { guard: bearer }`, or a list of values that will do"));
            return None;
        }
        Map::read(node, reader).map(Self)
    }
}

impl JsonSchema for When {
    fn schema_name() -> Cow<'static, str> {
        "When".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Map::<OneOrMany<Text>>::json_schema(generator);
        schema.insert("description".to_owned(), "Only when each variable has this value, or one of these.".into());
        schema.insert("examples".to_owned(), json!([{ "guard": "bearer" }, { "guard": ["bearer", "encoded"] }]));
        schema
    }
}

/// The verbs: key, variant, what it takes, and what an editor says about it.
macro_rules! verbs {
    ($($key:literal $variant:ident($ty:ty): $about:literal, e.g. $example:tt;)*) => {
        /// What a step does.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Action {
            $(#[doc = $about] $variant($ty),)*
            /// Looks at the actor's last response again.
            Expect,
        }

        /// Every verb.
        pub const VERBS: &[&str] = &[$($key),*];

        impl Action {
            fn read(key: &str, node: &Node, reader: &mut Reader) -> Option<Self> {
                match key {
                    $($key => <$ty>::read(node, reader).map(Self::$variant),)*
                    _ => None,
                }
            }
        }

        fn verb_schemas(generator: &mut SchemaGenerator) -> Vec<(&'static str, serde_json::Value)> {
            vec![$({
                let schema = generator.subschema_for::<$ty>();
                ($key, json!({ "description": $about, "examples": [$example], "allOf": [schema] }))
            }),*]
        }
    };
}

verbs! {
    "open" Open(Text): "Goes to a URL as if typed into the address bar.", e.g. "https://app.mosaic.test/login";
    "click" Click(Text): "Follows a link or presses a button, by its accessible name; `css=`, `testid=` and `text=` also work.", e.g. "Log in";
    "fill" Fill(Map<Text>): "Fills fields, by their label.", e.g. { "Username": "jarvis", "Password": "${secret.jarvis}" };
    "press" Press(Text): "Presses a key in the page; Enter submits.", e.g. "Enter";
    "select" Select(Map<Text>): "Chooses options, by the label of the field.", e.g. { "Country": "Germany" };
    "wait" Wait(Wait): "Waits until the page is as described.", e.g. { "url": "https://app.mosaic.test/" };
    "reload" Reload(Flag): "Loads the page again.", e.g. true;
    "back" Back(Flag): "Goes back in the history.", e.g. true;
    "get" Get(Short<Request>): "Sends a GET request; redirects are not followed unless `follow: true`.", e.g. "https://api.mosaic.test/auth/get-session";
    "post" Post(Short<Request>): "Sends a POST request.", e.g. { "url": "https://api.mosaic.test/auth/sign-out", "json": {} };
    "put" Put(Short<Request>): "Sends a PUT request.", e.g. { "url": "https://api.mosaic.test/profile", "json": { "name": "J" } };
    "patch" Patch(Short<Request>): "Sends a PATCH request.", e.g. { "url": "https://api.mosaic.test/profile", "json": { "name": "J" } };
    "delete" Delete(Short<Request>): "Sends a DELETE request.", e.g. "https://api.mosaic.test/session";
    "head" Head(Short<Request>): "Sends a HEAD request.", e.g. "https://api.mosaic.test/health";
    "options" Options(Short<Request>): "Sends an OPTIONS request.", e.g. { "url": "https://api.mosaic.test/", "from": "https://app.mosaic.test" };
    "replay" Replay(Short<Replay>): "Sends an earlier request again, with changes; a step's id is enough.", e.g. { "step": "callback", "query": { "state": "altered" } };
    "again" Again(Box<Short<Again>>): "Sends an earlier request again, at once and later, and compares the answers; a step's id is enough.", e.g. { "step": "confirm", "at_once": 3, "later": "61s" };
    "cookies" Cookies(CookieJar): "Changes the actor's cookies, in the order of the keys.", e.g. { "at": "https://api.mosaic.test/", "delete": ["session"] };
    "race" Race(Vec<Step>): "Does several steps at the same time.", e.g. [{ "get": "/a" }, { "get": "/b" }];
    "repeat" Repeat(Repeat): "Does steps again and again.", e.g. { "times": 3, "steps": [{ "get": "/a" }] };
    "poll" Poll(Box<Poll>): "Does one step until its expectations hold.", e.g. { "step": { "get": "/ready", "expect": { "status": 200 } }, "every": "250ms", "within": "10s" };
    "flow" Flow(Short<FlowCall>): "Does the steps of a flow; its name is enough when it takes no arguments.", e.g. { "name": "login", "with": { "user": "jarvis" } };
    "sleep" Sleep(Text): "Lets time pass. Waiting for what one waits for (`wait`, `poll`) is better.", e.g. "1s";
    "calls" Calls(Calls): "Looks at how an origin was called so far.", e.g. { "origin": "https://vendor.test", "path": "/send", "count": 1 };
    "limit" Limit(Box<Limit>): "Asks until it is throttled: at which try, with what status and Retry-After, for whom, for how long.", e.g. { "step": { "post": "/send" }, "within": "20m" };
    "probe" Probe(Box<Short<Probe>>): "Asks what a login alone does not show: how endpoints take the session, whether it outlives signing out, whether replicas agree, what the edge changes.", e.g. { "session": ["https://api.mosaic.test/auth/get-session"], "refused": ["none"] };
    "tcp" Tcp(Text): "Connects to what stands behind an origin, and sends nothing.", e.g. "https://api.mosaic.test";
    "inbox" Inbox(Inbox): "Waits for a mail or text message and shows what it says: `to`, `from`, `subject`, `text`, `code`, `link`, `count`.", e.g. { "to": "ada@x.test", "code": true };
    "clock" Clock(ClockMove): "Moves the run's clock, for everything that lives by it: embedded services, cookies, processes.", e.g. { "advance": "61s" };
    "boundary" Boundary(Boundary): "Does one step just before a time limit and one just past it, by moving the clock.", e.g. { "limit": "60s", "steps": [{ "post": "/send" }], "before": { "post": "/verify" }, "after": { "post": "/verify" } };
    "fault" Fault(FaultStep): "Changes what an embedded service does wrong, or what happens to commands on their way to Redis, from now on.", e.g. { "origin": "https://auth.mosaic.test", "add": ["state_altered"] };
    "redis" Redis(Box<RedisLook>): "Looks into a Redis service: a key, keys, a stream, or the commands that came.", e.g. { "service": "store", "key": "session:1" };
    "process" Process(Box<ProcessStep>): "Starts, stops, restarts or signals a process, or looks at it.", e.g. { "origin": "https://api.mosaic.test", "restart": true };
    "tab" Tab(Short<Tab>): "Turns to another tab or window of the actor: `newest`, its number, `new`, `close`, or what its page is like.", e.g. { "url": { "contains": "/popup" } };
    "fetch" Fetch(Short<Fetch>): "Has the page's script send a request, as the browser lets it.", e.g. { "url": "https://api.mosaic.test/auth/get-session", "credentials": "include" };
    "script" Script(Short<Script>): "Runs a script in the page; `json` expectations and captures see what it returns.", e.g. "return document.title";
    "screenshot" Screenshot(Text): "Takes a picture of the page, under this name.", e.g. "after-login";
    "dialog" Dialog(Short<Dialog>): "How questions of the page (`alert`, `confirm`, `prompt`) are answered from now on: `accept`, `dismiss` (at first), or with a text.", e.g. "accept";
    "passkey" Passkey(Short<Passkey>): "Gives the actor a device that keeps passkeys (`add`), or takes it away (`remove`).", e.g. { "transport": "internal" };
    "deep_link" DeepLink(Matcher): "The actor's last navigation ended at a custom scheme: what its URL must be.", e.g. { "starts_with": "alga://callback" };
}

impl Action {
    /// The method, and what is asked, of the verbs that send one request.
    #[must_use]
    pub fn request(&self) -> Option<(&'static str, &Short<Request>)> {
        Some(match self {
            Self::Get(request) => ("get", request),
            Self::Post(request) => ("post", request),
            Self::Put(request) => ("put", request),
            Self::Patch(request) => ("patch", request),
            Self::Delete(request) => ("delete", request),
            Self::Head(request) => ("head", request),
            Self::Options(request) => ("options", request),
            _ => return None,
        })
    }
}

record! {
    /// When a wait is over: all that is given holds.
    pub struct Wait {
        /// The URL of the page.
        pub url: Option<Matcher>,
        /// Its visible text; plain text is looked for anywhere in it.
        pub text: Option<Matcher>,
        /// Something is there, named as for `click`.
        pub visible: Option<Text>,
    }
}

record! {
    /// Steps again and again.
    pub struct Repeat {
        /// How often.
        pub times: At<u32>,
        /// The steps, in order each time.
        pub steps: Vec<Step>,
    }
}

record! {
    /// One step until its expectations hold.
    pub struct Poll {
        /// The step, with `expect`.
        pub step: Step,
        /// Time between two tries; `250ms` when absent.
        pub every: Option<Text>,
        /// Time after which it has failed; `10s` when absent.
        pub within: Option<Text>,
    }
}

record! {
    /// A flow and its arguments.
    pub struct FlowCall {
        /// The flow.
        pub name: Text,
        /// Its arguments.
        pub with: Map<Text>,
    }
}

record! {
    /// How an origin was called so far.
    pub struct Calls {
        /// The origin.
        pub origin: Text,
        /// Only calls with this method.
        pub method: Option<Text>,
        /// Only calls to such a path.
        pub path: Option<Matcher>,
        /// How many there must be.
        pub count: Option<Matcher>,
        /// What the status of each must be.
        pub status: Option<Matcher>,
        /// Milliseconds between one and the next, for each gap; durations such as `1s` are understood.
        pub spacing: Option<Matcher>,
        /// How many of them no route of a stub may fit.
        pub unexpected: Option<Matcher>,
        /// Calls that must have come in this order, whatever came between: `POST /send`.
        pub order: Vec<Matcher>,
        /// How long the caller waited after each answer before it called again, in order: `[250ms, 500ms]`. There must be one call more.
        pub gaps: Vec<Text>,
        /// How far a gap may be from what is written: `20%`. Not at all when absent.
        pub jitter: Option<Text>,
        /// How much longer a gap may be because machines are busy; `250ms` when absent.
        pub slack: Option<Text>,
        /// Only calls since the step with this id began.
        pub since: Option<Text>,
    }
}

record! {
    /// A message that is waited for: the newest that is as described.
    pub struct Inbox {
        /// The mail address or phone number it goes to.
        pub to: Text,
        /// How it comes: `mail` or `sms`; either when absent.
        pub channel: Option<Text>,
        /// Who sends it; plain text is looked for anywhere in it.
        pub from: Option<Matcher>,
        /// Its subject; plain text is looked for anywhere in it.
        pub subject: Option<Matcher>,
        /// Its text; plain text is looked for anywhere in it.
        pub text: Option<Matcher>,
        /// It must carry such a code: a regular expression (its first group, or all of it), or `true` for a number of four to ten digits.
        pub code: Option<Text>,
        /// It must carry such a link: a URL in which `*` stands for anything, or `true` for any link.
        pub link: Option<Text>,
        /// How long to wait for it; `5s` when absent.
        pub within: Option<Text>,
        /// How many such messages there must be; waits until there are. `0` waits all of `within` to see that none comes.
        pub count: Option<Matcher>,
        /// Only messages since the step with this id began.
        pub since: Option<Text>,
    }
}

record! {
    /// How the clock is moved.
    pub struct ClockMove {
        /// How far, forwards: `61s`.
        pub advance: Text,
    }
}

record! {
    /// One step just before a time limit and one just past it.
    pub struct Boundary {
        /// The limit: `60s`.
        pub limit: Text,
        /// How far from the limit the two steps are done; `1s` when absent.
        pub margin: Option<Text>,
        /// What starts the limit. Done once before `before` and once more before `after`.
        pub steps: Vec<Step>,
        /// The step that started the limit, in place of `steps`: both probes count from it.
        pub since: Option<Text>,
        /// What is done just before the limit.
        pub before: Option<Box<Step>>,
        /// What is done just past the limit.
        pub after: Option<Box<Step>>,
    }
}

record! {
    /// Changes what the embedded service of an origin does wrong; `clear` comes first.
    pub struct Switch {
        /// The origin.
        pub origin: Text,
        /// Faults to turn off: their names, or `all`.
        pub clear: OneOrMany<Text>,
        /// Faults to turn on.
        pub add: OneOrMany<Fault>,
    }
}

impl FromYaml for Step {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let entries = reader.mapping(node, "a step such as `open: https://…`")?;
        let known: Vec<_> = VERBS.iter().copied().chain(MODIFIERS).collect();
        let strange: Vec<_> = entries.iter().filter(|(key, _)| !known.contains(&key.name.as_str())).collect();
        let verbs: Vec<_> = entries.iter().filter(|(key, _)| VERBS.contains(&key.name.as_str())).collect();
        for (key, _) in &strange {
            reader.fault(stranger(key, verbs.is_empty()));
        }
        let (action, span) = match verbs.as_slice() {
            [(key, value)] => (Action::read(&key.name, value, reader), key.span),
            [] => {
                let expect = entries.iter().find(|(key, _)| key.name == "expect");
                match expect {
                    Some((key, _)) if strange.is_empty() => (Some(Action::Expect), key.span),
                    _ => {
                        if strange.is_empty() {
                            reader.fault(verbless(entries, node.span));
                        }
                        (None, node.span)
                    }
                }
            }
            [(first, _), (second, _), ..] => {
                reader.fault(
                    Diagnostic::error(format!("a step has one verb, this one has `{}` and `{}`", first.name, second.name))
                        .at(second.span, "the second verb")
                        .related(first.span, "the first verb")
                        .hint(format!("begin a step of its own with `- {}:`", second.name)),
                );
                (None, first.span)
            }
        };
        let step = (
            reader.field(entries, "expect", span),
            reader.field(entries, "capture", span),
            reader.field(entries, "id", span),
            reader.field(entries, "as", span),
            reader.field(entries, "when", span),
            reader.field(entries, "needs", span),
            reader.field(entries, "timeout", span),
        );
        let (expect, capture, id, actor, when, needs, timeout) = step;
        let (expect, capture, id) = (expect?, capture?, id?);
        Some(Self { action: action?, span, expect, capture, id, actor: actor?, when: when?, needs: needs?, timeout: timeout? })
    }
}

/// A key that is neither verb nor modifier; without a verb beside it, it was meant to be one.
fn stranger(key: &Key, no_verb: bool) -> Diagnostic {
    let known: Vec<_> = VERBS.iter().copied().chain(MODIFIERS).collect();
    let near = crate::base::diagnostic::nearest(&key.name, known.iter().copied());
    let is_modifier = near.is_some_and(|near| MODIFIERS.contains(&near));
    match (no_verb && !is_modifier, near) {
        (true, None) => {
            Diagnostic::error(format!("unknown verb `{}`", key.name)).at(key.span, "").hint(format!("verbs: {}", VERBS.join(", ")))
        }
        (true, Some(_)) => unknown("verb", key, &known),
        (false, _) => unknown("key", key, if no_verb { &known } else { &MODIFIERS }),
    }
}

fn verbless(entries: &[(Key, Node)], span: Span) -> Diagnostic {
    let beside: Vec<_> = entries.iter().map(|(key, _)| format!("`{}`", key.name)).collect();
    let message = match beside.as_slice() {
        [] => "a step without a verb".to_owned(),
        beside => format!("a step without a verb: {} stands alone", beside.join(", ")),
    };
    Diagnostic::error(message).at(span, "").hint(format!("verbs: {}", VERBS.join(", ")))
}

impl JsonSchema for Step {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let verbs = verb_schemas(generator);
        let mut modifiers = serde_json::Map::new();
        let mut modifier = |name: &str, about: &str, schema: Schema| {
            modifiers.insert(name.to_owned(), json!({ "description": about, "allOf": [schema] }));
        };
        modifier("expect", "What the step must show.", generator.subschema_for::<Expect>());
        modifier("capture", "Values to keep for later steps, by the name that `${name}` uses.", generator.subschema_for::<Map<Captured>>());
        modifier("id", "A name for references (`replay`, `since`).", generator.subschema_for::<Text>());
        modifier("as", "Who does it: every name is a person with a device of their own.", generator.subschema_for::<Text>());
        modifier("when", "Only when variables have these values.", generator.subschema_for::<When>());
        modifier(
            "needs",
            "Ids of earlier steps without which it makes no sense: when one of them failed, it is blocked.",
            generator.subschema_for::<OneOrMany<Text>>(),
        );
        modifier("timeout", "How long it may take: `5s`.", generator.subschema_for::<Text>());
        let mut properties = serde_json::Map::new();
        let mut forms = Vec::new();
        for (name, schema) in verbs {
            properties.insert(name.to_owned(), schema);
            forms.push(json!({ "required": [name] }));
        }
        properties.extend(modifiers);
        forms.push(json!({ "required": ["expect"], "not": { "anyOf": forms } }));
        json_schema!({
            "description": "One step: exactly one verb, with modifiers beside it. `expect` alone looks at the last response again.",
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
            "oneOf": forms
        })
    }
}
