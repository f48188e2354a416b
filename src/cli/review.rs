//! `authchain review`, `accept` and `reject`.

use crate::base::Printer;
use crate::report::console::{self, Style};
use crate::run::{self, Pending};
use anyhow::Context as _;
use clap::Args;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;

const NOTHING: &str = "no snapshot waits for review";

#[derive(Debug, Args)]
pub(super) struct Review {
    /// Scenario files and folders.
    #[arg(default_value = "scenarios", value_name = "PATH")]
    paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct All {
    /// Scenario files and folders.
    #[arg(default_value = "scenarios", value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(super) fn review(command: &Review, printer: &Printer) -> anyhow::Result<u8> {
    let waiting = match run::pending(&command.paths) {
        Ok(waiting) => waiting,
        Err(diagnostic) => return Ok(super::wrong(&diagnostic, printer)),
    };
    if waiting.is_empty() {
        printer.talk(NOTHING);
        return Ok(0);
    }
    let style = Style::new(printer.err_styled());
    let interactive = std::io::stdin().is_terminal();
    for (at, pending) in waiting.iter().enumerate() {
        printer.talk(&format!("{} ({} of {})\n", style.strong(&pending.target.display().to_string()), at + 1, waiting.len()));
        show(pending, printer, style);
        if interactive && !ask(pending, printer)? {
            break;
        }
    }
    if !interactive {
        printer.talk("standard input is no terminal: nothing was changed; use `authchain accept` or `authchain reject`");
        return Ok(1);
    }
    Ok(0)
}

pub(super) fn accept_all(command: &All, printer: &Printer) -> anyhow::Result<u8> {
    each(command, printer, |pending| {
        run::accept(pending).with_context(|| format!("failed to accept {}", pending.target.display()))?;
        printer.talk(&format!("accepted {}", pending.target.display()));
        Ok(())
    })
}

pub(super) fn reject_all(command: &All, printer: &Printer) -> anyhow::Result<u8> {
    each(command, printer, |pending| {
        run::reject(pending).with_context(|| format!("failed to reject {}", pending.path.display()))?;
        printer.talk(&format!("rejected {}", pending.path.display()));
        Ok(())
    })
}

/// Does the same with every snapshot that waits.
fn each(command: &All, printer: &Printer, act: impl Fn(&Pending) -> anyhow::Result<()>) -> anyhow::Result<u8> {
    let waiting = match run::pending(&command.paths) {
        Ok(waiting) => waiting,
        Err(diagnostic) => return Ok(super::wrong(&diagnostic, printer)),
    };
    if waiting.is_empty() {
        printer.talk(NOTHING);
    }
    waiting.iter().try_for_each(act)?;
    Ok(0)
}

fn show(pending: &Pending, printer: &Printer, style: Style) {
    printer.talk(&console::diff(pending.old.as_deref().unwrap_or_default(), &pending.new, style));
}

/// Asks what to do with one; `false` means to stop asking.
fn ask(pending: &Pending, printer: &Printer) -> anyhow::Result<bool> {
    loop {
        printer.talk("\n[a]ccept  [r]eject  [s]kip  [q]uit, then Enter:");
        let mut answer = String::new();
        if std::io::stdin().lock().read_line(&mut answer)? == 0 {
            return Ok(false);
        }
        match answer.trim() {
            "a" | "accept" => run::accept(pending)?,
            "r" | "reject" => run::reject(pending)?,
            "s" | "skip" | "" => {}
            "q" | "quit" => return Ok(false),
            _ => continue,
        }
        return Ok(true);
    }
}
