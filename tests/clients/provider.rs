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

/// An address that a provider will have.
pub(crate) struct Socket {
    pub(crate) base: Url,
    listener: TcpListener,
}

impl Socket {
    pub(crate) async fn bind() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?).parse()?;
        Ok(Self { base, listener })
    }

    pub(crate) fn serve(self, router: Router) -> Served {
        Served(tokio::spawn(provider::serve(self.listener, router)))
    }
}

/// What reaches the providers, one hop at a time.
pub(crate) fn http() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()
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
