//! Whoever outlives this program and ends what it started.
//!
//! A small shell waits at the end of a pipe whose other end this program holds. However the program ends, by its own will,
//! by a panic or by SIGKILL, the pipe closes, and the shell kills the process group and removes its folder. It is in a
//! group of its own, so that Ctrl-C in a terminal does not reach it. (The kernel's own parent-death signal would reach
//! the driver alone, not the browser that it leaves behind.)

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use tokio::process::{Child, ChildStdin, Command};

/// Kills the group `$1`, then removes the folder `$2`: what was killed may still be writing there for a moment.
const SCRIPT: &str = r#"
read -r _
kill -s KILL -- "-$1" 2>/dev/null
for try in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf -- "$2" 2>/dev/null
    [ -e "$2" ] || exit 0
    sleep 0.1
done
"#;

/// A shell that ends a process group when this is dropped.
pub(super) struct Watchdog {
    /// Closes with this program.
    pipe: Option<ChildStdin>,
    shell: Child,
}

impl Watchdog {
    /// Watches over a process group and a folder.
    pub(super) fn over(group: u32, folder: PathBuf) -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT, "authchain-watchdog"]).arg(group.to_string()).arg(folder);
        let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn()?;
        Ok(Self { pipe: shell.stdin.take(), shell })
    }

    /// Has the group ended and the folder removed now, and waits for it.
    pub(super) async fn finish(&mut self) {
        self.pipe = None;
        let _ = self.shell.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_group_ends_with_its_watchdogs_pipe() {
        let folder = tempfile::tempdir().unwrap().keep();
        let mut script = Command::new("/bin/sh");
        let mut group = script.args(["-c", "sleep 600 & wait"]).process_group(0).spawn().unwrap();
        let mut watchdog = Watchdog::over(group.id().unwrap(), folder.clone()).unwrap();
        watchdog.finish().await;
        let status = tokio::time::timeout(Duration::from_secs(30), group.wait()).await.unwrap().unwrap();
        assert!(!status.success() && !folder.exists(), "{status}");
    }
}
