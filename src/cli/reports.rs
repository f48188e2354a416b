//! Reports of `authchain run` that go to files.

use crate::base::Printer;
use crate::base::write_atomically;
use crate::report::{Summary, har, json, junit};
use anyhow::Context as _;
use clap::Args;
use std::path::{Path, PathBuf};

/// Standard output, as a file name.
const STDOUT: &str = "-";

#[derive(Debug, Args)]
pub(super) struct Reports {
    /// Also write a JUnit report to this file; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Also write everything as JSON to this file; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write the chains of all runs as one HAR, secrets replaced; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    har: Option<PathBuf>,
}

impl Reports {
    /// Whether one report would overwrite the other.
    pub(super) fn collide(&self) -> bool {
        let mut paths: Vec<_> = self.paths().collect();
        paths.sort();
        paths.windows(2).any(|pair| pair[0] == pair[1])
    }

    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.junit.iter().chain(&self.json).chain(&self.har)
    }

    /// Reports that cannot be written should say so before the runs, not after them. Leaves nothing behind.
    pub(super) fn try_targets(&self) -> anyhow::Result<()> {
        for path in self.paths().filter(|path| path.as_os_str() != STDOUT) {
            try_target(path).with_context(|| format!("the report `{}` cannot be written", path.display()))?;
        }
        Ok(())
    }

    pub(super) fn write(&self, summary: &Summary, printer: &Printer) -> anyhow::Result<()> {
        if let Some(path) = &self.junit {
            write(path, &junit::render(summary)?, printer)?;
        }
        if let Some(path) = &self.json {
            write(path, &json::render(summary)?, printer)?;
        }
        if let Some(path) = &self.har {
            write(path, &har::render(summary)?, printer)?;
        }
        Ok(())
    }
}

fn try_target(path: &Path) -> std::io::Result<()> {
    match std::fs::metadata(path) {
        // A pipe would take an attempt for the report.
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => Ok(()),
        Ok(_) => std::fs::OpenOptions::new().append(true).open(path).map(drop),
        Err(_) => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            std::fs::create_dir_all(folder)?;
            tempfile::tempfile_in(folder).map(drop)
        }
    }
}

fn write(path: &Path, bytes: &[u8], printer: &Printer) -> anyhow::Result<()> {
    if path.as_os_str() == STDOUT {
        printer.data(&String::from_utf8_lossy(bytes))?;
        return Ok(());
    }
    write_atomically(path, bytes).with_context(|| format!("failed to write the report `{}`", path.display()))
}
