//! How far a large file is read.

use crate::base::Printer;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Smaller files are read before anybody could look.
const WORTH_SHOWING: u64 = 20_000_000;

/// A bar for so many bytes, on a terminal and for large files only.
pub(super) fn bar(bytes: u64, what: &'static str, printer: &Printer, quiet: bool) -> ProgressBar {
    if bytes < WORTH_SHOWING || quiet || !printer.watched() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr_with_hz(10)).with_message(what);
    match ProgressStyle::with_template("  {msg} {bar:30} {bytes} of {total_bytes}, {binary_bytes_per_sec}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
