//! How the server reaches OpenID providers, and what it remembers of them.

use super::oidc::Discovery;
use jsonwebtoken::jwk::JwkSet;
use reqwest::redirect::Policy;
use rustls::RootCertStore;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;

/// How long a provider may take to answer.
const WITHIN: Duration = Duration::from_secs(10);
/// Largest answer that is read.
const LARGEST: usize = 1 << 20;
/// How long a discovery document is kept.
const KEPT: time::Duration = time::Duration::HOUR;

/// What is known of providers, by issuer, and the way to them.
#[derive(Debug, Default)]
pub(super) struct Egress {
    client: OnceLock<reqwest::Client>,
    known: Mutex<HashMap<String, (OffsetDateTime, Arc<Discovery>)>>,
    keys: Mutex<HashMap<String, Arc<JwkSet>>>,
}

/// A client that trusts `roots` alone and goes through `proxy`, if there is one; it follows no redirects.
///
/// # Errors
/// When TLS cannot be set up.
pub(crate) fn client(roots: RootCertStore, proxy: Option<SocketAddr>) -> Result<reqwest::Client, Box<dyn std::error::Error + Send + Sync>> {
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let builder = reqwest::Client::builder().no_proxy().redirect(Policy::none()).timeout(WITHIN).tls_backend_preconfigured(tls);
    let builder = match proxy {
        Some(proxy) => builder.proxy(reqwest::Proxy::all(format!("http://{proxy}"))?),
        None => builder,
    };
    Ok(builder.build()?)
}

fn direct() -> Result<reqwest::Client, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    client(roots, None).map_err(|error| format!("no TLS: {error}"))
}

impl Egress {
    pub(super) fn set(&self, client: reqwest::Client) {
        // Whoever is first decides; a second way would lose calls of the first.
        let _ = self.client.set(client);
    }

    pub(super) fn client(&self) -> Result<&reqwest::Client, String> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let direct = direct()?;
        Ok(self.client.get_or_init(|| direct))
    }

    /// The discovery document of `issuer` (OpenID Connect Discovery 1.0 §4), which must be in its name.
    pub(super) async fn discover(&self, issuer: &str, now: OffsetDateTime) -> Result<Arc<Discovery>, String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(issuer).cloned();
        if let Some((until, discovery)) = known
            && now < until
        {
            return Ok(discovery);
        }
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let found: Discovery = self.json(self.client()?.get(address)).await?;
        if found.issuer != issuer {
            return Err(format!("the provider says that its issuer is {}, not {issuer}", found.issuer));
        }
        let found = Arc::new(found);
        // Issuers come from the plan, so there are few.
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(issuer.to_owned(), (now + KEPT, found.clone()));
        Ok(found)
    }

    /// The keys that are known, or those that the provider has now.
    pub(super) async fn keys(&self, discovery: &Discovery, anew: bool) -> Result<Arc<JwkSet>, String> {
        let known = self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(&discovery.jwks_uri).cloned();
        if let Some(known) = known.filter(|_| !anew) {
            return Ok(known);
        }
        let keys = Arc::new(self.json::<JwkSet>(self.client()?.get(&discovery.jwks_uri)).await?);
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(discovery.jwks_uri.clone(), keys.clone());
        Ok(keys)
    }

    /// The JSON of a successful answer.
    pub(super) async fn json<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, String> {
        let told = |error: reqwest::Error| {
            let mut text = error.without_url().to_string();
            if text.len() > 300 {
                text.truncate((0..=300).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0));
            }
            format!("no answer: {text}")
        };
        let mut answer = request.send().await.map_err(told)?;
        if !answer.status().is_success() {
            return Err(format!("the provider answered {}", answer.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(told)? {
            if body.len() + chunk.len() > LARGEST {
                return Err(format!("the provider's answer is longer than {LARGEST} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).map_err(|error| format!("the provider's answer is not what it should be: {error}"))
    }
}
