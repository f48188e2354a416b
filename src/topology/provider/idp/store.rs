//! What the provider remembers: sessions, pending pages, codes and tokens. Every store is bounded and forgets by the run's clock.

use super::factor::{Factor, UsedSteps};
use super::request::{AuthorizeRequest, Challenge};
use super::scope::Scopes;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use time::OffsetDateTime;

/// Entries a store holds before the oldest has to go: enough for some thousand logins at the same moment.
const CAPACITY: usize = 16 * 1024;

/// Somebody who is logged in, on one browser.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// Index into the plan's users.
    pub(super) user: usize,
    /// When they typed their password.
    pub(super) auth_time: OffsetDateTime,
    /// Digest of the authorization request for which they just did: that request need not ask again (`prompt=login`).
    pub(super) fresh_for: Option<[u8; 32]>,
}

/// A page that was shown and whose form may come back, once, from the browser that got it.
#[derive(Debug, Clone)]
pub(super) struct Transaction {
    /// Value of the session cookie of that browser.
    pub(super) browser: String,
    pub(super) stage: Stage,
}

/// Which form a [`Transaction`] waits for.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    /// The login form, and where it leads.
    Login { next: String },
    /// The form for the code of a second factor, and where it leads.
    Factor { next: String, factor: Factor },
    /// The choice of an account, and where it leads.
    Accounts { next: String },
    /// The consent form for this request.
    Consent(Box<AuthorizeRequest>),
    /// The question whether to log out, and where that leads.
    Logout { to: Option<String> },
}

/// A login by the JSON interface under way: one for each browser, as Authentik keeps one in each session.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    /// The name that was typed; whether it is a user's shows with the password.
    pub(super) name: String,
    /// Passwords tried.
    pub(super) tries: u8,
    /// The second factor, once the password was right.
    pub(super) factor: Option<Factor>,
}

/// Everything that comes from one login of a user at a client, or from one client alone: revoked together (RFC 9700 §4.14.2).
#[derive(Debug)]
pub(super) struct Family {
    /// Index into the plan's clients.
    pub(super) client: usize,
    /// Index into the plan's users; nobody when the client came by itself.
    pub(super) user: Option<usize>,
    /// What was granted.
    pub(super) scopes: Scopes,
    pub(super) nonce: Option<String>,
    pub(super) auth_time: OffsetDateTime,
    /// The browser session it was granted in.
    pub(super) session: Option<String>,
    revoked: AtomicBool,
}

impl Family {
    /// What `client` was granted by `user`, who typed their password at `auth_time`.
    pub(super) fn new(client: usize, user: Option<usize>, scopes: Scopes, auth_time: OffsetDateTime) -> Self {
        Self { client, user, scopes, nonce: None, auth_time, session: None, revoked: AtomicBool::new(false) }
    }

    /// Ends every code and token of it.
    pub(super) fn revoke(&self) {
        self.revoked.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::Relaxed)
    }
}

/// An authorization code (RFC 6749 §4.1.2) and everything it is bound to.
#[derive(Debug, Clone)]
pub(super) struct Code {
    pub(super) family: Arc<Family>,
    pub(super) redirect_uri: String,
    pub(super) challenge: Option<Challenge>,
    pub(super) expires: OffsetDateTime,
    pub(super) used: bool,
    /// No client can redeem it, as if it had been issued to another one.
    pub(super) foreign: bool,
}

/// An access token.
#[derive(Debug, Clone)]
pub(super) struct AccessToken {
    pub(super) family: Arc<Family>,
    /// Those of the family or, after a refresh, fewer.
    pub(super) scopes: Scopes,
    pub(super) issued: OffsetDateTime,
    pub(super) expires: OffsetDateTime,
}

/// A refresh token; it is remembered after its use, so that another use is noticed.
#[derive(Debug, Clone)]
pub(super) struct RefreshToken {
    pub(super) family: Arc<Family>,
    pub(super) issued: OffsetDateTime,
    pub(super) expires: OffsetDateTime,
    /// When another one took its place.
    pub(super) rotated: Option<OffsetDateTime>,
}

/// All stores; guarded by one lock, so that a code cannot be redeemed twice at the same time.
#[derive(Debug)]
pub(super) struct Stores {
    pub(super) sessions: Bounded<Session>,
    pub(super) transactions: Bounded<Transaction>,
    /// Logins by the JSON interface, by session cookie.
    pub(super) flows: Bounded<Flow>,
    pub(super) used_steps: UsedSteps,
    /// What users (first) allowed clients (second), by their places in the plan.
    pub(super) consents: HashMap<(usize, usize), Scopes>,
    pub(super) codes: Bounded<Code>,
    pub(super) tokens: Bounded<AccessToken>,
    pub(super) refresh_tokens: Bounded<RefreshToken>,
    /// Digests of the ids of client assertions, each of which is good once (RFC 7523 §3).
    pub(super) assertions: Bounded<()>,
}

impl Default for Stores {
    fn default() -> Self {
        Self {
            sessions: Bounded::new(CAPACITY),
            transactions: Bounded::new(CAPACITY),
            flows: Bounded::new(CAPACITY),
            used_steps: UsedSteps::new(),
            consents: HashMap::new(),
            codes: Bounded::new(CAPACITY),
            tokens: Bounded::new(CAPACITY),
            refresh_tokens: Bounded::new(CAPACITY),
            assertions: Bounded::new(CAPACITY),
        }
    }
}

/// Values by random key, each with an end; the oldest goes when a new one finds no room.
#[derive(Debug)]
pub(super) struct Bounded<V> {
    entries: HashMap<String, Entry<V>>,
    /// Keys by age.
    order: BTreeMap<u64, String>,
    newest: u64,
    capacity: usize,
}

#[derive(Debug)]
struct Entry<V> {
    age: u64,
    expires: OffsetDateTime,
    value: V,
}

impl<V> Bounded<V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), order: BTreeMap::new(), newest: 0, capacity }
    }

    /// Stores `value` until `expires`.
    pub(super) fn insert(&mut self, key: String, value: V, now: OffsetDateTime, expires: OffsetDateTime) {
        self.remove(&key);
        self.make_room(now);
        self.newest += 1;
        self.order.insert(self.newest, key.clone());
        self.entries.insert(key, Entry { age: self.newest, expires, value });
    }

    /// The value of `key`, unless its time is over.
    pub(super) fn get(&self, key: &str, now: OffsetDateTime) -> Option<&V> {
        self.entries.get(key).filter(|entry| now < entry.expires).map(|entry| &entry.value)
    }

    /// As [`get`](Self::get), to be changed in place.
    pub(super) fn get_mut(&mut self, key: &str, now: OffsetDateTime) -> Option<&mut V> {
        self.entries.get_mut(key).filter(|entry| now < entry.expires).map(|entry| &mut entry.value)
    }

    /// Forgets `key`.
    pub(super) fn remove(&mut self, key: &str) -> Option<V> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.age);
        Some(entry.value)
    }

    /// Every value whose time is not over.
    pub(super) fn values(&self, now: OffsetDateTime) -> impl Iterator<Item = &V> {
        self.entries.values().filter(move |entry| now < entry.expires).map(|entry| &entry.value)
    }

    /// Drops what is over at the old end, and the oldest entry when that was not enough.
    fn make_room(&mut self, now: OffsetDateTime) {
        while let Some(oldest) = self.order.first_entry() {
            let over = self.entries.get(oldest.get()).is_none_or(|entry| entry.expires <= now);
            if !over && self.entries.len() < self.capacity {
                break;
            }
            let key = oldest.remove();
            self.entries.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::{Duration, macros::datetime};

    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    #[test]
    fn the_oldest_goes_when_there_is_no_room() {
        let mut store = Bounded::new(2);
        for key in ["a", "b", "c"] {
            store.insert(key.to_owned(), key, NOW, NOW + Duration::HOUR);
        }
        assert_eq!(store.get("a", NOW), None);
        assert_eq!(store.get("b", NOW), Some(&"b"));
        assert_eq!((store.entries.len(), store.order.len()), (2, 2));
    }

    #[test]
    fn an_entry_ends_at_its_time_and_leaves_nothing_behind() {
        let mut store = Bounded::new(9);
        store.insert("a".to_owned(), 1, NOW, NOW + Duration::MINUTE);
        assert_eq!(store.get("a", NOW + Duration::seconds(59)), Some(&1));
        assert_eq!(store.get("a", NOW + Duration::MINUTE), None);
        store.insert("b".to_owned(), 2, NOW + Duration::HOUR, NOW + Duration::DAY);
        assert_eq!((store.entries.len(), store.order.len()), (1, 1));
        assert_eq!(store.remove("b"), Some(2));
        assert!(store.order.is_empty());
    }
}
