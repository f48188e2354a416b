//! The cookie ledger: what happened to each cookie on each hop, as four gates.
//!
//! | gate | question |
//! |---|---|
//! | EMITTED | did a response carry a Set-Cookie for it? |
//! | STORED | did the jar keep it? |
//! | SENT | did the next request that it was meant for carry it? |
//! | ACCEPTED | did the server act on it? |

use super::denied::turned_away;
use super::facts::{Facts, is_deletion, place, without_query};
use crate::judge::text::shown;
use crate::trace::{Chain, CookieSent, CookieSet, CookieWithheld, Hop, HopId, Reason, SetVerdict};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A station in a cookie's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gate {
    /// A response carried it.
    Emitted,
    /// The jar kept it.
    Stored,
    /// A request carried it.
    Sent,
    /// The server acted on it.
    Accepted,
}

/// What one hop did with one cookie.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The hop.
    pub hop: &'a Hop,
    /// The last Set-Cookie of its response for the cookie.
    pub set: Option<&'a CookieSet>,
    /// The cookie as the request carried it.
    pub sent: Option<&'a CookieSent>,
    /// Why the request did not carry it, though the jar had it.
    pub withheld: Option<&'a CookieWithheld>,
}

/// Rows by actor and cookie name, in the order of the hops.
#[derive(Debug, Default)]
pub struct Ledger<'a> {
    accounts: BTreeMap<(Arc<str>, Bytes), Vec<Row<'a>>>,
}

impl<'a> Ledger<'a> {
    /// The ledger of a chain.
    #[must_use]
    pub fn of(chain: &'a Chain) -> Self {
        let mut ledger = Self::default();
        for hop in &chain.hops {
            for set in &hop.set {
                ledger.row(hop, &set.name).set = Some(set);
            }
            for sent in &hop.sent {
                ledger.row(hop, &sent.name).sent = Some(sent);
            }
            for withheld in &hop.withheld {
                ledger.row(hop, &withheld.name).withheld = Some(withheld);
            }
        }
        ledger
    }

    fn row(&mut self, hop: &'a Hop, name: &Bytes) -> &mut Row<'a> {
        let rows = self.accounts.entry((hop.actor.clone(), name.clone())).or_default();
        if rows.last().is_none_or(|row| row.hop.id != hop.id) {
            rows.push(Row { hop, set: None, sent: None, withheld: None });
        }
        rows.last_mut().expect("a row was just pushed if there was none")
    }

    /// The rows of an actor's cookie before a hop.
    #[must_use]
    pub fn rows_before(&self, actor: &Arc<str>, name: &Bytes, hop: HopId) -> &[Row<'a>] {
        let rows = self.rows(actor, name);
        &rows[..rows.partition_point(|row| row.hop.id < hop)]
    }

    /// The rows of an actor's cookie after a hop.
    #[must_use]
    pub fn rows_after(&self, actor: &Arc<str>, name: &Bytes, hop: HopId) -> &[Row<'a>] {
        let rows = self.rows(actor, name);
        &rows[rows.partition_point(|row| row.hop.id <= hop)..]
    }

    /// The rows of an actor's cookie.
    #[must_use]
    pub fn rows(&self, actor: &Arc<str>, name: &Bytes) -> &[Row<'a>] {
        self.accounts.get(&(actor.clone(), name.clone())).map_or(&[], Vec::as_slice)
    }
}

/// The cookie that should have made the protected page open: set by the last callback or login POST before it.
#[derive(Debug, Clone, Copy)]
pub struct Witness<'a> {
    /// The hop that set it.
    pub hop: &'a Hop,
    /// The line that set it.
    pub set: &'a CookieSet,
}

/// The first gate that a witness cookie did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedGate {
    /// The gate.
    pub gate: Gate,
    /// The hop where it failed.
    pub hop: HopId,
    /// What happened there, for people.
    pub text: String,
}

/// The witness of `actor` among the hops up to `last`, if any callback or POST set a cookie.
#[must_use]
pub fn witness<'a>(facts: &Facts<'a>, actor: &str, last: HopId) -> Option<Witness<'a>> {
    facts.logins(actor, last).find_map(|hop| {
        let set: Vec<_> = hop.set.iter().filter(|set| !is_deletion(set)).collect();
        let by_name = |word: fn(&str) -> bool| set.iter().rfind(|set| word(&set.name_text().to_ascii_lowercase())).copied();
        by_name(sounds_like_session).or_else(|| by_name(|name| !sounds_like_attempt(name))).map(|set| Witness { hop, set })
    })
}

/// By its name, the result of a login.
pub(super) fn sounds_like_session(name: &str) -> bool {
    !sounds_like_attempt(name) && ["sess", "sid", "token", "auth", "jwt", "login"].iter().any(|word| name.contains(word))
}

/// Cookies of a login under way, not of its result.
pub(super) fn sounds_like_attempt(name: &str) -> bool {
    ["state", "nonce", "pkce", "verifier", "csrf", "xsrf", "correlation"].iter().any(|word| name.contains(word))
}

/// Walks the witness through its gates up to `protected`, the page that it should have opened.
#[must_use]
pub fn first_failed_gate(facts: &Facts<'_>, witness: Witness<'_>, protected: &Hop) -> Option<FailedGate> {
    let name = shown(&witness.set.name_text(), 80);
    let fails = |gate, hop: &Hop, text| Some(FailedGate { gate, hop: hop.id, text });
    if let SetVerdict::Blocked(reasons) = &witness.set.verdict {
        return fails(Gate::Stored, witness.hop, format!("`{name}` was set here but not stored: {}", words(reasons)));
    }
    // Where no Cookie header was recorded, nobody can tell what was sent.
    if !facts.chain.visibility.cookies {
        return None;
    }
    let rows = facts.ledger.rows(&witness.hop.actor, &witness.set.name);
    let row = rows.binary_search_by_key(&protected.id, |row| row.hop.id).ok().map(|at| &rows[at]);
    if row.is_none_or(|row| row.sent.is_none()) {
        let why = match row.and_then(|row| row.withheld) {
            Some(withheld) => words(&withheld.reasons),
            None if witness.hop.request.url.host_str() != protected.request.url.host_str() => {
                let domain = witness.set.attribute("domain").and_then(|value| value.as_deref());
                let reach = domain.map_or_else(|| "without Domain".to_owned(), |domain| format!("with Domain={}", shown(domain, 80)));
                format!(
                    "{} set it {reach}, so {} does not get it",
                    witness.hop.request.url.host_str().unwrap_or_default(),
                    protected.request.url.host_str().unwrap_or_default()
                )
            }
            None => "it was no longer in the jar".to_owned(),
        };
        return fails(Gate::Sent, protected, format!("`{name}`, set on hop {}, was stored but not sent here: {why}", witness.hop.id));
    }
    match protected.status() {
        Some(status) if (200..300).contains(&status) => turned_away(facts, protected).and_then(|how| {
            let text = format!(
                "`{name}`, set on hop {}, was stored and sent, but {} did not accept it: {}",
                witness.hop.id,
                place(protected),
                how.told(protected)
            );
            fails(Gate::Accepted, protected, text)
        }),
        Some(status) => {
            let to = super::facts::target(protected).map(|url| format!(" to {}", without_query(&url))).unwrap_or_default();
            fails(
                Gate::Accepted,
                protected,
                format!(
                    "`{name}`, set on hop {}, was stored and sent, but {} did not accept it: {status}{to}",
                    witness.hop.id,
                    place(protected)
                ),
            )
        }
        None => None,
    }
}

fn words(reasons: &[Reason]) -> String {
    let words: Vec<_> = reasons.iter().map(|reason| format!("{} ({})", reason.code, shown(&reason.explanation, 160))).collect();
    if words.is_empty() { "no reason was given".to_owned() } else { words.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::Story;

    fn gate(story: &Story) -> Option<Gate> {
        let facts = Facts::new((&story.plan).into(), &story.chain);
        let protected = story.chain.hops.last().unwrap();
        let witness = witness(&facts, "user", protected.id).expect("a cookie was set");
        assert_eq!(witness.set.name_text(), "session");
        first_failed_gate(&facts, witness, protected).map(|failed| failed.gate)
    }

    fn login(set: impl FnOnce(&mut Story), then: impl FnOnce(&mut Story)) -> Story {
        let mut story = Story::new();
        story.step("x").open("https://app.test/cb?code=a&state=b");
        set(&mut story);
        // Not the session: part of the attempt, or a deletion.
        story.sets("csrf-token=1").set_cookie("oauth_state=; Max-Age=0", SetVerdict::Deleted).follow("https://app.test/home");
        then(&mut story);
        story
    }

    #[test]
    fn the_first_gate_that_fails_is_named() {
        let stored = |story: &mut Story| {
            story.sets("session=v");
        };
        let refused = |story: &mut Story| {
            story.sets_blocked("session=v", "SecureOnly");
        };
        assert_eq!(gate(&login(refused, |_| {})), Some(Gate::Stored));
        assert_eq!(
            gate(&login(stored, |story| {
                story.withheld("session", "SameSiteStrict");
            })),
            Some(Gate::Sent)
        );
        assert_eq!(
            gate(&login(stored, |story| {
                story.cookies("session=v").status(302);
            })),
            Some(Gate::Accepted)
        );
        assert_eq!(
            gate(&login(stored, |story| {
                story.cookies("session=v");
            })),
            None
        );
        // A page with 200 that knows nobody did not accept it either.
        assert_eq!(
            gate(&login(stored, |story| {
                story.get("https://app.test/api/session").cookies("session=v").json(serde_json::json!({"user": null}));
            })),
            Some(Gate::Accepted)
        );
    }
}
