//! `authchain doctor`.

use super::browser::Browser;
use crate::base::{Printer, escape};
use crate::report::console::Style;
use crate::run::Engines;
use crate::run::doctor::{self, Section, State};
use clap::Args;

/// Exit code for an environment that does not allow what is asked for.
const ENVIRONMENT: u8 = 3;

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Look only at what this engine needs.
    #[arg(long, value_enum, default_value_t = Engines::Both)]
    engine: Engines,
    #[command(flatten)]
    browser: Browser,
}

pub(super) fn doctor(command: Doctor, printer: &Printer) -> anyhow::Result<u8> {
    let runtime = super::runtime()?;
    let sections = runtime.block_on(doctor::examine(command.engine, &command.browser.options()));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    let style = Style::new(printer.out_styled());
    for section in &sections {
        printer.data(&style.strong(section.title))?;
        for item in &section.items {
            let (mark, text) = match &item.state {
                State::Well(text) => (style.good("ok     "), text.clone()),
                State::Missing(install) => (style.warn("missing"), format!("install it: {install}")),
                State::Broken(why) => (style.bad("broken "), why.clone()),
            };
            printer.data(&format!("  {mark}  {:<36}  {}", item.name, escape::line(&text)))?;
        }
    }
    Ok(if can_run(&sections) { 0 } else { ENVIRONMENT })
}

/// Whether every engine that was looked at can be used; one browser is enough.
fn can_run(sections: &[Section]) -> bool {
    let (browsers, others): (Vec<_>, Vec<_>) = sections.iter().partition(|section| section.title.starts_with("browser engine"));
    let http = others.iter().filter(|section| section.title == "http engine").all(|section| section.is_well());
    http && (browsers.is_empty() || browsers.iter().any(|section| section.is_well()))
}
