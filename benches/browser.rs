//! The same login in the same Chromium, driven by authchain and by Playwright; what a context costs, and an actor's memory.
//!
//! `cargo xtask bench browser [--json]`. Both sides go through one edge to one standing set of servers, turn and turn about, each
//! flow in a context of its own, whose making counts; its closing does not: nobody waits for it. authchain also records every hop, every cookie and every
//! body meanwhile; Playwright does not.

use anyhow::{Context as _, Result, ensure};
use authchain::base::{Clock, Redactor, Sources};
use authchain::drive::{self, BrowserOptions, Browsers, Observer, World};
use authchain::judge;
use authchain::plan::{Matcher, Plan, Scope, Step, compile};
use authchain::scenario;
use authchain::topology::{self, Topology};
use authchain::trace::{Chain, Hop, ServerCall};
use authchain::web::origin::Origin;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const FLOWS: usize = 20;
const PAGES: usize = 20;
/// Between turns: a context of ours is put away behind the back of what comes next, which is not to suffer from it.
const REST: Duration = Duration::from_millis(300);
/// Actors whose memory is measured, each with a page of its own.
const ACTORS: usize = 8;

const LOGIN: &str = r#"
  - open: https://app.mosaic.test/login
  - click: Sign in with Authentik
  - fill: { Username: jarvis, Password: "${secret.jarvis}" }
  - click: Log in
  - click: Allow
  - wait: { url: https://app.mosaic.test/ }
"#;
const PAGE: &str = "  - open: https://app.mosaic.test/health\n";

fn main() -> Result<()> {
    let json = std::env::args().any(|argument| argument == "--json");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let login = Arc::new(plan(LOGIN)?);
        let page = Arc::new(plan(PAGE)?);
        let many: String = (0..ACTORS).map(|actor| format!("  - open: https://app.mosaic.test/health\n    as: actor{actor}\n")).collect();
        let many = Arc::new(plan(&many)?);
        let stage = Arc::new(Stage::start(&login).await?);
        let browsers = Browsers::new(BrowserOptions::default());
        let ours = Ours { stage: stage.clone(), browsers: browsers.clone() };
        let mut theirs = Playwright::start(stage.topology.endpoint("user"))?;

        let (mut flow, mut context) = (Pair::default(), Pair::default());
        // One of each to warm up; then turn and turn about, so that a busy moment hits both.
        for sample in 0..=FLOWS {
            let one = ours.run(&login, Arc::new(Silent)).await?;
            tokio::time::sleep(REST).await;
            let other = theirs.does("flow")?;
            if sample > 0 {
                flow.take(one, other);
            }
        }
        for sample in 0..=PAGES {
            let one = ours.run(&page, Arc::new(Silent)).await?;
            tokio::time::sleep(REST).await;
            let other = theirs.does("page")?;
            theirs.does("close")?;
            if sample > 0 {
                context.take(one, other);
            }
        }
        let watched = Arc::new(Weighing::new(vec![theirs.child.id()]));
        ours.run(&many, watched.clone()).await?;
        let ours_each = watched.each()?;
        let alone = chromium_memory(&BTreeSet::from([theirs.child.id()]), &BTreeSet::new())?;
        for _ in 0..ACTORS {
            theirs.does("page")?;
        }
        let theirs_each = (chromium_memory(&BTreeSet::from([theirs.child.id()]), &BTreeSet::new())? - alone) / ACTORS as f64;
        theirs.does("close")?;
        drop(theirs);
        browsers.stop().await;
        stage.topology.stop().await;
        report(json, &flow, &context, (ours_each, theirs_each));
        Ok(())
    })
}

#[allow(clippy::print_stdout)]
fn report(json: bool, flow: &Pair, context: &Pair, memory: (f64, f64)) {
    let row = |name: &str, unit: &str, ours: f64, theirs: f64| {
        let ratio = ours / theirs;
        if json {
            println!("{}", serde_json::json!({ "name": name, "ours": ours, "theirs": theirs, "unit": unit, "ratio": ratio }));
        } else {
            println!("{name:<26} {ours:>8.0} {theirs:>10.0} {unit:<4} {ratio:>6.2}");
        }
    };
    if !json {
        println!("{:<26} {:>8} {:>10} {:<4} {:>6}", "", "authchain", "Playwright", "", "ratio");
    }
    let (ours, theirs) = flow.medians();
    row("login, median of 20", "ms", ours, theirs);
    let (ours, theirs) = context.medians();
    row("context with one page", "ms", ours, theirs);
    row("memory of an actor", "MiB", memory.0, memory.1);
}

/// What both took, in milliseconds.
#[derive(Default)]
struct Pair {
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

impl Pair {
    fn take(&mut self, ours: Duration, theirs: Duration) {
        self.ours.push(ours.as_secs_f64() * 1e3);
        self.theirs.push(theirs.as_secs_f64() * 1e3);
    }

    fn medians(&self) -> (f64, f64) {
        (median(&self.ours), median(&self.theirs))
    }
}

fn median(samples: &[f64]) -> f64 {
    let mut samples = samples.to_vec();
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// Steps in the mosaic system.
fn plan(steps: &str) -> Result<Plan> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bench.yaml");
    let mosaic = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/mosaic/_mosaic.yaml");
    let head = format!(
        "scenario: bench\nengine: browser\nsettings: {{ snapshot: false }}\nuse: {}\nvariables: {{ rate_limit: \"off\" }}\nsteps:\n",
        serde_json::Value::from(mosaic.to_string_lossy().as_ref())
    );
    std::fs::write(&file, head + steps)?;
    let mut sources = Sources::default();
    let compiled = scenario::load(&file, &mut sources).and_then(|loaded| compile(&loaded, None));
    let compiled = compiled.map_err(|diagnostics| anyhow::anyhow!("{diagnostics:?}"))?;
    compiled.plans.into_iter().next().context("no plan")
}

/// The binary whose lab apps stand behind the origins: `xtask` builds it beside the benchmark.
fn executable() -> Result<PathBuf> {
    let folder = std::env::current_exe()?;
    let folder = folder.ancestors().nth(2).context("the benchmark lies below the build folder")?;
    Ok(folder.join("authchain"))
}

/// The standing servers.
struct Stage {
    topology: Arc<Topology>,
    declared: Vec<Origin>,
}

impl Stage {
    async fn start(plan: &Plan) -> Result<Self> {
        let context = topology::Context {
            clock: Clock::default(),
            redactor: Redactor::default(),
            live: false,
            exe: executable()?,
            scope: Scope { secrets: plan.secrets.clone(), ..Scope::default() },
            services: plan.services.clone(),
            moves_clock: false,
            matches: Arc::new(judge::expect::holds),
            max_body: plan.policy.max_body,
            edge: std::net::Ipv4Addr::LOCALHOST.into(),
            log: Arc::new(|_| {}),
        };
        let topology = Topology::start(&plan.origins, context).await.map_err(|error| anyhow::anyhow!("{error}"))?;
        Ok(Self { topology: Arc::new(topology), declared: plan.origins.iter().map(|origin| origin.origin.clone()).collect() })
    }
}

impl World for Stage {
    fn endpoint(&self, actor: &str) -> SocketAddr {
        self.topology.endpoint(actor)
    }

    fn declared(&self) -> &[Origin] {
        &self.declared
    }

    fn calls(&self) -> Vec<ServerCall> {
        Vec::new()
    }
}

struct Ours {
    stage: Arc<Stage>,
    browsers: Browsers,
}

impl Ours {
    async fn run(&self, plan: &Plan, observer: Arc<dyn Observer>) -> Result<Duration> {
        let began = Instant::now();
        let mut setup = drive::Setup::new(self.stage.topology.authority().roots(), Clock::default());
        setup.browsers = Some(self.browsers.clone());
        let chain = drive::drive(plan, self.stage.clone(), setup, observer).await;
        let took = began.elapsed();
        let failed = chain.steps.iter().find_map(|step| step.error.clone());
        ensure!(failed.is_none() && !chain.hops.is_empty(), "authchain failed: {failed:?}");
        Ok(took)
    }
}

/// Playwright in a process of its own, which does what it is told.
struct Playwright {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Playwright {
    fn start(proxy: SocketAddr) -> Result<Self> {
        let clients = std::env::var_os("AUTHCHAIN_CLIENTS").context("AUTHCHAIN_CLIENTS is not set: run `cargo xtask bench browser`")?;
        let node = std::env::var_os("AUTHCHAIN_NODE").context("AUTHCHAIN_NODE is not set: run `cargo xtask bench browser`")?;
        let chromium =
            ["chromium", "google-chrome", "chromium-browser"].into_iter().find_map(on_path).context("no Chromium is on the path")?;
        let mut child = Command::new(node)
            .arg(Path::new(&clients).join("peers/playwright.mjs"))
            .arg(chromium)
            .arg(format!("http://{proxy}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("failed to start Node")?;
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().context("a pipe")?);
        let mut playwright = Self { child, orders, answers };
        playwright.answer()?;
        Ok(playwright)
    }

    /// Has it do one thing; how long that took, as it says.
    fn does(&mut self, what: &str) -> Result<Duration> {
        writeln!(self.orders.as_mut().context("a pipe")?, "{what}")?;
        let answer = self.answer()?;
        let milliseconds = answer["ms"].as_f64().with_context(|| format!("playwright answered {answer}"))?;
        Ok(Duration::from_secs_f64(milliseconds / 1e3))
    }

    fn answer(&mut self) -> Result<serde_json::Value> {
        let mut line = String::new();
        ensure!(self.answers.read_line(&mut line)? > 0, "Playwright ended");
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Playwright {
    fn drop(&mut self) {
        // It closes its browser and ends when its input does.
        self.orders.take();
        let _ = self.child.wait();
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Weighs the browser when its first actor has a page, and when its last one has.
struct Weighing {
    /// Processes of others.
    others: Vec<u32>,
    weights: Mutex<Vec<f64>>,
}

impl Weighing {
    fn new(others: Vec<u32>) -> Self {
        Self { others, weights: Mutex::default() }
    }

    /// The memory of one more actor, in MiB.
    fn each(&self) -> Result<f64> {
        let weights = self.weights.lock().map_err(|_| anyhow::anyhow!("the benchmark broke"))?;
        let (first, last) = (weights.first().context("a weight")?, weights.last().context("a weight")?);
        Ok((last - first) / (weights.len() - 1) as f64)
    }
}

impl Observer for Weighing {
    fn step_began(&self, _: &Step, _: usize) {}

    fn hop(&self, _: &Hop) {}

    fn step_ended(&self, _: &Step, _: &Chain, _: usize, _: &Scope) -> bool {
        let roots = BTreeSet::from([std::process::id()]);
        let weight = chromium_memory(&roots, &self.others.iter().copied().collect());
        self.weights.lock().expect("nobody panics with it").push(weight.expect("the process table can be read"));
        true
    }

    fn would_hold(&self, _: &Step, _: &Chain, _: usize, _: &Scope) -> bool {
        true
    }

    fn matches(&self, _: &Matcher, _: Option<&serde_json::Value>, _: &Scope) -> bool {
        true
    }
}

/// The memory of all Chromium processes below `roots`, in MiB: what each has for itself, and its part of what they share.
fn chromium_memory(roots: &BTreeSet<u32>, without: &BTreeSet<u32>) -> Result<f64> {
    let mut parents = BTreeMap::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(status) = std::fs::read_to_string(entry.path().join("status")) else { continue };
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
        let parent = field("PPid:").and_then(|parent| parent.parse::<u32>().ok()).unwrap_or_default();
        parents.insert(pid, (parent, field("Name:").unwrap_or_default()));
    }
    let below = |pid: u32| {
        let mut at = pid;
        while let Some((parent, _)) = parents.get(&at) {
            if without.contains(&at) {
                return false;
            }
            if roots.contains(&at) {
                return true;
            }
            at = *parent;
        }
        false
    };
    let mut sum = 0.0;
    for (pid, (_, name)) in &parents {
        if name.starts_with("chrom") && !name.starts_with("chromedriver") && below(*pid) {
            // One that has ended since weighs nothing.
            let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
            let kib = rollup
                .lines()
                .find_map(|line| line.strip_prefix("Pss:"))
                .and_then(|kib| kib.trim().trim_end_matches(" kB").parse::<f64>().ok());
            sum += kib.unwrap_or_default() / 1024.0;
        }
    }
    Ok(sum)
}

/// Looks away.
struct Silent;

impl Observer for Silent {
    fn step_began(&self, _: &Step, _: usize) {}

    fn hop(&self, _: &Hop) {}

    fn step_ended(&self, _: &Step, _: &Chain, _: usize, _: &Scope) -> bool {
        true
    }

    fn would_hold(&self, _: &Step, _: &Chain, _: usize, _: &Scope) -> bool {
        true
    }

    fn matches(&self, _: &Matcher, _: Option<&serde_json::Value>, _: &Scope) -> bool {
        true
    }
}
