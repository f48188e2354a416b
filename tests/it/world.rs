//! A scrubbed world to run the binary in: an empty folder, a bare environment, output as plain text.

use assert_cmd::Command;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An empty folder that goes away with the test.
pub(crate) struct World {
    folder: tempfile::TempDir,
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// A world with one scenario, `case.yaml`.
    pub(crate) fn with(scenario: &str) -> Self {
        let world = Self::new();
        world.write("case.yaml", scenario);
        world
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// The binary with a bare environment, started in this folder.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command.current_dir(self.path()).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.path()).env("TMPDIR", self.path()).env("NO_COLOR", "1").timeout(Duration::from_secs(120));
        command
    }

    /// Runs `authchain ARGS`.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command().args(args))
    }

    /// Runs `authchain run case.yaml`.
    pub(crate) fn run_case(&self) -> Ran {
        self.run(&["run", "case.yaml"])
    }
}

impl Ran {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().expect("the binary starts");
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts the exit code and that each text was printed.
    #[track_caller]
    pub(crate) fn says(&self, code: i32, texts: &[&str]) -> &Self {
        assert_eq!(self.code, code, "exit code\n--- stdout\n{}\n--- stderr\n{}", self.out, self.err);
        for text in texts {
            assert!(
                self.err.contains(text) || self.out.contains(text),
                "missing {text:?}\n--- stdout\n{}\n--- stderr\n{}",
                self.out,
                self.err
            );
        }
        self
    }
}

/// The binary under test.
pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_authchain"))
}

/// The project's folder.
pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Copies a folder, so that what a test writes stays out of the project.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// As Chrome exports without sensitive data: no cookies, no Authorization.
pub(crate) fn sanitised(mut har: Value) -> Value {
    for entry in har["log"]["entries"].as_array_mut().expect("entries") {
        for side in ["request", "response"] {
            entry[side]["cookies"] = json!([]);
            entry[side]["headers"].as_array_mut().expect("fields").retain(|field| {
                let name = field["name"].as_str().unwrap_or_default().to_ascii_lowercase();
                !matches!(name.as_str(), "cookie" | "set-cookie" | "authorization")
            });
        }
    }
    har
}
