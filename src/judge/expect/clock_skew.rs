//! How far a server's clock is from the run's, by the `Date` of its answer (RFC 9110 §6.6.1).

use super::matcher::Subject;
use super::view::View;
use super::{Check, of_response, test};
use crate::plan::{Matcher, Scope};
use crate::trace::Hop;
use crate::web::retry_after::http_date;

pub(super) fn check(matcher: &Matcher, view: &View<'_>, scope: &Scope) -> Check {
    if view.no_response().is_some() {
        return of_response(matcher, view, scope, |_| None);
    }
    let skew = view.hop().and_then(skew);
    let subject = skew.map_or(Subject::Absent, |skew| Subject::number(skew.unsigned_abs()));
    test(matcher, &subject, scope).or_note(|| {
        Some(match skew {
            None => "the answer has no `Date` that can be read".to_owned(),
            Some(skew) if skew < 0 => format!("the server's clock is {} s behind", skew.unsigned_abs() / 1000),
            Some(skew) => format!("the server's clock is {} s ahead", skew / 1000),
        })
    })
}

/// Milliseconds that the server's clock is ahead. `Date` was written at some moment between the request and the answer, and names
/// the second that it lies in; servers write the same one for up to a second more. Whatever is explained by that is no skew.
fn skew(hop: &Hop) -> Option<i64> {
    let date = http_date(hop.response()?.headers.get_str("date")?.trim())?;
    let earliest = hop.started - time::Duration::seconds(2);
    let latest = hop.started + hop.timings.total;
    let apart = if date > latest {
        date - latest
    } else if date < earliest {
        date - earliest
    } else {
        time::Duration::ZERO
    };
    i64::try_from(apart.whole_milliseconds()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::Story;

    fn skew_of(date: &str) -> Option<i64> {
        let mut story = Story::new();
        story.step("x").get("https://a.test/").status(200).answers("Date", date);
        skew(&story.chain.hops[0])
    }

    #[test]
    fn only_what_neither_the_way_nor_the_second_explains_is_skew() {
        // The story begins at twelve.
        assert_eq!(skew_of("Sun, 01 Mar 2026 12:00:00 GMT"), Some(0));
        assert_eq!(skew_of("Sun, 01 Mar 2026 11:59:59 GMT"), Some(0));
        assert!(skew_of("Sun, 01 Mar 2026 11:50:00 GMT").is_some_and(|skew| (-600_000..=-590_000).contains(&skew)));
        assert!(skew_of("Sun, 01 Mar 2026 12:10:00 GMT").is_some_and(|skew| (590_000..=600_000).contains(&skew)));
        assert_eq!(skew_of("now"), None);
    }
}
