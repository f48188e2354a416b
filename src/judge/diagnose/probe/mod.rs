//! What probes show: the truth table of a session, whether it outlives signing out, whether replicas agree, what an edge
//! changes.
//!
//! In: a chain with its [`Probe`]s. Out: [`learned`] for the step that asked, [`tables`] for people, and what rules look up.
//! A probe's requests are none that a login makes: rules about logins see only those of them that are what a program with
//! the actor's own cookies would send ([`plain`]).

mod edge;
mod replicas;
mod session;
mod table;

pub(super) use edge::Edge;
pub(super) use replicas::{build, rounds};
use session::columns;
pub(super) use session::{Column, Taken, outlives};
pub use session::{FormAsked, asked_forms};
pub use table::{Table, tables};

use super::credential::{Standing, standing};
use super::denied::{TurnedAway, asks_for_user, is_login, turned_away};
use super::facts::{Facts, ends_session, is_deletion};
use super::ledger::{sounds_like_attempt, sounds_like_session, witness};
use super::scene::Scene;
use crate::trace::{Cause, Chain, Failure, FailureKind, Hop, HopId, Probe, ProbeKind, Request, Resource, Role};
use crate::web::headers::Headers;
use crate::web::presented::Presented;
use bytes::Bytes;
#[cfg(test)]
pub(super) use edge::tests as tests_of_edges;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;
use url::Url;

/// A chain as logins made it: requests of probes that no login would make stand there without request and answer, so that
/// numbers stay what they are.
pub(super) fn plain(chain: &Chain) -> Cow<'_, Chain> {
    if !chain.hops.iter().any(|hop| hop.cause == Cause::Probe) {
        return Cow::Borrowed(chain);
    }
    let mut plain = chain.clone();
    let own = own_requests(chain);
    for hop in plain.hops.iter_mut().filter(|hop| hop.cause == Cause::Probe) {
        if own.contains(&hop.id) {
            // Nobody kept what came.
            hop.set.clear();
        } else {
            blank(hop);
        }
    }
    Cow::Owned(plain)
}

/// Requests of probes that carried what the actor's jar holds, and nothing else.
fn own_requests(chain: &Chain) -> BTreeSet<HopId> {
    let own = |role: &Role| matches!(role, Role::Cookie(_, Presented::Stored) | Role::Same(_));
    chain.probes.iter().flat_map(|probe| &probe.asked).filter(|asked| own(&asked.role)).map(|asked| asked.hop).collect()
}

fn blank(hop: &mut Hop) {
    let url = hop.request.url.clone();
    hop.request = Request { method: "GET".to_owned(), url, headers: Headers::new(), body: Bytes::new() };
    hop.outcome = Err(Failure { kind: FailureKind::Broken, message: String::new() });
    (hop.sent, hop.withheld, hop.set) = Default::default();
}

impl<'a> Facts<'a> {
    /// The columns of every truth table.
    pub(super) fn columns(&self) -> Vec<Column<'a>> {
        self.probes(ProbeKind::Session).flat_map(|probe| columns(self, probe)).collect()
    }

    /// The probes of one kind.
    pub(super) fn probes(&self, kind: ProbeKind) -> impl Iterator<Item = &'a Probe> {
        self.whole.probes.iter().filter(move |probe| probe.kind == kind)
    }

    /// The requests of probes that a login would not make, as they were made.
    pub(super) fn altered(&self) -> impl Iterator<Item = &'a Hop> {
        let own = own_requests(self.whole);
        self.whole.hops.iter().filter(move |hop| hop.cause == Cause::Probe && !own.contains(&hop.id))
    }
}

/// What a step's probe came to, in words and as a value.
#[must_use]
pub fn learned(chain: &Chain, index: usize) -> Option<(String, Value)> {
    let facts = Facts::new(Scene::default(), chain);
    let probe = chain.probes.iter().rfind(|probe| probe.step == index)?;
    Some(match probe.kind {
        ProbeKind::Session => session::learned(&facts, probe),
        ProbeKind::Logout => session::outlived(&facts, probe),
        ProbeKind::Replicas => replicas::learned(&facts, probe),
        ProbeKind::Edge => edge::learned(&facts, probe),
    })
}

/// Where an actor's session can be asked about, as far as the chain shows it, and the names of its cookies: the likeliest
/// first of both.
#[must_use]
pub fn trail(chain: &Chain, actor: &str) -> (Vec<Url>, Vec<Bytes>) {
    let facts = Facts::new(Scene::default(), chain);
    let of_actor = |hop: &&Hop| *hop.actor == *actor && hop.cause != Cause::Probe;
    let mut urls: Vec<(u8, &Url)> = Vec::new();
    for hop in chain.hops.iter().filter(of_actor) {
        let Some(rank) = rank(&facts, hop) else { continue };
        let url = &hop.request.url;
        match urls.iter_mut().find(|(_, known)| known.origin() == url.origin() && known.path() == url.path()) {
            Some((known, _)) => *known = rank.min(*known),
            None => urls.push((rank, url)),
        }
    }
    // Stable: those of one rank stay in the order of the run.
    urls.sort_by_key(|(rank, _)| *rank);
    let urls = urls.into_iter().map(|(_, url)| without_fragment(url)).collect();
    let last = chain.hops.last().map_or(HopId(0), |hop| hop.id);
    let mut names: Vec<Bytes> = witness(&facts, actor, last).map(|witness| witness.set.name.clone()).into_iter().collect();
    let set = chain.hops.iter().filter(of_actor).flat_map(|hop| hop.set.iter().filter(|set| !is_deletion(set)).map(|set| &set.name));
    let jar =
        chain.steps.iter().rfind(|step| *step.actor == *actor).into_iter().flat_map(|step| step.jar.iter().map(|cookie| &cookie.name));
    let all: Vec<&Bytes> = set.chain(jar).collect();
    let lower = |name: &Bytes| String::from_utf8_lossy(name).to_ascii_lowercase();
    let named = all.iter().filter(|name| sounds_like_session(&lower(name)));
    for name in named {
        if !names.contains(name) {
            names.push((*name).clone());
        }
    }
    // Nobody calls it a session: then it is whatever is no part of an attempt.
    if names.is_empty() {
        let rest: BTreeSet<&Bytes> = all.into_iter().filter(|name| !sounds_like_attempt(&lower(name))).collect();
        names.extend(rest.into_iter().cloned());
    }
    (urls, names)
}

/// How much a request of the run was about who is signed in; not at all is nothing.
fn rank(facts: &Facts<'_>, hop: &Hop) -> Option<u8> {
    let about = hop.request.method == "GET"
        && matches!(hop.resource, Resource::Document | Resource::Fetch)
        && !is_login(&hop.request.url)
        && !ends_session(hop)
        && !facts.is_callback(hop);
    if !about {
        return None;
    }
    match standing(hop) {
        Standing::Known | Standing::Refused | Standing::Anonymous => Some(0),
        Standing::Broken if asks_for_user(hop) => Some(0),
        // A page with a form to log in may be nothing else.
        _ if matches!(turned_away(facts, hop), Some(TurnedAway::Sent(_) | TurnedAway::Refused)) => Some(1),
        Standing::Silent if !hop.sent.is_empty() && asks_for_user(hop) => Some(1),
        _ => None,
    }
}

fn without_fragment(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_fragment(None);
    url
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::judge::testing::Story;
    use crate::trace::Asked;
    use serde_json::json;

    impl Story {
        /// The last hop was made by a probe of this kind, in this role.
        pub(crate) fn probed(&mut self, kind: ProbeKind, role: Role) -> &mut Self {
            let step = self.chain.steps.len() - 1;
            let hop = self.last();
            (hop.cause, hop.resource) = (Cause::Probe, Resource::Fetch);
            let asked = Asked { hop: hop.id, role };
            match self.chain.probes.last_mut().filter(|probe| probe.step == step) {
                Some(probe) => probe.asked.push(asked),
                None => self.chain.probes.push(Probe { step, kind, asked: vec![asked] }),
            }
            self
        }

        /// A row of the truth table of `sid=v`: the form, and what the endpoint answers with.
        pub(crate) fn row(&mut self, url: &str, form: Presented, status: u16) -> &mut Self {
            let carried = form.of(&[(b"sid", b"t%2Bs"), (b"theme", b"x")], 0).expect("a form that can be sent");
            self.get(url);
            if let Some(cookie) = carried.cookie {
                self.cookies(&String::from_utf8(cookie).expect("text"));
            }
            if let Some(authorization) = carried.authorization {
                self.sends("Authorization", &authorization);
            }
            let body = if status < 300 { json!({"user": {"id": 1}}) } else { json!({"error": "unauthenticated"}) };
            self.status(status).json(body).probed(ProbeKind::Session, Role::Cookie("sid".into(), form))
        }
    }

    pub(crate) const SESSION: &str = "https://app.test/api/session";

    /// A login that sets `sid`, and the truth table of it: each form with the status of its answer.
    pub(crate) fn table_of(rows: &[(Presented, u16)]) -> Story {
        let mut story = Story::new();
        story.step("log in").submit("https://app.test/login").sets("sid=t%2Bs; Path=/").step("probe");
        for (form, status) in rows {
            story.row(SESSION, *form, *status);
        }
        story
    }

    #[test]
    fn what_no_login_would_ask_is_out_of_sight_and_numbers_stay() {
        let story = table_of(&[(Presented::Stored, 200), (Presented::Decoded, 401), (Presented::Nothing, 401)]);
        let plain = plain(&story.chain);
        assert_eq!(plain.hops.len(), story.chain.hops.len());
        let seen: Vec<_> = plain.hops.iter().map(Hop::status).collect();
        assert_eq!(seen, [Some(200), Some(200), None, None]);
        assert!(plain.hops[2].sent.is_empty() && plain.hops[2].request.headers.get("cookie").is_none());
        let mut other = Story::new();
        other.get("https://app.test/");
        assert!(matches!(super::plain(&other.chain), Cow::Borrowed(_)));
    }

    #[test]
    fn the_run_itself_shows_where_and_with_what_to_ask() {
        let mut story = Story::new();
        story.step("log in").submit("https://app.test/login").sets("theme=x").sets("sid=v; Path=/").follow("https://app.test/home");
        story.cookies("sid=v").status(302).location("/login").follow("https://app.test/login").html("Sign in");
        story.step("ask").get("https://app.test/api/session#x").cookies("sid=v").status(401);
        story.get("https://app.test/logo.png").get("https://app.test/logout");
        let (urls, names) = trail(&story.chain, "user");
        assert_eq!(urls.iter().map(Url::as_str).collect::<Vec<_>>(), ["https://app.test/api/session", "https://app.test/home"]);
        assert_eq!(names, ["sid"]);
        assert_eq!(trail(&story.chain, "eve"), (vec![], vec![]));
    }
}
