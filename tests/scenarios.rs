//! The project's own scenarios as tests, a test for each run: what `authchain::Suite` gives every Rust project.

use std::process::ExitCode;

fn main() -> ExitCode {
    authchain::Suite::new("scenarios").engine(authchain::Engines::Both).executable(env!("CARGO_BIN_EXE_authchain")).strict().main()
}
