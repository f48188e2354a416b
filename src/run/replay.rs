//! `authchain replay`: what a HAR recorded stands up again, and a browser is opened on it.

use super::import::{ImportRequest, NotImported, import, jar::filled};
use super::{BrowserOptions, Cancel, Request, Unusable, prepare};
use crate::base::{Clock, Redactor, write_atomically};
use crate::drive::Browsers;
use crate::drive::browser::jar::{self, JarError};
use crate::drive::browser::launch::{Device, DeviceOptions};
use crate::drive::browser::page::{Ear, Tabs};
use crate::judge;
use crate::plan::{Plan, Scope};
pub use crate::topology::Call;
use crate::topology::{self, Topology};
use crate::web::cookie::CookieRecord;
use anyhow::Context as _;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// How long the browser may take to open the first page.
const OPENS_WITHIN: Duration = Duration::from_secs(60);
/// Who the browser's user is, to the edge.
const ACTOR: &str = "user";

/// What is to stand up.
#[derive(Debug, Clone)]
pub struct ReplayRequest {
    /// The HAR.
    pub input: PathBuf,
    /// Which browser is opened; none when absent.
    pub browser: Option<BrowserOptions>,
    /// Where to begin; where the recording did when absent.
    pub url: Option<Url>,
}

/// What people want to know of a recording that stands.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The proxy under which its origins are reached.
    pub proxy: SocketAddr,
    /// Who signs their certificates, as a PEM file that is gone with the replay.
    pub authority: PathBuf,
    /// Where it begins.
    pub url: Url,
    /// Its origins.
    pub origins: Vec<String>,
    /// What is broken in it, by rule.
    pub finds: Vec<String>,
    /// How many cookies the browser has from before the recording began.
    pub cookies: usize,
}

/// What there is to tell of a replay.
#[derive(Debug)]
pub enum Told<'a> {
    /// Everything stands, and the browser, if there is one, is on its way to the first page.
    Standing(&'a Standing),
    /// The browser gave the first page up, in its own words.
    GivenUp(&'a str),
    /// Somebody asked for something and was answered.
    Asked(&'a Call),
}

/// Why nothing stands.
#[derive(Debug)]
pub enum NotReplayed {
    /// The HAR cannot be used.
    NotImported(NotImported),
    /// What was made of it cannot.
    Unusable(Vec<Unusable>),
    /// The environment is wrong.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for NotReplayed {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// Stands up what a HAR recorded, without its secrets, until the browser's windows are closed or `cancel` says so. `tell` hears
/// when everything stands, and what is asked for then.
///
/// # Errors
/// When the HAR cannot be used, or there is no browser.
pub async fn replay(request: &ReplayRequest, cancel: &Cancel, mut tell: impl FnMut(Told<'_>) + Send) -> Result<(), NotReplayed> {
    let folder = tempfile::Builder::new().prefix("authchain-replay-").tempdir().context("failed to make a temporary folder")?;
    let asked = ImportRequest { input: request.input.clone(), folder: folder.path().to_owned(), force: false };
    let imported = tokio::task::spawn_blocking(move || import(&asked, |_| {})).await.context("failed to read the recording")?;
    let imported = imported.map_err(NotReplayed::NotImported)?;
    let asked = Request { paths: vec![imported.scenario.clone()], ..Request::default() };
    let prepared = prepare(&asked).map_err(NotReplayed::Unusable)?;
    let plan = prepared.plans.first().map(|(plan, _)| plan.clone()).context("the recording has nothing to do again")?;
    let context = context(&plan)?;
    let clock = context.clock.clone();
    let topology = Topology::start(&plan.origins, context).await.map_err(|error| anyhow::anyhow!("{error}"))?;
    let authority = folder.path().join("authority.pem");
    write_atomically(&authority, topology.authority().pem().as_bytes()).context("failed to write the authority's certificate")?;
    let url = request.url.clone().unwrap_or(imported.first);
    let cookies: Vec<CookieRecord> = filled(&imported.before, clock.now()).iter().cloned().collect();
    let standing = Standing {
        proxy: topology.endpoint(ACTOR),
        authority,
        url,
        origins: imported.origins,
        finds: imported.finds,
        cookies: cookies.len(),
    };
    let served = match &request.browser {
        Some(options) => {
            let browsers = Browsers::new(options.clone());
            let scene = Scene { plan: &plan, clock: &clock, topology: &topology, standing: &standing, cookies: &cookies };
            let looked_at = look(&browsers, &scene, cancel, &mut tell).await;
            browsers.stop().await;
            looked_at
        }
        None => {
            tell(Told::Standing(&standing));
            serve(&topology, cancel, &mut tell).await;
            Ok(())
        }
    };
    topology.stop().await;
    served.map_err(NotReplayed::Failed)
}

/// What a browser is opened on.
struct Scene<'a> {
    plan: &'a Plan,
    clock: &'a Clock,
    topology: &'a Topology,
    standing: &'a Standing,
    /// What it has from before the recording began.
    cookies: &'a [CookieRecord],
}

/// Opens a browser and waits until its windows are closed.
async fn look(browsers: &Browsers, scene: &Scene<'_>, cancel: &Cancel, tell: &mut (impl FnMut(Told<'_>) + Send)) -> anyhow::Result<()> {
    let opened = async {
        let device = browsers.device(&DeviceOptions::new(scene.standing.proxy, &scene.plan.policy)).await?;
        let tabs = Arc::new(Tabs::start(&device));
        let deadline = Instant::now() + OPENS_WITHIN;
        let ear = Ear::open(&device, tabs.clone(), deadline).await?;
        give(&device, scene).await?;
        let go = json!({ "context": device.tab, "url": scene.standing.url.as_str(), "wait": "none" });
        // A loop from the first page on is what may be wanted: the browser shows what it says of it, and stays.
        let given_up = match device.bidi.send("browsingContext.navigate", go, deadline).await {
            Ok(_) => None,
            Err(error) => Some(error.why_no_page().map(str::to_owned).ok_or(error).context("failed to open the first page")?),
        };
        anyhow::Ok((device, tabs, ear, given_up))
    };
    let (_device, _tabs, mut ear, given_up) = tokio::select! {
        opened = opened => opened?,
        () = cancel.cancelled() => return Ok(()),
    };
    tell(Told::Standing(scene.standing));
    if let Some(why) = &given_up {
        tell(Told::GivenUp(why));
    }
    let closed = async { while ear.next().await.is_some() {} };
    tokio::select! {
        () = closed => {}
        () = serve(scene.topology, cancel, tell) => {}
    }
    Ok(())
}

/// Gives the browser the cookies from before the recording began.
async fn give(device: &Device, scene: &Scene<'_>) -> anyhow::Result<()> {
    if scene.cookies.is_empty() {
        return Ok(());
    }
    match jar::write(device, scene.cookies, scene.clock).await {
        // One that this browser does not take, it would not have had.
        Ok(()) | Err(JarError::NotTaken { .. }) => Ok(()),
        Err(error) => Err(anyhow::Error::new(error).context("failed to give the browser its cookies")),
    }
}

/// Tells what is asked for, until `cancel` says that it is enough.
async fn serve(topology: &Topology, cancel: &Cancel, tell: &mut (impl FnMut(Told<'_>) + Send)) {
    let mut answered = topology.answered();
    // What was answered before anybody listened is told as well.
    answered.mark_changed();
    let mut from = 0;
    loop {
        tokio::select! {
            change = answered.changed() => if change.is_err() {
                return cancel.cancelled().await;
            },
            () = cancel.cancelled() => return,
        }
        // In the order in which they came: one that waits for its answer keeps back those after it.
        let calls = topology.calls_from(from);
        let done: Vec<_> = calls.into_iter().take_while(|call| call.status.is_some()).collect();
        from += done.len();
        done.iter().for_each(|call| tell(Told::Asked(call)));
    }
}

fn context(plan: &Plan) -> anyhow::Result<topology::Context> {
    let clock = Clock::default();
    Ok(topology::Context {
        clock: clock.clone(),
        redactor: Redactor::default(),
        live: false,
        exe: std::env::current_exe().context("failed to find the running executable")?,
        scope: Scope { secrets: plan.secrets.clone(), clock, ..Scope::default() },
        services: Vec::new(),
        moves_clock: false,
        matches: Arc::new(judge::expect::holds),
        max_body: plan.policy.max_body,
        edge: std::net::Ipv4Addr::LOCALHOST.into(),
        log: Arc::new(|_| {}),
    })
}
