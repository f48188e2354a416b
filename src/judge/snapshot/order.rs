//! The order in which a snapshot shows steps: that of the run, without what is chance in it.

use crate::plan::{Plan, Step, StepId, Verb, each_step};
use crate::trace::{Cause, Chain, Hop, Resource};
use std::collections::{BTreeMap, BTreeSet};

/// Which hops are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// All but what a browser asks for beside (parts of pages, leave to ask) that went well and set no cookie.
    All,
    /// Those of navigations, HTTP steps and `fetch` steps, which every engine makes.
    Common,
}

impl Shown {
    fn takes(self, chain: &Chain, hop: &Hop, asking: &BTreeSet<u32>) -> bool {
        let beside = matches!(hop.resource, Resource::Asset | Resource::Preflight);
        match self {
            Self::All => !beside || !hop.set.is_empty() || hop.status().is_none_or(|status| status >= 400),
            Self::Common => {
                let asked = || chain.steps.get(hop.step).is_some_and(|step| asking.contains(&step.number));
                !beside && (root(chain, hop).cause != Cause::Subresource || hop.resource == Resource::Fetch && asked())
            }
        }
    }
}

/// Numbers of the steps that have a page's script ask.
fn asking(plan: &Plan) -> BTreeSet<u32> {
    let mut asking = BTreeSet::new();
    each_step(&plan.steps, &mut |step| {
        if matches!(step.verb, Verb::Fetch(_)) {
            asking.insert(step.number.0);
        }
    });
    asking
}

/// The hop that began the row of redirects that `hop` belongs to.
fn root<'a>(chain: &'a Chain, mut hop: &'a Hop) -> &'a Hop {
    while let Cause::Redirect(from) = hop.cause
        && from < hop.id
        && let Some(earlier) = chain.hop(from)
    {
        hop = earlier;
    }
    hop
}

/// A step with the hops that are shown of it.
pub(super) struct Entry<'a> {
    /// Index into the chain's steps.
    pub(super) step: usize,
    pub(super) hops: Vec<&'a Hop>,
}

/// Steps in the order of the snapshot. `content` is a step's text with nothing in it that depends on other steps.
///
/// - Of a poll only the last try is shown: how many it took is chance.
/// - Steps that ran at the same time stand in the order of the plan; among those that look alike to the reader (same
///   label and actor) the outcomes are sorted, because which of them came first is chance.
pub(super) fn entries<'a>(plan: &Plan, chain: &'a Chain, shown: Shown, content: impl Fn(&Entry<'a>) -> String) -> Vec<Entry<'a>> {
    let mut hops: Vec<Vec<&Hop>> = vec![Vec::new(); chain.steps.len()];
    let asking = asking(plan);
    // How many requests a probe makes hangs on the values of cookies.
    for hop in chain.hops.iter().filter(|hop| hop.cause != Cause::Probe && shown.takes(chain, hop, &asking)) {
        if let Some(of_step) = hops.get_mut(hop.step) {
            of_step.push(hop);
        }
    }
    let polls = Polls::of(plan);
    let entries = hops.into_iter().enumerate().map(|(step, hops)| Entry { step, hops });
    let mut entries: Vec<Entry<'a>> = entries.filter(|entry| !StepId(chain.steps[entry.step].number).is_added()).collect();
    for entry in &mut entries {
        if polls.is_poll(chain.steps[entry.step].number) {
            keep_last_try(&mut entry.hops);
        }
    }
    let entries = polls.without_earlier_tries(chain, entries);
    sort_concurrent(chain, entries, content)
}

/// Which plan steps poll, and which are polled.
struct Polls {
    pollers: BTreeSet<u32>,
    /// Number of a polled step, to that of the step that polls it.
    polled: BTreeMap<u32, u32>,
}

impl Polls {
    fn of(plan: &Plan) -> Self {
        let mut polls = Self { pollers: BTreeSet::new(), polled: BTreeMap::new() };
        plan.steps.iter().for_each(|step| polls.collect(step, None));
        polls
    }

    fn collect(&mut self, step: &Step, within: Option<u32>) {
        if let Some(poller) = within {
            self.polled.insert(step.number.0, poller);
        }
        match &step.verb {
            Verb::Poll { step: inner, .. } => {
                self.pollers.insert(step.number.0);
                self.collect(inner, within.or(Some(step.number.0)));
            }
            Verb::Race(steps) | Verb::Flow { steps, .. } => steps.iter().for_each(|step| self.collect(step, within)),
            Verb::Repeat(plan) => plan.steps.iter().for_each(|step| self.collect(step, within)),
            Verb::Boundary(plan) => plan.steps().for_each(|step| self.collect(step, within)),
            Verb::Limit(plan) => plan.steps().for_each(|step| self.collect(step, within)),
            _ => {}
        }
    }

    fn is_poll(&self, number: u32) -> bool {
        self.pollers.contains(&number)
    }

    /// Of each unbroken row of records of one poll, the last record of each polled step.
    fn without_earlier_tries<'a>(&self, chain: &Chain, entries: Vec<Entry<'a>>) -> Vec<Entry<'a>> {
        let poller = |entry: &Entry<'_>| self.polled.get(&chain.steps[entry.step].number);
        let superseded = |at: usize| {
            let number = chain.steps[entries[at].step].number;
            poller(&entries[at]).is_some_and(|own| {
                let row = entries[at + 1..].iter().take_while(|entry| poller(entry) == Some(own));
                row.into_iter().any(|entry| chain.steps[entry.step].number == number)
            })
        };
        let kept: Vec<bool> = (0..entries.len()).map(|at| !superseded(at)).collect();
        entries.into_iter().zip(kept).filter_map(|(entry, kept)| kept.then_some(entry)).collect()
    }
}

/// Drops the hops before the last one that was not the redirect of another.
fn keep_last_try(hops: &mut Vec<&Hop>) {
    if let Some(root) = hops.iter().rposition(|hop| !matches!(hop.cause, Cause::Redirect(_))) {
        hops.drain(..root);
    }
}

fn sort_concurrent<'a>(chain: &Chain, entries: Vec<Entry<'a>>, content: impl Fn(&Entry<'a>) -> String) -> Vec<Entry<'a>> {
    let mut sorted: Vec<Entry<'a>> = Vec::with_capacity(entries.len());
    let mut block: Vec<Entry<'a>> = Vec::new();
    for entry in entries {
        if chain.steps[entry.step].concurrent {
            block.push(entry);
        } else {
            sorted.extend(sort_block(chain, std::mem::take(&mut block), &content));
            sorted.push(entry);
        }
    }
    sorted.extend(sort_block(chain, block, &content));
    sorted
}

fn sort_block<'a>(chain: &Chain, mut block: Vec<Entry<'a>>, content: &impl Fn(&Entry<'a>) -> String) -> Vec<Entry<'a>> {
    let look = |entry: &Entry<'_>| {
        let step = &chain.steps[entry.step];
        (step.label.clone(), step.actor.clone(), step.depth)
    };
    block.sort_by_key(|entry| chain.steps[entry.step].number);
    let looks: Vec<_> = block.iter().map(look).collect();
    // Every group of steps that look alike fills its own places again, by content.
    let mut groups: BTreeMap<_, Vec<(String, Entry<'a>)>> = BTreeMap::new();
    for entry in block {
        groups.entry(look(&entry)).or_default().push((content(&entry), entry));
    }
    for group in groups.values_mut() {
        // Descending, so that the first can be popped from the end.
        group.sort_by(|(one, _), (other, _)| other.cmp(one));
    }
    looks.into_iter().filter_map(|look| groups.get_mut(&look)?.pop()).map(|(_, entry)| entry).collect()
}
