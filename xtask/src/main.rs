//! Set-up, tests, demo and benchmarks of the project: `cargo xtask`.

mod setup;

use anyhow::{Context as _, Result, bail};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
cargo xtask demo                 run every scenario and show its chain
cargo xtask test [ARGS]          run all tests (ARGS go to `cargo test`)
cargo xtask bench NAME [--json]  measure: chain, files
cargo xtask lint                 formatting and clippy
cargo xtask generate             write generated files anew: JSON Schema, catalogue of faults

Each installs what is missing first, or stops with the command that does.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["demo"] => demo(),
        ["test", rest @ ..] => test(rest),
        ["bench", name, rest @ ..] => bench(name, rest),
        ["lint"] => lint(),
        ["generate"] => generate(),
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
    cargo(["build", "--bin", "authchain"])?;
    let color = if std::io::IsTerminal::is_terminal(&std::io::stderr()) { "always" } else { "never" };
    run(Command::new(target().join("debug/authchain")).args(["--color", color, "run", "scenarios", "--trace"]))
}

fn test(rest: &[&str]) -> Result<()> {
    setup::c_toolchain()?;
    setup::terminal()?;
    setup::fake_time()?;
    let insta = setup::cargo_insta(&target().join("tools"))?;
    let mut test = Command::new(env!("CARGO"));
    test.current_dir(root()).arg("test").args(rest).env("AUTHCHAIN_CARGO_INSTA", insta);
    run(&mut test)?;
    if rest.is_empty() {
        run(Command::new(env!("CARGO"))
            .current_dir(root())
            .args(["doc", "--no-deps", "--document-private-items"])
            .env("RUSTDOCFLAGS", "-D warnings"))?;
    }
    Ok(())
}

fn bench(name: &str, rest: &[&str]) -> Result<()> {
    if !matches!(name, "chain" | "files") {
        bail!("there is no benchmark `{name}`; there are: chain, files");
    }
    setup::c_toolchain()?;
    cargo(["build", "--release", "--bin", "authchain"])?;
    let mut bench = Command::new(env!("CARGO"));
    bench.current_dir(root()).args(["bench", "--quiet", "--bench", name, "--"]).args(rest);
    run(&mut bench)
}

fn lint() -> Result<()> {
    cargo(["fmt", "--all", "--check"])?;
    cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
}

fn generate() -> Result<()> {
    cargo(["build", "--bin", "authchain"])?;
    for (arguments, file) in [(&["schema"][..], "schema/scenario.json"), (&["faults", "--markdown"], "docs/faults.md")] {
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

fn cargo<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<()> {
    run(Command::new(env!("CARGO")).current_dir(root()).args(arguments))
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
