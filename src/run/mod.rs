//! From scenario files to verdicts: the one place where all the stages meet.
//!
//! ```text
//! discover → compile → for each plan, in parallel:  stand up → drive → judge → keep
//! ```
//!
//! In: a [`Request`]. Out: a [`Summary`]; on the way, an [`Event`] for everything a screen may want to show. Nothing here
//! prints.

pub mod alone;
mod attempt;
mod cancel;
mod discover;
pub mod doctor;
mod engine;
mod event;
pub mod import;
mod names;
mod observer;
mod pool;
mod probing;
pub mod record;
mod recorded;
mod recording;
pub mod replay;
mod select;
mod snapshots;
mod suite;
mod world;

use crate::drive::Browsers;
pub use crate::drive::{BrowserKind, BrowserOptions};
pub use crate::plan::duration;
pub use crate::web::cookie::Profile;
pub use crate::web::har::HarError;
pub use cancel::Cancel;
pub use discover::discover;
pub use engine::Engines;
pub use event::{Event, Listener};
pub use recording::{Diagnosis, diagnose_har, redact_har};
pub use select::Selection;
pub use snapshots::{Pending, SnapshotMode, accept, pending, reject};
pub use suite::Suite;

use crate::base::{Diagnostic, Level, Sources};
use crate::plan::{Compiled, Plan, compile};
use crate::report::Summary;
use crate::scenario::{self, Diagnostics};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a command asks for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Scenario files and folders.
    pub paths: Vec<PathBuf>,
    /// Which of their runs.
    pub selection: Selection,
    /// The profile to lay over the scenarios.
    pub profile: Option<String>,
    /// Who performs page steps.
    pub engines: Engines,
    /// Which real browser, and how it is started.
    pub browser: BrowserOptions,
    /// Where pictures of pages go, a folder for each run.
    pub artifacts: Option<PathBuf>,
    /// How long to rest after each step in a real browser.
    pub slow_mo: Duration,
    /// Whether a real browser's windows stay open after a step that failed, until somebody closes them.
    pub keep_open: bool,
    /// How many runs at once.
    pub jobs: usize,
    /// Whether to stop after the first run that fails.
    pub fail_fast: bool,
    /// How often a run that failed is tried again.
    pub retries: u32,
    /// Whether real origins may be reached.
    pub live: bool,
    /// Whether each actor's session is asked about when all steps are done.
    pub probe: bool,
    /// What to do with snapshots.
    pub snapshots: SnapshotMode,
    /// What `authchain` means in `process:`; the running executable when absent.
    pub executable: Option<PathBuf>,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            paths: vec![PathBuf::from("scenarios")],
            selection: Selection::default(),
            profile: None,
            engines: Engines::default(),
            browser: BrowserOptions::default(),
            artifacts: None,
            slow_mo: Duration::ZERO,
            keep_open: false,
            jobs: std::thread::available_parallelism().map_or(2, usize::from),
            fail_fast: false,
            retries: 0,
            live: false,
            probe: false,
            snapshots: SnapshotMode::Compare,
            executable: None,
        }
    }
}

/// Why nothing was run: the scenarios or the command line are wrong.
#[derive(Debug)]
pub struct Unusable {
    /// What is wrong, errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// Text of the files, for places.
    pub sources: Arc<Sources>,
}

/// Plans that can be run, and warnings on the way to them.
#[derive(Debug)]
pub struct Prepared {
    /// The plans, in the order of their files and variants.
    pub plans: Vec<(Arc<Plan>, Arc<Sources>)>,
    /// Warnings with the files they point into.
    pub warnings: Vec<(Diagnostic, Arc<Sources>)>,
}

/// Finds, reads and compiles the scenarios of `request` without touching the network.
///
/// # Errors
/// Every diagnostic of every file that cannot be used.
pub fn prepare(request: &Request) -> Result<Prepared, Vec<Unusable>> {
    let files = discover(&request.paths).map_err(|diagnostic| vec![Unusable { diagnostics: vec![diagnostic], sources: Arc::default() }])?;
    let mut prepared = Prepared { plans: Vec::new(), warnings: Vec::new() };
    let mut unusable = Vec::new();
    for file in files {
        let mut sources = Sources::default();
        let compiled = scenario::load(&file, &mut sources).and_then(|loaded| read(&loaded, request.profile.as_deref()));
        let sources = Arc::new(sources);
        match compiled {
            Ok(compiled) => {
                prepared.warnings.extend(compiled.warnings.into_iter().map(|warning| (warning, sources.clone())));
                prepared.plans.extend(compiled.plans.into_iter().map(|plan| (Arc::new(plan), sources.clone())));
            }
            Err(diagnostics) => unusable.push(Unusable { diagnostics: diagnostics.0, sources }),
        }
    }
    let shared = names::shared_snapshots(&prepared.plans);
    if !shared.is_empty() {
        unusable.push(Unusable { diagnostics: shared, sources: Arc::default() });
    }
    prepared.plans.retain(|(plan, _)| request.selection.takes(plan));
    let (plans, left_out) = engine::assign(std::mem::take(&mut prepared.plans), request.engines, request.browser.kind);
    prepared.plans = plans;
    if request.probe {
        prepared.plans.iter_mut().for_each(|(plan, _)| probing::add(Arc::make_mut(plan), request.live));
    }
    prepared.warnings.extend(left_out.into_iter().map(|word| (word, Arc::default())));
    if unusable.is_empty() { Ok(prepared) } else { Err(unusable) }
}

/// Compiles one scenario; what is wrong with it is told at once.
fn read(loaded: &scenario::Loaded, profile: Option<&str>) -> Result<Compiled, Diagnostics> {
    let unknown = names::unknown_rules(loaded);
    match compile(loaded, profile) {
        Ok(compiled) if unknown.is_empty() => Ok(compiled),
        Ok(_) => Err(Diagnostics::in_order(unknown)),
        Err(faults) => Err(Diagnostics::in_order([faults.0, unknown].concat())),
    }
}

/// Runs everything that `request` asks for.
///
/// # Errors
/// When a scenario cannot be used, or when nothing is left to run.
pub async fn run(request: Arc<Request>, listener: Arc<dyn Listener>, cancel: Cancel) -> Result<Summary, Vec<Unusable>> {
    let prepared = prepare(&request)?;
    if prepared.plans.is_empty() {
        let nothing =
            Diagnostic::error("no scenario is left to run").hint("`authchain list` shows what there is; look at `--tag` and `--filter`");
        return Err(vec![Unusable { diagnostics: vec![nothing], sources: Arc::default() }]);
    }
    for (warning, sources) in &prepared.warnings {
        debug_assert_eq!(warning.level, Level::Warning);
        listener.event(Event::Warning(warning, sources));
    }
    let browsers = Browsers::new(request.browser.clone());
    let summary = pool::run_all(prepared.plans, request, browsers.clone(), listener, cancel).await;
    browsers.stop().await;
    Ok(summary)
}
