//! A driver: a small program around one library, which performs logins told line by line (see `drivers/protocol.mjs`).

use crate::agent::{Agent, Arrival};
use crate::install::Installed;
use anyhow::{Context as _, Result, bail, ensure};
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessGroup};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs::File;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::time::timeout;

/// Longest that one answer of a driver may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A driver that runs. Its process group ends with it.
pub(crate) struct Driver {
    name: &'static str,
    child: Box<dyn ChildWrapper>,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    /// What it needs to be registered with.
    pub(crate) hello: Hello,
}

/// What a driver says first.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Hello {
    pub(crate) redirect_uri: String,
    #[serde(default)]
    pub(crate) post_logout_redirect_uri: String,
    /// The public half of its key, where it has one.
    pub(crate) jwk: Option<Value>,
}

/// How a login ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The client was content; with what it did.
    Accepted(Vec<String>),
    /// It was not: when, and by what error.
    Refused { stage: String, error: String },
}

impl Driver {
    pub(crate) async fn start(installed: &Installed, name: &'static str) -> Result<Self> {
        let log = installed.log(name);
        let errors = File::options().create(true).append(true).open(&log).with_context(|| format!("failed to write {}", log.display()))?;
        let (program, script) = installed.driver(name);
        let mut command = CommandWrap::with_new(program, |command| {
            command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
            // Nothing of the machine's own set-up of Node or Python may change what a library does.
            for variable in ["NODE_OPTIONS", "PYTHONPATH", "PYTHONHOME", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
                command.env_remove(variable);
            }
        });
        command.wrap(ProcessGroup::leader()).wrap(KillOnDrop);
        let mut child = command.spawn().with_context(|| format!("failed to start the driver {name}"))?;
        let stdin = child.stdin().take().context("standard input is piped")?;
        let lines = BufReader::new(child.stdout().take().context("standard output is piped")?).lines();
        let hello = Hello { redirect_uri: String::new(), post_logout_redirect_uri: String::new(), jwk: None };
        let mut driver = Self { name, child, stdin, lines, hello };
        driver.hello = serde_json::from_value(driver.receive().await?)?;
        Ok(driver)
    }

    /// Performs one login and says how it ended.
    pub(crate) async fn perform(&mut self, login: &Value, agent: &mut Agent) -> Result<Outcome> {
        self.send(login).await?;
        loop {
            let message = self.receive().await?;
            if let (Some(open), Some(until)) = (message["open"].as_str(), message["until"].as_str()) {
                let answer = match agent.open(open.parse()?, until).await? {
                    Arrival::Sent { url, method, body } => json!({ "url": url.as_str(), "method": method, "body": body }),
                    Arrival::Stuck(reason) => json!({ "stuck": reason }),
                };
                self.send(&answer).await?;
                continue;
            }
            let text = |name: &str| message[name].as_str().map(str::to_owned);
            return match (message["accepted"].as_bool(), text("stage"), text("error")) {
                (Some(true), ..) => Ok(Outcome::Accepted(serde_json::from_value(message["did"].clone())?)),
                (Some(false), Some(stage), Some(error)) => Ok(Outcome::Refused { stage, error }),
                _ => bail!("the driver {} said {message}", self.name),
            };
        }
    }

    /// Lets it end by itself.
    pub(crate) async fn end(self) -> Result<()> {
        let Self { name, mut child, stdin, .. } = self;
        drop(stdin);
        let status = timeout(PATIENCE, child.wait()).await.with_context(|| format!("the driver {name} does not end"))??;
        ensure!(status.success(), "the driver {name} ended with {status}");
        Ok(())
    }

    async fn send(&mut self, message: &Value) -> Result<()> {
        self.stdin.write_all(format!("{message}\n").as_bytes()).await.with_context(|| format!("the driver {} is gone", self.name))
    }

    async fn receive(&mut self) -> Result<Value> {
        let line = timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.with_context(|| format!("the driver {} said nothing for {PATIENCE:?}", self.name))??;
        let line = line.with_context(|| format!("the driver {} ended; see target/clients/logs", self.name))?;
        serde_json::from_str(&line).with_context(|| format!("the driver {} said {line:?}", self.name))
    }
}
