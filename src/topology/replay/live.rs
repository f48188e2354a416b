//! Values of this run in place of the recorded ones that they stand for.
//!
//! Where a request carries another `state`, `nonce` or code than the recorded one did, what was recorded of the answer, and
//! of later answers, echoes the wrong one. From then on the live value stands wherever the recorded one did.

use regex::bytes::Regex;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shorter values occur by chance.
const SHORTEST: usize = 4;
/// Longer ones are no parameters.
const LONGEST: usize = 4096;
/// How many are remembered; the oldest are forgotten.
const MOST: usize = 64;

/// Which live value stands for which recorded one. Cloning shares it: the origins of a recording know of one another.
#[derive(Debug, Clone, Default)]
pub(super) struct Live(Arc<Mutex<Bound>>);

#[derive(Debug, Default)]
struct Bound {
    /// Recorded and live, the latest last.
    pairs: VecDeque<(String, String)>,
    /// Finds any recorded one, in any of its forms.
    finder: Option<Arc<Finder>>,
}

#[derive(Debug)]
struct Finder {
    regex: Regex,
    forms: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Live {
    /// Learns what stands for what from two requests that ask the same.
    pub(super) fn learn(&self, recorded: &[(String, String)], live: &[(String, String)]) {
        let is_useful = |value: &str| (SHORTEST..=LONGEST).contains(&value.len());
        let mut bound = self.lock();
        for ((name, was), (other, is)) in recorded.iter().zip(live) {
            if name != other || !is_useful(was) || !is_useful(is) {
                continue;
            }
            let known = bound.pairs.iter().position(|(known, _)| known == was);
            if was == is && known.is_none() || known.is_some_and(|at| bound.pairs[at].1 == *is) {
                continue;
            }
            if let Some(at) = known {
                bound.pairs.remove(at);
            }
            if was != is {
                bound.pairs.push_back((was.clone(), is.clone()));
            }
            if bound.pairs.len() > MOST {
                bound.pairs.pop_front();
            }
            bound.finder = None;
        }
    }

    /// The recorded value that a live one stands for; itself when it stands for none.
    pub(super) fn recorded(&self, live: &str) -> Option<String> {
        self.lock().pairs.iter().rev().find(|(_, is)| is == live).map(|(was, _)| was.clone())
    }

    /// Recorded bytes with live values in them.
    pub(super) fn fill<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(finder) = self.finder() else { return Cow::Borrowed(bytes) };
        finder.regex.replace_all(bytes, |found: &regex::bytes::Captures<'_>| {
            let form = finder.forms.iter().find(|(was, _)| *was == found[0]);
            form.map_or_else(|| found[0].to_vec(), |(_, is)| is.clone())
        })
    }

    /// What finds the values that are known now.
    fn finder(&self) -> Option<Arc<Finder>> {
        let mut bound = self.lock();
        if bound.pairs.is_empty() {
            return None;
        }
        if bound.finder.is_none() {
            bound.finder = Finder::new(&bound.pairs).map(Arc::new);
        }
        bound.finder.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Bound> {
        // A panic elsewhere leaves the list whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Finder {
    /// Each value as it is and as it stands in a query (URL §5.2). Of two that begin alike the longer one is found.
    fn new(pairs: &VecDeque<(String, String)>) -> Option<Self> {
        let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let mut forms: Vec<(String, String)> = Vec::new();
        for (was, is) in pairs {
            forms.push((was.clone(), is.clone()));
            if encoded(was) != *was {
                forms.push((encoded(was), encoded(is)));
            }
        }
        forms.sort_by_key(|(was, _)| std::cmp::Reverse(was.len()));
        let any: Vec<_> = forms.iter().map(|(was, _)| regex::escape(was)).collect();
        // Bytes that are no UTF-8 are searched as well.
        let regex = Regex::new(&format!("(?-u:{})", any.join("|"))).or_else(|_| Regex::new(&any.join("|"))).ok()?;
        Some(Self { regex, forms: forms.into_iter().map(|(was, is)| (was.into_bytes(), is.into_bytes())).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn a_live_value_stands_where_the_recorded_one_did() {
        let live = Live::default();
        assert_eq!(live.fill(b"state=recorded1"), Cow::Borrowed(b"state=recorded1"));
        live.learn(&pair("state", "recorded1"), &pair("state", "live/2="));
        live.learn(&pair("nonce", "rec/orded=3"), &pair("nonce", "live4"));
        assert_eq!(&*live.fill(b"a?state=recorded1&n=rec%2Forded%3D3 \xff"), b"a?state=live/2=&n=live4 \xff");
        assert_eq!(live.recorded("live4").as_deref(), Some("rec/orded=3"));
        live.learn(&pair("state", "recorded1"), &pair("state", "recorded1"));
        assert_eq!(&*live.fill(b"recorded1"), b"recorded1", "the recorded value itself is live again");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let live = Live::default();
        for at in 0..1000 {
            live.learn(&pair("state", &format!("recorded-{at:04}")), &pair("state", &format!("live-{at:04}")));
        }
        assert_eq!(live.lock().pairs.len(), MOST);
        assert_eq!(&*live.fill(b"recorded-0999 recorded-0001"), b"live-0999 recorded-0001");
    }
}
