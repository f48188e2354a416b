//! What `cargo xtask clients` installs: the libraries below `target/clients`, at the versions that the lock files name.

use anyhow::{Context as _, Error, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Everything that the drivers need.
pub(crate) struct Installed {
    folder: PathBuf,
    node: PathBuf,
}

impl Installed {
    /// Installs what is missing, which is nothing when it was installed before.
    pub(crate) fn ensure() -> Result<&'static Self> {
        static INSTALLED: OnceLock<Result<Installed, String>> = OnceLock::new();
        let installed = INSTALLED.get_or_init(|| Self::install().map_err(|error| format!("{error:#}")));
        installed.as_ref().map_err(|error| Error::msg(error.clone()))
    }

    fn install() -> Result<Self> {
        let output = Command::new(env!("CARGO")).args(["xtask", "clients"]).current_dir(root()).output();
        let output = output.context("failed to start cargo")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`cargo xtask clients` failed:\n{said}");
        let told = String::from_utf8(output.stdout)?;
        let mut lines = told.lines().map(PathBuf::from);
        let (folder, node) = lines.next().zip(lines.next()).context("`cargo xtask clients` prints where it installed, and Node")?;
        std::fs::create_dir_all(folder.join("logs"))?;
        Ok(Self { folder, node })
    }

    /// The program that runs a driver, and the driver.
    pub(crate) fn driver(&self, name: &str) -> (PathBuf, PathBuf) {
        if name == "authlib_flask" {
            (self.folder.join("venv/bin/python"), self.folder.join("drivers").join(format!("{name}.py")))
        } else {
            (self.node.clone(), self.folder.join("drivers").join(format!("{name}.mjs")))
        }
    }

    /// Where a driver's standard error goes.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.folder.join("logs").join(format!("{name}.log"))
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
