//! The console: one line a run, and for a run that failed its chain, what did not hold, and the finding.

mod chain;
mod style;
mod verdict;

pub use style::Style;
pub use verdict::diff;

use super::finished::{Finished, Outcome, SnapshotOutcome, Summary};
use std::fmt::Write as _;
use std::time::Duration;

/// The line a run ends with: `PASS  0.34s  scenarios/mosaic/login`.
#[must_use]
pub fn line(run: &Finished, style: Style) -> String {
    let (word, paint): (_, fn(Style, &str) -> String) = match run.outcome() {
        Outcome::Passed if run.is_flaky() => ("FLAKY", Style::warn),
        Outcome::Passed => ("PASS", Style::good),
        Outcome::Failed => ("FAIL", Style::bad),
        Outcome::Broken => ("ENV", Style::bad),
        Outcome::Unusable => ("USAGE", Style::bad),
        Outcome::Interrupted => ("STOP", Style::warn),
    };
    let mut out = format!("{}  {:>7}  {}", paint(style, &format!("{word:>5}")), seconds(run.took), style.strong(&run.name));
    if run.outcome() == Outcome::Passed {
        let reproduced: Vec<_> = run.findings.iter().filter(|judged| judged.standing == super::Standing::Expected).collect();
        if let Some(first) = reproduced.first() {
            let _ = write!(out, "  {}", style.dim(&format!("reproduces {}", first.finding.rule)));
        }
        match &run.snapshot {
            SnapshotOutcome::New(_) => out.push_str(&style.warn("  new snapshot, to be reviewed")),
            SnapshotOutcome::Updated(_) => out.push_str(&style.dim("  snapshot updated")),
            SnapshotOutcome::Allowed(changes) => {
                let _ = write!(
                    out,
                    "  {}",
                    style.dim(&match changes.len() {
                        1 => "1 allowed transition".to_owned(),
                        count => format!("{count} allowed transitions"),
                    })
                );
            }
            _ => {}
        }
    } else if let Some(first) = run.headline() {
        let _ = write!(out, "  {}", style.dim(&super::Mask::new(&run.redactor).text(&first)));
    }
    out
}

/// A whole run: title, chain, verdicts, findings, logs. With `full` the chain of a run that passed is shown too.
#[must_use]
pub fn details(run: &Finished, style: Style) -> String {
    let mut out = format!("{}  {}\n\n", style.strong(&run.name), style.dim(&run.title));
    chain::write(&mut out, run, style);
    verdict::write(&mut out, run, style);
    out
}

/// A recording: what of its chain matters to logins (with `full` all of it), and what was found.
#[must_use]
pub fn recording(run: &Finished, full: bool, style: Style) -> String {
    let mut out = format!("{}\n\n", style.strong(&run.name));
    chain::write_selected(&mut out, run, if full { chain::everything(run) } else { chain::of_interest(run) }, style);
    verdict::write(&mut out, run, style);
    out
}

/// The last lines of a command: counts, what waits for review, and how to go on.
#[must_use]
pub fn summary(summary: &Summary, style: Style) -> String {
    let mut parts = Vec::new();
    let total = summary.runs.len();
    for (outcome, word) in [
        (Outcome::Passed, "passed"),
        (Outcome::Failed, "failed"),
        (Outcome::Broken, "could not run"),
        (Outcome::Unusable, "unusable"),
        (Outcome::Interrupted, "interrupted"),
    ] {
        let count = summary.count(outcome);
        if count > 0 {
            let text = format!("{count} {word}");
            parts.push(if outcome == Outcome::Passed { style.good(&text) } else { style.bad(&text) });
        }
    }
    if summary.not_started > 0 {
        parts.push(style.warn(&format!("{} not started", summary.not_started)));
    }
    let plural = if total == 1 { "run" } else { "runs" };
    let mut out = format!("{total} {plural} in {}: {}\n", seconds(summary.took), parts.join(", "));
    let waiting =
        summary.runs.iter().filter(|run| matches!(run.snapshot, SnapshotOutcome::New(_) | SnapshotOutcome::Drift { pending: Some(_), .. }));
    let waiting = waiting.count();
    if waiting > 0 {
        let plural = if waiting == 1 { "snapshot waits" } else { "snapshots wait" };
        let _ = writeln!(out, "{waiting} {plural} for review: `authchain review` (or `cargo insta review`)");
    }
    out
}

fn seconds(took: Duration) -> String {
    format!("{:.2}s", took.as_secs_f64())
}
