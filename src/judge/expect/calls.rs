//! How an origin was called: `calls` steps.

use super::matcher::{Subject, phrase};
use super::{Check, Verdict, test};
use crate::base::Span;
use crate::judge::text::{count, shown};
use crate::plan::{CallsPlan, GapsPlan, Scope, shown_duration};
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
    verdicts.extend(order(plan, &counted, scope, span, &what));
    verdicts.extend(plan.gaps.as_ref().map(|gaps| waits(gaps, &counted, span, &what)));
    verdicts
}

/// Whether what is asked for came in its order, whatever came between.
fn order(plan: &CallsPlan, calls: &[&ServerCall], scope: &Scope, span: Span, what: &str) -> Option<Verdict> {
    let last = plan.order.len().checked_sub(1)?;
    let mut left = calls.iter().map(|call| format!("{} {}", call.method, call.path()));
    let missing = plan.order.iter().position(|wanted| !left.any(|call| matches!(test(wanted, &Subject::text(call), scope), Check::Met)));
    let result = match missing {
        None => Check::Met,
        Some(at) => {
            let wanted = phrase(&plan.order[at]);
            let behind = if at == 0 { "at all".to_owned() } else { format!("behind the one that {}", phrase(&plan.order[at - 1])) };
            let came: Vec<_> = calls.iter().take(12).map(|call| format!("{} {}", call.method, shown(call.path(), 80))).collect();
            Check::failed(format!("a call that {wanted}"), format!("none {behind}"), Some(format!("the calls: {}", came.join(" → "))))
        }
    };
    Some(Verdict::of(format!("{what}: {} in order", count(last + 1, "call")), span, None, result))
}

/// Whether the caller waited as long as asked after each answer. How long an answer took is no part of that.
fn waits(gaps: &GapsPlan, calls: &[&ServerCall], span: Span, what: &str) -> Verdict {
    let mut calls = calls.to_vec();
    calls.sort_by_key(|call| call.at);
    let wanted: Vec<_> = gaps.waits.iter().map(|wait| shown_duration(*wait)).collect();
    let listed = wanted.join(", ");
    let idle: Vec<i128> = calls.windows(2).map(|pair| (pair[1].at - (pair[0].at + pair[0].took)).whole_milliseconds()).collect();
    let came: Vec<_> = idle.iter().map(|wait| format!("{wait} ms")).collect();
    let result = if idle.len() == gaps.waits.len() {
        let off = gaps.waits.iter().zip(&idle).enumerate().find_map(|(at, (wait, idle))| {
            let (least, most) = gaps.bounds(*wait);
            // Times of calls are whole milliseconds, so that one is lost in each difference.
            let within = *idle + 2 >= least.as_millis().cast_signed() && *idle <= most.as_millis().cast_signed();
            (!within).then(|| (at, format!("between {} and {}", shown_duration(least), shown_duration(most))))
        });
        match off {
            None => Check::Met,
            Some((at, wanted)) => Check::failed(
                wanted,
                format!("{} between call {} and call {}", came[at], at + 1, at + 2),
                Some(format!("the waits: {}", came.join(", "))),
            ),
        }
    } else {
        Check::failed(format!("{} with waits of {listed}", count(wanted.len() + 1, "call")), count(calls.len(), "call"), None)
    };
    Verdict::of(format!("{what}: waits of {listed}"), span, None, result)
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
