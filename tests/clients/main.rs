//! Clients that nobody here wrote, against the embedded providers: healthy logins are accepted, and what each makes of every
//! fault stands in `docs/clients.md`.
//!
//! The libraries are installed below `target/clients` by `cargo xtask clients`, at the versions of `package-lock.json` and
//! `requirements.txt` in this folder. Around each stands a small driver (`drivers/`), which uses the library as its own
//! documentation recommends.

mod agent;
mod driver;
mod expectations;
mod faults;
mod gotrue;
mod healthy;
mod idp;
mod install;
mod provider;
mod table;

use std::sync::LazyLock;
use tokio::sync::Semaphore;

/// Drivers that may run at the same time.
static PLACES: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(2));

/// Gives reqwest its TLS provider, which it wants even for plain HTTP.
fn tls() {
    // The second test to come finds it given, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Fails a test with what went wrong, cause by cause.
fn told<T>(result: anyhow::Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{error:#}"))
}
