//! `authchain run`.

use super::screen::Screen;
use crate::base::Printer;
use crate::report::{console, json, junit};
use crate::run::{self, Cancel, Engine, Request, Selection, SnapshotMode};
use anyhow::Context as _;
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(super) struct Run {
    /// Scenario files and folders.
    #[arg(default_value = "scenarios", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only runs with this tag; `!tag` means without it. May be given several times.
    #[arg(long, short, value_name = "TAG")]
    tag: Vec<String>,
    /// Only runs with this text in their name or title. May be given several times.
    #[arg(long, short, value_name = "TEXT")]
    filter: Vec<String>,
    /// The profile to lay over the scenarios, such as `staging`.
    #[arg(long, short, value_name = "NAME", env = "AUTHCHAIN_PROFILE")]
    profile: Option<String>,
    /// Who performs page steps.
    #[arg(long, value_enum, default_value_t)]
    engine: Engine,
    /// How many runs at once [default: one for each core].
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Start nothing more after the first run that fails.
    #[arg(long)]
    fail_fast: bool,
    /// Try a run that failed up to N more times; passing then counts as flaky.
    #[arg(long, value_name = "N", default_value_t = 0)]
    retries: u32,
    /// Show the whole chain of every run, also of those that pass.
    #[arg(long)]
    trace: bool,
    /// Take the snapshots as they come out of this run.
    #[arg(long)]
    update: bool,
    /// Allow runs to reach real origins (`upstream:` that is not on this machine).
    #[arg(long)]
    live: bool,
    /// Act as in continuous integration: a missing snapshot fails, nothing is written.
    #[arg(long, env = "CI", value_parser = clap::builder::FalseyValueParser::new(), conflicts_with = "update")]
    ci: bool,
    /// Also write a JUnit report to this file.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Also write everything as JSON to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn run(command: Run, printer: &Printer, quiet: bool) -> anyhow::Result<u8> {
    let snapshots = match (command.update, command.ci) {
        (true, _) => SnapshotMode::Update,
        (false, true) => SnapshotMode::Strict,
        (false, false) => SnapshotMode::Compare,
    };
    let mut request = Request {
        paths: command.paths,
        selection: Selection { tags: command.tag, filters: command.filter },
        profile: command.profile,
        engine: command.engine,
        fail_fast: command.fail_fast,
        retries: command.retries,
        live: command.live,
        snapshots,
        ..Request::default()
    };
    if let Some(jobs) = command.jobs {
        request.jobs = usize::from(jobs);
    }
    // Reports that cannot be written should say so before the runs, not after them.
    for path in command.junit.iter().chain(&command.json) {
        open_early(path)?;
    }
    let screen = Arc::new(Screen::new(printer.clone(), quiet, command.trace));
    let runtime = super::runtime()?;
    let result = runtime.block_on(async {
        let cancel = Cancel::default();
        let signals = tokio::spawn(stop_on_signal(cancel.clone(), screen.clone()));
        let result = run::run(Arc::new(request), screen.clone(), cancel).await;
        signals.abort();
        result
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    screen.close();
    let summary = match result {
        Ok(summary) => summary,
        Err(unusable) => return Ok(super::refuse(&unusable, printer)),
    };
    if let Some(path) = &command.junit {
        write(path, &junit::render(&summary)?)?;
    }
    if let Some(path) = &command.json {
        write(path, &json::render(&summary)?)?;
    }
    let code = summary.exit_code();
    if !quiet || code != 0 {
        printer.talk(&console::summary(&summary, screen.style()));
    }
    Ok(code)
}

/// The first signal puts everything away in order; the second one leaves at once.
async fn stop_on_signal(cancel: Cancel, screen: Arc<Screen>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else { return };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    run::Listener::event(&*screen, run::Event::Stopping);
    cancel.cancel();
}

fn open_early(path: &std::path::Path) -> anyhow::Result<()> {
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("failed to open the report `{}` for writing", path.display()))?;
    Ok(())
}

fn write(path: &std::path::Path, bytes: &[u8]) -> anyhow::Result<()> {
    run::write_atomically(path, bytes).with_context(|| format!("failed to write the report `{}`", path.display()))
}
