//! The embedded providers on sockets of their own, in this process.

use anyhow::{Context as _, Result, anyhow};
use authchain::base::Sources;
use authchain::plan::{Backend, compile};
use authchain::scenario;
use authchain::topology::provider;
use axum::Router;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

/// A server that ends with this.
pub(crate) struct Served(JoinHandle<()>);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Serves what `make` makes of the address that it will have.
pub(crate) async fn serve<T>(make: impl FnOnce(&Url) -> Result<(T, Router)>) -> Result<(T, Served)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base: Url = format!("http://{}", listener.local_addr()?).parse()?;
    let (made, router) = make(&base)?;
    Ok((made, Served(tokio::spawn(provider::serve(listener, router)))))
}

/// What a scenario that declares `service` for an origin compiles to.
pub(crate) fn backend(service: &Value) -> Result<Backend> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("clients.yaml");
    let declared = json!({
        "scenario": "clients",
        "origins": { "https://provider.example.test": service },
        "steps": [{ "open": "https://provider.example.test/" }],
    });
    std::fs::write(&file, declared.to_string())?;
    let mut sources = Sources::default();
    let compiled = scenario::load(&file, &mut sources).and_then(|loaded| compile(&loaded, None));
    let compiled = compiled.map_err(|diagnostics| anyhow!("the scenario does not compile: {diagnostics:#?}"))?;
    let origin = compiled.plans.into_iter().next().and_then(|plan| plan.origins.into_iter().next());
    Ok(origin.context("the scenario declares an origin")?.backend)
}
