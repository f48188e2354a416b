//! The `authchain` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    authchain::cli::main()
}
