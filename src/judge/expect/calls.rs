//! How an origin was called: `calls` steps.

use super::matcher::{Subject, phrase};
use super::{Check, Verdict, test};
use crate::base::Span;
use crate::judge::text::{count, shown};
use crate::plan::{CallsPlan, Scope};
use crate::trace::{Chain, ServerCall};
use std::collections::BTreeMap;
use time::OffsetDateTime;

/// Judges the calls that came before the step at `index` ended; whoever made them, actor or server, counts.
pub(super) fn check(plan: &CallsPlan, chain: &Chain, index: usize, scope: &Scope, span: Span) -> Vec<Verdict> {
    let what = describe(plan);
    let since = match plan.since.as_deref().map(|id| chain.steps.iter().rev().find(|step| step.id.as_deref() == Some(id)).ok_or(id)) {
        None => None,
        Some(Ok(step)) => Some(step.started),
        Some(Err(id)) => {
            let missing = Check::failed(format!("calls since step `{id}`"), "that step did not run", None);
            return vec![Verdict::of(what, span, None, missing)];
        }
    };
    let until = chain.steps.get(index).map(|step| step.started + step.took);
    let in_time = |call: &&ServerCall| {
        call.origin == plan.origin && since.is_none_or(|since| call.at >= since) && until.is_none_or(|until| call.at <= until)
    };
    let at_origin: Vec<&ServerCall> = chain.calls.iter().filter(in_time).collect();
    let counted: Vec<&ServerCall> = at_origin.iter().copied().filter(|call| counts(plan, call, scope)).collect();

    let mut verdicts = Vec::new();
    if let Some(matcher) = &plan.count {
        let result = test(matcher, &Subject::number(counted.len()), scope).or_note(|| Some(summary(&at_origin)));
        verdicts.push(Verdict::of(format!("{what}: count {}", phrase(matcher)), span, None, result));
    }
    if let Some(matcher) = &plan.status {
        let failed = counted.iter().enumerate().find_map(|(at, call)| {
            let status = call.status.map_or(Subject::Absent, Subject::number);
            match test(matcher, &status, scope) {
                Check::Failed(failed) => Some((at, call, failed)),
                Check::Met => None,
            }
        });
        let result = match failed {
            Some((at, call, mut failed)) => {
                failed.actual = format!("{} for call {} of {}", failed.actual, at + 1, counted.len());
                failed.note = failed.note.or_else(|| Some(format!("{} {}", call.method, shown(&call.target, 160))));
                Check::Failed(failed)
            }
            // Nothing to look at proves nothing.
            None if counted.is_empty() => Check::failed(phrase(matcher), "no call", Some(summary(&at_origin))),
            None => Check::Met,
        };
        verdicts.push(Verdict::of(format!("{what}: each status {}", phrase(matcher)), span, None, result));
    }
    if let Some(matcher) = &plan.unexpected {
        let unexpected: Vec<&ServerCall> = counted.iter().copied().filter(|call| call.unexpected).collect();
        let result = test(matcher, &Subject::number(unexpected.len()), scope);
        let result = result.or_note(|| (!unexpected.is_empty()).then(|| format!("no route fits {}", listed(&unexpected))));
        verdicts.push(Verdict::of(format!("{what}: unexpected {}", phrase(matcher)), span, None, result));
    }
    if let Some(matcher) = &plan.spacing {
        let mut times: Vec<OffsetDateTime> = counted.iter().map(|call| call.at).collect();
        times.sort_unstable();
        let failed = times.windows(2).enumerate().find_map(|(at, pair)| {
            let gap = i64::try_from((pair[1] - pair[0]).whole_milliseconds()).unwrap_or(i64::MAX);
            match test(matcher, &Subject::number(gap), scope) {
                Check::Failed(mut failed) => {
                    failed.actual = format!("{} ms between call {} and call {}", failed.actual, at + 1, at + 2);
                    Some(failed)
                }
                Check::Met => None,
            }
        });
        let result = match failed {
            Some(failed) => Check::Failed(failed),
            None if times.len() < 2 => Check::failed(phrase(matcher), format!("{}: no gap to measure", count(times.len(), "call")), None),
            None => Check::Met,
        };
        verdicts.push(Verdict::of(format!("{what}: spacing {} ms", phrase(matcher)), span, None, result));
    }
    verdicts
}

fn counts(plan: &CallsPlan, call: &ServerCall, scope: &Scope) -> bool {
    let method = plan.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(&call.method));
    let path = plan.path.as_ref().is_none_or(|path| matches!(test(path, &Subject::text(call.path()), scope), Check::Met));
    method && path
}

/// What came instead.
fn summary(calls: &[&ServerCall]) -> String {
    if calls.is_empty() { "the origin was not called at all".to_owned() } else { format!("the origin was called: {}", listed(calls)) }
}

/// Every method and path with its number.
fn listed(calls: &[&ServerCall]) -> String {
    let mut seen: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for call in calls {
        *seen.entry((shown(call.path(), 80), call.method.as_str())).or_default() += 1;
    }
    let list: Vec<_> = seen.iter().take(12).map(|((path, method), times)| format!("{method} {path} ×{times}")).collect();
    list.join(", ")
}

fn describe(plan: &CallsPlan) -> String {
    let method = plan.method.as_deref().map(|method| format!("{method} ")).unwrap_or_default();
    let path = plan.path.as_ref().map(|path| format!(", path {}", phrase(path))).unwrap_or_default();
    format!("{method}calls of {}{path}", plan.origin)
}
