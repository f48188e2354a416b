//! One line for people about what a step does. Captures and secrets stand there by name only.

use crate::base::escape;
use crate::plan::backing::{Deed, ProcessOf, RedisFaultKind, RedisFaultPlan, RedisLookPlan, RedisView};
use crate::plan::{Clear, DialogPlan, FaultsPlan, Field, PasskeyPlan, TabPlan, Template, Verb, shown_duration as shown};

/// Longest label, in characters.
const LONGEST: usize = 120;

/// `click "Log in"`, `fill Username, Password`, `get https://api.mosaic.test/auth/get-session`.
pub(super) fn label(verb: &Verb) -> String {
    let text = match verb {
        Verb::Open(url) => format!("open {}", url.display()),
        Verb::Click(locator) => format!("click \"{locator}\""),
        Verb::Fill(fields) => format!("fill {}", names(fields)),
        Verb::Press(key) => format!("press {key}"),
        Verb::Select(fields) => format!("select {}", names(fields)),
        Verb::Wait(wait) => {
            let parts = [("url", wait.url.is_some()), ("text", wait.text.is_some()), ("element", wait.visible.is_some())];
            let named: Vec<_> = parts.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
            format!("wait for {}", named.join(" and "))
        }
        Verb::Reload => "reload".to_owned(),
        Verb::Back => "back".to_owned(),
        Verb::Request(request) => format!("{} {}", request.method.as_str().to_ascii_lowercase(), request.url.display()),
        Verb::Replay(replay) => format!("replay {}", replay.of.step.as_deref().unwrap_or("the last request")),
        Verb::Cookies(cookies) => format!("cookies at {}", Template::display(&cookies.at)),
        Verb::Expect => "expect".to_owned(),
        Verb::Race(steps) => format!("race of {} steps", steps.len()),
        Verb::Repeat(repeat) => format!("repeat {} times", repeat.times),
        Verb::Poll { step, .. } => format!("poll {}", step.label),
        Verb::Flow { name, .. } => format!("flow {name}"),
        Verb::Sleep(time) => format!("sleep {}", shown(*time)),
        Verb::Calls(calls) => format!("calls of {}", calls.origin),
        Verb::Limit(limit) => format!("limit of {}", limit.step.label),
        Verb::Probe(probe) => probe.label(),
        Verb::Tcp(origin) => format!("tcp {origin}"),
        Verb::Inbox(inbox) => format!("inbox of {}", inbox.to.display()),
        Verb::Clock(by) => format!("clock {} on", shown(*by)),
        Verb::Boundary(boundary) => format!("boundary of {}", shown(boundary.limit)),
        Verb::Fault(faults) => format!("fault {}", faults_in(faults)),
        Verb::Redis(look) => format!("redis {}: {}", look.service, viewed(look)),
        Verb::RedisFault(faults) => format!("fault {} at {}", disturbances(faults), faults.service),
        Verb::Process(act) => format!("process of {}: {}", named(&act.of), deed(act.deed)),
        Verb::DeepLink(_) => "deep link".to_owned(),
        Verb::Tab(tab) => match tab {
            TabPlan::New(Some(url)) => format!("new tab on {}", url.display()),
            TabPlan::New(None) => "new tab".to_owned(),
            TabPlan::Close => "close the tab".to_owned(),
            TabPlan::Newest => "newest tab".to_owned(),
            TabPlan::Number(number) => format!("tab {number}"),
            TabPlan::Like { .. } => "another tab".to_owned(),
        },
        Verb::Fetch(fetch) => format!("fetch {} {}", fetch.request.method.as_str(), fetch.request.url.display()),
        Verb::Script(_) => "script".to_owned(),
        Verb::Screenshot(name) => format!("screenshot {name}"),
        Verb::Dialog(dialog) => match dialog {
            DialogPlan::Accept => "accept dialogs".to_owned(),
            DialogPlan::Dismiss => "dismiss dialogs".to_owned(),
            DialogPlan::Text(_) => "answer dialogs".to_owned(),
        },
        Verb::Passkey(PasskeyPlan::Add(device)) => format!("passkeys on a device ({})", device.transport),
        Verb::Passkey(PasskeyPlan::Remove) => "no passkeys any more".to_owned(),
    };
    let line = escape::line(&text);
    if line.chars().count() <= LONGEST {
        return line.into_owned();
    }
    line.chars().take(LONGEST - 1).chain(['…']).collect()
}

fn names(fields: &[Field]) -> String {
    fields.iter().map(|field| field.field.to_string()).collect::<Vec<_>>().join(", ")
}

/// `key gateway:session:${id}`.
fn viewed(look: &RedisLookPlan) -> String {
    match &look.look {
        RedisView::Key(key, _) => format!("key {}", key.display()),
        RedisView::Keys(keys) => format!("keys {}", keys.display()),
        RedisView::Stream(stream, _) => format!("stream {}", stream.key.display()),
        RedisView::Traffic(command) => format!("traffic of {}", command.as_deref().unwrap_or("any command")),
        RedisView::Reply => look.send.iter().map(Template::display).collect::<Vec<_>>().join(" "),
    }
}

/// `all off, refuse SET`.
fn disturbances(faults: &RedisFaultPlan) -> String {
    let off = faults.clear.then(|| "all off".to_owned());
    let on = faults.add.iter().map(|fault| {
        let kind = match fault.kind {
            RedisFaultKind::Refuse(_) => "refuse",
            RedisFaultKind::Delay(_) => "delay",
            RedisFaultKind::Hold => "hold",
            RedisFaultKind::Reset => "reset",
            RedisFaultKind::Drop => "drop",
        };
        let what = if fault.commands.is_empty() { "all commands".to_owned() } else { fault.commands.join(" ") };
        format!("{kind} {what}")
    });
    off.into_iter().chain(on).collect::<Vec<_>>().join(", ")
}

fn named(of: &ProcessOf) -> String {
    match of {
        ProcessOf::Origin(origin) => origin.to_string(),
        ProcessOf::Service(name) => name.clone(),
    }
}

fn deed(deed: Deed) -> String {
    match deed {
        Deed::Look => "look".to_owned(),
        Deed::Start => "start".to_owned(),
        Deed::StartInVain => "start in vain".to_owned(),
        Deed::Stop => "stop".to_owned(),
        Deed::Restart => "restart".to_owned(),
        Deed::Signal(signal) => format!("SIG{}", signal.name),
    }
}

/// `all off, state_altered on at https://auth.test`.
fn faults_in(faults: &FaultsPlan) -> String {
    let off = match &faults.clear {
        Clear::All => vec!["all off".to_owned()],
        Clear::Kinds(kinds) => kinds.iter().map(|kind| format!("{} off", kind.spec().name)).collect(),
    };
    let on = faults.add.iter().map(|fault| format!("{} on", fault.kind.spec().name));
    format!("{} at {}", off.into_iter().chain(on).collect::<Vec<_>>().join(", "), faults.origin)
}
