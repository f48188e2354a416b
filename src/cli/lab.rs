//! `authchain lab`.

use crate::base::Printer;
use authchain_lab::{self as lab, App};
use clap::Args;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(super) struct Lab {
    /// The app; without one, they are listed.
    app: Option<App>,
}

pub(super) fn lab(command: &Lab, printer: &Printer) -> anyhow::Result<u8> {
    let Some(app) = command.app else {
        for app in App::all() {
            printer.data(&format!("{:<14} {}", app.name(), app.description()))?;
        }
        return Ok(0);
    };
    let log = printer.clone();
    let log = Arc::new(move |line: &str| drop(log.data(line)));
    super::runtime()?.block_on(lab::serve(app, &|name| std::env::var(name).ok(), log))?;
    Ok(0)
}
