//! The wall clock, handed in so that a test can turn it. In service it is `SystemTime`, which libfaketime moves.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const ISO_8601: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Milliseconds since 1970, as the original keeps its dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Instant(u64);

impl Instant {
    pub(super) fn after(self, span: Duration) -> Instant {
        Instant(self.0.saturating_add(millis(span)))
    }

    pub(super) fn before(self, span: Duration) -> Instant {
        Instant(self.0.saturating_sub(millis(span)))
    }

    /// The time from `earlier` to this; nothing if the clock was set back.
    pub(super) fn since(self, earlier: Instant) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    pub(super) fn as_millis(self) -> u64 {
        self.0
    }

    /// As `Date.prototype.toISOString` writes it.
    pub(super) fn iso(self) -> String {
        let at = OffsetDateTime::UNIX_EPOCH.checked_add(time::Duration::milliseconds(i64::try_from(self.0).unwrap_or(i64::MAX)));
        at.and_then(|at| at.format(ISO_8601).ok()).unwrap_or_else(|| "Invalid Date".to_owned())
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Tells the time.
#[derive(Clone)]
pub(super) struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    #[allow(clippy::disallowed_methods, reason = "an app of the lab is a process of its own, with the clock any process has")]
    pub(super) fn system() -> Clock {
        Clock(Arc::new(SystemTime::now))
    }

    #[cfg(test)]
    pub(super) fn from_fn(tell: impl Fn() -> SystemTime + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(tell))
    }

    pub(super) fn now(&self) -> Instant {
        Instant(millis((self.0)().duration_since(UNIX_EPOCH).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_javascript_writes_them() {
        assert_eq!(Instant(1_700_000_000_007).iso(), "2023-11-14T22:13:20.007Z");
        assert_eq!(Instant(u64::MAX).iso(), "Invalid Date");
    }
}
