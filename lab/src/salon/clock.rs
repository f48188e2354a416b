//! The process's clock in milliseconds since 1970, wrong by as much as `CLOCK_SKEW_SECONDS` says.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// IMF-fixdate (RFC 9110 §5.6.7).
const HTTP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// A moment, in milliseconds since 1970.
pub(super) type Millis = u64;

/// Tells the time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    /// How far ahead of the machine it is, in milliseconds.
    skew: i64,
}

impl Clock {
    pub(super) fn ahead_by(seconds: i64) -> Clock {
        Clock { skew: seconds.saturating_mul(1000) }
    }

    #[allow(clippy::disallowed_methods, reason = "an app of the lab is a process of its own, with the clock any process has")]
    pub(super) fn now(self) -> Millis {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        millis(now).saturating_add_signed(self.skew)
    }

    /// What `Date` says, when it is not what the machine says anyway.
    pub(super) fn date(self) -> Option<String> {
        (self.skew != 0).then(|| moment(self.now()).format(HTTP_DATE).ok()).flatten()
    }
}

pub(super) fn millis(span: Duration) -> Millis {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// A moment as the API writes it.
pub(super) fn iso(at: Millis) -> String {
    moment(at).format(&Rfc3339).unwrap_or_default()
}

fn moment(at: Millis) -> OffsetDateTime {
    let seconds = i64::try_from(at / 1000).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_clock_is_wrong_in_the_date_too() {
        assert_eq!(Clock::default().date(), None);
        let clock = Clock::ahead_by(-7200);
        assert!(clock.now() < Clock::default().now() - 7_000_000);
        assert!(clock.date().is_some_and(|date| date.ends_with(" GMT") && date.len() == 29));
        assert_eq!(iso(1_700_000_000_007), "2023-11-14T22:13:20Z");
    }
}
