//! What the project needs on a machine: looked for, installed where that is allowed, otherwise named with the exact command.

use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The release of cargo-insta that the snapshot tests run.
const CARGO_INSTA: &str = "1.49.0";

/// A C compiler: some dependencies build C and assembly.
pub fn c_toolchain() -> Result<()> {
    system("cc", &["gcc", "libc6-dev"])
}

/// `script`, which gives interactive commands a terminal in tests.
pub fn terminal() -> Result<()> {
    system("script", &["bsdutils"])
}

/// libfaketime, which gives processes the clock of a run that moves it.
pub fn fake_time() -> Result<()> {
    system("faketime", &["faketime", "libfaketime"])
}

/// redis-server, which stands behind scenarios that declare it.
pub fn redis() -> Result<()> {
    system("redis-server", &["redis-server"])
}

/// Chromium and its driver.
pub fn chromium() -> Result<()> {
    provide("chromium", &["chromium"], || ["chromium", "google-chrome"].into_iter().any(on_path))?;
    system("chromedriver", &["chromium-driver"])
}

/// Firefox, and its driver: that of the system or, where there is none, one below `folder`, whose place is returned.
pub fn firefox(folder: &Path) -> Result<Option<PathBuf>> {
    provide("firefox", &["firefox-esr"], || ["firefox", "firefox-esr"].into_iter().any(on_path))?;
    if on_path("geckodriver") {
        return Ok(None);
    }
    let program = folder.join("bin/geckodriver");
    if !program.is_file() {
        eprintln!("installing geckodriver into {}", folder.display());
        let mut install = Command::new(env!("CARGO"));
        let status =
            install.args(["install", "geckodriver", "--locked", "--root"]).arg(folder).status().context("failed to start cargo")?;
        if !status.success() {
            bail!("geckodriver could not be installed; try: cargo install geckodriver --locked");
        }
    }
    Ok(Some(program))
}

/// cargo-insta, for the test that reviews a scenario's snapshot with it; installed below `folder`.
pub fn cargo_insta(folder: &Path) -> Result<PathBuf> {
    let program = folder.join("bin/cargo-insta");
    let version = Command::new(&program).args(["insta", "--version"]).output();
    if version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(CARGO_INSTA)) {
        return Ok(program);
    }
    eprintln!("installing cargo-insta {CARGO_INSTA} into {}", folder.display());
    let mut install = Command::new(env!("CARGO"));
    install.args(["install", "cargo-insta", "--locked", "--debug", "--version", CARGO_INSTA, "--root"]).arg(folder);
    let status = install.status().context("failed to start cargo")?;
    if !status.success() {
        bail!(
            "cargo-insta could not be installed; try: cargo install cargo-insta --locked --version {CARGO_INSTA} --root {}",
            folder.display()
        );
    }
    Ok(program)
}

/// npm, and some Node to run it.
pub fn node() -> Result<()> {
    system("npm", &["nodejs", "npm"])
}

/// Python with what makes virtual environments, which Debian packs apart.
pub fn python() -> Result<()> {
    system("python3", &["python3", "python3-venv"])?;
    provide("python3 -m venv", &["python3-venv"], || quietly(&["python3", "-c", "import ensurepip, venv"]))
}

/// Makes sure that `program` is on the path, from these Debian packages.
fn system(program: &str, packages: &[&str]) -> Result<()> {
    provide(program, packages, || on_path(program))
}

/// Installs these Debian packages when what they bring `is_there` not.
fn provide(program: &str, packages: &[&str], is_there: impl Fn() -> bool) -> Result<()> {
    if is_there() {
        return Ok(());
    }
    let mut apt: Vec<&str> = vec!["apt-get", "install", "-y", "--no-install-recommends"];
    apt.extend(packages);
    let prefix: &[&str] = if is_root() { &[] } else { &["sudo", "-n"] };
    let by_hand = format!("sudo apt-get update && sudo {}", apt.join(" "));
    let may = on_path("apt-get") && (is_root() || quietly(&["sudo", "-n", "true"]));
    if !may {
        bail!("`{program}` is missing; install it with: {by_hand}");
    }
    eprintln!("installing {} for `{program}`", packages.join(", "));
    let update = [prefix, &["apt-get", "update"]].concat();
    let install = [prefix, &apt].concat();
    if !quietly(&update) || !loudly(&install) || !is_there() {
        bail!("`{program}` could not be installed; try: {by_hand}");
    }
    Ok(())
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn quietly(command: &[&str]) -> bool {
    start(command, Stdio::null())
}

fn loudly(command: &[&str]) -> bool {
    start(command, Stdio::inherit())
}

fn start(command: &[&str], output: Stdio) -> bool {
    let mut process = Command::new(command[0]);
    process.args(&command[1..]).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).stdout(output);
    process.status().is_ok_and(|status| status.success())
}
