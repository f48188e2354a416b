//! The keys of one provider: one for each algorithm in use, and those that signed before them.
//!
//! A provider is there at once: EC and Ed25519 keys take no time, and an RSA key is made on a thread of its own.
//! Whoever needs it waits, and blocks nobody.

use super::signing::SigningKey;
use crate::plan::SigningAlgorithm;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::watch;

/// Keys that stay published after they were replaced; of more, the oldest go.
const MOST_RETIRED: usize = 4;

/// All keys of one provider.
pub(super) struct Keyring {
    algorithms: Vec<SigningAlgorithm>,
    keys: RwLock<Arc<KeySet>>,
    /// Whether the first key of every algorithm is there.
    complete: watch::Sender<bool>,
    /// Keys that are never published.
    strays: Mutex<HashMap<SigningAlgorithm, Arc<SigningKey>>>,
}

/// The keys at one moment.
struct KeySet {
    current: Vec<Arc<SigningKey>>,
    /// Published, and not used any more; newest first.
    retired: Vec<Arc<SigningKey>>,
    /// All of them as a JWK Set (RFC 7517 §5).
    document: Bytes,
}

impl KeySet {
    fn new(current: Vec<Arc<SigningKey>>, mut retired: Vec<Arc<SigningKey>>) -> Arc<Self> {
        retired.truncate(MOST_RETIRED);
        let published: Vec<_> = current.iter().chain(&retired).map(|key| key.jwk()).collect();
        let document = Bytes::from(json!({ "keys": published }).to_string());
        Arc::new(Self { current, retired, document })
    }
}

impl Keyring {
    /// A ring with fresh keys for `algorithms`.
    pub(super) fn new(algorithms: Vec<SigningAlgorithm>) -> Arc<Self> {
        let (slow, quick): (Vec<_>, Vec<_>) = algorithms.iter().partition(|algorithm| is_slow(**algorithm));
        let made = |algorithm: &SigningAlgorithm| Arc::new(SigningKey::generate(*algorithm));
        let ring = Arc::new(Self {
            keys: RwLock::new(KeySet::new(quick.iter().map(made).collect(), Vec::new())),
            complete: watch::Sender::new(slow.is_empty()),
            strays: Mutex::default(),
            algorithms,
        });
        if !slow.is_empty() {
            let rest = ring.clone();
            let fill = move || {
                for key in slow.iter().map(made) {
                    rest.change(|keys| KeySet::new([&keys.current[..], std::slice::from_ref(&key)].concat(), keys.retired.clone()));
                }
                rest.complete.send_replace(true);
            };
            let thread = std::thread::Builder::new().name("signing keys".to_owned()).spawn(fill.clone());
            // Without a thread to spare the keys are made here and now.
            if thread.is_err() {
                fill();
            }
        }
        ring
    }

    /// The algorithms that tokens are signed with.
    pub(super) fn algorithms(&self) -> &[SigningAlgorithm] {
        &self.algorithms
    }

    /// Waits until every algorithm has its key.
    pub(super) async fn complete(&self) {
        if !*self.complete.borrow() {
            // The sender lives in `self`, so that waiting cannot fail.
            let _ = self.complete.subscribe().wait_for(|complete| *complete).await;
        }
    }

    /// The key that signs by `algorithm`; made for this one token if the ring has none.
    pub(super) async fn signer(&self, algorithm: SigningAlgorithm) -> Arc<SigningKey> {
        self.complete().await;
        let found = self.keys().current.iter().find(|key| key.algorithm() == algorithm).cloned();
        match found {
            Some(key) => key,
            None => self.stray(algorithm).await,
        }
    }

    /// A key for `algorithm` that is never published.
    pub(super) async fn stray(&self, algorithm: SigningAlgorithm) -> Arc<SigningKey> {
        let known = self.strays.lock().unwrap_or_else(PoisonError::into_inner).get(&algorithm).cloned();
        if let Some(key) = known {
            return key;
        }
        let fresh = generate(algorithm).await;
        self.strays.lock().unwrap_or_else(PoisonError::into_inner).entry(algorithm).or_insert(fresh).clone()
    }

    /// Replaces every key. The old ones stay published, so that tokens they signed can still be verified, unless they are withdrawn.
    pub(super) async fn rotate(&self, withdraw: bool) {
        self.complete().await;
        let mut fresh = Vec::new();
        for algorithm in &self.algorithms {
            fresh.push(generate(*algorithm).await);
        }
        self.change(|keys| {
            let retired = if withdraw { Vec::new() } else { [&keys.current[..], &keys.retired[..]].concat() };
            KeySet::new(fresh, retired)
        });
    }

    /// The JWK Set.
    pub(super) fn document(&self) -> Bytes {
        self.keys().document.clone()
    }

    /// The claims of an ID token that a published key signed for `issuer`, expired or not.
    pub(super) fn read_hint(&self, token: &str, issuer: &str) -> Option<Map<String, Value>> {
        let kid = jsonwebtoken::decode_header(token).ok()?.kid?;
        let keys = self.keys();
        let key = keys.current.iter().chain(&keys.retired).find(|key| key.kid() == kid)?;
        key.read(token, issuer)
    }

    fn keys(&self) -> Arc<KeySet> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&KeySet) -> Arc<KeySet>) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        *keys = change(&keys);
    }
}

/// Whether a key for `algorithm` takes longer than a request should.
fn is_slow(algorithm: SigningAlgorithm) -> bool {
    algorithm == SigningAlgorithm::Rs256
}

/// A fresh key, made where it keeps nobody waiting.
async fn generate(algorithm: SigningAlgorithm) -> Arc<SigningKey> {
    if is_slow(algorithm)
        && let Ok(key) = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm)).await
    {
        return Arc::new(key);
    }
    Arc::new(SigningKey::generate(algorithm))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn published(ring: &Keyring) -> Vec<String> {
        let set: Value = serde_json::from_slice(&ring.document()).unwrap();
        set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    #[tokio::test]
    async fn a_replaced_key_stays_published_until_it_is_withdrawn() {
        let ring = Keyring::new(vec![SigningAlgorithm::Es256, SigningAlgorithm::EdDsa]);
        let before = published(&ring);
        let old = ring.signer(SigningAlgorithm::Es256).await;
        assert_eq!(old.kid(), before[0]);
        let claims = Map::from_iter([("iss".to_owned(), "https://a/".into())]);
        let token = old.sign(&claims);

        ring.rotate(false).await;
        assert_eq!(published(&ring)[2..], before[..]);
        assert_ne!(ring.signer(SigningAlgorithm::Es256).await.kid(), old.kid());
        assert_eq!(ring.read_hint(&token, "https://a/"), Some(claims));

        ring.rotate(true).await;
        assert_eq!(published(&ring).len(), 2);
        assert_eq!(ring.read_hint(&token, "https://a/"), None);
        for _ in 0..10 {
            ring.rotate(false).await;
        }
        assert_eq!(published(&ring).len(), 2 + MOST_RETIRED);
    }

    #[tokio::test]
    async fn a_stray_key_is_not_published() {
        let ring = Keyring::new(vec![SigningAlgorithm::Es256]);
        let stray = ring.stray(SigningAlgorithm::Es256).await;
        assert!(!published(&ring).contains(&stray.kid().to_owned()));
        assert_eq!(ring.stray(SigningAlgorithm::Es256).await.kid(), stray.kid());
    }

    #[tokio::test]
    async fn a_ring_is_there_before_its_rsa_key() {
        let start = Instant::now();
        let ring = Keyring::new(vec![SigningAlgorithm::Es256, SigningAlgorithm::Rs256]);
        let there = start.elapsed();
        let key = ring.signer(SigningAlgorithm::Rs256).await;
        let made = start.elapsed();
        assert_eq!(key.algorithm(), SigningAlgorithm::Rs256);
        assert_eq!(published(&ring).len(), 2);
        assert!(there < made / 2, "there after {there:?}, complete after {made:?}");
    }
}
