//! What the provider remembers: sessions, pending pages, codes and tokens. Every store is bounded and forgets by the run's clock.

use super::factor::{Factor, UsedSteps};
use super::request::AuthorizeRequest;
use super::scope::Scopes;
use std::collections::{BTreeMap, HashMap};
use time::OffsetDateTime;

/// Entries a store holds before the oldest has to go.
const CAPACITY: usize = 4096;

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

/// An authorization code (RFC 6749 §4.1.2) and everything it is bound to.
#[derive(Debug, Clone)]
pub(super) struct Code {
    pub(super) client: usize,
    pub(super) user: usize,
    pub(super) redirect_uri: String,
    pub(super) scopes: Scopes,
    pub(super) nonce: Option<String>,
    /// S256 challenge (RFC 7636 §4.2).
    pub(super) challenge: Option<String>,
    pub(super) auth_time: OffsetDateTime,
    pub(super) expires: OffsetDateTime,
    /// Access tokens issued for it: empty until it is redeemed, revoked when it comes back.
    pub(super) tokens: Vec<String>,
}

/// An access token.
#[derive(Debug, Clone)]
pub(super) struct AccessToken {
    pub(super) client: usize,
    pub(super) user: usize,
    pub(super) scopes: Scopes,
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
