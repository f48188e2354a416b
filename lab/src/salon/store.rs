//! What the app remembers: users, and a row for each code that was asked for (`PhoneOTP`).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::clock::Millis;
use super::throttle::Hits;

/// Rows that are kept; the oldest go first.
const MOST_ROWS: usize = 10_000;

/// What a code is for. One family of endpoints each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// `otp/`: proving a number.
    Verify,
    /// `phone/`: signing in.
    Auth,
}

/// A `PhoneOTP`.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: u64,
    pub(super) number: String,
    pub(super) purpose: Purpose,
    pub(super) created_at: Millis,
    pub(super) expires_at: Millis,
    /// Whether it was handed to whoever sends it.
    pub(super) sent: bool,
    pub(super) verified: bool,
    pub(super) attempts: u32,
    /// The code, where this server chose it.
    pub(super) code: Option<String>,
}

/// Somebody with a phone.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) number: String,
    pub(super) name: String,
    pub(super) is_phone_verified: bool,
}

/// Everything, behind one lock that is never held while the vendor is asked.
#[derive(Debug, Default)]
pub(super) struct Store(Mutex<Tables>);

#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) rows: Vec<Row>,
    pub(super) users: BTreeMap<String, User>,
    pub(super) hits: Hits,
    next: u64,
}

impl Store {
    pub(super) fn lock(&self) -> MutexGuard<'_, Tables> {
        // A panic elsewhere leaves the tables whole: every change to them is a single one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    pub(super) fn add(&mut self, number: &str, purpose: Purpose, created_at: Millis, expires_at: Millis) -> u64 {
        if self.rows.len() >= MOST_ROWS {
            self.rows.remove(0);
        }
        self.next += 1;
        let (id, number) = (self.next, number.to_owned());
        self.rows.push(Row { id, number, purpose, created_at, expires_at, sent: false, verified: false, attempts: 0, code: None });
        id
    }

    pub(super) fn row(&mut self, id: u64) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| row.id == id)
    }

    /// The newest code that was sent to a number: it supersedes all before it.
    pub(super) fn newest(&mut self, number: &str, fits: impl Fn(&Row) -> bool) -> Option<&mut Row> {
        self.rows.iter_mut().rev().find(|row| row.number == number && row.sent && fits(row))
    }

    /// The user with this number, made if there is none.
    pub(super) fn user(&mut self, number: &str) -> &mut User {
        let id = self.users.len() as u64 + 1;
        let fresh = || User { id, number: number.to_owned(), name: String::new(), is_phone_verified: false };
        self.users.entry(number.to_owned()).or_insert_with(fresh)
    }

    pub(super) fn user_by_id(&mut self, id: u64) -> Option<&mut User> {
        self.users.values_mut().find(|user| user.id == id)
    }
}

/// Six digits.
pub(super) fn random_code() -> String {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).expect("the system has random bytes once it has started");
    format!("{:06}", u32::from_le_bytes(bytes) % 1_000_000)
}

/// Something that nothing else is called.
pub(super) fn random_id() -> String {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the system has random bytes once it has started");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
