//! What the server remembers. Every table is bounded; the oldest row goes when a new one finds no room.

use super::flow::Flow;
use super::limits::Buckets;
use super::session::Session;
use super::user::User;
use crate::plan::GotruePlan;
use std::collections::{BTreeMap, HashMap};
use time::OffsetDateTime;

/// Rows of a table.
const CAPACITY: usize = 4096;

/// Rows by key, in the order they came.
#[derive(Debug)]
pub(super) struct Table<V> {
    rows: BTreeMap<u64, (String, V)>,
    keys: HashMap<String, u64>,
    newest: u64,
    capacity: usize,
}

impl<V> Table<V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { rows: BTreeMap::new(), keys: HashMap::new(), newest: 0, capacity }
    }

    /// Stores a row; gives back the one that had to go for it.
    pub(super) fn insert(&mut self, key: String, value: V) -> Option<V> {
        let mut gone = self.remove(&key);
        if self.is_full() {
            gone = self.rows.pop_first().map(|(_, (key, value))| {
                self.keys.remove(&key);
                value
            });
        }
        self.newest += 1;
        self.keys.insert(key.clone(), self.newest);
        self.rows.insert(self.newest, (key, value));
        gone
    }

    pub(super) fn get(&self, key: &str) -> Option<&V> {
        self.rows.get(self.keys.get(key)?).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        self.rows.get_mut(self.keys.get(key)?).map(|(_, value)| value)
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<V> {
        let at = self.keys.remove(key)?;
        self.rows.remove(&at).map(|(_, value)| value)
    }

    /// The rows, oldest first.
    pub(super) fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.rows.values().map(|(_, value)| value)
    }

    /// The rows to be changed in place, oldest first.
    pub(super) fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> {
        self.rows.values_mut().map(|(_, value)| value)
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows.len() >= self.capacity
    }
}

/// All tables; guarded by one lock, so that a token cannot be used twice at the same time.
#[derive(Debug)]
pub(super) struct Stores {
    /// By id.
    pub(super) users: Table<User>,
    /// By id; changed through [`add_session`](Self::add_session) and [`end_sessions`](Self::end_sessions).
    pub(super) sessions: Table<Session>,
    /// The session of each random refresh token.
    pub(super) tokens: HashMap<String, String>,
    /// By id.
    pub(super) flows: Table<Flow>,
    pub(super) buckets: Buckets,
}

impl Stores {
    /// Tables with the users of the plan, who came `now`. There is room for others beside them.
    pub(super) fn new(plan: &GotruePlan, now: OffsetDateTime) -> Self {
        let mut users = Table::new(CAPACITY + plan.users.len());
        for user in &plan.users {
            let user = User::planned(user, now);
            users.insert(user.id.clone(), user);
        }
        Self { users, sessions: Table::new(CAPACITY), tokens: HashMap::new(), flows: Table::new(CAPACITY), buckets: Buckets::default() }
    }

    /// Stores a session with its first tokens.
    pub(super) fn add_session(&mut self, session: Session) {
        for token in session.tokens() {
            self.tokens.insert(token.to_owned(), session.id.clone());
        }
        if let Some(gone) = self.sessions.insert(session.id.clone(), session) {
            self.forget_tokens(&gone);
        }
    }

    /// Ends the sessions of `user` that are meant, and all their tokens; says how many there were.
    pub(super) fn end_sessions(&mut self, user: &str, meant: impl Fn(&Session) -> bool) -> usize {
        let ids: Vec<_> =
            self.sessions.values().filter(|session| session.user == user && meant(session)).map(|session| session.id.clone()).collect();
        for id in &ids {
            if let Some(session) = self.sessions.remove(id) {
                self.forget_tokens(&session);
            }
        }
        ids.len()
    }

    fn forget_tokens(&mut self, session: &Session) {
        for token in session.tokens() {
            self.tokens.remove(token);
        }
    }

    /// The user with this e-mail address, in whatever case it is written.
    pub(super) fn by_email(&self, email: &str) -> Option<&User> {
        let email = email.to_lowercase();
        self.users.values().find(|user| !email.is_empty() && user.email.as_deref() == Some(&email))
    }

    /// The user with this number, written without `+`.
    pub(super) fn by_phone(&self, phone: &str) -> Option<&User> {
        self.users.values().find(|user| !phone.is_empty() && user.phone.as_deref() == Some(phone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_when_there_is_no_room() {
        let mut table = Table::new(2);
        assert_eq!(table.insert("a".to_owned(), 1), None);
        assert_eq!(table.insert("b".to_owned(), 2), None);
        assert_eq!(table.insert("c".to_owned(), 3), Some(1));
        assert_eq!((table.get("a"), table.get("b"), table.keys.len(), table.rows.len()), (None, Some(&2), 2, 2));
        assert_eq!(table.insert("b".to_owned(), 4), Some(2));
        assert_eq!(table.values().copied().collect::<Vec<_>>(), [3, 4]);
        assert_eq!((table.remove("c"), table.remove("c")), (Some(3), None));
    }
}
