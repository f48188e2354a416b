//! `authchain redact`.

use super::progress;
use crate::base::{Diagnostic, Printer};
use crate::report::console;
use crate::run::{self, HarError};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Redact {
    /// The HAR with secrets.
    #[arg(value_name = "IN.har")]
    input: PathBuf,
    /// Where the one without goes.
    #[arg(value_name = "OUT.har")]
    output: PathBuf,
}

pub(super) fn redact(command: &Redact, printer: &Printer, quiet: bool) -> anyhow::Result<u8> {
    let real = |path: &PathBuf| std::fs::canonicalize(path).ok();
    if real(&command.input).is_some() && real(&command.input) == real(&command.output) {
        let wrong = Diagnostic::error("input and output are the same file");
        return Ok(super::wrong(&wrong.hint("give the output another name, and delete the input when you no longer need it"), printer));
    }
    let length = std::fs::metadata(&command.input).map_or(0, |metadata| metadata.len());
    let bar = progress::bar(length * 2, "redacting", printer, quiet);
    let result = run::redact_har(&command.input, &command.output, |bytes| bar.set_position(bytes));
    bar.finish_and_clear();
    let redacted = match result {
        Ok(redacted) => redacted,
        Err(error) => {
            return match error.downcast_ref::<HarError>() {
                Some(error) => Ok(super::wrong(&super::diagnose::unreadable(&command.input, error), printer)),
                None => Err(error),
            };
        }
    };
    let style = console::Style::new(printer.err_styled());
    for problem in &redacted.problems {
        printer.talk(&format!("{}: {problem}; it was left out", style.warn("warning")));
    }
    if !quiet {
        printer.talk(&format!("{} entries without their secrets in `{}`", redacted.entries, command.output.display()));
    }
    Ok(0)
}
