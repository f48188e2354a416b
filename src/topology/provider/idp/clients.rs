//! What is asked about the clients with every request, looked up once when the provider starts.

use super::keys::secret_digest;
use crate::plan::IdpPlan;
use std::collections::{HashMap, HashSet};
use url::Url;

/// The clients by what requests bring along.
#[derive(Debug)]
pub(super) struct Clients {
    by_id: HashMap<String, usize>,
    /// Digests of the secrets, by the clients' places.
    secrets: Vec<Option<[u8; 32]>>,
    /// Origins of their redirect URIs.
    origins: HashSet<String>,
}

impl Clients {
    pub(super) fn new(plan: &IdpPlan) -> Self {
        let uris = plan.clients.iter().flat_map(|client| &client.redirect_uris).filter_map(|uri| Url::parse(uri).ok());
        Self {
            by_id: plan.clients.iter().enumerate().rev().map(|(at, client)| (client.id.clone(), at)).collect(),
            secrets: plan.clients.iter().map(|client| client.secret.as_ref().map(|secret| secret_digest(secret.expose()))).collect(),
            origins: uris.map(|uri| uri.origin()).filter(url::Origin::is_tuple).map(|origin| origin.ascii_serialization()).collect(),
        }
    }

    /// The place of the client with this id; of two with the same, the first.
    pub(super) fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// The digest of a client's secret.
    pub(super) fn secret(&self, client: usize) -> Option<&[u8; 32]> {
        self.secrets.get(client)?.as_ref()
    }

    /// Whether pages of this origin belong to a client.
    pub(super) fn is_origin(&self, origin: &[u8]) -> bool {
        std::str::from_utf8(origin).is_ok_and(|origin| self.origins.contains(origin))
    }
}
