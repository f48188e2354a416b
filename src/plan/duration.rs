//! Lengths of time as people write them.

use std::time::Duration;

/// Reads a number and a unit: `250ms`, `10s`, `5m`, `1h`, `7d`.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(unit_at);
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    // Rounded to microseconds, so that `0.1s` is what it says.
    Duration::try_from_secs_f64((number * seconds * 1e6).round() / 1e6).ok()
}

/// A length of time for people, in the form that [`duration`] reads: `61s`, `1500ms`.
#[must_use]
pub(crate) fn shown(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{}s", time.as_secs()) } else { format!("{}ms", time.as_millis()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        for (text, millis) in [
            ("250ms", 250),
            ("10s", 10_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
            ("1.5 s", 1500),
            ("0.1s", 100),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "10", "s", "-1s", "1..2s", "10 parsecs", "1e400s", "999999999999999999999999h"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
