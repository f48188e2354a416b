//! Expectations: what the scenario says that a step must show.
//!
//! In: a step and what it did. Out: a [`Verdict`] for each thing asked. A failed expectation is data, never an error.

mod calls;
mod clock_skew;
mod cookie;
mod hops;
mod json;
mod matcher;
mod probe;
mod same;
mod view;

use crate::base::Span;
use crate::judge::text::shown;
use crate::plan::{Expectation, ExpectationKind, Matcher, Scope, Step, Verb};
use crate::trace::{Chain, HopId, WebStorage};
use matcher::{Mismatch, Subject, mismatch, phrase};
use serde_json::Value;
use std::collections::BTreeMap;
use view::View;

/// How much of an event a note shows, in characters.
const SHOWN_EVENT: usize = 200;

/// What became of one expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The expectation as one line: `status is 200`.
    pub expectation: String,
    /// Where the scenario asks it.
    pub span: Span,
    /// Whether it holds.
    pub outcome: Outcome,
}

impl Verdict {
    /// Whether the expectation holds.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.outcome == Outcome::Met
    }

    /// What was expected, what was there and why, when it does not hold.
    #[must_use]
    pub fn failure(&self) -> Option<(&str, &str, Option<&str>)> {
        match &self.outcome {
            Outcome::Met => None,
            Outcome::Failed { expected, actual, note, .. } => Some((expected, actual, note.as_deref())),
        }
    }

    fn of(expectation: String, span: Span, hop: Option<HopId>, result: Check) -> Self {
        let outcome = match result {
            Check::Met => Outcome::Met,
            Check::Failed(Mismatch { expected, actual, note }) => Outcome::Failed { expected, actual, hop, note },
        };
        Self { expectation, span, outcome }
    }
}

/// Whether an expectation holds and, if not, how it misses. All texts are bounded and hold no control characters, but
/// may hold secrets: whoever prints them redacts them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Met,
    /// It does not.
    Failed {
        /// What was asked, captures filled in.
        expected: String,
        /// What was there.
        actual: String,
        /// The hop that it was looked for in, when there is one.
        hop: Option<HopId>,
        /// Why, or where in a long value, if that can be told.
        note: Option<String>,
    },
}

/// The result of one test, before it is tied to a place.
enum Check {
    Met,
    Failed(Mismatch),
}

impl Check {
    fn failed(expected: impl Into<String>, actual: impl Into<String>, note: Option<String>) -> Self {
        Self::Failed(Mismatch { expected: expected.into(), actual: actual.into(), note })
    }

    /// A failure gets `note` unless it already knows why.
    fn or_note(self, note: impl FnOnce() -> Option<String>) -> Self {
        match self {
            Self::Failed(mut failed) => {
                failed.note = failed.note.or_else(note);
                Self::Failed(failed)
            }
            Self::Met => Self::Met,
        }
    }
}

/// Tests `subject`; a capture that is missing is a failure that says so.
fn test(matcher: &Matcher, subject: &Subject, scope: &Scope) -> Check {
    match mismatch(matcher, subject, scope) {
        Ok(None) => Check::Met,
        Ok(Some(failed)) => Check::Failed(failed),
        Err(error) => Check::failed(phrase(matcher), subject.shown(), Some(error.to_string())),
    }
}

/// Judges `step`, whose record is `chain.steps[index]`: its expectations and, for `calls` and `deep_link`, what the step
/// itself asks. `scope` holds the captures made before the step's own.
#[must_use]
pub fn check(step: &Step, chain: &Chain, index: usize, scope: &Scope) -> Vec<Verdict> {
    let Some(view) = View::new(chain, index) else { return Vec::new() };
    let mut verdicts = match &step.verb {
        Verb::Calls(plan) => calls::check(plan, chain, index, scope, step.span),
        Verb::Probe(plan) => probe::check(plan, chain, index),
        Verb::DeepLink(matcher) => {
            let subject = Subject::maybe(view.record.deep_link.as_deref());
            let note =
                || Some(format!("the last navigation ended at {}", shown(&view.ended_at().unwrap_or_else(|| "no page".to_owned()), 200)));
            let result = test(matcher, &subject, scope).or_note(note);
            vec![Verdict::of(format!("deep link {}", phrase(matcher)), step.span, view.hop().map(|hop| hop.id), result)]
        }
        _ => Vec::new(),
    };
    for expectation in &step.expect {
        judge(expectation, &view, scope, &mut verdicts);
    }
    verdicts
}

/// Whether a value is as `matcher` asks; `None` is a value that is not there. A string stands for text, as of a URL or a
/// page. A matcher with a capture that was not made holds for nothing.
#[must_use]
pub fn holds(matcher: &Matcher, value: Option<&Value>, scope: &Scope) -> bool {
    let subject = match value {
        None => Subject::Absent,
        Some(Value::String(text)) => Subject::text(text.as_str()),
        Some(other) => Subject::Json(other.clone()),
    };
    matches!(test(matcher, &subject, scope), Check::Met)
}

fn judge(expectation: &Expectation, view: &View<'_>, scope: &Scope, verdicts: &mut Vec<Verdict>) {
    let span = expectation.span;
    if let Some(error) = view.could_not_be_done().filter(|_| !matches!(expectation.kind, ExpectationKind::Failure(_))) {
        let note = Some("the step could not be done".to_owned());
        verdicts.push(Verdict::of(describe(&expectation.kind), span, None, Check::failed(wanted(&expectation.kind), error, note)));
        return;
    }
    // What a step that fails should say is no fault of the answer before it.
    let fails = matches!(expectation.kind, ExpectationKind::Failure(_)) && view.could_not_be_done().is_some();
    // Nor is what a step shows that asked something else than an origin.
    let hop = view.hop().map(|hop| hop.id).filter(|_| !fails && view.record.value.is_none());
    let result = match &expectation.kind {
        ExpectationKind::Cookie(name, wanted) => return cookie::check(name, wanted, view, scope, span, verdicts),
        ExpectationKind::Hops(wanted) => return hops::check(wanted, view, scope, verdicts),
        ExpectationKind::Json(path, matcher) => json::check(path, matcher, view, scope),
        ExpectationKind::Status(matcher) => {
            of_response(matcher, view, scope, |view| view.hop()?.status().map(Subject::number)).or_note(|| view.answer_note())
        }
        ExpectationKind::Redirect(matcher) => of_response(matcher, view, scope, |view| view.hop()?.redirect_target().map(Subject::Text)),
        ExpectationKind::Header(name, matcher) => of_response(matcher, view, scope, |view| view.header(name).map(Subject::Text)),
        ExpectationKind::Body(matcher) => {
            of_response(matcher, view, scope, |view| Some(Subject::Text(view.response()?.body.text().into_owned()))).or_note(|| {
                view.response().filter(|response| response.body.truncated).map(|_| "only the first part of the body was kept".to_owned())
            })
        }
        ExpectationKind::Error(matcher) => {
            of_response(matcher, view, scope, |view| view.oauth_error().map(Subject::Text)).or_note(|| view.oauth_error_note())
        }
        ExpectationKind::Url(matcher) => test(matcher, &Subject::maybe(view.ended_at()), scope).or_note(|| view.status_note()),
        ExpectationKind::Origin(matcher) => test(matcher, &Subject::maybe(view.origin()), scope).or_note(|| view.status_note()),
        ExpectationKind::Text(matcher) => test(matcher, &Subject::maybe(view.record.text.as_deref()), scope).or_note(|| view.status_note()),
        ExpectationKind::Title(matcher) => {
            test(matcher, &Subject::maybe(view.record.title.as_deref()), scope).or_note(|| view.status_note())
        }
        ExpectationKind::Local(key, matcher) => kept(matcher, key, view, scope, |storage| &storage.local),
        ExpectationKind::Session(key, matcher) => kept(matcher, key, view, scope, |storage| &storage.session),
        ExpectationKind::Console(matcher) => test(matcher, &Subject::number(view.script_errors().count()), scope)
            .or_note(|| view.script_errors().next().map(|event| format!("the first: {}", shown(&event.text, SHOWN_EVENT)))),
        ExpectationKind::Dialog(matcher) => test(matcher, &Subject::maybe(view.last_dialog()), scope),
        ExpectationKind::Time(matcher) => {
            test(matcher, &Subject::number(u64::try_from(view.record.took.as_millis()).unwrap_or(u64::MAX)), scope)
                .or_note(|| view.slowest_note())
        }
        ExpectationKind::Failure(matcher) => test(matcher, &Subject::maybe(view.record.error.as_deref()), scope)
            .or_note(|| view.record.error.is_none().then(|| "the step could be done".to_owned())),
        ExpectationKind::ClockSkew(matcher) => clock_skew::check(matcher, view, scope),
        ExpectationKind::SameAs(wanted) => return same::check(wanted, view, span, verdicts),
        ExpectationKind::HopCount(matcher) => test(matcher, &Subject::number(view.hops.len()), scope).or_note(|| view.hops_note()),
    };
    verdicts.push(Verdict::of(describe(&expectation.kind), span, hop, result));
}

/// Tests a part of the response. Without any response, every matcher fails and says why there is none.
fn of_response(matcher: &Matcher, view: &View<'_>, scope: &Scope, part: impl FnOnce(&View<'_>) -> Option<Subject>) -> Check {
    match view.no_response() {
        Some(why) => Check::failed(wanted_of(matcher), why, None),
        None => test(matcher, &part(view).unwrap_or(Subject::Absent), scope),
    }
}

/// Tests what the page keeps under a key of its web storage.
fn kept(matcher: &Matcher, key: &str, view: &View<'_>, scope: &Scope, part: impl Fn(&WebStorage) -> &BTreeMap<String, String>) -> Check {
    let Some(storage) = view.record.storage.as_ref().map(part) else {
        return Check::failed(wanted_of(matcher), "no page with web storage", None);
    };
    test(matcher, &Subject::maybe(storage.get(key).map(String::as_str)), scope).or_note(|| {
        let keys: Vec<_> = storage.keys().map(|key| format!("`{}`", shown(key, 80))).collect();
        Some(if keys.is_empty() { "nothing is kept there".to_owned() } else { format!("what is kept there: {}", keys.join(", ")) })
    })
}

/// A matcher as a noun: what stands after "expected".
fn wanted_of(matcher: &Matcher) -> String {
    let phrase = phrase(matcher);
    phrase.strip_prefix("is ").map_or_else(|| phrase.clone(), str::to_owned)
}

fn wanted(kind: &ExpectationKind) -> String {
    use ExpectationKind as Kind;
    match kind {
        Kind::Status(matcher) | Kind::Redirect(matcher) | Kind::Url(matcher) | Kind::Origin(matcher) | Kind::Error(matcher) => {
            wanted_of(matcher)
        }
        Kind::Header(_, matcher) | Kind::Json(_, matcher) | Kind::Body(matcher) | Kind::Text(matcher) => wanted_of(matcher),
        Kind::Title(matcher) | Kind::Time(matcher) | Kind::HopCount(matcher) | Kind::Failure(matcher) | Kind::ClockSkew(matcher) => {
            wanted_of(matcher)
        }
        Kind::Local(_, matcher) | Kind::Session(_, matcher) | Kind::Console(matcher) | Kind::Dialog(matcher) => wanted_of(matcher),
        Kind::Cookie(..) | Kind::Hops(_) | Kind::SameAs(_) => describe(kind),
    }
}

/// The expectation as one line.
fn describe(kind: &ExpectationKind) -> String {
    use ExpectationKind as Kind;
    match kind {
        Kind::Status(matcher) => format!("status {}", phrase(matcher)),
        Kind::Redirect(matcher) => format!("redirect {}", phrase(matcher)),
        Kind::Url(matcher) => format!("url {}", phrase(matcher)),
        Kind::Origin(matcher) => format!("origin {}", phrase(matcher)),
        Kind::Error(matcher) => format!("error {}", phrase(matcher)),
        Kind::Header(name, matcher) => format!("header {name} {}", phrase(matcher)),
        Kind::Cookie(name, _) => format!("cookie {name}"),
        Kind::Json(path, matcher) => format!("json {path} {}", phrase(matcher)),
        Kind::Body(matcher) => format!("body {}", phrase(matcher)),
        Kind::Text(matcher) => format!("text {}", phrase(matcher)),
        Kind::Title(matcher) => format!("title {}", phrase(matcher)),
        Kind::Local(key, matcher) => format!("local storage {key} {}", phrase(matcher)),
        Kind::Session(key, matcher) => format!("session storage {key} {}", phrase(matcher)),
        Kind::Console(matcher) => format!("number of console errors {}", phrase(matcher)),
        Kind::Dialog(matcher) => format!("dialog {}", phrase(matcher)),
        Kind::Time(matcher) => format!("time {} ms", phrase(matcher)),
        Kind::Failure(matcher) => format!("failure {}", phrase(matcher)),
        Kind::ClockSkew(matcher) => format!("clock skew {} ms", phrase(matcher)),
        Kind::HopCount(matcher) => format!("number of hops {}", phrase(matcher)),
        Kind::SameAs(same) => format!("same as step `{}`", same.step),
        Kind::Hops(hops) => format!("{} in order", crate::judge::text::count(hops.len(), "hop")),
    }
}

#[cfg(test)]
mod tests;
