//! Loops as their shortest cycle.
//!
//! A hop is known by method, scheme, host, port, path and the names of its query parameters: state, code and nonce are
//! new in each lap. Within one navigation a loop has come back to its start twice, or once when following was stopped.
//! Across page steps it needs two laps that the app itself sent the user on: a guard that redirected after a login.

use super::facts::{Facts, ends_session, redirect_error, target};
use super::ledger::{sounds_like_session, witness};
use crate::trace::{Cause, CookieSent, FailureKind, Hop};
use crate::web::oauth::is_authorization_request;
use std::collections::BTreeMap;
use std::sync::Arc;
use url::Url;

/// Most hops that are searched at once; a run of page steps may be long, a loop is not.
const SEARCHED: usize = 300;

/// What kind of loop it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Through a provider's authorization endpoint.
    Auth,
    /// Between pages of the app.
    PingPong,
    /// One URL.
    ToSelf,
}

/// A loop.
pub(super) struct Cycle<'a> {
    pub(super) kind: Kind,
    /// One lap.
    pub(super) lap: Vec<&'a Hop>,
    /// How many whole laps there were.
    pub(super) laps: usize,
    /// Whether it ended because redirects were no longer followed.
    pub(super) stopped: bool,
}

/// The loops of a chain: of each actor those within one navigation or, when there is none, one across page steps.
pub(super) fn cycles<'a>(facts: &Facts<'a>) -> Vec<Cycle<'a>> {
    let mut by_actor: BTreeMap<&Arc<str>, Vec<&'a Hop>> = BTreeMap::new();
    for hop in &facts.chain.hops {
        if !facts.root(hop).cause.is_by_hand() && facts.root(hop).cause != Cause::Subresource {
            by_actor.entry(&hop.actor).or_default().push(hop);
        }
    }
    let mut cycles = Vec::new();
    for hops in by_actor.values() {
        let before = cycles.len();
        for navigation in split(hops, |before, hop| !goes_on(before, hop)) {
            cycles.extend(in_navigation(facts, navigation));
        }
        if cycles.len() == before {
            let anew = |_: &Hop, hop: &Hop| matches!(hop.cause, Cause::Open | Cause::Reload | Cause::Back) || facts.is_repeated(hop);
            cycles.extend(split(hops, anew).into_iter().find_map(|hops| across_steps(facts, hops)));
        }
    }
    cycles
}

/// Whether a hop came of the one before it without anybody doing anything. A script's navigation may be somebody's click:
/// within one step it is the page's own.
fn goes_on(before: &Hop, hop: &Hop) -> bool {
    match hop.cause {
        Cause::Redirect(_) | Cause::AutoForm | Cause::Refresh => true,
        Cause::Script => hop.step == before.step,
        _ => false,
    }
}

/// Cuts a row of hops before each one that begins something new, seen beside the one before it.
fn split<'s, 'a>(hops: &'s [&'a Hop], begins: impl Fn(&Hop, &Hop) -> bool) -> Vec<&'s [&'a Hop]> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, hop) in hops.iter().enumerate() {
        if at > start && begins(hops[at - 1], hop) {
            parts.push(&hops[start..at]);
            start = at;
        }
    }
    parts.push(&hops[start..]);
    parts
}

/// What makes two hops the same station of a loop.
type Station = (String, Option<url::Origin>, String, Vec<String>);

fn station(method: &str, url: &Url) -> Station {
    let mut names: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    names.sort();
    // An opaque origin is equal to nothing, not even to itself.
    let origin = Some(url.origin()).filter(url::Origin::is_tuple);
    (method.to_owned(), origin, url.path().to_owned(), names)
}

fn in_navigation<'a>(facts: &Facts<'a>, hops: &[&'a Hop]) -> Option<Cycle<'a>> {
    let hops = &hops[hops.len().saturating_sub(SEARCHED)..];
    let last = *hops.last()?;
    let mut stations: Vec<Station> = hops.iter().map(|hop| station(&hop.request.method, &hop.request.url)).collect();
    let stopped = is_stopped(facts, last);
    // Where the last redirect would have led closes the lap.
    if stopped && let Some(url) = target(last) {
        stations.push(station("GET", &url));
    }
    let returns = if stopped { 1 } else { 2 };
    let (start, length, laps) = shortest(&stations, returns)?;
    let lap: Vec<&Hop> = hops[start..start + length].to_vec();
    let kind = kind(&lap);
    // A row that ends well and never was at a provider may be a wizard: only the very same URLs are a loop then.
    if !stopped && kind != Kind::Auth {
        let same = hops[start..].iter().zip(&hops[start + length..]).take(length).all(|(one, other)| one.request.url == other.request.url);
        if !same {
            return None;
        }
    }
    Some(Cycle { kind, lap, laps, stopped })
}

/// Whether redirects were no longer followed after this hop.
pub(super) fn is_stopped(facts: &Facts<'_>, hop: &Hop) -> bool {
    if let Err(failure) = &hop.outcome {
        return failure.kind == FailureKind::Redirect;
    }
    let failed = facts.chain.steps.get(hop.step).is_some_and(|step| step.error.is_some());
    failed && target(hop).is_some_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// The shortest cycle that comes back to its start `returns` times: where it starts, how long it is, how often it ran.
fn shortest(stations: &[Station], returns: usize) -> Option<(usize, usize, usize)> {
    let count = stations.len();
    for length in 1..=count.saturating_sub(1) / returns {
        for start in 0..count.saturating_sub(length * returns) {
            let same = stations[start..].iter().zip(&stations[start + length..]).take_while(|(one, other)| one == other).count();
            if same > length * (returns - 1) {
                return Some((start, length, same.div_ceil(length)));
            }
        }
    }
    None
}

fn kind(lap: &[&Hop]) -> Kind {
    if lap.iter().any(|hop| is_authorization_request(&hop.request.url)) {
        Kind::Auth
    } else if lap.len() == 1 {
        Kind::ToSelf
    } else {
        Kind::PingPong
    }
}

/// A loop in which the person takes part: they log in, a guard sends them back to log in, twice.
fn across_steps<'a>(facts: &Facts<'a>, hops: &[&'a Hop]) -> Option<Cycle<'a>> {
    let hops = &hops[hops.len().saturating_sub(SEARCHED)..];
    let stations: Vec<Station> = hops.iter().map(|hop| station(&hop.request.method, &hop.request.url)).collect();
    let (start, length, laps) = shortest(&stations, 2)?;
    let lap: Vec<&Hop> = hops[start..start + length].to_vec();
    // Signing in and out in turns, or failing with an error and trying again, is what people do.
    if lap.iter().any(|hop| ends_session(hop) || redirect_error(hop).is_some()) {
        return None;
    }
    // A wrong password leads from the form back to the form. In a loop the login succeeds, and a guard behind it redirects.
    let logs_in = |hop: &Hop| (hop.request.method == "POST" || facts.is_callback(hop)) && !hop.set.is_empty();
    let is_guard = |at: usize| {
        let hop = lap[(at + 1) % length];
        hop.request.method == "GET" && !facts.is_callback(hop) && !is_authorization_request(&hop.request.url) && target(hop).is_some()
    };
    let bounced = (0..length).any(|at| logs_in(lap[at]) && is_guard(at));
    bounced.then(|| Cycle { kind: kind(&lap), lap, laps, stopped: false })
}

/// The session cookie that every hop of the cycle carried, none changed, and no login of the chain had set: then the loop is
/// its doing. After a login the two pages disagree about a session that is there, which is another matter.
pub(super) fn stale<'a>(facts: &Facts<'a>, cycle: &Cycle<'a>) -> Option<&'a CookieSent> {
    let first = cycle.lap.first()?;
    if cycle.kind != Kind::PingPong || witness(facts, &first.actor, cycle.lap.last()?.id).is_some() {
        return None;
    }
    let everywhere = |cookie: &&CookieSent| {
        let untouched = |hop: &&Hop| hop.sent.contains(cookie) && hop.set.iter().all(|set| set.name != cookie.name);
        cycle.lap.iter().all(untouched)
    };
    let by_name = |cookie: &&CookieSent| sounds_like_session(&String::from_utf8_lossy(&cookie.name).to_ascii_lowercase());
    first.sent.iter().filter(by_name).find(everywhere)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::diagnose::Finding;
    use crate::judge::testing::{Story, errors};

    fn found(story: &Story) -> Vec<Finding> {
        errors(story)
    }

    fn rules(story: &Story) -> Vec<&'static str> {
        found(story).into_iter().map(|finding| finding.rule).collect()
    }

    fn authorize(lap: usize) -> String {
        format!("https://idp.test/authorize?client_id=m&response_type=code&state=s{lap}&redirect_uri=https%3A%2F%2Fapi.test%2Fcb")
    }

    /// Silent sign-in, round and round, `page` shaping the protected page of each lap.
    fn silent(laps: usize, stopped: bool, page: impl Fn(&mut Story)) -> Story {
        let mut story = Story::new();
        story.step("open").open("https://app.test/");
        for lap in 0..laps {
            story
                .follow(&authorize(lap))
                .follow(&format!("https://api.test/cb?code=c{lap}&state=s{lap}"))
                .sets(&format!("session=v{lap}"))
                .follow("https://app.test/");
            page(&mut story);
        }
        if stopped {
            story.status(302).location(&authorize(99)).last_step().error = Some("more than 20 redirects".to_owned());
        }
        story
    }

    #[test]
    fn a_login_loop_is_its_shortest_cycle_and_the_first_failed_gate() {
        let story = silent(5, true, |story| {
            story.withheld("session", "SameSiteStrict");
        });
        let findings = found(&story);
        // The loop, and what causes it.
        assert_eq!(rules(&story), ["redirect-auth-cycle", "cookie-strict-on-return"], "{findings:?}");
        let finding = &findings[0];
        assert_eq!(
            finding.title,
            "a loop of 3 hops: https://app.test/ → https://idp.test/authorize → https://api.test/cb → https://app.test/"
        );
        let texts: Vec<_> = finding.evidence.iter().map(|evidence| evidence.text.as_str()).collect();
        assert_eq!(texts[3], "this cycle ran 5 times, until following stopped");
        assert!(
            texts[4].starts_with("first failed gate SENT: `session`, set on hop 3, was stored but not sent here: SameSiteStrict"),
            "{texts:?}"
        );
    }

    #[test]
    fn the_gate_tells_accepted_from_sent() {
        let story = silent(5, true, |story| {
            story.cookies("session=v0");
        });
        let texts: Vec<_> = found(&story).remove(0).evidence.into_iter().map(|evidence| evidence.text).collect();
        assert!(
            texts.last().unwrap().contains("first failed gate ACCEPTED")
                && texts.last().unwrap().contains("302 to https://idp.test/authorize"),
            "{texts:?}"
        );
    }

    #[test]
    fn one_way_to_the_provider_and_back_is_a_login() {
        assert!(rules(&silent(1, false, |_| {})).is_empty());
    }

    #[test]
    fn two_guards_that_disagree_are_a_ping_pong() {
        let mut story = Story::new();
        story.step("log in").submit("https://app.test/session").sets("sid=v").html("Welcome");
        story.step("open").open("https://app.test/").cookies("sid=v");
        for _ in 0..10 {
            story.follow("https://app.test/login?next=%2F").cookies("sid=v").follow("https://app.test/").cookies("sid=v");
        }
        story.status(302).location("https://app.test/login?next=%2F").last_step().error = Some("more than 20 redirects".to_owned());
        assert_eq!(rules(&story), ["redirect-ping-pong-guards"]);
        assert!(
            found(&story)[0].evidence.iter().any(|evidence| evidence.text.contains("first failed gate ACCEPTED")),
            "{:?}",
            found(&story)
        );
    }

    #[test]
    fn a_page_that_redirects_to_itself_for_ever_is_one_and_once_for_a_cookie_is_none() {
        let mut story = Story::new();
        story.open("http://app.test/").follow("http://app.test/").follow("http://app.test/");
        assert_eq!(rules(&story), ["redirect-to-self"]);
        let mut once = Story::new();
        once.open("http://app.test/").sets("check=1").follow("http://app.test/");
        assert!(rules(&once).is_empty());
    }

    #[test]
    fn a_page_may_send_on_by_any_means() {
        for cause in [Cause::Refresh, Cause::AutoForm, Cause::Script] {
            let method = if cause == Cause::AutoForm { "POST" } else { "GET" };
            let mut story = Story::new();
            story.step("open").open("https://app.test/");
            for _ in 0..2 {
                story.hop(method, "https://app.test/login", cause.clone()).hop(method, "https://app.test/", cause.clone());
            }
            story.hop(method, "https://app.test/login", cause.clone());
            assert_eq!(rules(&story), ["redirect-ping-pong-guards"], "{cause:?}");
        }
        let mut story = Story::new();
        for _ in 0..3 {
            story.step("click").hop("GET", "https://app.test/a", Cause::Script).step("click").hop(
                "GET",
                "https://app.test/b",
                Cause::Script,
            );
        }
        assert!(rules(&story).is_empty(), "somebody goes to and fro");
    }

    #[test]
    fn a_wizard_of_redirects_is_no_loop() {
        let mut story = Story::new();
        story
            .open("https://app.test/step?n=1")
            .follow("https://app.test/step?n=2")
            .follow("https://app.test/step?n=3")
            .follow("https://app.test/step?n=4");
        assert!(rules(&story).is_empty());
    }

    #[test]
    fn reloads_repeats_and_api_calls_are_no_loops() {
        let mut story = Story::new();
        for _ in 0..6 {
            story.step("reload").hop("GET", "https://app.test/", Cause::Reload).follow("https://app.test/home");
            story.step("get").get("https://api.test/x").follow("https://api.test/y");
        }
        assert!(rules(&story).is_empty());
    }

    fn log_in(story: &mut Story, answer: &str) {
        story.step("log in").submit("https://app.test/login");
        if answer == "wrong" {
            story.sets("flash=1").follow("https://app.test/login");
        } else {
            story.sets("sid=v").follow("https://app.test/home").cookies("sid=v").follow("https://app.test/login");
        }
    }

    #[test]
    fn a_login_that_a_guard_sends_back_twice_is_a_loop_and_wrong_passwords_are_not() {
        let mut story = Story::new();
        story.step("open").open("https://app.test/login");
        (0..3).for_each(|_| log_in(&mut story, "right"));
        assert_eq!(rules(&story), ["redirect-ping-pong-guards"]);
        let mut wrong = Story::new();
        wrong.step("open").open("https://app.test/login");
        (0..4).for_each(|_| log_in(&mut wrong, "wrong"));
        assert!(rules(&wrong).is_empty());
    }

    #[test]
    fn signing_in_and_out_in_turns_is_no_loop() {
        let mut story = Story::new();
        story.step("open").open("https://app.test/login");
        for _ in 0..3 {
            story
                .step("log in")
                .submit("https://app.test/login")
                .sets("sid=v")
                .follow("https://app.test/home")
                .follow("https://app.test/dashboard");
            story.step("sign out").submit("https://app.test/logout").follow("https://app.test/login");
        }
        assert!(rules(&story).is_empty());
    }
}
