//! Which of a browser's events are one device's: several share a browser and its socket.
//!
//! BiDi names the user context or the frame; CDP names a session, which belongs to one tab, frame or worker. Headers may
//! come before the event that tells whose session it is: such events wait.

use super::json::{list, some_text, text};
use crate::drive::browser::bidi::Event;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Most events that wait for their session to be known.
const MOST_WAITING: usize = 4096;
/// Most frames and sessions that are remembered.
const MOST_KNOWN: usize = 100_000;

/// Whose is what.
#[derive(Debug)]
pub(super) struct Route {
    user_context: String,
    contexts: HashMap<String, bool>,
    sessions: HashMap<String, bool>,
    waiting: VecDeque<Arc<Event>>,
}

impl Route {
    pub(super) fn new(user_context: &str) -> Self {
        Self { user_context: user_context.to_owned(), contexts: HashMap::new(), sessions: HashMap::new(), waiting: VecDeque::new() }
    }

    /// The events that are this device's now that this one is known: itself, and what waited for it.
    pub(super) fn admit(&mut self, event: &Arc<Event>) -> Vec<Arc<Event>> {
        let known = (self.contexts.len(), self.sessions.len());
        let mut mine = match self.is_mine(event) {
            Some(true) => vec![event.clone()],
            Some(false) => Vec::new(),
            None => {
                if self.waiting.len() >= MOST_WAITING {
                    self.waiting.pop_front();
                }
                self.waiting.push_back(event.clone());
                return Vec::new();
            }
        };
        if known != (self.contexts.len(), self.sessions.len()) && !self.waiting.is_empty() {
            let mut late = Vec::new();
            for event in std::mem::take(&mut self.waiting) {
                match self.is_mine(&event) {
                    Some(true) => late.push(event),
                    Some(false) => {}
                    None => self.waiting.push_back(event),
                }
            }
            // They came first. What tells of a new frame must still be seen before what happens in it.
            let first = if event.method == "browsingContext.contextCreated" { mine.len() } else { 0 };
            mine.splice(first..first, late);
        }
        mine
    }

    /// Whose an event is; `None` when that is not known so far.
    fn is_mine(&mut self, event: &Event) -> Option<bool> {
        let params = &event.params;
        if event.method.starts_with("goog:cdp.") {
            return self.is_mine_by_session(&event.method, params);
        }
        if event.method == "browsingContext.contextCreated" {
            return Some(self.learn(params));
        }
        let source = params.get("source");
        let named = some_text(params, "userContext").or_else(|| source.and_then(|source| some_text(source, "userContext")));
        if let Some(user_context) = named {
            return Some(user_context == self.user_context);
        }
        let context = some_text(params, "context").or_else(|| source.and_then(|source| some_text(source, "context")));
        Some(context.and_then(|context| self.contexts.get(context)).copied().unwrap_or_default())
    }

    /// Learns of a frame and those within it, as in `browsingContext.getTree`.
    pub(super) fn learn(&mut self, info: &Value) -> bool {
        let mine = match (some_text(info, "userContext"), some_text(info, "parent")) {
            (Some(user_context), _) => user_context == self.user_context,
            (None, parent) => parent.and_then(|parent| self.contexts.get(parent)).copied().unwrap_or_default(),
        };
        self.learn_below(info, mine);
        mine
    }

    fn learn_below(&mut self, info: &Value, mine: bool) {
        let mut below = vec![info];
        while let Some(info) = below.pop() {
            if let Some(context) = text(info, "context")
                && self.contexts.len() < MOST_KNOWN
            {
                self.contexts.insert(context.to_owned(), mine);
            }
            below.extend(list(info, "children"));
        }
    }

    fn is_mine_by_session(&mut self, method: &str, params: &Value) -> Option<bool> {
        let inner = params.get("params")?;
        if method == "goog:cdp.Target.attachedToTarget" {
            let target = inner.get("targetInfo")?;
            let mine = text(target, "browserContextId") == Some(&*self.user_context);
            if let Some(session) = text(inner, "sessionId")
                && self.sessions.len() < MOST_KNOWN
            {
                self.sessions.insert(session.to_owned(), mine);
            }
            return Some(mine);
        }
        let session = some_text(params, "session")?;
        if let Some(mine) = self.sessions.get(session) {
            return Some(*mine);
        }
        let mine = *self.contexts.get(some_text(inner, "frameId")?)?;
        if self.sessions.len() < MOST_KNOWN {
            self.sessions.insert(session.to_owned(), mine);
        }
        Some(mine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tokio::time::Instant;

    fn event(method: &str, params: Value) -> Arc<Event> {
        Arc::new(Event { method: method.to_owned(), params, at: Instant::now() })
    }

    fn headers(session: &str, id: &str) -> Arc<Event> {
        event("goog:cdp.Network.responseReceivedExtraInfo", json!({ "session": session, "params": { "requestId": id } }))
    }

    #[test]
    fn headers_wait_until_it_is_known_whose_they_are() {
        let mut route = Route::new("me");
        assert!(route.admit(&headers("s1", "1")).is_empty());
        assert!(route.admit(&headers("s2", "2")).is_empty());
        let named =
            |session, frame| event("goog:cdp.Network.requestWillBeSent", json!({ "session": session, "params": { "frameId": frame } }));
        assert!(route.admit(&named("s1", "tab")).is_empty(), "nor is its frame known");
        let created = event("browsingContext.contextCreated", json!({ "context": "tab", "userContext": "me" }));
        let mine: Vec<_> = route.admit(&created).iter().map(|event| event.method.clone()).collect();
        assert_eq!(mine, ["browsingContext.contextCreated", "goog:cdp.Network.requestWillBeSent"]);
        let mine: Vec<_> = route.admit(&named("s1", "tab")).iter().map(|event| event.method.clone()).collect();
        assert_eq!(mine.len(), 1, "{mine:?}");
        route.admit(&event("browsingContext.contextCreated", json!({ "context": "other", "userContext": "you" })));
        assert!(route.admit(&named("s2", "other")).is_empty());
        assert!(route.admit(&headers("s2", "3")).is_empty());
        assert_eq!(route.admit(&headers("s1", "4")).len(), 1);
    }

    #[test]
    fn a_worker_is_known_by_its_target() {
        let mut route = Route::new("me");
        assert!(route.admit(&headers("worker", "1")).is_empty());
        let attached = |session, user| {
            let info = json!({ "browserContextId": user, "type": "service_worker" });
            event("goog:cdp.Target.attachedToTarget", json!({ "session": "s", "params": { "sessionId": session, "targetInfo": info } }))
        };
        assert_eq!(route.admit(&attached("worker", "me")).len(), 2);
        assert_eq!(route.admit(&attached("theirs", "you")).len(), 0);
        assert!(route.admit(&headers("theirs", "1")).is_empty() && route.waiting.is_empty());
    }

    #[test]
    fn nothing_of_others_is_taken_and_nothing_grows_without_a_bound() {
        let mut route = Route::new("me");
        for n in 0..2 * MOST_WAITING {
            assert!(route.admit(&headers("unknown", &n.to_string())).is_empty());
        }
        assert_eq!(route.waiting.len(), MOST_WAITING);
        for params in [json!(null), json!({}), json!({ "context": 1 }), json!({ "userContext": "you" }), json!({ "source": {} })] {
            assert!(route.admit(&event("log.entryAdded", params.clone())).is_empty(), "{params}");
            route.admit(&event("goog:cdp.Target.attachedToTarget", params));
        }
        assert_eq!(route.admit(&event("log.entryAdded", json!({ "source": { "userContext": "me" } }))).len(), 1);
    }
}
