//! A driver: the process that starts a browser and speaks WebDriver for it.

use super::error::BrowserError;
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessGroup};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use url::Url;

/// How long a driver may take until it listens.
const STARTS_WITHIN: Duration = Duration::from_secs(30);
/// What chromedriver prints before its port.
const READY: &str = "started successfully on port ";

/// A running driver, with all that it starts. Dropping it ends the whole group.
pub(super) struct Driver {
    /// Where it listens.
    pub(super) url: Url,
    child: Box<dyn ChildWrapper>,
    /// Where it and the browser put their files; goes with them.
    _files: TempDir,
}

impl Driver {
    /// Starts a driver on a port of its own choice.
    pub(super) async fn start(program: &Path) -> Result<Self, BrowserError> {
        let failed = |why: String| BrowserError::Start { program: program.to_owned(), why };
        let files = tempfile::Builder::new().prefix("authchain-browser-").tempdir().map_err(|error| failed(error.to_string()))?;
        let mut command = CommandWrap::with_new(program, |command| {
            command.arg("--port=0").env("TMPDIR", files.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        });
        let mut child = command.wrap(ProcessGroup::leader()).wrap(KillOnDrop).spawn().map_err(|error| failed(error.to_string()))?;
        let Some(stdout) = child.stdout().take() else { return Err(failed("its output cannot be read".to_owned())) };
        let port = async {
            let mut lines = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let port = line.split_once(READY).and_then(|(_, port)| port.trim_end_matches('.').parse::<u16>().ok());
                if let Some(port) = port {
                    // It goes on printing, and must not wait for a reader.
                    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                    return Some(port);
                }
            }
            None
        };
        let port = tokio::time::timeout(STARTS_WITHIN, port).await.ok().flatten();
        let port = port.ok_or_else(|| failed(format!("it did not listen within {STARTS_WITHIN:?}")))?;
        let url = Url::parse(&format!("http://127.0.0.1:{port}/")).map_err(|error| failed(error.to_string()))?;
        Ok(Self { url, child, _files: files })
    }

    /// Ends it and everything that it started.
    pub(super) async fn stop(mut self) {
        let _ = self.child.start_kill();
        let _ = self.child.wait().await;
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.start_kill();
    }
}
