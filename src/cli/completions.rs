//! `authchain completions`.

use crate::base::Printer;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

pub(super) fn completions(command: &Completions, printer: &Printer) -> anyhow::Result<u8> {
    let mut text = Vec::new();
    clap_complete::generate(command.shell, &mut super::Cli::command(), "authchain", &mut text);
    printer.data(&String::from_utf8_lossy(&text))?;
    Ok(0)
}
