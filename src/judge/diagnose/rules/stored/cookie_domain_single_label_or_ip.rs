//! `Domain=localhost`, `Domain=127.0.0.1`.

use super::Evidence;
use crate::judge::diagnose::facts::{Facts, is_deletion, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::web::site::is_address;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-domain-single-label-or-ip",
    family: Family::Stored,
    severity: Severity::Warning,
    needs: Needs::Chain,
    summary: "`Domain` is an address or a name without a dot",
    cause: "there is nothing below such a host: one user agent keeps the cookie for this host alone, the other drops it",
    fix: "leave `Domain` out in development",
    reference: "RFC 6265bis §5.7 step 9; lukevella/rallly#2941",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut told = Vec::new();
    let mut findings = Vec::new();
    for hop in &facts.chain.hops {
        for set in hop.set.iter().filter(|set| !is_deletion(set)) {
            let Some(domain) = set.attribute("domain").and_then(|value| value.as_deref()) else { continue };
            let bare = domain.trim_start_matches('.');
            let own = hop.request.url.host_str().is_some_and(|host| host.eq_ignore_ascii_case(bare));
            if !own || bare.contains('.') && !is_address(bare) || told.contains(&(&set.name, bare.to_owned())) {
                continue;
            }
            told.push((&set.name, bare.to_owned()));
            let (name, domain) = (shown(&set.name_text(), 80), shown(domain, 80));
            let text = format!("{} set `{name}` with Domain={domain}", place(hop));
            findings.push(
                RULE.finding(
                    format!("not every user agent keeps the cookie `{name}` with Domain={domain}"),
                    vec![Evidence::at(hop.id, text)],
                ),
            );
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;

    fn hits(url: &str, line: &str) -> bool {
        let mut story = Story::new();
        story.open(url).sets(line);
        diagnose(&story.plan, &story.chain).iter().any(|finding| finding.rule == RULE.id)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(hits("http://localhost:3000/", "sid=v; Domain=localhost"));
        assert!(hits("http://127.0.0.1:3000/", "sid=v; Domain=127.0.0.1"));
        assert!(!hits("http://localhost:3000/", "sid=v"));
        assert!(!hits("https://app.test/", "sid=v; Domain=app.test"));
        assert!(!hits("http://localhost:3000/", "sid=; Domain=localhost; Max-Age=0"));
    }
}
