//! The command line: one file a command.

mod browser;
mod check;
mod completions;
mod diagnose;
mod doctor;
mod explain;
mod faults;
mod idp;
mod import;
mod lab;
mod list;
mod progress;
mod record;
mod redact;
mod replay;
mod reports;
mod review;
mod run;
mod schema;
mod screen;
mod signals;

use crate::base::{Colour, Diagnostic, Printer, Sources};
use crate::run::Unusable;
use clap::{Args, Parser, Subcommand};
use std::process::ExitCode;

/// Drives a whole login and names the first thing that broke.
///
/// One scenario file drives a real browser and an HTTP client through a whole login (identity provider, callback, cookies, session endpoints)
/// against embedded or real providers. Every hop is recorded and compared with a snapshot; when the chain breaks, a finding
/// names the cause and the fix.
#[derive(Debug, Parser)]
#[command(name = "authchain", version, propagate_version = true, arg_required_else_help = true, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

const AFTER_HELP: &str = "\
Exit codes:
  0    everything passed
  1    something failed: an expectation, a snapshot that drifted, a finding
  2    the scenario or the command line is wrong
  3    the environment is: a process that does not start, a target that is down, no browser
  130  interrupted

Examples:
  authchain run                         every scenario below `scenarios/`
  authchain run login.yaml --trace      one scenario, with its whole chain
  authchain check                       read and compile everything, touch no network
  authchain review                      look at snapshots that changed
  authchain diagnose ticket.har         name what broke in a recording
  authchain import ticket.har           make a scenario of it";

#[derive(Debug, Args)]
struct Global {
    /// When to colour output.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: When,
    /// Say only what failed.
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum When {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run scenarios.
    Run(run::Run),
    /// Read and compile scenarios without touching the network.
    Check(check::Check),
    /// Use a browser and have a scenario written that does the same.
    Record(record::Record),
    /// List scenarios, or which of them covers which requirement.
    List(list::List),
    /// Look at snapshots that changed, and accept or reject each.
    Review(review::Review),
    /// Accept all snapshots that wait for review.
    Accept(review::All),
    /// Throw away all snapshots that wait for review.
    Reject(review::All),
    /// Name what broke in a HAR: the first cause of a login that fails or loops.
    Diagnose(diagnose::Diagnose),
    /// Turn a HAR into a scenario that does the same on this machine, and the HAR without its secrets.
    Import(import::Import),
    /// Serve what a HAR recorded and open a browser on it.
    Replay(replay::Replay),
    /// Take cookies, tokens, codes and passwords out of a HAR; equal values stay equal.
    Redact(redact::Redact),
    /// Explain a diagnosis rule: its cause and its fix.
    Explain(explain::Explain),
    /// List what embedded services can do wrong.
    Faults(faults::Faults),
    /// Start the OpenID provider alone, for local development.
    ///
    /// Discovery, authorization code flow with PKCE, login and consent pages, tokens, userinfo, logout: strict by default, and
    /// wrong where it is told to be. Every request is one line that says what was decided and why.
    Idp(idp::Idp),
    /// Start a sample app with switchable faults.
    Lab(lab::Lab),
    /// Look at what this machine has for runs, what is missing, and the command that installs it.
    Doctor(doctor::Doctor),
    /// Print the JSON Schema of scenario files.
    Schema,
    /// Print completions for a shell.
    Completions(completions::Completions),
}

/// Runs the command line and gives its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let printer = Printer::stdio(match cli.global.color {
        When::Auto => Colour::Auto,
        When::Always => Colour::Always,
        When::Never => Colour::Never,
    });
    let quiet = cli.global.quiet;
    let result = match cli.command {
        Command::Run(command) => run::run(command, &printer, quiet),
        Command::Check(command) => check::check(&command, &printer, quiet),
        Command::Record(command) => record::record(command, &printer, quiet),
        Command::List(command) => list::list(&command, &printer),
        Command::Review(command) => review::review(&command, &printer),
        Command::Accept(command) => review::accept_all(&command, &printer),
        Command::Reject(command) => review::reject_all(&command, &printer),
        Command::Diagnose(command) => diagnose::diagnose(&command, &printer, quiet),
        Command::Import(command) => import::import(command, &printer, quiet),
        Command::Replay(command) => replay::replay(command, &printer, quiet),
        Command::Redact(command) => redact::redact(&command, &printer, quiet),
        Command::Explain(command) => explain::explain(&command, &printer),
        Command::Faults(command) => faults::faults(&command, &printer),
        Command::Idp(command) => idp::idp(command, &printer, quiet),
        Command::Lab(command) => lab::lab(&command, &printer),
        Command::Doctor(command) => doctor::doctor(command, &printer),
        Command::Schema => schema::schema(&printer),
        Command::Completions(command) => completions::completions(&command, &printer),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let style = crate::report::console::Style::new(printer.err_styled());
            printer.talk(&format!("{}: {error:#}", style.bad("error")));
            ExitCode::from(3)
        }
    }
}

/// Somebody like `head` has read enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Shows why scenarios cannot be used; the exit code is 2.
fn refuse(unusable: &[Unusable], printer: &Printer) -> u8 {
    for file in unusable {
        for diagnostic in &file.diagnostics {
            show(diagnostic, &file.sources, printer);
        }
    }
    2
}

/// Says what is wrong with the command line; the exit code is 2.
fn wrong(diagnostic: &Diagnostic, printer: &Printer) -> u8 {
    printer.talk(&diagnostic.render(&Sources::default(), printer.err_styled()));
    2
}

fn show(diagnostic: &Diagnostic, sources: &Sources, printer: &Printer) {
    printer.talk(&format!("{}\n", diagnostic.render(sources, printer.err_styled())));
}

/// The runtime that commands run on.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    use anyhow::Context as _;
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("failed to start the async runtime")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
