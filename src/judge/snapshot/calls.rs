//! Requests that servers made, as a sorted summary: their order and the moments between them are chance.

use super::mask::Labels;
use crate::judge::text::shown;
use crate::trace::ServerCall;
use std::collections::BTreeMap;

/// Most lines.
const MOST: usize = 100;

/// A line for each method, URL and status, with the number of such calls.
pub(super) fn lines(calls: &[ServerCall]) -> Vec<String> {
    let mut labels = Labels::kinds_only();
    let mut seen: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    for call in calls.iter().filter(|call| !call.by_actor) {
        let url = labels.url(&format!("{}{}", call.origin, call.target));
        let status = call.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        *seen.entry((url, shown(&call.method, 20), status)).or_default() += 1;
    }
    let total = seen.len();
    let mut lines: Vec<_> =
        seen.into_iter().take(MOST).map(|((url, method, status), times)| format!("{method} {url}  {status}  ×{times}")).collect();
    if total > MOST {
        lines.push(format!("… {} more", total - MOST));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::Story;

    #[test]
    fn calls_are_counted_sorted_and_those_of_actors_left_out() {
        let mut story = Story::new();
        story.step("x").call("POST", "https://idp.test/token/", 200).call("GET", "https://idp.test/jwks/", 200).call(
            "POST",
            "https://idp.test/token/",
            200,
        );
        story.call("GET", "https://idp.test/authorize/", 302).chain.calls[3].by_actor = true;
        assert_eq!(lines(&story.chain.calls), ["GET https://idp.test/jwks/  200  ×1", "POST https://idp.test/token/  200  ×2"]);
    }
}
