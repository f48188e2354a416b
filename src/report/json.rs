//! Everything that was seen and judged, as JSON for other programs. Values are masked as on the console.

use super::{Beside, Finished, Mask, Outcome, ProcessLog, SnapshotOutcome, Standing, Summary, table};
use crate::base::escape;
use crate::trace::{AnsweredBy, BrowserEvent, Hop, Message, ServerCall, SetVerdict, StepRecord};
use crate::web::message;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

/// The report as one JSON document, durations in milliseconds.
///
/// # Errors
/// When it cannot be written, which would be a fault of the library.
pub fn render(summary: &Summary) -> Result<Vec<u8>, serde_json::Error> {
    let runs: Vec<_> = summary.runs.iter().map(|run| run_json(run)).collect();
    let document = json!({
        "authchain": env!("CARGO_PKG_VERSION"),
        "engine": "http",
        "exit_code": summary.exit_code(),
        "took_ms": milliseconds(summary.took),
        "not_started": summary.not_started,
        "runs": runs,
    });
    let mut bytes = serde_json::to_vec_pretty(&document)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn run_json(run: &Finished) -> Value {
    let mask = Mask::new(&run.redactor);
    let outcome = match run.outcome() {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Broken => "broken",
        Outcome::Unusable => "unusable",
        Outcome::Interrupted => "interrupted",
    };
    let snapshot = match &run.snapshot {
        SnapshotOutcome::Off => "off",
        SnapshotOutcome::Same => "same",
        SnapshotOutcome::Allowed(_) => "allowed",
        SnapshotOutcome::New(_) => "new",
        SnapshotOutcome::Missing(_) => "missing",
        SnapshotOutcome::Drift { .. } => "drift",
        SnapshotOutcome::Updated(_) => "updated",
    };
    let findings = run.findings.iter().map(|judged| {
        let finding = &judged.finding;
        let standing = match &judged.standing {
            Standing::Fails => "fails",
            Standing::Expected => "expected",
            Standing::Allowed(_) => "allowed",
            Standing::Advises => "advises",
        };
        let reason = match &judged.standing {
            Standing::Allowed(reason) => Some(mask.text(reason)),
            _ => None,
        };
        let evidence =
            finding.evidence.iter().map(|evidence| json!({ "hop": evidence.hop.map(|hop| hop.0 + 1), "text": mask.text(&evidence.text) }));
        json!({
            "rule": finding.rule,
            "standing": standing,
            "reason": reason,
            "title": mask.text(&finding.title),
            "evidence": evidence.collect::<Vec<_>>(),
            "cause": mask.text(&finding.cause),
            "fix": mask.text(&finding.fix),
            "reference": finding.reference,
        })
    });
    let (pending, diff) = match &run.snapshot {
        SnapshotOutcome::New(path) => (Some(path.display().to_string()), None),
        SnapshotOutcome::Drift { diff, pending } => (pending.as_ref().map(|path| path.display().to_string()), Some(mask.lines(&diff.text))),
        _ => (None, None),
    };
    let calls = run.chain.calls_by_hop();
    json!({
        "name": run.name,
        "title": run.title,
        "file": run.file.display().to_string(),
        "variant": run.variant,
        "engine": run.engine,
        "outcome": outcome,
        "attempts": run.attempts,
        "started": run.started.format(&Rfc3339).unwrap_or_default(),
        "took_ms": milliseconds(run.took),
        "covers": run.covers,
        "profile": run.profile,
        "snapshot": snapshot,
        "snapshot_diff": diff,
        "snapshot_waits_at": pending,
        "engines_differ": match &run.beside {
            Beside::Alone => Value::Null,
            Beside::Same => json!(false),
            Beside::Differs { diff, because } => json!({ "diff": mask.lines(&diff.text), "because": because }),
        },
        "reasons": run.reasons().iter().map(|reason| mask.text(reason)).collect::<Vec<_>>(),
        "trouble": run.trouble.as_ref().map(|trouble| mask.lines(&trouble.message)),
        "hints": run.trouble.iter().flat_map(|trouble| &trouble.hints).map(|hint| mask.text(hint)).collect::<Vec<_>>(),
        "expectations": expectations(run, mask),
        "findings": findings.collect::<Vec<_>>(),
        "steps": run.chain.steps.iter().enumerate().map(|(at, step)| step_json(run, at, step, mask)).collect::<Vec<_>>(),
        "blocked": run.chain.blocked.iter().map(|step| json!({ "step": mask.text(&step.label), "by": mask.text(&step.by) })).collect::<Vec<_>>(),
        "not_reached": run.not_run.iter().map(|label| mask.text(label)).collect::<Vec<_>>(),
        "hops": run.chain.hops.iter().map(|hop| hop_json(hop, calls.get(&hop.id).copied(), mask)).collect::<Vec<_>>(),
        "events": run.chain.events.iter().map(|event| event_json(event, mask)).collect::<Vec<_>>(),
        "messages": run.chain.messages.iter().map(|message| message_json(message, mask)).collect::<Vec<_>>(),
        "calls": run.chain.calls.iter().filter(|call| is_told(call)).map(|call| call_json(call, mask)).collect::<Vec<_>>(),
        "logs": run.logs.iter().map(|log| log_json(log, mask)).collect::<Vec<_>>(),
    })
}

/// Every expectation that was looked at; those that hold without the values.
fn expectations(run: &Finished, mask: Mask<'_>) -> Vec<Value> {
    let each = run.verdicts.iter().flat_map(|step| step.verdicts.iter().map(move |verdict| (step.step, verdict)));
    let each = each.map(|(step, verdict)| {
        let mut entry = json!({
            "step": step,
            "expectation": mask.text(&verdict.expectation),
            "at": run.sources.place(verdict.span),
            "holds": verdict.is_met(),
        });
        if let Some((expected, actual, _)) = verdict.failure() {
            entry["expected"] = mask.text(expected).into();
            entry["actual"] = mask.text(actual).into();
        }
        entry
    });
    each.collect()
}

/// A call of a server, or one that an embedded service decided.
/// What servers asked of each other, what an embedded service decided, and what a stub had no answer for.
fn is_told(call: &ServerCall) -> bool {
    !call.by_actor || call.decision.is_some() || call.unexpected
}

fn call_json(call: &ServerCall, mask: Mask<'_>) -> Value {
    let decision = call.decision.as_ref().map(|decision| {
        json!({
            "endpoint": decision.endpoint,
            "client": decision.client.as_deref().map(|client| mask.text(client)),
            "outcome": mask.text(&decision.outcome),
            "why": decision.why.as_deref().map(|why| mask.text(why)),
        })
    });
    json!({
        "by": if call.by_actor { "actor" } else { "server" },
        "method": mask.text(&call.method),
        "url": mask.url(&format!("{}{}", call.origin, call.target)),
        "status": call.status,
        "at": call.at.format(&Rfc3339).unwrap_or_default(),
        "took_ms": milliseconds(call.took),
        "note": call.note.as_deref().map(|note| mask.text(note)),
        "decision": decision,
        "unexpected": call.unexpected,
    })
}

fn log_json(log: &ProcessLog, mask: Mask<'_>) -> Value {
    json!({ "origin": log.origin, "lines": log.lines.iter().map(|line| mask.text(line)).collect::<Vec<_>>() })
}

/// Whom a message went to and what it carries; its text is nobody's business.
fn event_json(event: &BrowserEvent, mask: Mask<'_>) -> Value {
    json!({
        "step": event.step,
        "actor": &*event.actor,
        "kind": event.kind.name(),
        "text": mask.lines(&event.text),
        "source": event.source.as_deref().map(|source| mask.url(source)),
        "at": event.at.format(&Rfc3339).unwrap_or_default(),
    })
}

fn message_json(message: &Message, mask: Mask<'_>) -> Value {
    let subject = message.subject.as_deref().map(|subject| mask.text(&message::without_codes(subject, "‹code›")));
    let links = message::links(&message.text, message.html.as_deref());
    json!({
        "channel": message.channel,
        "from": mask.text(&message.from),
        "to": message.to.iter().map(|to| mask.text(to)).collect::<Vec<_>>(),
        "subject": subject,
        "carries_code": message::code(&message.text).is_some(),
        "links": links.iter().take(10).map(|link| mask.url(link)).collect::<Vec<_>>(),
        "at": message.at.format(&Rfc3339).unwrap_or_default(),
    })
}

fn step_json(run: &Finished, at: usize, step: &StepRecord, mask: Mask<'_>) -> Value {
    json!({
        "label": mask.text(&step.label),
        "actor": &*step.actor,
        "took_ms": milliseconds(step.took),
        "page": step.page.as_ref().map(|url| mask.url(url.as_str())),
        "error": step.error.as_deref().map(|error| mask.lines(error)),
        "found": super::found::lines(step).iter().map(|line| mask.text(line)).collect::<Vec<_>>(),
        "learned": run.chain.learned.get(&at).map(|learned| mask.text(learned)),
        "tables": table::of(&run.chain, at, mask).iter().map(|table| table::json(table, mask)).collect::<Vec<_>>(),
    })
}

fn hop_json(hop: &Hop, call: Option<&ServerCall>, mask: Mask<'_>) -> Value {
    let set = hop.set.iter().map(|cookie| {
        let name = escape::bytes(&cookie.name);
        let blocked = match &cookie.verdict {
            SetVerdict::Blocked(reasons) => reasons.iter().map(|reason| reason.code.clone()).collect(),
            _ => Vec::new(),
        };
        json!({ "value": mask.opaque(&name, &cookie.value), "name": name, "stored": cookie.verdict.is_stored(), "blocked": blocked })
    });
    let sent = hop.sent.iter().map(|cookie| {
        let name = escape::bytes(&cookie.name);
        json!({ "value": mask.opaque(&name, &cookie.value), "name": name })
    });
    let withheld = hop.withheld.iter().map(|cookie| {
        let reasons: Vec<_> = cookie.reasons.iter().map(|reason| &reason.code).collect();
        json!({ "name": escape::bytes(&cookie.name), "reasons": reasons })
    });
    json!({
        "hop": hop.id.0 + 1,
        "step": hop.step,
        "method": mask.text(&hop.request.method),
        "url": mask.url(hop.request.url.as_str()),
        "status": hop.status(),
        "version": hop.response().map(|response| response.version),
        "resource": hop.resource.name(),
        "answered_by": hop.response().map(|response| response.by).filter(|by| *by != AnsweredBy::Server).map(AnsweredBy::name),
        "redirect": hop.redirect_target().map(|target| mask.url(&target)),
        "said": call.and_then(|call| call.note.as_deref()).map(|note| mask.text(note)),
        "failure": hop.outcome.as_ref().err().map(|failure| mask.text(&failure.message)),
        "sent": sent.collect::<Vec<_>>(),
        "withheld": withheld.collect::<Vec<_>>(),
        "set": set.collect::<Vec<_>>(),
        "timings_ms": {
            "dns": milliseconds(hop.timings.dns),
            "tcp": milliseconds(hop.timings.tcp),
            "tls": milliseconds(hop.timings.tls),
            "first_byte": milliseconds(hop.timings.first_byte),
            "total": milliseconds(hop.timings.total),
        },
    })
}

fn milliseconds(took: std::time::Duration) -> f64 {
    (took.as_secs_f64() * 1_000_000.0).round() / 1000.0
}
