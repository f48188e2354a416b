//! The codes that were sent, one a recipient.

use indexmap::IndexMap;
use std::time::Duration;
use time::OffsetDateTime;

/// Most recipients with a code; the one that waited longest loses it.
const MOST: usize = 10_000;

/// Codes by recipient, and what the account is worth.
#[derive(Debug)]
pub(super) struct Store {
    codes: IndexMap<String, Code>,
    pub(super) balance: u64,
}

#[derive(Debug)]
struct Code {
    code: String,
    /// The code is good before this moment.
    ends: OffsetDateTime,
    /// Wrong codes that may still be tried.
    left: u32,
}

/// What became of a code that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tried {
    Right,
    /// No code was sent to this recipient, or it was used already.
    None,
    Wrong,
    /// Wrong for the last time, or tried after that.
    UsedUp,
    Expired,
}

impl Store {
    pub(super) fn new(balance: u64) -> Self {
        Self { codes: IndexMap::new(), balance }
    }

    /// Keeps a code; an earlier one for the same recipient is void.
    pub(super) fn keep(&mut self, recipient: &str, code: String, now: OffsetDateTime, lifetime: Duration, attempts: u32) {
        self.codes.shift_remove(recipient);
        if self.codes.len() >= MOST {
            self.codes.shift_remove_index(0);
        }
        let ends = now.saturating_add(time::Duration::try_from(lifetime).unwrap_or(time::Duration::MAX));
        self.codes.insert(recipient.to_owned(), Code { code, ends, left: attempts });
    }

    /// Tries a code. The right one is used up by it.
    pub(super) fn attempt(&mut self, recipient: &str, tried: &str, now: OffsetDateTime) -> Tried {
        let Some(known) = self.codes.get_mut(recipient) else { return Tried::None };
        if now >= known.ends {
            return Tried::Expired;
        }
        if known.left == 0 {
            return Tried::UsedUp;
        }
        if known.code == tried {
            self.codes.shift_remove(recipient);
            return Tried::Right;
        }
        known.left -= 1;
        if known.left == 0 { Tried::UsedUp } else { Tried::Wrong }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    #[test]
    fn a_code_is_good_once_and_until_its_end() {
        let mut store = Store::new(0);
        store.keep("a", "1".into(), NOW, Duration::from_secs(60), 5);
        assert_eq!(store.attempt("b", "1", NOW), Tried::None);
        assert_eq!(store.attempt("a", "1", NOW + Duration::from_secs(60)), Tried::Expired);
        assert_eq!(store.attempt("a", "1", NOW + Duration::from_millis(59_999)), Tried::Right);
        assert_eq!(store.attempt("a", "1", NOW), Tried::None);
    }

    #[test]
    fn wrong_codes_are_counted_and_a_new_one_starts_anew() {
        let mut store = Store::new(0);
        store.keep("a", "1".into(), NOW, Duration::from_secs(60), 2);
        assert_eq!(["2", "2", "1"].map(|code| store.attempt("a", code, NOW)), [Tried::Wrong, Tried::UsedUp, Tried::UsedUp]);
        store.keep("a", "3".into(), NOW, Duration::from_secs(60), 2);
        assert_eq!(["1", "3"].map(|code| store.attempt("a", code, NOW)), [Tried::Wrong, Tried::Right]);
    }

    #[test]
    fn recipients_are_bounded() {
        let mut store = Store::new(0);
        for n in 0..=MOST {
            store.keep(&n.to_string(), "1".into(), NOW, Duration::from_secs(60), 5);
        }
        assert_eq!((store.attempt("0", "1", NOW), store.attempt("1", "1", NOW)), (Tried::None, Tried::Right));
    }
}
