//! Family C: sent but not accepted.

mod api_redirects_to_login;
mod auth_soft_200;
mod cookie_chunk_and_whole;
mod cookie_chunk_gap;
mod cookie_duplicate_shadow;
mod cookie_name_prefix_split;
mod cookie_value_altered;
mod cookie_value_encoding;
mod cookie_value_quotes;
mod csrf_rotated_at_login;
mod invalid_cookie_never_cleared;
mod logout_scope_mismatch;
mod logout_server_session_alive;
mod node_affinity;
mod partial_domain_cookie_mix;
mod secret_rotated;
mod session_endpoint_fails;
mod session_endpoint_reads_bearer;
mod session_endpoints_disagree;
mod session_not_asked_for;
mod session_not_rotated;
mod session_refused;

use super::{Evidence, Finding, Rule};
use crate::judge::diagnose::credential::{Standing, carrying, same_authorization, same_resource, undisturbed, user_told};
use crate::judge::diagnose::denied::{Denied, denied, turned_away};
use crate::judge::diagnose::facts::{Facts, cookie_header, place};
use crate::judge::text::shown;
use crate::trace::Hop;
use std::collections::HashSet;
use url::Position;

/// How many requests before and behind one are looked at.
const NEAR: usize = 200;

/// The family's rules, those that name a cause before those that name a symptom.
pub(super) const RULES: &[&Rule] = &[
    &session_endpoints_disagree::RULE,
    &session_endpoint_fails::RULE,
    &session_endpoint_reads_bearer::RULE,
    &cookie_value_encoding::RULE,
    &cookie_value_quotes::RULE,
    &cookie_value_altered::RULE,
    &cookie_duplicate_shadow::RULE,
    &cookie_chunk_and_whole::RULE,
    &cookie_chunk_gap::RULE,
    &cookie_name_prefix_split::RULE,
    &partial_domain_cookie_mix::RULE,
    &invalid_cookie_never_cleared::RULE,
    &api_redirects_to_login::RULE,
    &csrf_rotated_at_login::RULE,
    &secret_rotated::RULE,
    &logout_scope_mismatch::RULE,
    &node_affinity::RULE,
    &session_refused::RULE,
    &session_not_asked_for::RULE,
    &session_not_rotated::RULE,
    &logout_server_session_alive::RULE,
    &auth_soft_200::RULE,
];

/// A request that was turned away, and one that was not, with the very same credential and nothing in between.
struct Pair<'a> {
    known: &'a Hop,
    turned_away: &'a Hop,
}

/// For each endpoint and actor the first request that `turned_away` fits and that has such a counterpart.
fn pairs<'a>(facts: &Facts<'a>, turned_away: impl Fn(&Hop) -> bool) -> Vec<Pair<'a>> {
    let mut pairs: Vec<Pair<'a>> = Vec::new();
    let mut told = HashSet::new();
    for hop in facts.chain.hops.iter().filter(|hop| turned_away(hop)) {
        let endpoint = (&hop.actor, &hop.request.url[..Position::AfterPath]);
        if told.contains(&endpoint) {
            continue;
        }
        let counterparts = nearby(facts, hop).filter(|other| {
            facts.standing(other) == Standing::Known
                && !same_resource(other, hop)
                && same_authorization(other, hop)
                && undisturbed(facts, other, hop)
        });
        if let Some(known) = counterparts.min_by_key(|other| other.id.0.abs_diff(hop.id.0)) {
            told.insert(endpoint);
            pairs.push(Pair { known, turned_away: hop });
        }
    }
    pairs
}

/// Requests with the very same cookies, those so near that nothing need have changed.
fn nearby<'a>(facts: &Facts<'a>, hop: &'a Hop) -> impl Iterator<Item = &'a Hop> {
    let all = carrying(facts, hop);
    let at = all.partition_point(|other| other.id < hop.id);
    let from = at.saturating_sub(NEAR);
    all.into_iter().skip(from).take(NEAR * 2)
}

/// The proof that both requests carried the same bytes, in the order of the hops.
fn same_bytes(facts: &Facts<'_>, pair: &Pair<'_>, answer: &str) -> Vec<Evidence> {
    let bytes = cookie_header(pair.known).unwrap_or_default();
    let label = facts.cookie_label(&bytes);
    let mut names: Vec<_> = pair.known.sent.iter().map(|cookie| shown(&String::from_utf8_lossy(&cookie.name), 60)).collect();
    names.truncate(8);
    let status = pair.known.status().unwrap_or_default();
    let whole = format!("got Cookie {label}, {} bytes ({})", bytes.len(), names.join(", "));
    let again = format!("got {label} again, the same {} bytes one by one", bytes.len());
    let (first, second) = if pair.known.id < pair.turned_away.id { (&whole, &again) } else { (&again, &whole) };
    let (known_got, other_got) = (first, second);
    let mut evidence = vec![
        Evidence::at(pair.known.id, format!("{} {known_got} and answered {status} with {}", place(pair.known), user_told(pair.known))),
        Evidence::at(pair.turned_away.id, format!("{} {other_got} and answered {answer}", place(pair.turned_away))),
    ];
    evidence.sort_by_key(|evidence| evidence.hop);
    let authorization = match pair.known.request.headers.get("authorization") {
        Some(_) => "both carried the same Authorization",
        None => "neither carried Authorization",
    };
    evidence.push(Evidence::of(format!("in between nobody signed in or out and none of these cookies got another value; {authorization}")));
    evidence
}

/// What a refusal says: status and message, bounded.
fn refusal(hop: &Hop) -> String {
    let status = hop.status().unwrap_or_default();
    let body = hop.response().and_then(|response| response.body.json());
    let message = body.as_ref().and_then(|body| body.get("message").or_else(|| body.get("error"))).and_then(serde_json::Value::as_str);
    message.map_or_else(|| status.to_string(), |message| format!("{status} \"{}\"", shown(message, 120)))
}

/// A finding for each page that turned a logged-in user away, when `proof` finds in its cookies why.
fn denied_carrying(rule: &Rule, facts: &Facts<'_>, proof: fn(&Denied<'_>) -> Option<String>) -> Vec<Finding> {
    let findings = denied(facts).into_iter().filter_map(|denied| {
        let text = proof(&denied)?;
        let name = shown(&denied.witness.set.name_text(), 80);
        let how = turned_away(facts, denied.page)?.told(denied.page);
        let evidence = vec![
            Evidence::at(denied.witness.hop.id, format!("{} set `{name}`", place(denied.witness.hop))),
            Evidence::at(denied.page.id, text),
            Evidence::at(denied.page.id, format!("{} answered {how}", place(denied.page))),
        ];
        Some(rule.finding(format!("{} does not find the session among its cookies", place(denied.page)), evidence))
    });
    findings.collect()
}

/// The name and number of a part of a split cookie: `session` and 1 of `session.1`.
fn chunk(name: &str) -> Option<(&str, u32)> {
    let (base, part) = name.rsplit_once('.')?;
    let number = part.len() <= 2 && !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if number && !base.is_empty() { Some((base, part.parse().ok()?)) } else { None }
}

/// What is found when a login sets the cookie `line` and the page after it gets `cookies` and answers with `status`.
#[cfg(test)]
fn after_login_setting(line: &str, cookies: &str, status: u16) -> Vec<&'static str> {
    let mut story = crate::judge::testing::Story::new();
    story.step("x").open("https://app.test/cb?code=1&state=2").sets(line).follow("https://app.test/home");
    story.cookies(cookies).status(status);
    crate::judge::diagnose::diagnose(&story.plan, &story.chain).into_iter().map(|finding| finding.rule).collect()
}

#[cfg(test)]
fn after_login(cookies: &str, status: u16) -> Vec<&'static str> {
    after_login_setting("session=v; Path=/", cookies, status)
}
