//! `authchain check`.

use crate::base::Printer;
use crate::run::{self, Request};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Scenario files and folders.
    #[arg(default_value = "scenarios", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The profile to lay over the scenarios.
    #[arg(long, short, value_name = "NAME", env = "AUTHCHAIN_PROFILE")]
    profile: Option<String>,
    /// Treat warnings as errors.
    #[arg(long)]
    strict: bool,
}

pub(super) fn check(command: &Check, printer: &Printer, quiet: bool) -> anyhow::Result<u8> {
    let request = Request { paths: command.paths.clone(), profile: command.profile.clone(), ..Request::default() };
    let prepared = match run::prepare(&request) {
        Ok(prepared) => prepared,
        Err(unusable) => return Ok(super::refuse(&unusable, printer)),
    };
    for (warning, sources) in &prepared.warnings {
        super::show(warning, sources, printer);
    }
    let (runs, warnings) = (prepared.plans.len(), prepared.warnings.len());
    if !quiet {
        let count = |number: usize, one: &str| format!("{number} {one}{}", if number == 1 { "" } else { "s" });
        printer.talk(&format!("{} can be used, {}", count(runs, "run"), count(warnings, "warning")));
    }
    Ok(if command.strict && warnings > 0 { 2 } else { 0 })
}
