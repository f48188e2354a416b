//! `expectations.yaml`: what every client must make of each fault.

use crate::install::root;
use anyhow::{Context as _, Result, anyhow};
use authchain::plan::{Fault, Service};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectations {
    pub(crate) idp: Faults,
    pub(crate) gotrue: Faults,
    /// Why a client does not do what it must.
    pub(crate) notes: BTreeMap<String, String>,
}

/// The faults of one service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Faults {
    pub(crate) tried: Vec<Row>,
    /// Those that are not, with the reason.
    pub(crate) untried: BTreeMap<String, String>,
}

/// One fault.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// As a flag says it.
    pub(crate) fault: String,
    pub(crate) must: Must,
    /// Clients that do otherwise, and the note that says why.
    #[serde(default)]
    pub(crate) except: BTreeMap<String, String>,
}

/// What a client has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Must {
    Refuse,
    Accept,
    Either,
}

impl Expectations {
    /// The faults of each service that is tried.
    pub(crate) fn services(&self) -> [(Service, &Faults); 2] {
        [(Service::Idp, &self.idp), (Service::Gotrue, &self.gotrue)]
    }

    pub(crate) fn read() -> Result<Self> {
        let path = root().join("tests/clients/expectations.yaml");
        let text = std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        serde_saphyr::from_str(&text).with_context(|| format!("failed to understand {}", path.display()))
    }
}

impl Row {
    pub(crate) fn read(&self, service: Service) -> Result<Fault> {
        Fault::parse(&self.fault, service).map_err(|why| anyhow!("{}: {why}", self.fault))
    }

    /// The name of the note, where `client` does not do what it must.
    pub(crate) fn excuse(&self, client: &str) -> Option<&str> {
        self.except.get(client).map(String::as_str)
    }
}
