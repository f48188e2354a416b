//! What this machine has for runs, what is missing, and the command that installs it.
//!
//! A program that is there need not work: what is found is tried by a run of a small scenario of our own, through an edge.

use super::{BrowserKind, BrowserOptions, Cancel, Engines, Request, SnapshotMode, pool};
use crate::base::Sources;
use crate::drive::{Browsers, Programs};
use crate::plan::{Engine, compile};
use crate::report::Outcome;
use crate::scenario::{environment::Fixed, load_from};
use crate::topology;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a program may take to say its version.
const VERSION_WITHIN: Duration = Duration::from_secs(10);
/// Longest version that is shown, in characters.
const LONGEST_VERSION: usize = 80;

/// The scenario that every engine is tried with.
const PROOF: &str = r#"
scenario: a page loads
settings: { snapshot: false }
origins:
  https://doctor.authchain.test:
    stub:
      routes:
        - path: /
          reply: { headers: { Content-Type: text/html }, body: "<!DOCTYPE html><title>well</title><p>It works" }
steps:
  - open: https://doctor.authchain.test/
    expect: { status: 200, title: well, text: It works }
"#;

/// Things that belong together.
#[derive(Debug, Clone)]
pub struct Section {
    /// What they are for.
    pub title: &'static str,
    /// The things.
    pub items: Vec<Item>,
}

impl Section {
    /// Whether everything is there and works.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.items.iter().all(|item| matches!(item.state, State::Well(_)))
    }
}

/// One thing that runs need.
#[derive(Debug, Clone)]
pub struct Item {
    /// What it is.
    pub name: &'static str,
    /// How it is.
    pub state: State,
}

/// How a thing is.
#[derive(Debug, Clone)]
pub enum State {
    /// It is there and works: its version and place.
    Well(String),
    /// It is not there, and this command installs it.
    Missing(String),
    /// It is there and does not work: why.
    Broken(String),
}

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manager {
    Apt,
    Dnf,
    Pacman,
    Brew,
    Unknown,
}

/// Looks at what runs with `engines` need; `browser` names the one that is asked for.
pub async fn examine(engines: Engines, browser: &BrowserOptions) -> Vec<Section> {
    let manager = Manager::of_this_machine();
    let mut sections = Vec::new();
    if engines != Engines::Browser {
        let items = vec![Item { name: "a page without a browser", state: proof(Engine::Http, browser).await }];
        sections.push(Section { title: "http engine", items });
    }
    if engines != Engines::Http {
        for kind in [BrowserKind::Chromium, BrowserKind::Firefox] {
            let options = if kind == browser.kind { browser.clone() } else { BrowserOptions { kind, ..BrowserOptions::default() } };
            sections.push(of_browser(kind, &options, manager).await);
        }
    }
    sections.push(Section {
        title: "for scenarios that ask for it",
        items: vec![
            Item { name: "libfaketime (`clock` for processes)", state: fake_time(manager) },
            Item {
                name: "redis-server (`redis` services)",
                state: program(&["redis-server"], manager.install("redis-server", "redis", "redis", "redis")).await,
            },
            Item {
                name: "Docker engine (`container`)",
                state: docker(manager.install("docker.io", "docker", "docker", "--cask docker")).await,
            },
        ],
    });
    sections
}

async fn of_browser(kind: BrowserKind, options: &BrowserOptions, manager: Manager) -> Section {
    let chromium = kind == BrowserKind::Chromium;
    let title = if chromium { "browser engine: chromium" } else { "browser engine: firefox" };
    if options.webdriver.is_some() {
        let state = proof(Engine::Browser, options).await;
        return Section { title, items: vec![Item { name: "a page in the browser behind the WebDriver server", state }] };
    }
    let Programs { browser, driver } = Programs::find(options);
    let (of_browser, of_driver) = if chromium {
        let browser = manager.install("chromium", "chromium", "chromium", "--cask chromium");
        (browser, manager.install("chromium-driver", "chromedriver", "chromium", "chromedriver"))
    } else {
        let browser = manager.install("firefox-esr", "firefox", "firefox", "--cask firefox");
        (browser, "cargo install geckodriver --locked".to_owned())
    };
    let (browser, driver) = (state_of(browser, of_browser).await, state_of(driver, of_driver).await);
    let whole = matches!((&browser, &driver), (State::Well(_), State::Well(_)));
    let (browser_name, driver_name) = if chromium { ("Chromium or Chrome", "chromedriver") } else { ("Firefox", "geckodriver") };
    let mut items = vec![Item { name: browser_name, state: browser }, Item { name: driver_name, state: driver }];
    if whole {
        items.push(Item { name: "a page in the browser", state: proof(Engine::Browser, options).await });
    }
    Section { title, items }
}

/// Runs the small scenario.
async fn proof(engine: Engine, options: &BrowserOptions) -> State {
    let world = Fixed::default().file("doctor.yaml", PROOF);
    let plan = load_from(Path::new("doctor.yaml"), &mut Sources::default(), Arc::new(world)).and_then(|loaded| compile(&loaded, None));
    let mut plan = match plan.map(|mut compiled| compiled.plans.remove(0)) {
        Ok(plan) => plan,
        Err(_) => return State::Broken("the scenario of the examination cannot be read".to_owned()),
    };
    plan.engine = engine;
    let browsers = Browsers::new(options.clone());
    let request =
        Request { browser: options.clone(), snapshots: SnapshotMode::Strict, live: options.webdriver.is_some(), ..Request::default() };
    let plans = vec![(Arc::new(plan), Arc::default())];
    let summary = pool::run_all(plans, Arc::new(request), browsers.clone(), Arc::new(()), Cancel::default()).await;
    browsers.stop().await;
    match summary.runs.first() {
        Some(run) if run.outcome() == Outcome::Passed => State::Well(format!("loaded in {:.1} s", run.took.as_secs_f64())),
        Some(run) => {
            let step = run.chain.steps.iter().find_map(|step| step.error.clone());
            State::Broken(step.or_else(|| run.headline()).unwrap_or_else(|| "the page did not load".to_owned()))
        }
        None => State::Broken("nothing was run".to_owned()),
    }
}

fn fake_time(manager: Manager) -> State {
    match topology::fake_time() {
        Some(path) => State::Well(path.display().to_string()),
        None => State::Missing(manager.install("libfaketime", "libfaketime", "libfaketime", "libfaketime")),
    }
}

/// An engine that answers is what counts; the program beside it says whether there is one to be started.
async fn docker(install: String) -> State {
    match (topology::docker_version().await, Programs::on_path(&["dockerd", "docker"])) {
        (Ok(version), _) => State::Well(format!("version {version}")),
        (Err(why), Some(program)) => State::Broken(format!("{} is there, and no engine answers: {why}", program.display())),
        (Err(_), None) => State::Missing(install),
    }
}

async fn program(names: &[&str], install: String) -> State {
    state_of(Programs::on_path(names), install).await
}

async fn state_of(path: Option<PathBuf>, install: String) -> State {
    let Some(path) = path else { return State::Missing(install) };
    let mut command = tokio::process::Command::new(&path);
    command.arg("--version").kill_on_drop(true).stdin(std::process::Stdio::null());
    let output = match tokio::time::timeout(VERSION_WITHIN, command.output()).await {
        Err(_) => return State::Broken(format!("{} does not say its version within {VERSION_WITHIN:?}", path.display())),
        Ok(Err(error)) => return State::Broken(format!("{} does not start: {error}", path.display())),
        Ok(Ok(output)) => output,
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let version: String = text.lines().next().unwrap_or_default().chars().take(LONGEST_VERSION).collect();
    State::Well(format!("{}  {}", version.trim(), path.display()))
}

impl Manager {
    fn of_this_machine() -> Self {
        let known = [("apt-get", Self::Apt), ("dnf", Self::Dnf), ("pacman", Self::Pacman), ("brew", Self::Brew)];
        known.into_iter().find(|(name, _)| Programs::on_path(&[name]).is_some()).map_or(Self::Unknown, |(_, manager)| manager)
    }

    /// The command that installs a package, by its name for each manager.
    fn install(self, apt: &str, dnf: &str, pacman: &str, brew: &str) -> String {
        match self {
            Self::Apt => format!("sudo apt-get install -y {apt}"),
            Self::Dnf => format!("sudo dnf install -y {dnf}"),
            Self::Pacman => format!("sudo pacman -S {pacman}"),
            Self::Brew => format!("brew install {brew}"),
            Self::Unknown => format!("install the package `{apt}`"),
        }
    }
}
