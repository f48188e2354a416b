//! `authchain replay`: what a HAR recorded stands up again, and a browser is opened on it.

use super::import::{ImportRequest, NotImported, import};
use super::{BrowserOptions, Cancel, Request, Unusable, prepare};
use crate::base::{Clock, Redactor, write_atomically};
use crate::drive::Browsers;
use crate::drive::browser::launch::DeviceOptions;
use crate::drive::browser::page::{Ear, Tabs};
use crate::judge;
use crate::plan::{Plan, Scope};
use crate::topology::{self, Topology};
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

/// Stands up what a HAR recorded, without its secrets, until the browser's windows are closed or `cancel` says so. `ready` is
/// called when everything stands, and the browser is at the first page.
///
/// # Errors
/// When the HAR cannot be used, or there is no browser.
pub async fn replay(request: &ReplayRequest, cancel: &Cancel, ready: impl FnOnce(&Standing) + Send) -> Result<(), NotReplayed> {
    let folder = tempfile::Builder::new().prefix("authchain-replay-").tempdir().context("failed to make a temporary folder")?;
    let asked = ImportRequest { input: request.input.clone(), folder: folder.path().to_owned(), force: false };
    let imported = tokio::task::spawn_blocking(move || import(&asked, |_| {})).await.context("failed to read the recording")?;
    let imported = imported.map_err(NotReplayed::NotImported)?;
    let asked = Request { paths: vec![imported.scenario.clone()], ..Request::default() };
    let prepared = prepare(&asked).map_err(NotReplayed::Unusable)?;
    let plan = prepared.plans.first().map(|(plan, _)| plan.clone()).context("the recording has nothing to do again")?;
    let topology = Topology::start(&plan.origins, context(&plan)?).await.map_err(|error| anyhow::anyhow!("{error}"))?;
    let authority = folder.path().join("authority.pem");
    write_atomically(&authority, topology.authority().pem().as_bytes()).context("failed to write the authority's certificate")?;
    let url = request.url.clone().unwrap_or(imported.first);
    let standing = Standing { proxy: topology.endpoint(ACTOR), authority, url, origins: imported.origins, finds: imported.finds };
    let served = match &request.browser {
        Some(options) => {
            let browsers = Browsers::new(options.clone());
            let looked_at = look(&browsers, &plan, &standing, cancel, ready).await;
            browsers.stop().await;
            looked_at
        }
        None => {
            ready(&standing);
            cancel.cancelled().await;
            Ok(())
        }
    };
    topology.stop().await;
    served.map_err(NotReplayed::Failed)
}

/// Opens a browser and waits until its windows are closed.
async fn look(
    browsers: &Browsers,
    plan: &Plan,
    standing: &Standing,
    cancel: &Cancel,
    ready: impl FnOnce(&Standing) + Send,
) -> anyhow::Result<()> {
    let opened = async {
        let device = browsers.device(&DeviceOptions::new(standing.proxy, &plan.policy)).await?;
        let tabs = Arc::new(Tabs::start(&device));
        let deadline = Instant::now() + OPENS_WITHIN;
        let ear = Ear::open(&device, tabs.clone(), deadline).await?;
        let go = json!({ "context": device.tab, "url": standing.url.as_str(), "wait": "none" });
        device.bidi.send("browsingContext.navigate", go, deadline).await.context("failed to open the first page")?;
        anyhow::Ok((device, tabs, ear))
    };
    let (_device, _tabs, mut ear) = tokio::select! {
        opened = opened => opened?,
        () = cancel.cancelled() => return Ok(()),
    };
    ready(standing);
    loop {
        tokio::select! {
            heard = ear.next() => if heard.is_none() {
                return Ok(());
            },
            () = cancel.cancelled() => return Ok(()),
        }
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
