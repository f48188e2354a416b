//! The chain as a person wants to read it: a line a step, a line a hop beneath it, cookies beneath the hop.

use super::super::finished::{Finished, SnapshotOutcome, Standing};
use super::super::mask::Mask;
use super::super::table;
use super::style::Style;
use crate::base::escape;
use crate::judge::expect;
use crate::trace::{AnsweredBy, Cause, CookieSet, Hop, HopId, Resource, SetVerdict};
use crate::web::message;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Most calls, and most messages, that are listed.
const LISTED: usize = 40;

/// Most hops of a recording that are shown.
const SHOWN: usize = 60;

/// All hops.
pub(super) fn everything(run: &Finished) -> BTreeSet<HopId> {
    run.chain.hops.iter().map(|hop| hop.id).collect()
}

/// What of a long chain a person wants to see: what findings point at first, then pages, redirects, cookies and refusals.
pub(super) fn of_interest(run: &Finished) -> BTreeSet<HopId> {
    if run.chain.hops.len() <= SHOWN {
        return everything(run);
    }
    let evidence = run.findings.iter().flat_map(|judged| &judged.finding.evidence).filter_map(|evidence| evidence.hop);
    let mut shown: BTreeSet<HopId> = evidence.take(SHOWN).collect();
    let tells = |hop: &&Hop| {
        let asset = matches!(hop.resource, Resource::Asset | Resource::Preflight);
        let page = matches!(hop.resource, Resource::Document | Resource::Frame);
        !asset && (page || !hop.set.is_empty() || hop.redirect_target().is_some() || hop.status().is_none_or(|status| status >= 400))
    };
    for hop in run.chain.hops.iter().filter(tells) {
        if shown.len() >= SHOWN {
            break;
        }
        shown.insert(hop.id);
    }
    shown
}

pub(super) fn write(out: &mut String, run: &Finished, style: Style) {
    write_selected(out, run, everything(run), style);
}

/// The steps with those of their hops that are in `selected`, and how many are not.
pub(super) fn write_selected(out: &mut String, run: &Finished, selected: BTreeSet<HopId>, style: Style) {
    let mut by_step: Vec<Vec<&Hop>> = vec![Vec::new(); run.chain.steps.len()];
    let mut left_out = 0;
    let marked = marked_hops(run);
    for hop in &run.chain.hops {
        match by_step.get_mut(hop.step) {
            // What a probe asked is in its table; a line of its own is for what something points at.
            Some(_) if hop.cause == Cause::Probe && !marked.contains(&hop.id) => {}
            Some(hops) if selected.contains(&hop.id) => hops.push(hop),
            _ => left_out += 1,
        }
    }
    let calls = run.chain.calls_by_hop();
    let actors: BTreeSet<&str> = run.chain.steps.iter().map(|step| &*step.actor).collect();
    for (index, step) in run.chain.steps.iter().enumerate() {
        let hops = &by_step[index];
        // A step of which nothing is shown is a line that says nothing.
        if left_out > 0 && hops.is_empty() && !run.chain.learned.contains_key(&index) {
            continue;
        }
        let indent = "  ".repeat(step.depth + 1);
        let actor = if actors.len() > 1 { format!("{}: ", step.actor) } else { String::new() };
        let _ = writeln!(out, "{indent}{}", style.step(&format!("{actor}{}", Mask::new(&run.redactor).text(&step.label))));
        for (at, hop) in hops.iter().enumerate() {
            write_hop(out, hop, marked.contains(&hop.id), run, style);
            if let Some(note) = calls.get(&hop.id).and_then(|call| call.note.as_deref()) {
                let _ = writeln!(out, "              {}", style.dim(&format!("said {}", Mask::new(&run.redactor).text(note))));
            }
            // The target of a redirect that was followed is the next line.
            let followed = hops.get(at + 1).is_some_and(|next| next.cause == Cause::Redirect(hop.id));
            if let Some(target) = hop.redirect_target().filter(|_| !followed) {
                let _ = writeln!(out, "              {} {}", style.dim("→"), Mask::new(&run.redactor).url(&target));
            }
        }
        let mask = Mask::new(&run.redactor);
        let tables = table::of(&run.chain, index, mask);
        for line in crate::report::found::lines(step).iter().filter(|_| tables.is_empty()) {
            let _ = writeln!(out, "              {}", style.dim(&mask.text(line)));
        }
        for line in tables.iter().flat_map(|table| table::lines(table, mask)) {
            let _ = writeln!(out, "{indent}  {line}");
        }
        // In words where there is no table.
        if let Some(learned) = run.chain.learned.get(&index).filter(|_| tables.is_empty()) {
            let _ = writeln!(out, "{indent}  {} {}", style.dim("="), Mask::new(&run.redactor).text(learned));
        }
        write_events(out, run, index, style);
        if let Some(error) = &step.error {
            for (at, text) in error.lines().enumerate() {
                let mark = match (at, step.meant_to_fail) {
                    (0, false) => style.bad("✗ could not be done:"),
                    (0, true) => style.dim("· meant to fail:"),
                    _ => " ".repeat(20),
                };
                let _ = writeln!(out, "     {mark} {}", Mask::new(&run.redactor).text(text));
            }
        }
    }
    if left_out > 0 {
        let _ = writeln!(out, "  {}", style.dim(&format!("… {left_out} more requests that matter less (--trace shows all)")));
    }
    for label in &run.not_run {
        let _ = writeln!(out, "  {}", style.dim(&format!("not reached: {}", Mask::new(&run.redactor).text(label))));
    }
    for blocked in &run.chain.blocked {
        let mask = Mask::new(&run.redactor);
        let text = format!("blocked: {} (by `{}`)", mask.text(&blocked.label), mask.text(&blocked.by));
        let _ = writeln!(out, "  {}", style.warn(&text));
    }
    write_calls(out, run, style);
    write_unexpected(out, run, style);
    write_messages(out, run, style);
    out.push('\n');
}

/// What the browser told beside its requests while a step was under way.
fn write_events(out: &mut String, run: &Finished, step: usize, style: Style) {
    let mask = Mask::new(&run.redactor);
    let events: Vec<_> = run.chain.events.iter().filter(|event| event.step == step).collect();
    for event in events.iter().take(LISTED) {
        let what = event.kind.name();
        let what = if event.kind.is_error() { style.warn(what) } else { style.dim(what) };
        let text = mask.text(event.text.lines().next().unwrap_or_default());
        let source = event.source.as_deref().map(|source| style.dim(&format!("  at {}", mask.url(source)))).unwrap_or_default();
        let _ = writeln!(out, "              {what}  {}{source}", escape::shorten(&text, 200));
    }
    if events.len() > LISTED {
        let _ = writeln!(out, "              … and {} more", events.len() - LISTED);
    }
}

/// Hops that a failed expectation, the snapshot or a finding points at.
fn marked_hops(run: &Finished) -> BTreeSet<HopId> {
    let verdicts = run.verdicts.iter().flat_map(|step| &step.verdicts).filter_map(|verdict| match verdict.outcome {
        expect::Outcome::Failed { hop, .. } => hop,
        expect::Outcome::Met => None,
    });
    // Evidence is in the order of the hops: the last one is where it broke.
    let findings = run.findings.iter().filter(|judged| !matches!(judged.standing, Standing::Allowed(_)));
    let drifted = match &run.snapshot {
        SnapshotOutcome::Drift { diff, .. } => diff.hop,
        _ => None,
    };
    verdicts
        .chain(drifted)
        .chain(findings.filter_map(|judged| judged.finding.evidence.iter().rev().find_map(|evidence| evidence.hop)))
        .collect()
}

fn write_hop(out: &mut String, hop: &Hop, marked: bool, run: &Finished, style: Style) {
    let mask = Mask::new(&run.redactor);
    let method = escape::shorten(&mask.text(&hop.request.method), 12).into_owned();
    let arrow = if matches!(hop.cause, Cause::Redirect(_)) { style.dim("→") } else { " ".to_owned() };
    let head = format!("{:>2} {arrow} {method:<5} {}", hop.id, mask.url(hop.request.url.as_str()));
    let mark = if marked { style.bad("✗") } else { " ".to_owned() };
    let answer = match &hop.outcome {
        Ok(response) => {
            let status = response.status.to_string();
            let painted = match response.status {
                _ if marked => style.bad(&status),
                200..=299 => style.good(&status),
                300..=399 => status,
                _ => style.warn(&status),
            };
            let by = match response.by {
                AnsweredBy::Server => "",
                AnsweredBy::Cache => "  from the cache",
                AnsweredBy::ServiceWorker => "  from the service worker",
                AnsweredBy::Prefetch => "  prefetched",
            };
            format!("{painted}  {}", style.dim(&format!("{}{by}", milliseconds(hop.timings.total))))
        }
        Err(failure) => style.bad(&mask.text(&failure.message)),
    };
    let _ = writeln!(out, "   {mark} {head}  {answer}");
    if marked && !hop.sent.is_empty() {
        let sent = hop.sent.iter().map(|cookie| {
            let name = escape::bytes(&cookie.name);
            format!("{name}={}", mask.opaque(&name, &cookie.value))
        });
        let _ = writeln!(out, "              {} {}", style.dim("sent"), sent.collect::<Vec<_>>().join("; "));
    }
    for cookie in &hop.set {
        let _ = writeln!(out, "              {} {}", style.dim("set "), set_cookie(cookie, mask, style));
    }
    // A cookie of a sibling host stays at home on every hop; that is worth a line only where something broke.
    for cookie in hop.withheld.iter().filter(|cookie| marked || cookie.reasons.iter().any(|reason| reason.code != "DomainMismatch")) {
        let reasons: Vec<_> = cookie.reasons.iter().map(|reason| reason.code.as_str()).collect();
        let name = escape::bytes(&cookie.name);
        let _ = writeln!(
            out,
            "              {} {name} (domain {}, path {}) {}",
            style.dim("kept"),
            mask.text(&cookie.domain),
            mask.text(&cookie.path),
            style.warn(&format!("not sent: {}", reasons.join(", ")))
        );
    }
}

fn set_cookie(cookie: &CookieSet, mask: Mask<'_>, style: Style) -> String {
    let name = escape::bytes(&cookie.name);
    let mut text = format!("{name}={}", mask.opaque(&name, &cookie.value));
    for (attribute, value) in cookie.attributes.iter().take(12) {
        let _ = match value {
            Some(value) => write!(text, "; {}={}", mask.text(attribute), escape::shorten(&mask.text(value), 60)),
            None => write!(text, "; {}", mask.text(attribute)),
        };
    }
    let verdict = match &cookie.verdict {
        SetVerdict::Stored => style.good("stored"),
        SetVerdict::Replaced => style.good("replaced"),
        SetVerdict::Deleted => style.dim("deleted"),
        SetVerdict::DeletedNothing(others) if others.is_empty() => style.dim("nothing to delete"),
        SetVerdict::DeletedNothing(others) => style.warn(&format!("deleted nothing; {} stays", others.join(", "))),
        SetVerdict::Blocked(reasons) => {
            let words: Vec<_> = reasons.iter().map(|reason| reason.code.as_str()).collect();
            style.bad(&format!("✗ not stored: {}", words.join(", ")))
        }
        SetVerdict::Unknown => String::new(),
    };
    format!("{text}  {verdict}")
}

fn write_calls(out: &mut String, run: &Finished, style: Style) {
    let calls: Vec<_> = run.chain.calls.iter().filter(|call| !call.by_actor).collect();
    if calls.is_empty() {
        return;
    }
    let _ = writeln!(out, "  {}", style.step("calls between servers"));
    for call in calls.iter().take(LISTED) {
        let mask = Mask::new(&run.redactor);
        let status = call.status.map_or("no answer".to_owned(), |status| status.to_string());
        let url = mask.url(&format!("{}{}", call.origin, call.target));
        let note = call.note.as_deref().map(|note| style.dim(&format!("  {}", mask.text(note)))).unwrap_or_default();
        let _ = writeln!(out, "          {:<5} {url}  {status}{note}", mask.text(&call.method));
    }
    if calls.len() > LISTED {
        let _ = writeln!(out, "          … and {} more", calls.len() - LISTED);
    }
}

/// Calls that a stub had no answer for, whoever made them.
fn write_unexpected(out: &mut String, run: &Finished, style: Style) {
    let calls: Vec<_> = run.chain.calls.iter().filter(|call| call.unexpected).collect();
    if calls.is_empty() {
        return;
    }
    let _ = writeln!(out, "  {}", style.warn("unexpected calls: no stub route fits, or it was never recorded"));
    let mask = Mask::new(&run.redactor);
    for call in calls.iter().take(LISTED) {
        let _ = writeln!(out, "          {:<5} {}", mask.text(&call.method), mask.url(&format!("{}{}", call.origin, call.target)));
    }
    if calls.len() > LISTED {
        let _ = writeln!(out, "          … and {} more", calls.len() - LISTED);
    }
}

/// Whom messages went to and what they carry.
fn write_messages(out: &mut String, run: &Finished, style: Style) {
    if run.chain.messages.is_empty() {
        return;
    }
    let _ = writeln!(out, "  {}", style.step("messages"));
    let mask = Mask::new(&run.redactor);
    for message in run.chain.messages.iter().take(LISTED) {
        let to: Vec<_> = message.to.iter().take(5).map(|to| mask.text(to)).collect();
        let subject = message.subject.as_deref().map(|subject| message::without_codes(subject, "‹code›"));
        let subject = subject.map(|subject| format!("  \"{}\"", escape::shorten(&mask.text(&subject), 80))).unwrap_or_default();
        let mut carries = message::code(&message.text).map(|_| "a code".to_owned()).into_iter().collect::<Vec<_>>();
        carries.extend(message::links(&message.text, message.html.as_deref()).iter().take(3).map(|link| mask.url(link)));
        let carries = if carries.is_empty() { String::new() } else { style.dim(&format!("  carries {}", carries.join(" and "))) };
        let _ = writeln!(out, "          {:<5} to {}{subject}{carries}", message.channel, to.join(", "));
    }
    if run.chain.messages.len() > LISTED {
        let _ = writeln!(out, "          … and {} more", run.chain.messages.len() - LISTED);
    }
}

fn milliseconds(took: std::time::Duration) -> String {
    let ms = took.as_secs_f64() * 1000.0;
    if ms < 10.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}
