//! `authchain record`.

use super::browser::Browser;
use super::signals::Signals;
use crate::base::{Diagnostic, Printer};
use crate::run::record::{NotRecorded, RecordRequest, Recorded, record as listen};
use crate::run::{self, Cancel};
use anyhow::Context as _;
use clap::Args;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;
use url::Url;

#[derive(Debug, Args)]
pub(super) struct Record {
    /// Where to begin.
    url: Url,
    /// A scenario, or a part of one, that says what stands behind the origins.
    #[arg(long, short, value_name = "FILE", required_unless_present = "live")]
    scenario: Option<PathBuf>,
    /// Reach the real site.
    #[arg(long)]
    live: bool,
    /// Another real origin that the site needs, such as its identity provider. May be given several times.
    #[arg(long, value_name = "URL", requires = "live")]
    origin: Vec<Url>,
    /// The file to write.
    #[arg(long, short, value_name = "FILE", default_value = "recorded.yaml")]
    output: PathBuf,
    /// The scenario's title.
    #[arg(long, value_name = "TEXT", default_value = "a recorded login")]
    title: String,
    /// Write over the file when it is there already.
    #[arg(long)]
    force: bool,
    /// Show no window, for a browser that another program uses.
    #[arg(long, conflicts_with = "headed")]
    headless: bool,
    #[command(flatten)]
    browser: Browser,
}

pub(super) fn record(command: Record, printer: &Printer, quiet: bool) -> anyhow::Result<u8> {
    if !command.force && command.output.exists() {
        let wrong = Diagnostic::error(format!("`{}` is there already", command.output.display()));
        return Ok(super::wrong(&wrong.hint("name another file with `--output`, or write over it with `--force`"), printer));
    }
    let mut browser = command.browser.options();
    browser.headed = !command.headless;
    let live = if command.live { std::iter::once(command.url.clone()).chain(command.origin).collect() } else { Vec::new() };
    let request = RecordRequest {
        url: command.url,
        base: command.scenario,
        live,
        output: command.output,
        title: command.title,
        browser,
        executable: None,
    };
    let runtime = super::runtime()?;
    let recorded = runtime.block_on(until_done(&request, printer, quiet))?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    let recorded = match recorded {
        Ok(recorded) => recorded,
        Err(NotRecorded::Unusable(unusable)) => return Ok(super::refuse(&unusable, printer)),
        Err(NotRecorded::Failed(error)) => return Err(error),
    };
    tell(&request, &recorded, printer, quiet);
    if request.live.is_empty() { first_snapshot(&request, &recorded, printer) } else { Ok(0) }
}

/// Ends when the windows are closed, or at the first signal.
async fn until_done(request: &RecordRequest, printer: &Printer, quiet: bool) -> anyhow::Result<Result<Recorded, NotRecorded>> {
    let mut signals = Signals::new(printer.watched()).context("failed to listen for signals")?;
    let cancel = Cancel::default();
    let ready = || {
        if !quiet {
            printer.talk("recording; close the browser's window or press Ctrl-C to end");
        }
    };
    let mut recording = pin!(listen(request, &cancel, ready));
    tokio::select! {
        recorded = &mut recording => return Ok(recorded),
        () = signals.next() => cancel.cancel(),
    }
    Ok(recording.await)
}

fn tell(request: &RecordRequest, recorded: &Recorded, printer: &Printer, quiet: bool) {
    if quiet {
        return;
    }
    printer.talk(&format!("{} steps are in `{}`", recorded.steps, request.output.display()));
    for variable in &recorded.variables {
        printer.talk(&format!("a value that was typed is not in it: set the environment variable `{variable}` to run it"));
    }
}

/// Runs the scenario once, so that it has a snapshot; not when it needs what only the person knows.
fn first_snapshot(request: &RecordRequest, recorded: &Recorded, printer: &Printer) -> anyhow::Result<u8> {
    if recorded.variables.iter().any(|variable| std::env::var_os(variable).is_none()) {
        return Ok(0);
    }
    let request = run::Request {
        paths: vec![request.output.clone()],
        browser: run::BrowserOptions { headed: false, ..request.browser.clone() },
        snapshots: run::SnapshotMode::Update,
        ..run::Request::default()
    };
    super::run::run_once(request, printer)
}
