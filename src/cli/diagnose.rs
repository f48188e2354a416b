//! `authchain diagnose`.

use super::progress;
use crate::base::{Diagnostic, Printer, write_atomically};
use crate::report::{Summary, console, json};
use crate::run::{self, Diagnosis, HarError, Profile};
use anyhow::Context as _;
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(super) struct Diagnose {
    /// The HAR that a browser, a proxy or a tool saved.
    #[arg(value_name = "FILE.har")]
    file: PathBuf,
    /// Also write everything as JSON to this file; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// By whose cookie rules to judge: chrome, firefox, safari, curl [default: those of the browser that was recorded].
    #[arg(long, visible_alias = "user-agent", value_name = "NAME")]
    browser: Option<Profile>,
    /// Show every request, not only what matters to logins.
    #[arg(long)]
    trace: bool,
}

pub(super) fn diagnose(command: &Diagnose, printer: &Printer, quiet: bool) -> anyhow::Result<u8> {
    let length = std::fs::metadata(&command.file).map_or(0, |metadata| metadata.len());
    let bar = progress::bar(length, "reading", printer, quiet);
    let result = run::diagnose_har(&command.file, command.browser, |bytes| bar.set_position(bytes));
    bar.finish_and_clear();
    let diagnosis = match result {
        Ok(diagnosis) => diagnosis,
        Err(error) => return Ok(super::wrong(&unreadable(&command.file, &error), printer)),
    };
    let is_broken = diagnosis.is_broken();
    let to_stdout = command.json.as_ref().is_some_and(|path| path.as_os_str() == "-");
    if !to_stdout && (!quiet || is_broken) {
        let style = console::Style::new(printer.out_styled());
        printer.data(&console::recording(&diagnosis.finished, command.trace, style))?;
    }
    if !quiet {
        about(&diagnosis, printer);
    }
    if let Some(path) = &command.json {
        let summary = Summary { took: diagnosis.finished.took, runs: vec![Arc::new(diagnosis.finished)], ..Summary::default() };
        let bytes = json::render(&summary)?;
        if to_stdout {
            printer.data(&String::from_utf8_lossy(&bytes))?;
        } else {
            write_atomically(path, &bytes).with_context(|| format!("failed to write the report `{}`", path.display()))?;
        }
    }
    Ok(u8::from(is_broken))
}

/// Why a file cannot be used, and what to do.
pub(super) fn unreadable(file: &std::path::Path, error: &HarError) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!("`{}` cannot be used: {error}", crate::base::escape::line(&file.display().to_string())));
    match error {
        HarError::Io(_) => diagnostic,
        HarError::NotHar { .. } => diagnostic.hint("save one with the developer tools: Network, then the arrow that points down"),
    }
}

/// What could not be read, and what the recording does not show.
fn about(diagnosis: &Diagnosis, printer: &Printer) {
    let style = console::Style::new(printer.err_styled());
    for problem in &diagnosis.problems {
        printer.talk(&format!("{}: {problem}; it was passed over", style.warn("warning")));
    }
    if diagnosis.more_problems > 0 {
        printer.talk(&format!("{}: {} more like that", style.warn("warning"), diagnosis.more_problems));
    }
    if diagnosis.passed_over > 0 {
        printer.talk(&format!(
            "{}: {} entries are no HTTP (WebSockets, data:), and were passed over",
            style.dim("note"),
            diagnosis.passed_over
        ));
    }
    let seen = diagnosis.visibility();
    if !seen.cookies && !diagnosis.finished.chain.hops.is_empty() {
        let what = if seen.authorization { "no cookies" } else { "neither cookies nor Authorization" };
        printer.talk(&format!("{}: the recording has {what}, so what was sent and accepted cannot be told from it", style.warn("warning")));
        printer.talk(&format!(
            "  {} in Chrome, allow it under DevTools → Settings → Network (\"Allow to generate HAR with sensitive data\"), then hold the \
             download arrow and choose \"Export HAR (with sensitive data)\"; `authchain redact` takes the secrets out again",
            style.dim("hint:")
        ));
    }
    if !seen.bodies && !diagnosis.finished.chain.hops.is_empty() {
        printer
            .talk(&format!("{}: the recording has no bodies, so anonymous answers with status 200 cannot be told", style.warn("warning")));
    }
    let by = if diagnosis.written_by.is_empty() {
        "nobody knows whom".to_owned()
    } else {
        crate::base::escape::line(&diagnosis.written_by).into_owned()
    };
    let requests = diagnosis.finished.chain.hops.len();
    printer.talk(&style.dim(&format!("{requests} requests, written by {by}, cookies judged by the rules of {}", diagnosis.profile)));
}
