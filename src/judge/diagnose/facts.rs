//! What rules ask of a chain and its scene.

use super::attempt::Attempt;
use super::credential::{Standing, standing};
use super::denied::TurnedAway;
use super::ledger::Ledger;
use super::scene::Scene;
use crate::judge::text::shown;
use crate::plan::{Step, Verb};
use crate::trace::{AnsweredBy, Cause, Chain, CookieSet, Hop, HopId, Reason, SetVerdict};
use crate::web::cookie::parse_cookie_date;
use crate::web::oauth::{AuthorizationRequest, Callback, ErrorParams, is_callback};
use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use url::Url;

/// A chain and its scene with what most rules look up in them.
pub struct Facts<'a> {
    /// What was to be done; empty for a chain that no scenario made.
    pub plan: Scene<'a>,
    /// What happened, without what probes asked that no login would ask.
    pub chain: &'a Chain,
    /// What happened.
    pub(super) whole: &'a Chain,
    /// Every cookie's life.
    pub ledger: Ledger<'a>,
    /// Plan steps by number, nested ones too, and whether they lie in a loop that the scenario asks for.
    steps: BTreeMap<u32, (&'a Step, bool)>,
    /// Labels of Cookie headers, numbered by first appearance.
    headers: HashMap<Vec<u8>, usize>,
    /// Authorization requests that were sent, redirected to, or handed to a script; each once.
    pub(super) attempts: Vec<Attempt<'a>>,
    /// Authorization requests that were sent, redirected to, or handed to a script.
    requests: HashMap<(String, String), Vec<AuthorizationRequest>>,
    /// For each hop the one that began the row of redirects that it is in.
    roots: Vec<HopId>,
    /// Hops by their Cookie header.
    carriers: HashMap<Vec<u8>, Vec<&'a Hop>>,
    /// Callbacks and POSTs whose answer set a cookie, in order, by actor.
    logins: HashMap<&'a str, Vec<&'a Hop>>,
    /// What each answer says about who asked, once somebody wanted to know.
    standings: Vec<OnceCell<Standing>>,
    /// How each hop turned away whoever asked, once somebody wanted to know.
    pub(super) refusals: Vec<OnceCell<Option<TurnedAway>>>,
    /// Pages that turned somebody away for good, once somebody wanted to know.
    pub(super) denied: OnceCell<Vec<HopId>>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(plan: Scene<'a>, chain: &'a Chain) -> Self {
        Self::of(plan, chain, chain)
    }

    /// The facts of `chain`, which is `whole` without what probes asked.
    pub(super) fn of(plan: Scene<'a>, chain: &'a Chain, whole: &'a Chain) -> Self {
        let mut steps = BTreeMap::new();
        plan.steps.iter().for_each(|step| collect(step, false, &mut steps));
        let mut headers = HashMap::new();
        let mut carriers: HashMap<Vec<u8>, Vec<&'a Hop>> = HashMap::new();
        for hop in &chain.hops {
            if let Some(bytes) = cookie_header(hop) {
                let next = headers.len() + 1;
                carriers.entry(bytes.clone()).or_default().push(hop);
                headers.entry(bytes).or_insert(next);
            }
        }
        let urls = chain.hops.iter().flat_map(|hop| [Some(hop.request.url.clone()), target(hop)]).flatten();
        let urls = urls.chain(chain.hops.iter().flat_map(handed_out));
        let mut requests: HashMap<_, Vec<AuthorizationRequest>> = HashMap::new();
        for request in urls.filter_map(|url| AuthorizationRequest::from_url(&url)) {
            let Some(back) = request.redirect_uri.as_deref().and_then(|uri| Url::parse(uri).ok()) else { continue };
            let row = requests.entry(endpoint(&back)).or_default();
            // Of a loop's many requests one tells where the answer goes.
            if !row.iter().any(|known| known.redirect_uri == request.redirect_uri) {
                row.push(request);
            }
        }
        let ledger = Ledger::of(chain);
        let standings = vec![OnceCell::new(); chain.hops.len()];
        let mut facts = Self {
            plan,
            chain,
            whole,
            ledger,
            steps,
            headers,
            attempts: attempts(chain),
            requests,
            roots: roots(chain),
            carriers,
            logins: HashMap::new(),
            standings,
            refusals: vec![OnceCell::new(); chain.hops.len()],
            denied: OnceCell::new(),
        };
        for hop in &chain.hops {
            let sets = hop.set.iter().any(|set| !is_deletion(set));
            if sets && (hop.request.method == "POST" || facts.is_callback(hop)) {
                facts.logins.entry(&*hop.actor).or_default().push(hop);
            }
        }
        facts
    }

    /// Callbacks and POSTs of `actor` up to `last` whose answer set a cookie, the latest first.
    pub(super) fn logins(&self, actor: &str, last: HopId) -> impl Iterator<Item = &'a Hop> {
        let all = self.logins.get(actor).map_or(&[][..], Vec::as_slice);
        all[..all.partition_point(|hop| hop.id <= last)].iter().rev().copied()
    }

    /// Requests with exactly this Cookie header, in order.
    pub(super) fn carriers(&self, header: &[u8]) -> &[&'a Hop] {
        self.carriers.get(header).map_or(&[], Vec::as_slice)
    }

    /// What the hop's answer says about who asked.
    pub(super) fn standing(&self, hop: &Hop) -> Standing {
        self.standings.get(hop.id.0 as usize).map_or_else(|| standing(hop), |known| *known.get_or_init(|| standing(hop)))
    }

    fn step_of(&self, hop: &Hop) -> Option<(&'a Step, bool)> {
        self.steps.get(&self.chain.steps.get(hop.step)?.number).copied()
    }

    /// Whether the scenario wrote the hop's Cookie header itself, instead of leaving it to the jar.
    pub(super) fn is_tampered(&self, hop: &Hop) -> bool {
        let names_cookie =
            |headers: &[(String, Option<crate::plan::Template>)]| headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("cookie"));
        match self.step_of(hop).map(|(step, _)| &step.verb) {
            Some(Verb::Request(request)) => names_cookie(&request.headers),
            Some(Verb::Replay(replay)) => names_cookie(&replay.headers),
            _ => false,
        }
    }

    /// Whether the scenario itself asks for the hop's step again and again.
    pub(super) fn is_repeated(&self, hop: &Hop) -> bool {
        self.step_of(hop).is_some_and(|(_, looped)| looped)
    }

    /// Whether the scenario let time pass between two hops.
    pub(super) fn slept_between(&self, first: &Hop, second: &Hop) -> bool {
        let between = self.chain.steps.get(first.step..=second.step).unwrap_or_default();
        between.iter().any(|record| matches!(self.steps.get(&record.number), Some((Step { verb: Verb::Sleep(_), .. }, _))))
    }

    /// A Cookie header by label: equal bytes have equal labels.
    pub(super) fn cookie_label(&self, bytes: &[u8]) -> String {
        format!("‹cookies:{}›", self.headers.get(bytes).copied().unwrap_or_default())
    }

    /// The hop that began the row of redirects that `hop` is in.
    pub(super) fn root(&self, hop: &'a Hop) -> &'a Hop {
        self.roots.get(hop.id.0 as usize).and_then(|root| self.chain.hop(*root)).unwrap_or(hop)
    }

    /// Whether the hop brings the provider's answer to the client: by what it carries, or because an authorization
    /// request of this chain asked for the answer there.
    pub(super) fn is_callback(&self, hop: &Hop) -> bool {
        let url = &hop.request.url;
        let posted =
            || hop.request.method == "POST" && Callback::from_form(&hop.request.body).is_some_and(|callback| callback.state.is_some());
        self.requests.get(&endpoint(url)).is_some_and(|requests| requests.iter().any(|request| request.returns_to(url)))
            || is_callback(url)
            || posted()
    }

    /// Set-Cookie lines refused for one of the reasons `codes`, deletions left out: nobody misses what was to be deleted.
    pub(super) fn refused(&self, codes: &'a [&'a str]) -> impl Iterator<Item = Refused<'a>> {
        let of_hop = move |hop: &'a Hop| {
            hop.set.iter().filter(|set| !is_deletion(set)).filter_map(move |set| match &set.verdict {
                SetVerdict::Blocked(reasons) => {
                    reasons.iter().find(|reason| codes.contains(&reason.code.as_str())).map(|reason| Refused { hop, set, reason })
                }
                _ => None,
            })
        };
        let mut seen = HashSet::new();
        self.chain.hops.iter().flat_map(of_hop).filter(move |refused| {
            let key = (refused.hop.actor.clone(), refused.set.name.clone(), refused.hop.request.url.host_str().map(str::to_owned));
            seen.insert(key)
        })
    }
}

/// A cookie that the jar refused; each of an actor and host once.
pub(super) struct Refused<'a> {
    pub(super) hop: &'a Hop,
    pub(super) set: &'a CookieSet,
    pub(super) reason: &'a Reason,
}

impl Refused<'_> {
    /// What the response said, value left out, and what became of it.
    pub(super) fn told(&self) -> String {
        let attributes: Vec<_> = self
            .set
            .attributes
            .iter()
            .take(12)
            .map(|(name, value)| match value {
                Some(value) => format!("{}={}", shown(name, 40), shown(value, 80)),
                None => shown(name, 40),
            })
            .collect();
        let attributes = if attributes.is_empty() { "no attributes".to_owned() } else { attributes.join("; ") };
        format!(
            "{} set `{}` ({attributes}), and it was not stored: {} ({})",
            place(self.hop),
            shown(&self.set.name_text(), 80),
            self.reason.code,
            shown(&self.reason.explanation, 160)
        )
    }
}

fn collect<'a>(step: &'a Step, looped: bool, steps: &mut BTreeMap<u32, (&'a Step, bool)>) {
    steps.insert(step.number.0, (step, looped));
    match &step.verb {
        Verb::Race(nested) | Verb::Flow { steps: nested, .. } => nested.iter().for_each(|step| collect(step, looped, steps)),
        Verb::Repeat(plan) => plan.steps.iter().for_each(|step| collect(step, true, steps)),
        Verb::Poll { step, .. } => collect(step, true, steps),
        Verb::Boundary(plan) => plan.steps().for_each(|step| collect(step, true, steps)),
        Verb::Limit(plan) => plan.steps().for_each(|step| collect(step, true, steps)),
        _ => {}
    }
}

/// For each hop the one that began the row of redirects that it is in.
fn roots(chain: &Chain) -> Vec<HopId> {
    let mut roots: Vec<HopId> = Vec::with_capacity(chain.hops.len());
    for hop in &chain.hops {
        let root = match hop.cause {
            Cause::Redirect(from) if from < hop.id => roots.get(from.0 as usize).copied(),
            _ => None,
        };
        roots.push(root.unwrap_or(hop.id));
    }
    roots
}

/// A URL up to its path, as a key.
fn endpoint(url: &Url) -> (String, String) {
    (url.origin().ascii_serialization(), url.path().to_owned())
}

/// Every Cookie header of the request, as it was sent; several (HTTP/2 may split it, RFC 9113 §8.2.3) joined as a server joins them.
pub(super) fn cookie_header(hop: &Hop) -> Option<Vec<u8>> {
    let values: Vec<&[u8]> = hop.request.headers.get_all("cookie").collect();
    let joined = values.join(b"; ".as_slice());
    (!joined.is_empty()).then_some(joined)
}

/// Whether a Set-Cookie line is there to delete.
pub(super) fn is_deletion(set: &CookieSet) -> bool {
    let max_age = set.attribute("max-age").and_then(|value| value.as_deref()?.trim().parse::<i64>().ok());
    matches!(set.verdict, SetVerdict::Deleted | SetVerdict::DeletedNothing(_))
        || max_age.is_some_and(|seconds| seconds <= 0)
        || set.value.is_empty()
}

/// The redirect target, when it is a URL.
pub(super) fn target(hop: &Hop) -> Option<Url> {
    Url::parse(&hop.redirect_target()?).ok()
}

/// The authorization requests of a chain, each where it first shows.
fn attempts(chain: &Chain) -> Vec<Attempt<'_>> {
    /// So far back the same request is looked for: it comes on the next hops, or after a page or two of the provider.
    const NEAR: usize = 40;
    let mut attempts: Vec<Attempt<'_>> = Vec::new();
    for hop in &chain.hops {
        let handed_out = target(hop).into_iter().chain(handed_out(hop)).map(|url| (url, true));
        for (url, handed_out) in std::iter::once((hop.request.url.clone(), false)).chain(handed_out) {
            let Some(request) = AuthorizationRequest::from_url(&url) else { continue };
            let attempt = Attempt { hop, handed_out, request };
            if !attempts.iter().rev().take(NEAR).any(|known| known.is_same(&attempt)) {
                attempts.push(attempt);
            }
        }
    }
    attempts
}

/// URLs that a JSON answer hands to a script, as sign-in endpoints do with that of the provider: members of the top level.
fn handed_out(hop: &Hop) -> Vec<Url> {
    const LARGEST: usize = 64 * 1024;
    let body = hop.response().map(|response| &response.body).filter(|body| body.bytes.len() <= LARGEST).and_then(|body| body.json());
    let members = body.as_ref().and_then(serde_json::Value::as_object).into_iter().flat_map(|map| map.values());
    members.filter_map(|value| Url::parse(value.as_str()?).ok()).collect()
}

/// Error parameters of the redirect target.
pub(super) fn redirect_error(hop: &Hop) -> Option<ErrorParams> {
    ErrorParams::from_url(&target(hop)?)
}

/// `GET https://api.test/path`, without query: it may carry one-time values.
pub(super) fn place(hop: &Hop) -> String {
    format!("{} {}", shown(&hop.request.method, 20), without_query(&hop.request.url))
}

/// A URL without query and fragment.
pub(super) fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    shown(url.as_str(), 160)
}

/// Whether a path by its words ends sessions.
pub(super) fn ends_session(hop: &Hop) -> bool {
    let path = hop.request.url.path().to_ascii_lowercase();
    ["sign-out", "signout", "sign_out", "logout", "log-out", "log_out", "revoke", "end-session", "end_session", "endsession"]
        .iter()
        .any(|word| path.contains(word))
}

/// Whether a request may change nothing (RFC 9110 §9.2.1).
pub(super) fn is_safe(hop: &Hop) -> bool {
    matches!(hop.request.method.as_str(), "GET" | "HEAD" | "OPTIONS")
}

/// What says that nobody asked for it yet (Fetch §3.8 `Sec-Purpose`, and what browsers and Next.js sent before and beside it).
pub(super) fn prefetched(hop: &Hop) -> Option<String> {
    if hop.response().is_some_and(|response| response.by == AnsweredBy::Prefetch) {
        return Some("answered by the browser's prefetch".to_owned());
    }
    let named = ["sec-purpose", "purpose", "x-purpose", "x-moz"].into_iter().find(|name| {
        let value = hop.request.headers.get_str(name).unwrap_or_default().to_ascii_lowercase();
        value.contains("prefetch") || value.contains("prerender")
    });
    let next = || (hop.request.headers.get_str("next-router-prefetch") == Some("1")).then_some("next-router-prefetch");
    named.or_else(next).map(str::to_owned)
}

/// By how many seconds the server's Date is ahead of the time at which the answer came; none for one that caches kept.
pub(super) fn server_clock(hop: &Hop) -> Option<i64> {
    let response = hop.response().filter(|response| response.by == AnsweredBy::Server && !response.headers.contains("age"))?;
    let date = parse_cookie_date(response.headers.get("date")?)?;
    // Somewhere in the time of the request the answer was written: its begin for an answer that is behind, its end for one ahead.
    let (began, ended) = (hop.started.unix_timestamp(), (hop.started + hop.timings.total).unix_timestamp());
    let date = date.unix_timestamp();
    Some(if date > ended { date - ended } else { (date - began).min(0) })
}
