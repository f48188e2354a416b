//! Requests per address and path, as Better Auth counts them: in production only, in process memory.
//!
//! | path | allowed | within |
//! |---|---|---|
//! | `/sign-in…`, `/sign-up…`, `/change-password…`, `/change-email…` | 3 | 10 s |
//! | any other | 100 | 10 s |
//!
//! The window is counted from the last request that was let through, not from the first. Too many answer 429 with
//! `X-Retry-After` (whole seconds, rounded up) and `{message}`; there is no `Retry-After` (RFC 9110 §10.2.3).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::clock::Instant;

const WINDOW: Duration = Duration::from_secs(10);
const DEFAULT_MAX: u32 = 100;
const STRICT_MAX: u32 = 3;
const STRICT_PATHS: [&str; 4] = ["/sign-in", "/sign-up", "/change-password", "/change-email"];

/// The most counters kept; past it the ones whose window is over are thrown away.
const COUNTER_LIMIT: usize = 10_000;

struct Counter {
    count: u32,
    last: Instant,
}

/// The counters of one process.
#[derive(Default)]
pub(super) struct RateLimit(Mutex<HashMap<(String, String), Counter>>);

impl RateLimit {
    /// Counts a request of `address` to `path` (below the base path).
    ///
    /// # Errors
    /// The whole seconds to wait, when there were too many.
    pub(super) fn count(&self, address: &str, path: &str, now: Instant) -> Result<(), u64> {
        let max = if STRICT_PATHS.iter().any(|strict| path.starts_with(strict)) { STRICT_MAX } else { DEFAULT_MAX };
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counters.len() >= COUNTER_LIMIT {
            counters.retain(|_, counter| now.since(counter.last) <= WINDOW);
        }
        let counter = counters.entry((address.to_owned(), path.to_owned())).or_insert(Counter { count: 0, last: now });
        let passed = now.since(counter.last);
        if passed < WINDOW && counter.count >= max {
            let left = WINDOW.saturating_sub(passed);
            return Err(left.as_secs() + u64::from(left.subsec_nanos() > 0));
        }
        counter.count = if passed > WINDOW { 1 } else { counter.count.saturating_add(1) };
        counter.last = now;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mosaic::api::clock::Clock;

    const PATH: &str = "/sign-in/oauth2";

    #[test]
    fn the_fourth_sign_in_waits_for_what_is_left_of_the_window() {
        let limit = RateLimit::default();
        let start = Clock::system().now();
        for second in 0..3 {
            assert_eq!(limit.count("1.2.3.4", PATH, start.after(Duration::from_secs(second))), Ok(()));
        }
        assert_eq!(limit.count("1.2.3.4", PATH, start.after(Duration::from_millis(2_500))), Err(10));
        assert_eq!(limit.count("1.2.3.4", PATH, start.after(Duration::from_secs(11))), Err(1));
        assert_eq!(limit.count("1.2.3.4", PATH, start.after(Duration::from_millis(12_001))), Ok(()));
    }

    #[test]
    fn addresses_and_paths_have_counters_of_their_own() {
        let limit = RateLimit::default();
        let now = Clock::system().now();
        for _ in 0..3 {
            assert_eq!(limit.count("1.2.3.4", PATH, now), Ok(()));
        }
        assert_eq!(limit.count("1.2.3.5", PATH, now), Ok(()));
        assert_eq!(limit.count("1.2.3.4", "/get-session", now), Ok(()));
        assert_eq!(limit.count("1.2.3.4", PATH, now), Err(10));
    }

    #[test]
    fn other_paths_have_a_hundred() {
        let limit = RateLimit::default();
        let now = Clock::system().now();
        let allowed = (0..101).filter(|_| limit.count("1.2.3.4", "/get-session", now).is_ok()).count();
        assert_eq!(allowed, 100);
    }

    #[test]
    fn the_counters_of_windows_gone_by_are_thrown_away() {
        let limit = RateLimit::default();
        let now = Clock::system().now();
        for n in 0..COUNTER_LIMIT {
            assert_eq!(limit.count(&n.to_string(), PATH, now), Ok(()));
        }
        assert_eq!(limit.count("late", PATH, now.after(Duration::from_secs(11))), Ok(()));
        assert_eq!(limit.0.lock().expect("no panic holds it").len(), 1);
    }
}
