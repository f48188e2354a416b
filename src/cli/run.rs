//! `authchain run`.

use super::browser::Browser;
use super::reports::Reports;
use super::screen::Screen;
use super::signals::Signals;
use crate::base::{Diagnostic, Printer};
use crate::report::{Summary, console};
use crate::run::{self, Cancel, Engines, Event, Listener as _, Request, Selection, SnapshotMode, Unusable};
use anyhow::Context as _;
use clap::Args;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// Exit code of a command that was told to stop.
const INTERRUPTED: u8 = 130;

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
    #[arg(long, value_enum, default_value_t, env = "AUTHCHAIN_ENGINE")]
    engine: Engines,
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
    /// When the steps of a run are done, or one of them failed, ask about each actor's session: in which form the endpoints that the
    /// run itself met take its cookie (the truth table), and whether all replicas agree. Read-only, on declared origins; on real
    /// ones with `--live` alone. A HAR has nobody to ask: `diagnose` has no such option.
    #[arg(long)]
    probe: bool,
    /// Act as in continuous integration: a missing snapshot fails, nothing is written.
    #[arg(long, env = "CI", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new())]
    ci: bool,
    #[command(flatten)]
    browser: Browser,
    /// Where pictures of pages go: of every step that failed in a real browser, and of every `screenshot`.
    #[arg(long, value_name = "FOLDER", default_value = "authchain-artifacts", env = "AUTHCHAIN_ARTIFACTS", help_heading = "Real browsers")]
    artifacts: PathBuf,
    /// Rest so long after each step in a real browser: `250ms`.
    #[arg(long, value_name = "TIME", value_parser = rest, help_heading = "Real browsers")]
    slow_mo: Option<Duration>,
    /// Leave the browser's windows open after a step that failed, until they are closed.
    #[arg(long, requires = "headed", help_heading = "Real browsers")]
    keep_open: bool,
    #[command(flatten)]
    reports: Reports,
}

pub(super) fn run(command: Run, printer: &Printer, quiet: bool) -> anyhow::Result<u8> {
    let snapshots = match (command.update, command.ci) {
        (true, true) => {
            let wrong = Diagnostic::error("`--update` writes snapshots, and in continuous integration nothing is written");
            return Ok(super::wrong(&wrong.hint("leave out `--ci`, or unset the environment variable `CI`"), printer));
        }
        (true, false) => SnapshotMode::Update,
        (false, true) => SnapshotMode::Strict,
        (false, false) => SnapshotMode::Compare,
    };
    let mut request = Request {
        paths: command.paths,
        selection: Selection { tags: command.tag, filters: command.filter },
        profile: command.profile,
        engines: command.engine,
        browser: command.browser.options(),
        artifacts: Some(command.artifacts),
        slow_mo: command.slow_mo.unwrap_or_default(),
        keep_open: command.keep_open,
        fail_fast: command.fail_fast,
        retries: command.retries,
        live: command.live,
        probe: command.probe,
        snapshots,
        ..Request::default()
    };
    if let Some(jobs) = command.jobs {
        request.jobs = usize::from(jobs);
    }
    if command.reports.collide() {
        let wrong = Diagnostic::error("two of `--junit`, `--json` and `--har` name the same file");
        return Ok(super::wrong(&wrong.hint("give each its own"), printer));
    }
    command.reports.try_targets()?;
    let screen = Arc::new(Screen::new(printer.clone(), quiet, command.trace));
    let runtime = super::runtime()?;
    let result = runtime.block_on(run_until_told_twice(request, screen.clone(), printer.watched()))?;
    // What is dropped here kills the processes that it started.
    runtime.shutdown_timeout(Duration::from_secs(1));
    screen.close();
    let Some(result) = result else { return Ok(INTERRUPTED) };
    let summary = match result {
        Ok(summary) => summary,
        Err(unusable) => return Ok(super::refuse(&unusable, printer)),
    };
    let code = summary.exit_code();
    if !quiet || code != 0 {
        printer.talk(&console::summary(&summary, screen.style()));
    }
    command.reports.write(&summary, printer)?;
    Ok(code)
}

/// Runs `request` and shows how it went, without reports.
pub(super) fn run_once(request: Request, printer: &Printer) -> anyhow::Result<u8> {
    let screen = Arc::new(Screen::new(printer.clone(), false, false));
    let runtime = super::runtime()?;
    let result = runtime.block_on(run_until_told_twice(request, screen.clone(), printer.watched()))?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    screen.close();
    let Some(result) = result else { return Ok(INTERRUPTED) };
    let summary = match result {
        Ok(summary) => summary,
        Err(unusable) => return Ok(super::refuse(&unusable, printer)),
    };
    printer.talk(&console::summary(&summary, screen.style()));
    Ok(summary.exit_code())
}

fn rest(text: &str) -> Result<Duration, String> {
    run::duration(text).ok_or_else(|| "write a number with a unit: `250ms`, `1s`".to_owned())
}

/// The first signal puts everything away in order. The second one leaves at once, without a result.
async fn run_until_told_twice(
    request: Request,
    screen: Arc<Screen>,
    watched: bool,
) -> anyhow::Result<Option<Result<Summary, Vec<Unusable>>>> {
    let mut signals = Signals::new(watched).context("failed to listen for signals")?;
    let cancel = Cancel::default();
    let mut running = pin!(run::run(Arc::new(request), screen.clone(), cancel.clone()));
    tokio::select! {
        result = &mut running => return Ok(Some(result)),
        () = signals.next() => {}
    }
    screen.event(Event::Stopping);
    cancel.cancel();
    tokio::select! {
        result = &mut running => Ok(Some(result)),
        () = signals.next() => Ok(None),
    }
}
