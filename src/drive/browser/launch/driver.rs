//! A driver: the process that starts a browser and speaks WebDriver for it.
//!
//! It leads a process group of its own, in which the browser and all that the browser starts stay: killing the driver alone
//! would leave the browser behind. A [`Watchdog`] ends the group even if this program is killed.

use super::error::BrowserError;
use super::watchdog::Watchdog;
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessGroup};
use std::collections::VecDeque;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::sync::mpsc;
use tokio::time::Instant;
use url::Url;

/// How long a driver may take until it listens.
const STARTS_WITHIN: Duration = Duration::from_secs(30);
/// How long after its socket closed a driver may take to be known to have ended.
const ENDED_WITHIN: Duration = Duration::from_millis(500);
/// Pause between two looks whether it has.
const PAUSE: Duration = Duration::from_millis(10);
/// How many of its last lines are kept.
const KEPT_LINES: usize = 5;
/// Longest line that is kept, in bytes.
const LONGEST_LINE: usize = 300;

/// A running driver, with all that it starts.
pub(super) struct Driver {
    /// Where it listens.
    pub(super) url: Url,
    child: Box<dyn ChildWrapper>,
    last_lines: LastLines,
    /// Ends the group and takes its files away; dropped last.
    watchdog: Watchdog,
}

/// What a driver printed last.
#[derive(Clone, Default)]
struct LastLines(Arc<Mutex<VecDeque<String>>>);

impl Driver {
    /// Starts a driver and waits until it says where it listens. `port` reads that from a line of what it prints.
    pub(super) async fn start(program: &Path, arguments: &[&str], port: fn(&str) -> Option<u16>) -> Result<Self, BrowserError> {
        let failed = |why: String| BrowserError::Start { program: program.to_owned(), why };
        let files = tempfile::Builder::new().prefix("authchain-browser-").tempdir().map_err(|error| failed(error.to_string()))?;
        let mut command = CommandWrap::with_new(program, |command| {
            command.args(arguments).env("TMPDIR", files.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        });
        let mut child = command.wrap(ProcessGroup::leader()).wrap(KillOnDrop).spawn().map_err(|error| failed(error.to_string()))?;
        let group = child.id().ok_or_else(|| failed("it ended at once".to_owned()))?;
        let watchdog = Watchdog::over(group, files.keep()).map_err(|error| failed(format!("nobody could watch over it: {error}")))?;
        let last_lines = LastLines::default();
        let (printed, mut lines) = mpsc::unbounded_channel();
        if let Some(stdout) = child.stdout().take() {
            // What it says there is no complaint.
            tokio::spawn(LastLines::default().read(stdout, printed.clone()));
        }
        if let Some(stderr) = child.stderr().take() {
            tokio::spawn(last_lines.clone().read(stderr, printed));
        }
        let listens = async {
            while let Some(line) = lines.recv().await {
                if let Some(port) = port(&line) {
                    return Some(port);
                }
            }
            None
        };
        let port = match tokio::time::timeout(STARTS_WITHIN, listens).await {
            Ok(Some(port)) => port,
            Ok(None) => return Err(failed(format!("it ended at once{}", last_lines.said()))),
            Err(_) => return Err(failed(format!("it did not listen within {STARTS_WITHIN:?}{}", last_lines.said()))),
        };
        let url = Url::parse(&format!("http://127.0.0.1:{port}/")).map_err(|error| failed(error.to_string()))?;
        Ok(Self { url, child, last_lines, watchdog })
    }

    /// What became of it, for a browser that is gone: whether the driver itself ended, and what it said last.
    pub(super) async fn obituary(&mut self) -> String {
        let until = Instant::now() + ENDED_WITHIN;
        let ended = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break format!("its driver ended ({status})"),
                // The group goes on with the browser in it, so that there is nothing to wait for.
                Ok(None) if Instant::now() < until => tokio::time::sleep(PAUSE).await,
                _ => break "the browser ended while its driver went on".to_owned(),
            }
        };
        format!("{ended}{}", self.last_lines.said())
    }

    /// Ends it and everything that it started, and waits until its files are gone.
    pub(super) async fn stop(mut self) {
        let _ = self.child.start_kill();
        let _ = self.child.wait().await;
        self.watchdog.finish().await;
    }
}

impl LastLines {
    async fn read(self, stream: impl AsyncRead + Unpin, printed: mpsc::UnboundedSender<String>) {
        let mut lines = BufReader::new(stream).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            let mut line = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.truncate(line.floor_char_boundary(LONGEST_LINE));
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() == KEPT_LINES {
                kept.pop_front();
            }
            kept.push_back(line.clone());
            drop(kept);
            // After the port nobody listens any more.
            let _ = printed.send(line);
        }
    }

    /// Its last lines as the end of a message.
    fn said(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<_> = kept.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
        if lines.is_empty() { String::new() } else { format!("; its last words: {}", lines.join(" · ")) }
    }
}
