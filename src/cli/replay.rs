//! `authchain replay`.

use super::browser::Browser;
use super::signals::Signals;
use crate::base::Printer;
use crate::report::console;
use crate::run::Cancel;
use crate::run::replay::{NotReplayed, ReplayRequest, Standing, replay as stand_up};
use anyhow::Context as _;
use clap::Args;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;
use url::Url;

#[derive(Debug, Args)]
pub(super) struct Replay {
    /// The HAR that a browser, a proxy or a tool saved.
    #[arg(value_name = "FILE.har")]
    file: PathBuf,
    /// Where to begin [default: where the recording did].
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
    /// Show no window, for a browser that another program uses.
    #[arg(long, conflicts_with = "headed")]
    headless: bool,
    /// Open no browser; say how to reach the origins with one's own.
    #[arg(long, conflicts_with_all = ["headless", "headed"])]
    no_browser: bool,
    #[command(flatten)]
    browser: Browser,
}

pub(super) fn replay(command: Replay, printer: &Printer, quiet: bool) -> anyhow::Result<u8> {
    let mut browser = command.browser.options();
    browser.headed = !command.headless;
    let request = ReplayRequest { input: command.file, browser: (!command.no_browser).then_some(browser), url: command.url };
    let runtime = super::runtime()?;
    let replayed = runtime.block_on(until_done(&request, printer, quiet));
    runtime.shutdown_timeout(Duration::from_secs(1));
    match replayed? {
        Ok(()) => Ok(0),
        Err(NotReplayed::NotImported(error)) => super::import::not_imported(&request.input, error, printer),
        Err(NotReplayed::Unusable(unusable)) => Ok(super::refuse(&unusable, printer)),
        Err(NotReplayed::Failed(error)) => Err(error),
    }
}

/// Ends when the windows are closed, or at the first signal.
async fn until_done(request: &ReplayRequest, printer: &Printer, quiet: bool) -> anyhow::Result<Result<(), NotReplayed>> {
    let mut signals = Signals::new(printer.watched()).context("failed to listen for signals")?;
    let cancel = Cancel::default();
    let ready = |standing: &Standing| tell(standing, request.browser.is_some(), printer, quiet);
    let mut replaying = pin!(stand_up(request, &cancel, ready));
    tokio::select! {
        replayed = &mut replaying => return Ok(replayed),
        () = signals.next() => cancel.cancel(),
    }
    Ok(replaying.await)
}

fn tell(standing: &Standing, has_browser: bool, printer: &Printer, quiet: bool) {
    let (proxy, authority, url) = (standing.proxy, standing.authority.display(), &standing.url);
    if has_browser && quiet {
        return;
    }
    let style = console::Style::new(printer.err_styled());
    printer.talk(&format!("{} answer as recorded, behind the proxy http://{proxy}", standing.origins.join(", ")));
    if !standing.finds.is_empty() {
        printer.talk(&format!("it reproduces {}; `authchain diagnose` says where", standing.finds.join(", ")));
    }
    if has_browser {
        printer.talk("close the browser's window or press Ctrl-C to end");
        return;
    }
    printer.talk(&format!("their certificates are signed by {authority}, which is trusted for this:"));
    printer.talk(&style.dim(&format!("  curl --proxy http://{proxy} --cacert {authority} '{url}'")));
    printer
        .talk(&style.dim(&format!(
            "  chromium --user-data-dir=\"$(mktemp -d)\" --proxy-server=http://{proxy} --ignore-certificate-errors '{url}'"
        )));
    printer.talk("press Ctrl-C to end");
}
