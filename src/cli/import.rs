//! `authchain import`.

use super::progress;
use crate::base::{Diagnostic, Printer, escape};
use crate::report::console;
use crate::run::import::{ImportRequest, Imported, NotImported, import as bring_in};
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The HAR that a browser, a proxy or a tool saved.
    #[arg(value_name = "FILE.har")]
    file: PathBuf,
    /// The folder that the scenario and the redacted HAR go to.
    #[arg(long, short, value_name = "FOLDER", default_value = "imported")]
    output: PathBuf,
    /// Write over files that are there already.
    #[arg(long)]
    force: bool,
}

pub(super) fn import(command: Import, printer: &Printer, quiet: bool) -> anyhow::Result<u8> {
    let length = std::fs::metadata(&command.file).map_or(0, |metadata| metadata.len());
    let bar = progress::bar(length * 3, "importing", printer, quiet);
    let request = ImportRequest { input: command.file, folder: command.output, force: command.force };
    let imported = bring_in(&request, |bytes| bar.set_position(bytes));
    bar.finish_and_clear();
    match imported {
        Ok(imported) => {
            tell(&imported, printer, quiet);
            Ok(0)
        }
        Err(error) => not_imported(&request.input, error, printer),
    }
}

/// Says why a HAR was not imported: its own fault is 2.
pub(super) fn not_imported(file: &Path, error: NotImported, printer: &Printer) -> anyhow::Result<u8> {
    let wrong = match error {
        NotImported::Unreadable(error) => super::diagnose::unreadable(file, &error),
        NotImported::There(path) => Diagnostic::error(format!("`{}` is there already", escape::line(&path.display().to_string())))
            .hint("name another folder with `--output`, or write over it with `--force`"),
        NotImported::Nothing => {
            Diagnostic::error(format!("`{}` has no request that was answered", escape::line(&file.display().to_string())))
                .hint("open the developer tools before the login begins, and keep the log over navigations (\"Preserve log\")")
        }
        NotImported::Failed(error) => return Err(error),
    };
    Ok(super::wrong(&wrong, printer))
}

fn tell(imported: &Imported, printer: &Printer, quiet: bool) {
    let style = console::Style::new(printer.err_styled());
    let diagnosis = &imported.diagnosis;
    for problem in &diagnosis.problems {
        printer.talk(&format!("{}: {problem}; it was left out", style.warn("warning")));
    }
    if !diagnosis.visibility().cookies {
        printer.talk(&format!("{}: the recording has no cookies, so the scenario cannot do what depends on them", style.warn("warning")));
        printer.talk(&format!("  {} `authchain diagnose` says how to export one that has them", style.dim("hint:")));
    }
    for what in &imported.by_scripts {
        let what = escape::line(what);
        printer.talk(&format!("{}: a script sent {what}: add the `fill` and `click` that made it", style.warn("warning")));
    }
    if quiet {
        return;
    }
    let (scenario, recording) = (imported.scenario.display(), imported.recording.display());
    printer.talk(&format!("{} steps over {} origins are in `{scenario}`", imported.steps, imported.origins.len()));
    printer.talk(&format!("the recording without its secrets is in `{recording}`"));
    if imported.finds.is_empty() {
        printer.talk("nothing in it is found to be broken");
    } else {
        printer.talk(&format!("it reproduces {}; `authchain explain` says more", imported.finds.join(", ")));
    }
    let engine = if imported.needs_browser { " --engine browser" } else { "" };
    printer.talk(&style.dim(&format!("run it: authchain run {scenario}{engine}")));
}
