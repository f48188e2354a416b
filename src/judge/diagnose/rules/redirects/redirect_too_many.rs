//! A row of redirects longer than browsers follow, without a loop.

use crate::judge::diagnose::cycle::{cycles, is_stopped};
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::count;
use crate::trace::{Cause, HopId};
use std::collections::BTreeMap;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "redirect-too-many",
    family: Family::Redirects,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "one navigation was redirected more often than browsers follow",
    cause: "each part of the login adds redirects of its own (hosts, schemes, tenants, providers behind providers); browsers stop after 20",
    fix: "redirect to the final URL at once: join the steps for scheme, host and language, and take providers out of the row",
    reference: "Fetch §4.5 (HTTP-redirect fetch: at most 20 redirects)",
    check,
};

/// What the Fetch standard allows.
const MOST: usize = 20;

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut rows: BTreeMap<HopId, Vec<HopId>> = BTreeMap::new();
    for hop in facts.chain.hops.iter().filter(|hop| matches!(hop.cause, Cause::Redirect(_))) {
        rows.entry(facts.root(hop).id).or_default().push(hop.id);
    }
    // Browsers give up at the limit or one before it; then the last one of the row was not followed.
    let stopped = |row: &[HopId]| row.last().and_then(|last| facts.chain.hop(*last)).is_some_and(|last| is_stopped(facts, last));
    rows.retain(|_, row| row.len() > MOST || row.len() + 2 > MOST && stopped(row));
    if rows.is_empty() {
        return Vec::new();
    }
    // A loop is told by a rule that says where.
    let looped: Vec<HopId> = cycles(facts).iter().flat_map(|cycle| cycle.lap.iter().map(|hop| facts.root(hop).id)).collect();
    let rows = rows.into_iter().filter(|(root, _)| !looped.contains(root));
    rows.filter_map(|(root, row)| {
        let (first, last) = (facts.chain.hop(root)?, facts.chain.hop(*row.last()?)?);
        Some(RULE.finding(
            format!("{} in a row", count(row.len(), "redirect")),
            vec![
                Evidence::at(first.id, format!("{} began a row of {}", place(first), count(row.len(), "redirect"))),
                Evidence::at(last.id, format!("{} is where it ended", place(last))),
            ],
        ))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};

    fn row(number: usize, path: impl Fn(usize) -> String) -> bool {
        let mut story = Story::new();
        story.open("https://app.test/");
        (0..number).for_each(|at| {
            story.follow(&format!("https://app.test/{}", path(at)));
        });
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(row(21, |at| format!("part-{at}")));
        assert!(!row(20, |at| format!("part-{at}")), "browsers follow these");
        let mut given_up = Story::new();
        given_up.open("https://app.test/");
        (0..19).for_each(|at| {
            given_up.follow(&format!("https://app.test/part-{at}"));
        });
        given_up.status(302).location("https://app.test/next").last_step().error = Some("more than 19 redirects".to_owned());
        assert!(hits(RULE.id, &given_up), "Chromium gives up one earlier");
        assert!(!row(30, |at| format!("part-{}", at % 2)), "a loop has a rule of its own");
    }
}
