//! One request of Chromium with all its redirects: several hops under one id, and which late headers belong to which.
//!
//! Two streams tell of a request. The main one has an event for each hop, in order. The other, ExtraInfo, has for each hop
//! that went over the network the headers that were sent and those that came. It may be early or late against the main one,
//! and under load the ExtraInfos of two hops change places (each hop of a navigation has a loader of its own). So neither
//! counting nor time joins them. What does: `connectTiming.requestTime` of what was sent is `timing.requestTime` of the
//! response, to the microsecond; and of what came, the `Location` leads to the next hop's URL.
//!
//! The main stream's own status and headers are not used where there is an ExtraInfo: chromedriver's BiDi mapper writes into
//! them what it takes for theirs.

use super::fact::Draft;
use super::json::{number, status};
use serde_json::Value;
use url::Url;

/// Most ExtraInfos of one request that wait for their hops.
const MOST_WAITING: usize = 256;
/// Two times are the same, in seconds.
const SAME: f64 = 0.000_000_5;

/// The state of one request.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// The CDP session that told of it first. A service worker's requests are told by a session for each tab.
    pub(super) session: String,
    /// Whether it is a navigation's: those may change their session in mid-course, when a frame moves to another process.
    pub(super) document: bool,
    pub(super) hops: Vec<Pending>,
    /// ExtraInfos without a hop so far, in the order in which they came.
    sent: Vec<Extra>,
    came: Vec<Extra>,
    /// Counts ExtraInfos.
    count: usize,
    /// How it ended, once it has.
    pub(super) ended: Option<Ending>,
}

/// A hop that is not complete.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Its name among the facts, until its end is told.
    pub(super) draft: Option<Draft>,
    /// The same, for ever.
    pub(super) told: Option<Draft>,
    pub(super) url: String,
    /// The headers that the page's process knows of; those of the ExtraInfo are better.
    pub(super) provisional: Option<Value>,
    pub(super) began: f64,
    /// CDP's `Network.Response`, once it has come.
    pub(super) response: Option<Value>,
    pub(super) answered_at: f64,
    /// Whether ExtraInfos belong to it; unknown until the response has come.
    pub(super) has_extra: Option<bool>,
    /// Where it redirects to, if it does.
    pub(super) next: Option<String>,
    /// `requestWillBeSentExtraInfo`.
    pub(super) sent: Option<Extra>,
    /// `responseReceivedExtraInfo`.
    pub(super) came: Option<Extra>,
    pub(super) answered: bool,
    pub(super) from_cache: bool,
}

/// An ExtraInfo.
#[derive(Debug, Clone)]
pub(super) struct Extra {
    session: String,
    place: usize,
    pub(super) info: Value,
}

/// The last event of a request.
#[derive(Debug, Clone)]
pub(super) struct Ending {
    pub(super) at: f64,
    /// `loadingFailed`, if that is what it was.
    pub(super) failed: Option<Value>,
    /// Whether a body can be asked for.
    pub(super) body: bool,
}

impl Pending {
    /// Whether all that comes of it but the body has come.
    pub(super) fn is_known(&self) -> bool {
        self.response.is_some() && (self.has_extra == Some(false) || self.came.is_some())
    }

    /// Whether what came answers this hop.
    fn fits(&self, came: &Value) -> bool {
        let redirects = matches!(status(came, "statusCode"), Some(301 | 302 | 303 | 307 | 308));
        let location = came.get("headers").and_then(location);
        match (&self.next, location.filter(|_| redirects)) {
            (Some(next), Some(location)) => leads(&self.url, location, next),
            (None, None) => true,
            _ => false,
        }
    }
}

impl Exchange {
    /// Takes headers as they were sent.
    pub(super) fn sent(&mut self, session: &str, info: Value) {
        let extra = self.extra(session, info);
        push(&mut self.sent, extra);
    }

    /// Takes headers as they came.
    pub(super) fn came(&mut self, session: &str, info: Value) {
        let extra = self.extra(session, info);
        push(&mut self.came, extra);
    }

    fn extra(&mut self, session: &str, info: Value) -> Extra {
        self.count += 1;
        Extra { session: session.to_owned(), place: self.count, info }
    }

    /// Gives ExtraInfos to the hops that they belong to.
    pub(super) fn join(&mut self) {
        if self.hops.is_empty() {
            return;
        }
        if !self.document {
            // The same is told once more by each other session that looks at a worker.
            for extras in [&mut self.sent, &mut self.came] {
                extras.retain(|extra| extra.session == self.session);
            }
        }
        for hop in self.hops.iter_mut().filter(|hop| hop.has_extra == Some(true) && hop.came.is_none()) {
            let time = hop.response.as_ref().and_then(|response| response.get("timing")).and_then(|timing| number(timing, "requestTime"));
            if hop.sent.is_none() {
                let of_hop = |extra: &Extra| match (time, sent_at(&extra.info)) {
                    (Some(time), Some(at)) => (time - at).abs() < SAME,
                    _ => true,
                };
                hop.sent = self.sent.iter().position(of_hop).map(|at| self.sent.remove(at));
            }
            // An answer is told after its request.
            let Some(sent) = &hop.sent else { continue };
            let answers = |extra: &Extra| extra.place > sent.place && hop.fits(&extra.info);
            hop.came = self.came.iter().position(answers).map(|at| self.came.remove(at));
        }
    }

    /// Gives what is left to the hops that have nothing, in order, since no more will come.
    pub(super) fn make_do(&mut self) {
        self.join();
        for hop in self.hops.iter_mut().filter(|hop| !hop.answered && hop.has_extra != Some(false)) {
            if hop.sent.is_none() && !self.sent.is_empty() {
                hop.sent = Some(self.sent.remove(0));
            }
            if hop.came.is_none() && !self.came.is_empty() {
                hop.came = Some(self.came.remove(0));
            }
        }
    }

    /// Whether all that was sent and came over the network for the last hop is there, though the page was told of no response.
    pub(super) fn has_unseen_answer(&self) -> bool {
        !self.came.is_empty() && !self.sent.is_empty()
    }

    /// Whether there is nothing but ExtraInfos so far.
    pub(super) fn is_unnamed(&self) -> bool {
        self.hops.is_empty()
    }
}

fn push(extras: &mut Vec<Extra>, extra: Extra) {
    if extras.len() >= MOST_WAITING {
        extras.remove(0);
    }
    extras.push(extra);
}

fn sent_at(sent: &Value) -> Option<f64> {
    number(sent.get("connectTiming")?, "requestTime")
}

fn location(headers: &Value) -> Option<&str> {
    let fields = headers.as_object()?;
    fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("location")).and_then(|(_, value)| value.as_str())
}

/// Whether a `Location` leads from one URL to another, fragments aside.
fn leads(from: &str, location: &str, to: &str) -> bool {
    // What is not ASCII may be written in more than one way on the way here.
    if !location.is_ascii() {
        return true;
    }
    let bare = |mut url: Url| {
        url.set_fragment(None);
        url
    };
    let target = Url::parse(from).ok().and_then(|from| from.join(location).ok()).map(bare);
    let to = Url::parse(to).ok().map(bare);
    target.is_some() && target == to || location == to.map(String::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn hop(url: &str, next: Option<&str>, time: f64) -> Pending {
        Pending {
            url: url.to_owned(),
            next: next.map(str::to_owned),
            has_extra: Some(true),
            response: Some(json!({ "timing": { "requestTime": time } })),
            ..Pending::default()
        }
    }

    fn sent(time: f64) -> Value {
        json!({ "connectTiming": { "requestTime": time } })
    }

    fn came(status: u16, location: Option<&str>) -> Value {
        match location {
            Some(location) => json!({ "statusCode": status, "headers": { "Location": location } }),
            None => json!({ "statusCode": status, "headers": {} }),
        }
    }

    fn told(exchange: &Exchange) -> Vec<(Option<f64>, Option<String>)> {
        let one = |hop: &Pending| {
            let came = hop.came.as_ref().map(|came| came.info["headers"]["Location"].as_str().unwrap_or("-").to_owned());
            (hop.sent.as_ref().and_then(|sent| sent_at(&sent.info)), came)
        };
        exchange.hops.iter().map(one).collect()
    }

    #[test]
    fn headers_that_change_places_find_their_hops() {
        let mut exchange = Exchange { session: "s".to_owned(), document: true, ..Exchange::default() };
        for (time, location) in [(1.0, Some("/b")), (3.0, None), (2.0, Some("https://y.test/c"))] {
            exchange.sent("s", sent(time));
            exchange.came("s", came(if location.is_some() { 302 } else { 200 }, location));
        }
        exchange.hops.push(hop("https://x.test/a", Some("https://x.test/b#kept"), 1.0));
        exchange.hops.push(hop("https://x.test/b", Some("https://y.test/c"), 2.0));
        exchange.hops.push(hop("https://y.test/c", None, 3.0));
        exchange.join();
        let location = |text: &str| Some(text.to_owned());
        assert_eq!(told(&exchange), [(Some(1.0), location("/b")), (Some(2.0), location("https://y.test/c")), (Some(3.0), location("-"))]);
        assert!(exchange.hops.iter().all(Pending::is_known));
    }

    #[test]
    fn a_hop_waits_for_its_own_headers() {
        let mut exchange = Exchange { document: true, ..Exchange::default() };
        exchange.hops.push(hop("https://x.test/a", Some("https://x.test/b"), 1.0));
        exchange.hops.push(hop("https://x.test/b", None, 2.0));
        exchange.sent("s", sent(2.0));
        exchange.came("s", came(200, None));
        exchange.join();
        assert_eq!(exchange.hops.iter().map(Pending::is_known).collect::<Vec<_>>(), [false, true]);
        exchange.sent("s", sent(1.0));
        exchange.came("s", came(302, Some("b")));
        exchange.join();
        assert!(exchange.hops.iter().all(Pending::is_known));
    }

    #[test]
    fn a_challenge_that_the_browser_met_itself_is_no_hop() {
        let mut exchange = Exchange { session: "s".to_owned(), ..Exchange::default() };
        exchange.sent("s", sent(1.0));
        exchange.came("s", came(401, None));
        exchange.sent("s", sent(2.0));
        exchange.came("s", came(200, None));
        exchange.hops.push(hop("https://x.test/a", None, 2.0));
        exchange.join();
        assert_eq!(exchange.hops[0].came.as_ref().map(|came| came.info["statusCode"].clone()), Some(json!(200)));
    }

    #[test]
    fn other_sessions_of_a_worker_tell_nothing_new() {
        let mut exchange = Exchange { session: "one".to_owned(), ..Exchange::default() };
        for session in ["other", "one", "third"] {
            exchange.sent(session, sent(1.0));
            exchange.came(session, came(200, None));
        }
        exchange.hops.push(hop("https://x.test/a", None, 1.0));
        exchange.join();
        assert!(exchange.hops[0].is_known() && exchange.sent.is_empty() && exchange.came.is_empty());
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut exchange = Exchange::default();
        for _ in 0..2 * MOST_WAITING {
            exchange.sent("s", json!(null));
        }
        assert_eq!(exchange.sent.len(), MOST_WAITING);
        exchange.make_do();
    }
}
