//! Family E: redirects and hosts.

mod error_lands_on_wrong_origin;
mod redirect_auth_cycle;
mod redirect_downgrade;
mod redirect_drops_body;
mod redirect_forwarded_host_lost;
mod redirect_leaks_credentials;
mod redirect_permanent_on_auth;
mod redirect_ping_pong_guards;
mod redirect_to_self;
mod redirect_too_many;
mod redirect_uri_internal_host;
mod redirect_uri_near_miss;
mod redirect_uri_scheme;
mod redirect_uri_www_apex;
mod return_to_lost;
mod return_to_open;

use super::{Evidence, Finding, Rule};
use crate::judge::diagnose::cycle::{Cycle, Kind, cycles, stale};
use crate::judge::diagnose::facts::{Facts, place, target, without_query};
use crate::judge::diagnose::ledger::{first_failed_gate, witness};
use crate::judge::text::count;
use crate::trace::Hop;

/// The family's rules, those that name a cause before those that name a symptom.
pub(super) const RULES: &[&Rule] = &[
    &redirect_forwarded_host_lost::RULE,
    &redirect_uri_internal_host::RULE,
    &redirect_uri_scheme::RULE,
    &redirect_uri_near_miss::RULE,
    &redirect_uri_www_apex::RULE,
    &redirect_downgrade::RULE,
    &redirect_permanent_on_auth::RULE,
    &redirect_drops_body::RULE,
    &redirect_leaks_credentials::RULE,
    &return_to_open::RULE,
    &error_lands_on_wrong_origin::RULE,
    &return_to_lost::RULE,
    &redirect_auth_cycle::RULE,
    &redirect_ping_pong_guards::RULE,
    &redirect_to_self::RULE,
    &redirect_too_many::RULE,
];

/// Most hops of a cycle that are listed.
const LISTED: usize = 12;

/// A finding for each loop of this kind: its shortest cycle, then the first gate that the login's cookie did not pass.
fn loops(rule: &Rule, facts: &Facts<'_>, kind: Kind) -> Vec<Finding> {
    // A loop over a dead cookie has a cause of its own, which another rule names.
    cycles(facts)
        .iter()
        .filter(|cycle| cycle.kind == kind && stale(facts, cycle).is_none())
        .map(|cycle| finding(rule, facts, cycle))
        .collect()
}

fn finding(rule: &Rule, facts: &Facts<'_>, cycle: &Cycle<'_>) -> Finding {
    let path: Vec<_> = cycle.lap.iter().take(LISTED).map(|hop| without_query(&hop.request.url)).collect();
    let more = if cycle.lap.len() > LISTED { format!(" → … {} more", cycle.lap.len() - LISTED) } else { String::new() };
    let back = cycle.lap.first().map(|hop| without_query(&hop.request.url)).unwrap_or_default();
    let stopped = if cycle.stopped { ", until following stopped" } else { "" };
    let title = format!("a loop of {}: {}{more} → {back}", count(cycle.lap.len(), "hop"), path.join(" → "));
    let mut evidence: Vec<_> = cycle
        .lap
        .iter()
        .take(LISTED)
        .map(|hop| {
            let to = target(hop).map(|url| format!(" → {}", without_query(&url))).unwrap_or_default();
            let status = hop.status().map_or_else(|| "no response".to_owned(), |status| status.to_string());
            Evidence::at(hop.id, format!("{}  {status}{to}", place(hop)))
        })
        .collect();
    evidence.push(Evidence::of(format!("this cycle ran {}{stopped}", count(cycle.laps, "time"))));
    evidence.extend(gate(facts, cycle));
    rule.finding(title, evidence)
}

/// The first failed gate of the login's cookie, or what stands in for it.
fn gate(facts: &Facts<'_>, cycle: &Cycle<'_>) -> Option<Evidence> {
    let (first, last) = (cycle.lap.first()?, cycle.lap.last()?);
    let callback = cycle.lap.iter().rev().find(|hop| facts.is_callback(hop));
    if let Some(witness) =
        witness(facts, &first.actor, callback.map_or(first.id, |hop| hop.id).max(if callback.is_some() { first.id } else { last.id }))
    {
        // In the lap the page after the callback; without a callback, the first page that sends away.
        let after =
            |hop: &&Hop| hop.id > witness.hop.id && hop.actor == first.actor && hop.request.method == "GET" && !facts.is_callback(hop);
        let gate = facts.chain.hops.iter().find(after).and_then(|page| first_failed_gate(facts, witness, page));
        return gate.map(|failed| {
            Evidence::at(failed.hop, format!("first failed gate {}: {}", format!("{:?}", failed.gate).to_uppercase(), failed.text))
        });
    }
    let sent_everywhere = cycle.lap.iter().all(|hop| !hop.sent.is_empty() && hop.sent == first.sent);
    if sent_everywhere && cycle.lap.len() > 1 {
        return Some(Evidence::of(
            "every hop of the cycle carried the same cookies: one page takes them for a session, the other does not",
        ));
    }
    // Where no cookie was recorded, nobody can tell whether one was set.
    let callback = callback.filter(|_| facts.chain.visibility.cookies);
    callback.map(|hop| Evidence::at(hop.id, format!("{} set no session cookie", place(hop))))
}
