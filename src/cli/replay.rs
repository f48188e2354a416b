//! `authchain replay`.

use super::browser::Browser;
use super::signals::Signals;
use crate::base::{Printer, escape};
use crate::report::console;
use crate::run::Cancel;
use crate::run::replay::{Call, NotReplayed, ReplayRequest, Standing, Told, replay as stand_up};
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
    /// Show every request that is answered, not only those that the recording has no answer to.
    #[arg(long)]
    trace: bool,
    #[command(flatten)]
    browser: Browser,
}

/// Longest path, and longest remark, that is shown of a request.
const LONGEST: usize = 200;

pub(super) fn replay(command: Replay, printer: &Printer, quiet: bool) -> anyhow::Result<u8> {
    let mut browser = command.browser.options();
    browser.headed = !command.headless;
    let request = ReplayRequest { input: command.file, browser: (!command.no_browser).then_some(browser), url: command.url };
    let runtime = super::runtime()?;
    let replayed = runtime.block_on(until_done(&request, printer, Talk { quiet, trace: command.trace }));
    runtime.shutdown_timeout(Duration::from_secs(1));
    match replayed? {
        Ok(()) => Ok(0),
        Err(NotReplayed::NotImported(error)) => super::import::not_imported(&request.input, error, printer),
        Err(NotReplayed::Unusable(unusable)) => Ok(super::refuse(&unusable, printer)),
        Err(NotReplayed::Failed(error)) => Err(error),
    }
}

/// How much is told.
#[derive(Clone, Copy)]
struct Talk {
    quiet: bool,
    trace: bool,
}

/// Ends when the windows are closed, or at the first signal.
async fn until_done(request: &ReplayRequest, printer: &Printer, talk: Talk) -> anyhow::Result<Result<(), NotReplayed>> {
    let mut signals = Signals::new(printer.watched()).context("failed to listen for signals")?;
    let cancel = Cancel::default();
    let has_browser = request.browser.is_some();
    let told = |told: Told<'_>| match told {
        Told::Standing(standing) => tell(standing, has_browser, printer, talk.quiet),
        Told::GivenUp(why) if !talk.quiet => {
            printer.talk(&format!("the browser gave up the first page: {}", escape::shorten(&escape::line(why), LONGEST)));
        }
        Told::Asked(call) if talk.trace || call.unexpected && !talk.quiet => printer.talk(&asked(call)),
        Told::GivenUp(_) | Told::Asked(_) => {}
    };
    let mut replaying = pin!(stand_up(request, &cancel, told));
    tokio::select! {
        replayed = &mut replaying => return Ok(replayed),
        () = signals.next() => cancel.cancel(),
    }
    Ok(replaying.await)
}

/// One line about a request. Its query stays out: codes and tokens of whoever tries this may be in it.
fn asked(call: &Call) -> String {
    let path = call.target.split('?').next().unwrap_or_default();
    let line = |text: &str| escape::shorten(&escape::line(text), LONGEST).into_owned();
    let status = call.status.map(|status| status.to_string()).unwrap_or_default();
    let note = call.note.as_deref().map(|note| format!("  {}", line(note))).unwrap_or_default();
    format!("  {status}  {} {}{}{note}", line(&call.method), call.origin, line(path))
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
    if has_browser && standing.cookies > 0 {
        let (cookies, has) = if standing.cookies == 1 { ("cookie", "was") } else { ("cookies", "were") };
        printer.talk(&format!("the browser has {} {cookies} that {has} there before the recording began", standing.cookies));
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
