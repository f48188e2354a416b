//! Scenarios inside `cargo test`, a test for each run.

use super::{Cancel, Engines, Request, SnapshotMode};
use crate::base::Sources;
use crate::drive::{BrowserOptions, Browsers};
use crate::plan::Plan;
use crate::report::Outcome;
use crate::report::console::{self, Style};
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Scenarios as tests of a Rust project.
///
/// ```no_run
/// // tests/login.rs, with `harness = false` for this test in Cargo.toml
/// fn main() -> std::process::ExitCode {
///     authchain::Suite::new("scenarios").main()
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Suite {
    request: Request,
    executable: Option<PathBuf>,
}

impl Suite {
    /// All scenarios below `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let strict = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "0" && value != "false");
        let snapshots = if strict { SnapshotMode::Strict } else { SnapshotMode::Compare };
        let request = Request { paths: vec![path.into()], snapshots, ..Request::default() };
        Self { request, executable: None }
    }

    /// Lays a profile over the scenarios.
    #[must_use]
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.request.profile = Some(name.into());
        self
    }

    /// Takes only runs with this tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.request.selection.tags.push(tag.into());
        self
    }

    /// Who performs page steps; without it, a real browser only where a scenario needs one.
    #[must_use]
    pub fn engine(mut self, engines: Engines) -> Self {
        self.request.engines = engines;
        self
    }

    /// Which real browser is used, and how it is started.
    #[must_use]
    pub fn browser(mut self, options: BrowserOptions) -> Self {
        self.request.browser = options;
        self
    }

    /// What `authchain` means in `process: { run: [authchain, …] }`; the running executable unless told otherwise.
    #[must_use]
    pub fn executable(mut self, path: impl Into<PathBuf>) -> Self {
        self.executable = Some(path.into());
        self
    }

    /// A missing snapshot fails, and nothing is written; the default where `CI` is set.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.request.snapshots = SnapshotMode::Strict;
        self
    }

    /// Runs as a test binary: understands the arguments of `cargo test` and ends with its exit code.
    #[must_use]
    pub fn main(self) -> ExitCode {
        let arguments = Arguments::from_args();
        let mut request = self.request;
        request.executable = self.executable;
        match super::prepare(&request) {
            Ok(prepared) => with_one_runtime(prepared.plans, Arc::new(request), &arguments),
            Err(unusable) => {
                let trials = unusable.into_iter().map(|file| {
                    let text: Vec<_> = file.diagnostics.iter().map(|diagnostic| diagnostic.render(&file.sources, false)).collect();
                    Trial::test("scenarios can be read", move || Err(Failed::from(text.join("\n\n"))))
                });
                libtest_mimic::run(&arguments, trials.collect()).exit_code()
            }
        }
    }
}

/// All trials share a runtime, and so the real browsers in it.
fn with_one_runtime(plans: Vec<(Arc<Plan>, Arc<Sources>)>, request: Arc<Request>, arguments: &Arguments) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => Arc::new(runtime),
        Err(error) => {
            let trial = Trial::test("the async runtime starts", move || Err(Failed::from(error.to_string())));
            return libtest_mimic::run(arguments, vec![trial]).exit_code();
        }
    };
    let browsers = Browsers::new(request.browser.clone());
    let trials = plans.into_iter().map(|(plan, sources)| {
        let (request, browsers, runtime) = (request.clone(), browsers.clone(), runtime.clone());
        Trial::test(plan.id(), move || {
            let run = super::pool::run_all(vec![(plan, sources)], request, browsers, Arc::new(()), Cancel::default());
            let summary = runtime.block_on(run);
            match summary.runs.first() {
                Some(run) if run.outcome() == Outcome::Passed => Ok(()),
                Some(run) => Err(Failed::from(console::details(run, Style::new(false)))),
                None => Err(Failed::from("the run was not started")),
            }
        })
    });
    let conclusion = libtest_mimic::run(arguments, trials.collect());
    runtime.block_on(browsers.stop());
    conclusion.exit_code()
}
