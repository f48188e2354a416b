//! `Access-Control-Allow-Origin: *` on an answer to a request with cookies.

use super::Evidence;
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::trace::{Cause, Resource};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cors-wildcard-with-credentials",
    family: Family::Sent,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a script asks with cookies, and the answer allows any origin, which does not hold for such requests",
    cause: "with credentials, `Access-Control-Allow-Origin` must name the page's origin and `Access-Control-Allow-Credentials` must be `true`: the browser keeps the answer from the script",
    fix: "answer with the very origin that asks, from a list of allowed ones, with `Access-Control-Allow-Credentials: true` and `Vary: Origin`",
    reference: "Fetch §3.3.5 (CORS protocol and credentials); JakeChampion/fetch#284, supabase/supabase#12122",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut told = Vec::new();
    let mut findings = Vec::new();
    for hop in
        facts.chain.hops.iter().filter(|hop| hop.resource == Resource::Fetch && hop.cause == Cause::Subresource && !hop.sent.is_empty())
    {
        let Some(asker) = hop.request.headers.get_str("origin") else { continue };
        let any = hop
            .response()
            .and_then(|response| response.headers.get_str("access-control-allow-origin"))
            .is_some_and(|value| value.trim() == "*");
        if !any || asker == hop.request.url.origin().ascii_serialization() || told.contains(&place(hop)) {
            continue;
        }
        let text = format!("{} carried cookies for {}, and its answer allows `*`", place(hop), shown(asker, 100));
        findings.push(RULE.finding(format!("the script does not get the answer of {}", place(hop)), vec![Evidence::at(hop.id, text)]));
        told.push(place(hop));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;
    use crate::trace::{Cause, Resource};

    fn hits(origin: &str, cookies: bool, allowed: &str) -> bool {
        let mut story = Story::new();
        story.hop("GET", "https://api.test/x", Cause::Subresource).sends("Origin", origin).answers("Access-Control-Allow-Origin", allowed);
        story.last().resource = Resource::Fetch;
        if cookies {
            story.cookies("sid=v");
        }
        diagnose(&story.plan, &story.chain).iter().any(|finding| finding.rule == RULE.id)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(hits("https://app.test", true, "*"));
        assert!(!hits("https://app.test", false, "*"), "without cookies any origin may be allowed");
        assert!(!hits("https://app.test", true, "https://app.test"));
        assert!(!hits("https://api.test", true, "*"), "its own page");
    }
}
