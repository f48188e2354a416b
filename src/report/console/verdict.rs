//! What did not hold, what was found, and how to mend it.

use super::super::finished::{Beside, Finished, SnapshotOutcome, Standing};
use super::super::mask::Mask;
use super::style::Style;
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::expect::Verdict;
use crate::judge::snapshot;
use std::fmt::Write as _;

pub(super) fn write(out: &mut String, run: &Finished, style: Style) {
    write_trouble(out, run, style);
    for step in &run.verdicts {
        let label = run.chain.steps.get(step.step).map_or("", |step| step.label.as_str());
        for verdict in &step.verdicts {
            write_failed(out, run, label, verdict, style);
        }
    }
    write_snapshot(out, run, style);
    write_beside(out, run, style);
    for judged in &run.findings {
        write_finding(out, run, &judged.finding, &judged.standing, style);
    }
    for rule in &run.absent {
        let _ = writeln!(out, "{}: the scenario is there to reproduce `{rule}`, but the run does not show it", style.bad("error"));
        let _ = writeln!(out, "  {} take it out of `finds`, or mend the fault's switch\n", style.dim("fix  "));
    }
    write_logs(out, run, style);
}

fn write_trouble(out: &mut String, run: &Finished, style: Style) {
    let Some(trouble) = &run.trouble else { return };
    let mask = Mask::new(&run.redactor);
    for (at, text) in trouble.message.lines().enumerate() {
        let head = if at == 0 { format!("{}: ", style.bad("error")) } else { "  ".to_owned() };
        let _ = writeln!(out, "{head}{}", mask.text(text));
    }
    for hint in &trouble.hints {
        let _ = writeln!(out, "  {} {}", style.dim("hint:"), mask.text(hint));
    }
    out.push('\n');
}

fn write_failed(out: &mut String, run: &Finished, label: &str, verdict: &Verdict, style: Style) {
    let Some((expected, actual, note)) = verdict.failure() else { return };
    let mask = Mask::new(&run.redactor);
    let _ = writeln!(out, "{}: {} in step `{}`", style.bad("expectation failed"), mask.text(&verdict.expectation), mask.text(label));
    let _ = writeln!(out, "  {} {}", style.dim("expected"), mask.text(expected));
    let _ = writeln!(out, "  {} {}", style.dim("actual  "), mask.text(actual));
    if let Some(note) = note {
        let _ = writeln!(out, "  {} {}", style.dim("note    "), mask.text(note));
    }
    let _ = writeln!(out, "  {} {}\n", style.dim("at      "), run.sources.place(verdict.span));
}

fn write_snapshot(out: &mut String, run: &Finished, style: Style) {
    match &run.snapshot {
        SnapshotOutcome::Drift { diff, pending } => {
            let _ = writeln!(out, "{}: {}", style.bad("snapshot drifted"), diff.headline);
            for text in painted(&diff.text, style).lines() {
                let _ = writeln!(out, "  {text}");
            }
            if pending.is_some() {
                let _ = writeln!(out, "  {} if this is meant: `authchain review`, or run again with --update", style.dim("hint:"));
            }
            out.push('\n');
        }
        SnapshotOutcome::Missing(path) => {
            let _ = writeln!(out, "{}: {} is not there", style.bad("snapshot missing"), path.display());
            let _ = writeln!(out, "  {} run the scenario outside CI, review the snapshot, and commit it\n", style.dim("hint:"));
        }
        SnapshotOutcome::Allowed(changes) => {
            for change in changes {
                let _ = writeln!(out, "{}: {change}", style.dim("allowed transition"));
            }
            out.push('\n');
        }
        _ => {}
    }
}

/// Where the engines differ.
fn write_beside(out: &mut String, run: &Finished, style: Style) {
    let Beside::Differs { diff, because } = &run.beside else { return };
    if let Some(because) = because {
        let _ = writeln!(out, "{}: {}\n", style.dim("the engines differ, as they must"), Mask::new(&run.redactor).text(because));
        return;
    }
    let _ = writeln!(out, "{}: {}", style.bad("the engines differ"), diff.headline);
    for text in painted(&diff.text, style).lines() {
        let _ = writeln!(out, "  {text}");
    }
    let _ = writeln!(out, "  {} `-` is the http engine, `+` the browser; if this must be so, say why in `differs:`\n", style.dim("hint:"));
}

/// The difference between two snapshots, as one reads it in a review.
#[must_use]
pub fn diff(old: &str, new: &str, style: Style) -> String {
    painted(&snapshot::unified(old, new), style)
}

fn painted(diff: &str, style: Style) -> String {
    let line = |text: &str| match text.as_bytes().first() {
        Some(b'+') => style.good(text),
        Some(b'-') => style.bad(text),
        _ => text.to_owned(),
    };
    diff.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn write_finding(out: &mut String, run: &Finished, finding: &Finding, standing: &Standing, style: Style) {
    let mask = Mask::new(&run.redactor);
    let head = match finding.severity {
        Severity::Error => style.bad(&format!("finding[{}]", finding.rule)),
        Severity::Warning => style.warn(&format!("warning[{}]", finding.rule)),
        Severity::Info => style.dim(&format!("info[{}]", finding.rule)),
    };
    let aside = match standing {
        Standing::Expected => style.dim("  (reproduced on purpose)"),
        Standing::Allowed(reason) => style.dim(&format!("  (allowed: {})", mask.text(reason))),
        Standing::Fails | Standing::Advises => String::new(),
    };
    let _ = writeln!(out, "{head}: {}{aside}", mask.text(&finding.title));
    for evidence in &finding.evidence {
        let place = evidence.hop.map_or_else(|| "      ".to_owned(), |hop| format!("hop {hop:>2}"));
        let _ = writeln!(out, "  {} {}", style.dim(&place), mask.text(&evidence.text));
    }
    let _ = writeln!(out, "  {} {}", style.dim("cause "), mask.text(&finding.cause));
    let _ = writeln!(out, "  {} {}", style.dim("fix   "), mask.text(&finding.fix));
    let _ = writeln!(out, "  {} {}\n", style.dim("see   "), style.dim(finding.reference));
}

fn write_logs(out: &mut String, run: &Finished, style: Style) {
    for log in run.logs.iter().filter(|log| !log.lines.is_empty()) {
        let _ = writeln!(out, "{}", style.step(&format!("last lines of {}", log.origin)));
        for text in &log.lines {
            let _ = writeln!(out, "  {} {}", style.dim("│"), Mask::new(&run.redactor).text(text));
        }
        out.push('\n');
    }
}
