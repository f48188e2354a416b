//! Live progress: on a terminal a line for each run under way, elsewhere a plain line when one is over.

use crate::base::{Printer, escape};
use crate::report::console::{self, Style};
use crate::report::{Finished, Mask, Outcome};
use crate::run::{Event, Listener};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Longest name or step shown in a progress line.
const WIDEST: usize = 60;

pub(super) struct Screen {
    printer: Printer,
    style: Style,
    quiet: bool,
    trace: bool,
    bars: Option<MultiProgress>,
    running: Mutex<HashMap<usize, (String, ProgressBar)>>,
}

impl Screen {
    pub(super) fn new(printer: Printer, quiet: bool, trace: bool) -> Self {
        let style = Style::new(printer.err_styled());
        let live = printer.watched() && !quiet;
        let bars = live.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(15)));
        Self { printer, style, quiet, trace, bars, running: Mutex::default() }
    }

    pub(super) fn style(&self) -> Style {
        self.style
    }

    /// Takes what is left of the progress lines off the terminal.
    pub(super) fn close(&self) {
        if let Some(bars) = &self.bars {
            let _ = bars.clear();
        }
    }

    fn say(&self, text: &str) {
        match &self.bars {
            Some(bars) => bars.suspend(|| self.printer.talk(text)),
            None => self.printer.talk(text),
        }
    }

    fn began(&self, run: usize, name: &str) {
        let Some(bars) = &self.bars else { return };
        let bar = bars.add(ProgressBar::new_spinner());
        if let Ok(template) = ProgressStyle::with_template("  {spinner} {elapsed:>4} {msg}") {
            bar.set_style(template);
        }
        bar.set_message(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(run, (name.to_owned(), bar));
    }

    fn step(&self, run: usize, what: &str) {
        if let Some((name, bar)) = self.running.lock().unwrap_or_else(PoisonError::into_inner).get(&run) {
            let what = escape::line(what);
            bar.set_message(format!("{}  {}", escape::shorten(name, WIDEST), self.style.dim(&escape::shorten(&what, WIDEST))));
        }
    }

    fn finished(&self, run: usize, finished: &Finished) {
        if let Some((_, bar)) = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&run) {
            bar.finish_and_clear();
        }
        let passed = finished.outcome() == Outcome::Passed;
        if !self.quiet || !passed {
            self.say(&console::line(finished, self.style));
        }
        let whole = match finished.outcome() {
            Outcome::Passed => self.trace,
            Outcome::Interrupted => false,
            Outcome::Failed | Outcome::Broken | Outcome::Unusable => true,
        };
        if whole {
            self.say(&format!("\n{}", console::details(finished, self.style)));
        }
    }
}

impl Listener for Screen {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Warning(diagnostic, sources) if !self.quiet => {
                self.say(&format!("{}\n", diagnostic.render(sources, self.style.is_coloured())))
            }
            Event::Started(run, name) => self.began(run, name),
            Event::Ready(run, origin, _) => self.step(run, &format!("{origin} is up")),
            Event::Step(run, label) => self.step(run, label),
            Event::Retried(_, finished) => {
                let reasons = finished.reasons().join("; ");
                let why = Mask::new(&finished.redactor).text(&reasons);
                self.say(&format!("{}  {}  {}", self.style.warn("RETRY"), finished.name, self.style.dim(&why)));
            }
            Event::Finished(run, finished) => self.finished(run, finished),
            Event::Stopping => self.say(&self.style.warn("stopping; press Ctrl-C again to leave at once")),
            Event::Warning(..) | Event::Planned(_) | Event::Printed(..) | Event::Hop(..) => {}
        }
    }
}
