//! Family A: emitted but not stored. Each of these rules reads the jar's own verdict and tells its causes apart.

mod cookie_attribute_too_long;
mod cookie_born_expired;
mod cookie_domain_foreign;
mod cookie_domain_public_suffix;
mod cookie_domain_single_label_or_ip;
mod cookie_header_folded;
mod cookie_host_prefix_broken;
mod cookie_http_prefix_broken;
mod cookie_illegal_bytes;
mod cookie_lax_set_in_subrequest;
mod cookie_missing_secure_https;
mod cookie_none_insecure;
mod cookie_overlay_secure;
mod cookie_partitioned_insecure;
mod cookie_prefix_inert;
mod cookie_rewritten_by_edge;
mod cookie_secure_over_http;
mod cookie_secure_prefix_broken;
mod cookie_set_by_prefetched_page;
mod cookie_set_then_cleared;
mod cookie_stripped_by_edge;
mod cookie_third_party_blocked;
mod cookie_too_large;

use super::{Evidence, Finding, Rule};
use crate::judge::diagnose::facts::{Facts, Refused};
use crate::judge::text::shown;

/// The family's rules, those that name a cause before those that name a symptom.
pub(super) const RULES: &[&Rule] = &[
    &cookie_none_insecure::RULE,
    &cookie_secure_over_http::RULE,
    &cookie_host_prefix_broken::RULE,
    &cookie_secure_prefix_broken::RULE,
    &cookie_http_prefix_broken::RULE,
    &cookie_domain_foreign::RULE,
    &cookie_domain_public_suffix::RULE,
    &cookie_too_large::RULE,
    &cookie_illegal_bytes::RULE,
    &cookie_overlay_secure::RULE,
    &cookie_lax_set_in_subrequest::RULE,
    &cookie_third_party_blocked::RULE,
    &cookie_header_folded::RULE,
    &cookie_set_then_cleared::RULE,
    &cookie_born_expired::RULE,
    &cookie_set_by_prefetched_page::RULE,
    &cookie_partitioned_insecure::RULE,
    &cookie_missing_secure_https::RULE,
    &cookie_prefix_inert::RULE,
    &cookie_attribute_too_long::RULE,
    &cookie_domain_single_label_or_ip::RULE,
    &cookie_stripped_by_edge::RULE,
    &cookie_rewritten_by_edge::RULE,
];

/// A finding for each cookie refused with one of the words `codes` that `applies` to.
fn refused(rule: &Rule, facts: &Facts<'_>, codes: &'static [&'static str], applies: impl Fn(&Refused<'_>) -> bool) -> Vec<Finding> {
    let findings = facts.refused(codes).filter(|refused| applies(refused)).map(|refused| {
        let title = format!("the browser does not keep the cookie `{}`: {}", shown(&refused.set.name_text(), 80), rule.summary);
        rule.finding(title, vec![Evidence::at(refused.hop.id, refused.told())])
    });
    findings.collect()
}

/// Whether the cookie's name begins with `prefix`, compared as RFC 6265bis §5.7 step 20 does.
fn has_prefix(refused: &Refused<'_>, prefix: &str) -> bool {
    refused.set.name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

/// Whether the host of the response lies in the cookie's `Domain`.
fn is_within_domain(refused: &Refused<'_>) -> bool {
    let domain = refused.set.attribute("domain").and_then(|value| value.as_deref()).unwrap_or_default();
    let domain = domain.trim_start_matches('.').to_ascii_lowercase();
    let host = refused.hop.request.url.host_str().unwrap_or_default().to_ascii_lowercase();
    !domain.is_empty() && (host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.')))
}

/// Rules of this family are tested by one line that hits and lines that do not.
#[cfg(test)]
fn assert_hits(rule: &Rule, url: &str, hit: (&str, &str), misses: &[(&str, &str)]) {
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;
    let found = |line: &str, word: &str| -> Vec<Finding> {
        let mut story = Story::new();
        story.open(url);
        if word.is_empty() {
            story.sets(line)
        } else {
            story.sets_blocked(line, word)
        };
        diagnose(&story.plan, &story.chain)
    };
    let findings = found(hit.0, hit.1);
    assert_eq!(findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), [rule.id]);
    assert!(findings[0].evidence[0].text.contains(hit.1), "the evidence names the word: {findings:?}");
    assert!(!findings[0].evidence[0].text.contains("s3cret-value"), "the evidence leaves the value out: {findings:?}");
    for (line, word) in misses {
        let findings = found(line, word);
        assert!(findings.iter().all(|finding| finding.rule != rule.id), "{line} {word}: {findings:?}");
    }
}
