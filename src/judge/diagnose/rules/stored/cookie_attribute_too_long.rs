//! An attribute that browsers pass over for its length.

use super::Evidence;
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::trace::CookieSet;
use crate::web::cookie::MAX_ATTRIBUTE_OCTETS;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-attribute-too-long",
    family: Family::Stored,
    severity: Severity::Warning,
    needs: Needs::Chain,
    summary: "an attribute is longer than 1024 bytes, and browsers act as if it were not there",
    cause: "the cookie is kept, but with the default in the attribute's place: another path, or this host alone",
    fix: "shorten the value",
    reference: "RFC 6265bis §5.6, attributes, step 6",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let findings = facts.chain.hops.iter().flat_map(|hop| hop.set.iter().map(move |set| (hop, set))).filter_map(|(hop, set)| {
        let (attribute, length) = too_long(set)?;
        let name = shown(&set.name_text(), 80);
        let text = format!("{} set `{name}` with a `{attribute}` of {length} bytes", place(hop));
        Some(RULE.finding(format!("`{attribute}` of the cookie `{name}` has no effect"), vec![Evidence::at(hop.id, text)]))
    });
    findings.take(8).collect()
}

/// The first attribute that is too long, read from the line itself: the jar no longer has it.
fn too_long(set: &CookieSet) -> Option<(String, usize)> {
    set.raw.split(|byte| *byte == b';').skip(1).find_map(|part| {
        let (name, value) = part.split_at(part.iter().position(|byte| *byte == b'=')?);
        let length = value[1..].trim_ascii().len();
        (length > MAX_ATTRIBUTE_OCTETS).then(|| (shown(String::from_utf8_lossy(name).trim(), 40), length))
    })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;

    fn hits(length: usize) -> bool {
        let mut story = Story::new();
        story.open("https://app.test/").sets(&format!("a=1; Path=/{}; Secure", "x".repeat(length - 1)));
        diagnose(&story.plan, &story.chain).iter().any(|finding| finding.rule == RULE.id)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(hits(1025));
        assert!(!hits(1024));
    }
}
