//! The run's clock: wall time plus what the scenario advanced it by.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use time::OffsetDateTime;

/// A clock shared by everything in one run. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// Milliseconds ahead of the wall clock.
    ahead: Arc<AtomicI64>,
}

impl Clock {
    /// The time of the run, in UTC.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        wall().saturating_add(time::Duration::milliseconds(self.ahead.load(Ordering::Relaxed)))
    }

    /// How far it is ahead of the wall clock.
    #[must_use]
    pub fn ahead(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.ahead.load(Ordering::Relaxed)).unwrap_or_default())
    }

    /// Moves the clock forward by `by`, for everything that reads it; not beyond the end of the calendar.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.ahead.update(Ordering::Relaxed, Ordering::Relaxed, |ahead| ahead.saturating_add(by));
    }
}

/// Wall-clock time in UTC. The one place of the project that asks for it.
#[must_use]
#[allow(clippy::disallowed_methods)]
pub fn wall() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_move_together() {
        let clock = Clock::default();
        let other = clock.clone();
        clock.advance(Duration::from_secs(3600));
        assert!(other.now() - wall() > time::Duration::seconds(3599));
    }

    #[test]
    fn time_ends_with_the_calendar() {
        let clock = Clock::default();
        for _ in 0..3 {
            clock.advance(Duration::MAX);
        }
        assert_eq!(clock.now().year(), 9999);
    }
}
