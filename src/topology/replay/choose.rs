//! Which of the recorded answers a request gets.
//!
//! Among requests that asked the same, the one that is most alike: first by the values that are chance (a callback belongs to
//! its own authorization request), then by which cookies arrived, then by the body, then by the cookies' values. Among equals
//! the recorded order decides; when all had their turn the last one goes on answering, so that a loop stays one.

use super::asked::Asked;
use super::live::Live;
use super::recording::{Recorded, Recording, Site};
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

/// How many candidates are looked at before and behind the one whose turn it is: many, and yet a bound.
const BEFORE: usize = 64;
const BEHIND: usize = 192;

/// Which entries have answered already.
#[derive(Debug, Default)]
pub(super) struct Turns {
    served: HashSet<usize>,
    /// Of those that ask the same, how many at the beginning have had their turn.
    past: HashMap<String, usize>,
}

impl Turns {
    /// The entry that answers, by its place among the site's; `None` when nothing like it was recorded.
    pub(super) fn choose(&mut self, recording: &Recording, site: &Site, asked: &Asked) -> Option<usize> {
        let all = site.by_key.get(&asked.key)?;
        let turn = self.past.entry(asked.key.clone()).or_default();
        while all.get(*turn).is_some_and(|at| self.served.contains(at)) {
            *turn += 1;
        }
        let turn = *turn;
        let near = &all[turn.saturating_sub(BEFORE)..all.len().min(turn + BEHIND)];
        // A connection that broke is an answer only where there is no other.
        let answered = |at: &usize| site.entries[*at].answer.is_some();
        let any = near.iter().any(answered);
        let candidates = near.iter().filter(|at| !any || answered(at));
        let best = candidates.min_by_key(|&&at| {
            let served = self.served.contains(&at);
            let order = if served { (1, Reverse(at)) } else { (0, Reverse(usize::MAX - at)) };
            (unlike(recording, &site.entries[at], asked), order)
        })?;
        self.served.insert(*best);
        Some(*best)
    }
}

/// How unlike a request is to a recorded one that asked the same; the smallest wins.
fn unlike(recording: &Recording, recorded: &Recorded, asked: &Asked) -> (usize, usize, usize, usize, usize) {
    let then = &recorded.asked;
    let chance = differences(&then.chance, &asked.chance, &recording.live);
    let body = then.fields.iter().filter(|field| !asked.fields.contains(field)).count();
    if !recording.has_cookies {
        return (chance, 0, 0, body, 0);
    }
    let (mut known, mut other, mut values) = (0, 0, 0);
    let mut count = |name: &[u8]| if recording.set.contains(name) { known += 1 } else { other += 1 };
    for (name, value) in &then.cookies {
        match asked.cookies.iter().find(|(there, _)| there == name) {
            Some((_, there)) => values += usize::from(there != value),
            None => count(name),
        }
    }
    asked.cookies.iter().filter(|(name, _)| !then.cookies.iter().any(|(there, _)| there == name)).for_each(|(name, _)| count(name));
    (chance, known, other, body, values)
}

/// How many values that are chance differ, those that this run has in place of recorded ones taken for them.
fn differences(then: &[(String, String)], now: &[(String, String)], live: &Live) -> usize {
    let differ = |((name, was), (other, is)): (&(String, String), &(String, String))| {
        name != other || was != is && live.recorded(is).as_ref() != Some(was)
    };
    then.iter().zip(now).filter(|pair| differ(*pair)).count() + then.len().abs_diff(now.len())
}

#[cfg(test)]
mod tests {
    use super::super::recording::tests::recording;
    use super::*;
    use crate::web::headers::Headers;
    use serde_json::{Value, json};

    fn entry(target: &str, cookie: &str, answer: u16, set: &str) -> Value {
        let cookies = if cookie.is_empty() { json!([]) } else { json!([{"name": "Cookie", "value": cookie}]) };
        let set = if set.is_empty() { json!([]) } else { json!([{"name": "Set-Cookie", "value": set}]) };
        json!({"request": {"method": "GET", "url": format!("https://a.test{target}"), "headers": cookies}, "response": {"status": answer, "headers": set}})
    }

    fn asked(target: &str, cookie: &str) -> Asked {
        let mut headers = Headers::new();
        if !cookie.is_empty() {
            headers.append("Cookie", cookie);
        }
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        Asked::new("GET", path, query, &headers, b"")
    }

    /// The numbers of the entries that answer these requests.
    fn numbers(entries: Value, requests: &[(&str, &str)]) -> Vec<u64> {
        let recording = recording(entries);
        let site = &recording.sites[&"https://a.test".parse().unwrap()];
        let mut turns = Turns::default();
        let chosen = requests.iter().map(|(target, cookie)| turns.choose(&recording, site, &asked(target, cookie)));
        chosen.map(|at| at.map_or(0, |at| site.entries[at].number)).collect()
    }

    #[test]
    fn the_recorded_order_decides_and_the_last_goes_on_answering() {
        let entries = json!([entry("/", "", 401, ""), entry("/", "", 200, ""), entry("/x", "", 200, "")]);
        assert_eq!(numbers(entries, &[("/", ""), ("/", ""), ("/", ""), ("/x", ""), ("/y", "")]), [1, 2, 2, 3, 0]);
    }

    #[test]
    fn the_cookies_that_arrive_come_before_the_order() {
        let entries = json!([
            entry("/login", "", 302, "sid=1"),
            entry("/", "sid=1", 302, ""),
            entry("/", "", 302, ""),
            entry("/", "sid=1; theme=x", 200, "")
        ]);
        assert_eq!(numbers(entries.clone(), &[("/", ""), ("/", "sid=1"), ("/", "sid=1"), ("/", "")]), [3, 2, 2, 3]);
        // A cookie that no answer set may be missing; the one that decides must be there.
        assert_eq!(numbers(entries, &[("/", "theme=x"), ("/", "sid=other; theme=x")]), [3, 4]);
    }

    #[test]
    fn a_callback_belongs_to_its_own_authorization_request() {
        let callback = |state: &str, status| entry(&format!("/cb?state={state}"), "", status, "");
        let entries = json!([callback("af0ifjsldkj8271", 302), callback("zz8ifqslqkj8222", 400)]);
        assert_eq!(
            numbers(entries, &[("/cb?state=zz8ifqslqkj8222", ""), ("/cb?state=af0ifjsldkj8271", ""), ("/cb?state=qq1ifqslqkj8333", "")]),
            [2, 1, 2]
        );
    }

    #[test]
    fn many_alike_cost_no_more_each() {
        let entries: Vec<Value> = (0..5000).map(|_| entry("/", "sid=1", 302, "")).collect();
        let requests = vec![("/", "sid=1"); 5000];
        assert_eq!(numbers(Value::Array(entries), &requests), (1..=5000).collect::<Vec<_>>());
    }
}
