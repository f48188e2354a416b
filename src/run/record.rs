//! `authchain record`: a person uses a browser, and a scenario is written that does the same.

use super::recorded::Script;
use super::{BrowserOptions, Cancel, Request, Unusable, prepare};
use crate::base::{Clock, Redactor, write_atomically};
use crate::drive::Browsers;
use crate::drive::browser::launch::DeviceOptions;
use crate::drive::browser::page::{Ear, Tabs};
use crate::judge;
use crate::plan::{Plan, Scope};
use crate::topology::{self, Topology};
use anyhow::{Context as _, bail};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// How long the browser may take to open the first page.
const OPENS_WITHIN: Duration = Duration::from_secs(60);

/// What is to be recorded.
#[derive(Debug, Clone)]
pub struct RecordRequest {
    /// Where it begins.
    pub url: Url,
    /// A scenario or a part of one that says what stands behind the origins.
    pub base: Option<PathBuf>,
    /// Real origins that are reached; that of `url` is one of them when there is no base.
    pub live: Vec<Url>,
    /// The file that is written.
    pub output: PathBuf,
    /// Its title.
    pub title: String,
    /// Which browser.
    pub browser: BrowserOptions,
    /// What `authchain` means in `process:`; the running executable when absent.
    pub executable: Option<PathBuf>,
}

/// What was written.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// How many steps there are.
    pub steps: usize,
    /// Environment variables that its secrets are read from.
    pub variables: Vec<String>,
}

/// Why nothing was recorded.
#[derive(Debug)]
pub enum NotRecorded {
    /// The base or the URL is wrong.
    Unusable(Vec<Unusable>),
    /// The environment is.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for NotRecorded {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// Stands up the origins, opens a browser on them, and writes down what is done in it until its windows are closed, or
/// `cancel` says so. `ready` is called when the first page is there.
///
/// # Errors
/// When the base cannot be used, an origin does not start, or there is no browser.
pub async fn record(request: &RecordRequest, cancel: &Cancel, ready: impl FnOnce() + Send) -> Result<Recorded, NotRecorded> {
    let browsers = Browsers::new(request.browser.clone());
    let recorded = record_in(&browsers, request, cancel, ready).await;
    browsers.stop().await;
    recorded
}

async fn record_in(
    browsers: &Browsers,
    request: &RecordRequest,
    cancel: &Cancel,
    ready: impl FnOnce() + Send,
) -> Result<Recorded, NotRecorded> {
    let plan = plan(request)?;
    let mut script = Script::new(head(request), plan.secrets.clone().into_iter().collect(), request.url.as_str());
    let topology = Topology::start(&plan.origins, context(request, &plan)?).await.map_err(|error| anyhow::anyhow!("{error}"))?;
    let listened = listen(request, &plan, &topology, browsers, &mut script, cancel, ready).await;
    topology.stop().await;
    listened?;
    write(&request.output, &script.text())?;
    Ok(Recorded { steps: script.len(), variables: script.variables() })
}

/// What is to stand up, from a scenario that does nothing but open the first page. It lies where the recorded one will, so
/// that what it names is found from there.
fn plan(request: &RecordRequest) -> Result<Arc<Plan>, NotRecorded> {
    let folder = request.output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(|| format!("failed to make the folder `{}`", folder.display()))?;
    let bare = tempfile::Builder::new().prefix(".recording-").suffix(".yaml").tempfile_in(folder);
    let bare = bare.with_context(|| format!("failed to write in the folder `{}`", folder.display()))?;
    let text = Script::new(head(request), BTreeMap::new(), request.url.as_str()).text();
    std::fs::write(bare.path(), text).with_context(|| format!("failed to write `{}`", bare.path().display()))?;
    let asked = Request { paths: vec![bare.path().to_owned()], live: !request.live.is_empty(), ..Request::default() };
    let prepared = prepare(&asked).map_err(NotRecorded::Unusable)?;
    Ok(prepared.plans.first().map(|(plan, _)| plan.clone()).context("the scenario has no run")?)
}

async fn listen(
    request: &RecordRequest,
    plan: &Plan,
    topology: &Topology,
    browsers: &Browsers,
    script: &mut Script,
    cancel: &Cancel,
    ready: impl FnOnce() + Send,
) -> anyhow::Result<()> {
    let actor = plan.steps.first().map(|step| step.actor.clone()).context("the scenario has no step")?;
    let device = browsers.device(&DeviceOptions::new(topology.endpoint(&actor), &plan.policy)).await?;
    let tabs = Arc::new(Tabs::start(&device));
    let deadline = Instant::now() + OPENS_WITHIN;
    let mut ear = Ear::open(&device, tabs.clone(), deadline).await?;
    let go = json!({ "context": device.tab, "url": request.url.as_str(), "wait": "interactive" });
    device.bidi.send("browsingContext.navigate", go, deadline).await.context("failed to open the first page")?;
    ready();
    loop {
        tokio::select! {
            heard = ear.next() => match heard {
                Some(heard) => {
                    script.take(heard);
                    write(&request.output, &script.text())?;
                }
                None => return Ok(()),
            },
            () = cancel.cancelled() => return Ok(()),
        }
    }
}

fn context(request: &RecordRequest, plan: &Plan) -> anyhow::Result<topology::Context> {
    let clock = Clock::default();
    let redactor = Redactor::default();
    plan.secrets.values().for_each(|secret| redactor.learn(secret));
    Ok(topology::Context {
        clock: clock.clone(),
        redactor,
        live: !request.live.is_empty() || plan.policy.live,
        exe: request.executable.clone().map_or_else(std::env::current_exe, Ok).context("failed to find the running executable")?,
        scope: Scope { secrets: plan.secrets.clone(), clock, ..Scope::default() },
        services: plan.services.clone(),
        moves_clock: false,
        matches: Arc::new(judge::expect::holds),
        max_body: plan.policy.max_body,
        log: Arc::new(|_| {}),
    })
}

/// The scenario as far as it is known before anything is done.
fn head(request: &RecordRequest) -> String {
    let mut head = format!("scenario: {}\nengine: browser\n", serde_json::Value::from(request.title.as_str()));
    if let Some(base) = &request.base {
        let base = relative(base, request.output.parent().unwrap_or(Path::new("")));
        head.push_str(&format!("use: {}\n", serde_json::Value::from(base.to_string_lossy().as_ref())));
    }
    if !request.live.is_empty() {
        head.push_str("origins:\n");
        for origin in &request.live {
            let origin = serde_json::Value::from(origin.origin().ascii_serialization());
            head.push_str(&format!("  {origin}: {{ upstream: {origin} }}\n"));
        }
    }
    head
}

/// Writes what is there so far: never a half of it.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if path.file_name().is_none() {
        bail!("`{}` is no file name", path.display());
    }
    write_atomically(path, text.as_bytes()).with_context(|| format!("failed to write `{}`", path.display()))
}

/// A path as seen from a folder.
fn relative(path: &Path, folder: &Path) -> PathBuf {
    let (Ok(path), Ok(folder)) = (std::path::absolute(path), std::path::absolute(folder)) else { return path.to_owned() };
    let parts = |path: &Path| {
        path.components().filter(|part| *part != Component::CurDir).map(|part| part.as_os_str().to_owned()).collect::<Vec<_>>()
    };
    let (path, folder) = (parts(&path), parts(&folder));
    let shared = path.iter().zip(&folder).take_while(|(one, other)| one == other).count();
    std::iter::repeat_n("..".into(), folder.len() - shared).chain(path.into_iter().skip(shared)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::browser::page::Page;
    use crate::plan::{Input, Policy};
    use crate::run::{Event, Listener, SnapshotMode};
    use crate::web::html::Locator;

    const BASE: &str = r#"
secrets: { ada: { env: NO_SUCH_VARIABLE_ADA, default: lab-only-ada } }
origins:
  https://shop.test:
    stub:
      - path: /
        reply:
          headers: { Content-Type: text/html }
          body: >-
            <title>Shop</title><form action=/home><label>Name <input name=name></label><label>Password <input type=password name=pw></label>
            <label><input type=checkbox name=keep> Keep</label><select aria-label=Land name=land><option>Here<option>There</select>
            <button>Log in</button></form>
      - path: /home
        reply: { headers: { Content-Type: text/html }, body: "<title>Home</title><h1>Welcome</h1><button onclick='this.replaceWith(`Opened`)'>Open</button>" }
"#;

    struct Quiet;

    impl Listener for Quiet {
        fn event(&self, _: Event<'_>) {}
    }

    /// Does with the recorded browser what a person would, by its pointer and keys.
    async fn use_browser(browsers: &Browsers) {
        let soon = || Instant::now() + Duration::from_secs(60);
        let nobody = "127.0.0.1:9".parse().unwrap();
        let device = browsers.device(&DeviceOptions::new(nobody, &Policy::default())).await.unwrap();
        let tree = device.bidi.send("browsingContext.getTree", json!({}), soon()).await.unwrap();
        let tab = tree["contexts"].as_array().unwrap().iter().find(|tab| tab["url"] == "https://shop.test/").unwrap();
        let page = Page::new(&device.bidi, tab["context"].as_str().unwrap());
        let at = |text| Locator::parse(text).unwrap();
        page.fill(&at("Name"), "Ada", Input::Real, soon()).await.unwrap();
        page.fill(&at("Password"), "lab-only-ada", Input::Real, soon()).await.unwrap();
        page.click(&at("Keep"), Input::Real, soon()).await.unwrap();
        page.click(&at("Log in"), Input::Real, soon()).await.unwrap();
        page.click(&at("Open"), Input::Real, soon()).await.unwrap();
        page.wait_visible(&at("text=Opened"), soon()).await.unwrap();
    }

    #[tokio::test]
    async fn what_a_person_did_is_written_and_runs() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("_shop.yaml");
        std::fs::write(&base, BASE).unwrap();
        let output = folder.path().join("recorded.yaml");
        let request = RecordRequest {
            url: "https://shop.test/".parse().unwrap(),
            base: Some(base),
            live: Vec::new(),
            output: output.clone(),
            title: "what Ada did".to_owned(),
            browser: BrowserOptions::default(),
            executable: None,
        };
        let (browsers, cancel) = (Browsers::new(request.browser.clone()), Cancel::default());
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        let person = async {
            is_ready.await.unwrap();
            use_browser(&browsers).await;
            cancel.cancel();
        };
        let (recorded, ()) = tokio::join!(record_in(&browsers, &request, &cancel, || ready.send(()).unwrap()), person);
        browsers.stop().await;
        let recorded = recorded.unwrap();
        let text = std::fs::read_to_string(&output).unwrap();
        let steps = text.split_once("steps:\n").unwrap().1;
        assert_eq!(
            steps,
            "  - open: \"https://shop.test/\"\n  - fill: { Name: Ada, Password: \"${secret.ada}\", Keep: true }\n  - click: Log in\n  \
             - wait: { url: { starts_with: \"https://shop.test/home\" } }\n  - click: Open\n"
        );
        assert_eq!((recorded.steps, recorded.variables.len(), text.contains("lab-only")), (5, 0, false));
        let again = Request { paths: vec![output], snapshots: SnapshotMode::Update, ..Request::default() };
        let summary = crate::run::run(Arc::new(again), Arc::new(Quiet), Cancel::default()).await.unwrap();
        assert_eq!(summary.exit_code(), 0, "{:?}", summary.runs.iter().map(|run| run.trouble.clone()).collect::<Vec<_>>());
    }

    #[test]
    fn a_base_is_named_from_where_the_scenario_lies() {
        for (path, folder, expected) in [
            ("/a/base.yaml", "/a", "base.yaml"),
            ("/a/base.yaml", "/a/b/c", "../../base.yaml"),
            ("/a/./x/base.yaml", "/a/b", "../x/base.yaml"),
        ] {
            assert_eq!(relative(Path::new(path), Path::new(folder)), Path::new(expected));
        }
    }
}
