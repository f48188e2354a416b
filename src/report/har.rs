//! The chains of a command's runs as one HAR 1.2, what is secret replaced by pseudonyms.
//!
//! Browsers' tools show it like any other; what they do not know of stands under `_authchain`: steps, causes, verdicts on
//! cookies, why cookies stayed, and the findings.

use super::{Finished, Mask, Summary};
use crate::trace::{Cause, Hop, HopId, har};
use crate::web::har::redact::Pseudonyms;
use crate::web::har::{Page, Writer};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

/// The report as one document.
///
/// # Errors
/// When it cannot be written, which would be a fault of the library.
pub fn render(summary: &Summary) -> std::io::Result<Vec<u8>> {
    let mut pages = Vec::new();
    let mut steps = Vec::new();
    let mut runs = Vec::new();
    let mut hops = 0;
    for run in &summary.runs {
        let text = |text: &str| run.redactor.text(text).into_owned();
        let mask = Mask::new(&run.redactor);
        for step in &run.chain.steps {
            pages.push(Page {
                started_date_time: step.started.format(&Rfc3339).unwrap_or_default(),
                id: format!("step_{}", pages.len() + 1),
                title: text(&step.label),
                ..Page::default()
            });
        }
        let own = har::log(&run.chain, &text, &|url| mask.url(url), serde_json::Map::new());
        steps.extend(own["steps"].as_array().cloned().unwrap_or_default());
        runs.push(json!({ "name": run.name, "first_hop": hops, "findings": findings(run, hops, mask) }));
        hops += run.chain.hops.len();
    }
    let own = json!({ "steps": steps, "runs": runs });
    let mut writer = Writer::new(Vec::new(), &pages, Some(&own))?;
    let (mut hops, mut steps) = (0, 0);
    for run in &summary.runs {
        let mut pseudonyms = Pseudonyms::new(run.redactor.clone());
        // A first time for the secrets: what is one on a later hop may stand in an earlier one's page.
        run.chain.hops.iter().for_each(|hop| drop(har::entry(hop, &mut pseudonyms, &str::to_owned)));
        for hop in &run.chain.hops {
            let entry = har::entry(&moved(hop, hops, steps), &mut pseudonyms, &|text| run.redactor.text(text).into_owned());
            writer.entry(&entry)?;
        }
        hops += u32::try_from(run.chain.hops.len()).unwrap_or(u32::MAX);
        steps += run.chain.steps.len();
    }
    writer.finish()
}

/// The hop in a row of several runs.
fn moved(hop: &Hop, hops: u32, steps: usize) -> Hop {
    let cause = match hop.cause {
        Cause::Redirect(from) => Cause::Redirect(HopId(from.0 + hops)),
        ref cause => cause.clone(),
    };
    Hop { id: HopId(hop.id.0 + hops), step: hop.step + steps, cause, ..hop.clone() }
}

fn findings(run: &Finished, hops: usize, mask: Mask<'_>) -> Vec<Value> {
    let one = |judged: &super::Judged| {
        let finding = &judged.finding;
        let evidence = finding
            .evidence
            .iter()
            .map(|evidence| json!({ "hop": evidence.hop.map(|hop| hop.0 as usize + hops), "text": mask.text(&evidence.text) }));
        json!({ "rule": finding.rule, "title": mask.text(&finding.title), "evidence": evidence.collect::<Vec<_>>() })
    };
    run.findings.iter().map(one).collect()
}
