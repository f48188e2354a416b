//! Set-up, tests, demo and benchmarks of the project: `cargo xtask`.

mod clients;
mod setup;

use anyhow::{Context as _, Result, bail};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
cargo xtask demo                 run every scenario and show its chain
cargo xtask firefox [ARGS]       run every scenario in Firefox
cargo xtask test [ARGS]          run all tests (ARGS go to `cargo test`)
cargo xtask bench NAME [--json]  measure: browser, chain, files, har, idp
cargo xtask clients              install the clients that the providers are tested with, and say where
cargo xtask lint                 formatting and clippy
cargo xtask generate             write generated files anew: JSON Schema, lists of faults and rules
cargo xtask generate clients     write docs/clients.md anew: what clients make of the faults

Each installs what is missing first, or stops with the command that does.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["demo"] => demo(),
        ["firefox", rest @ ..] => firefox(rest),
        ["test", rest @ ..] => test(rest),
        ["bench", name, rest @ ..] => bench(name, rest),
        ["clients"] => clients(),
        ["lint"] => lint(),
        ["generate"] => generate(),
        ["generate", "clients"] => generate_clients(),
        [] | ["help" | "-h" | "--help"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn demo() -> Result<()> {
    setup::c_toolchain()?;
    setup::fake_time()?;
    setup::redis()?;
    setup::chromium()?;
    cargo(["build", "--bin", "authchain"])?;
    let color = if std::io::IsTerminal::is_terminal(&std::io::stderr()) { "always" } else { "never" };
    run(Command::new(target().join("debug/authchain")).args(["--color", color, "run", "scenarios", "--trace"]))
}

/// Firefox's own tests, and every scenario in it. Installing it and its driver is slow, so this is no part of the tests.
fn firefox(rest: &[&str]) -> Result<()> {
    setup::c_toolchain()?;
    setup::fake_time()?;
    setup::redis()?;
    let driver = setup::firefox(&target().join("tools"))?;
    cargo(["build", "--bin", "authchain"])?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = driver.iter().filter_map(|driver| driver.parent().map(Path::to_owned)).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).context("a folder of the path cannot stand in it")?;
    run(cargo_command().args(["test", "--lib", "firefox_", "--", "--ignored"]).env("PATH", &path))?;
    let mut command = Command::new(target().join("debug/authchain"));
    run(command.args(["run", "scenarios", "--engine", "browser", "--browser", "firefox", "--ci"]).args(rest).env("PATH", &path))
}

fn test(rest: &[&str]) -> Result<()> {
    setup::c_toolchain()?;
    setup::terminal()?;
    setup::fake_time()?;
    setup::redis()?;
    setup::chromium()?;
    clients::install()?;
    let insta = setup::cargo_insta(&target().join("tools"))?;
    let mut test = cargo_command();
    test.args(["test", "--workspace"]).args(rest).env("AUTHCHAIN_CARGO_INSTA", insta);
    run(&mut test)?;
    if rest.is_empty() {
        run(cargo_command().args(["doc", "--workspace", "--no-deps", "--document-private-items"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    }
    Ok(())
}

fn bench(name: &str, rest: &[&str]) -> Result<()> {
    if !matches!(name, "browser" | "chain" | "files" | "har" | "idp") {
        bail!("there is no benchmark `{name}`; there are: browser, chain, files, har, idp");
    }
    setup::c_toolchain()?;
    cargo(["build", "--release", "--bin", "authchain"])?;
    let mut bench = cargo_command();
    bench.args(["bench", "--quiet", "--bench", name, "--"]).args(rest);
    if name == "browser" {
        setup::chromium()?;
    }
    if matches!(name, "browser" | "idp") {
        let clients = clients::install()?;
        bench.env("AUTHCHAIN_CLIENTS", clients.folder).env("AUTHCHAIN_NODE", clients.node);
    }
    run(&mut bench)
}

/// Prints the folder and the program that runs Node, a line each.
fn clients() -> Result<()> {
    let clients = clients::install()?;
    println!("{}\n{}", clients.folder.display(), clients.node.display());
    Ok(())
}

fn lint() -> Result<()> {
    cargo(["fmt", "--all", "--check"])?;
    cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
}

fn generate() -> Result<()> {
    cargo(["build", "--bin", "authchain"])?;
    for (arguments, file) in [
        (&["schema"][..], "schema/scenario.json"),
        (&["faults", "--markdown"], "docs/faults.md"),
        (&["explain", "--list", "--markdown"], "docs/rules.md"),
    ] {
        let output = Command::new(target().join("debug/authchain")).args(arguments).output().context("failed to run authchain")?;
        if !output.status.success() {
            bail!("`authchain {}` ended with {}", arguments.join(" "), output.status);
        }
        let file = root().join(file);
        std::fs::create_dir_all(file.parent().expect("files lie in folders")).context("failed to make a folder")?;
        std::fs::write(&file, output.stdout).with_context(|| format!("failed to write {}", file.display()))?;
    }
    Ok(())
}

fn generate_clients() -> Result<()> {
    setup::c_toolchain()?;
    clients::install()?;
    let mut test = cargo_command();
    test.args(["test", "--test", "clients", "clients_make"]).env("AUTHCHAIN_UPDATE_CLIENTS", "1");
    run(&mut test)
}

fn cargo<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<()> {
    run(cargo_command().args(arguments))
}

/// Cargo in the project, without what cargo told this program about itself: build scripts that look at it would run again.
fn cargo_command() -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root());
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command with this process's streams and fails when it fails.
fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("failed to start {:?}", command.get_program()))?;
    if !status.success() {
        bail!("{:?} ended with {status}", command.get_program());
    }
    Ok(())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the project")
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}
