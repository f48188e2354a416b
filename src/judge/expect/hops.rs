//! Hops that must occur in order among those of a step.

use super::matcher::{Mismatch, Subject, phrase};
use super::view::View;
use super::{Check, Verdict, test};
use crate::judge::text::shown;
use crate::plan::{HopExpectation, Scope};
use crate::trace::Hop;
use crate::web::oauth::ErrorParams;
use url::Url;

/// How many hops a failure lists at most.
const LISTED: usize = 10;

/// One verdict a hop asked for. Each is looked for after the one before.
pub(super) fn check(wanted: &[HopExpectation], view: &View<'_>, scope: &Scope, verdicts: &mut Vec<Verdict>) {
    let mut rest = view.hops.as_slice();
    for expectation in wanted {
        let found = rest.iter().position(|hop| matches!(test(&expectation.url, &url_of(hop), scope), Check::Met));
        let (hop, result) = match found {
            Some(at) => {
                let hop = rest[at];
                rest = &rest[at + 1..];
                (Some(hop.id), shows(expectation, hop, scope))
            }
            None => {
                let list: Vec<_> =
                    rest.iter().take(LISTED).map(|hop| format!("{} {}", hop.id, shown(hop.request.url.as_str(), 120))).collect();
                let more = rest.len().saturating_sub(LISTED);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let left = if list.is_empty() { "no hop is left".to_owned() } else { format!("left were {}{more}", list.join(", ")) };
                (None, Check::failed(format!("a hop whose url {}", phrase(&expectation.url)), "no such hop", Some(left)))
            }
        };
        verdicts.push(Verdict::of(describe(expectation), expectation.span, hop, result));
    }
}

fn url_of(hop: &Hop) -> Subject {
    Subject::text(hop.request.url.as_str())
}

/// What is asked of the hop that was found: everything, and all that misses is told.
fn shows(expectation: &HopExpectation, hop: &Hop, scope: &Scope) -> Check {
    let target = hop.redirect_target();
    let error = || ErrorParams::from_url(&Url::parse(target.as_deref()?).ok()?).map(|params| params.error);
    let status = || hop.status().map_or(Subject::Absent, Subject::number);
    let parts = [
        ("method", &expectation.method, Subject::text(hop.request.method.as_str())),
        ("status", &expectation.status, status()),
        ("redirect", &expectation.redirect, Subject::maybe(target.as_deref())),
        ("error", &expectation.error, Subject::maybe(error())),
    ];
    let failed: Vec<(&str, Mismatch)> = parts
        .iter()
        .filter_map(|(name, matcher, subject)| match test(matcher.as_ref()?, subject, scope) {
            Check::Failed(failed) => Some((*name, failed)),
            Check::Met => None,
        })
        .collect();
    if failed.is_empty() {
        return Check::Met;
    }
    let join =
        |part: fn(&Mismatch) -> &str| failed.iter().map(|(name, failed)| format!("{name} {}", part(failed))).collect::<Vec<_>>().join(", ");
    let no_response = hop.outcome.as_ref().err().map(|failure| format!("no response: {}", shown(&failure.message, 200)));
    let note = no_response.or_else(|| failed.iter().find_map(|(_, failed)| failed.note.clone()));
    Check::failed(join(|failed| &failed.expected), join(|failed| &failed.actual), note)
}

fn describe(expectation: &HopExpectation) -> String {
    let mut line = format!("hop whose url {}", phrase(&expectation.url));
    let parts = [
        ("method", &expectation.method),
        ("status", &expectation.status),
        ("redirect", &expectation.redirect),
        ("error", &expectation.error),
    ];
    for (name, matcher) in parts {
        if let Some(matcher) = matcher {
            line.push_str(&format!(", {name} {}", phrase(matcher)));
        }
    }
    line
}
