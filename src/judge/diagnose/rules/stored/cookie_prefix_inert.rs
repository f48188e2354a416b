//! A name prefix that is none, because something stands before it.

use super::Evidence;
use crate::judge::diagnose::facts::{Facts, is_deletion, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-prefix-inert",
    family: Family::Stored,
    severity: Severity::Warning,
    needs: Needs::Chain,
    summary: "`__Host-` or `__Secure-` stands within the name, where it promises nothing",
    cause: "the framework puts a prefix of its own before the configured name, or the prefix was configured twice",
    fix: "configure the whole name in one place",
    reference: "RFC 6265bis §4.1.3; better-auth/better-auth#11061",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut told = Vec::new();
    let mut findings = Vec::new();
    for hop in &facts.chain.hops {
        for set in hop.set.iter().filter(|set| !is_deletion(set)) {
            let name = set.name_text();
            let Some(prefix) = ["__Host-", "__Secure-"].into_iter().find(|prefix| name.get(1..).is_some_and(|rest| rest.contains(prefix)))
            else {
                continue;
            };
            if told.contains(&name) {
                continue;
            }
            let text = format!("{} set `{}`: `{prefix}` does not stand at the start", place(hop), shown(&name, 80));
            findings.push(
                RULE.finding(format!("`{prefix}` has no effect in the cookie `{}`", shown(&name, 80)), vec![Evidence::at(hop.id, text)]),
            );
            told.push(name);
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;

    fn hits(line: &str) -> bool {
        let mut story = Story::new();
        story.open("https://app.test/").sets(line);
        diagnose(&story.plan, &story.chain).iter().any(|finding| finding.rule == RULE.id)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(hits("better-auth.__Secure-session=v; Secure"));
        assert!(hits("__Secure-__Host-sid=v; Secure"));
        assert!(!hits("__Host-sid=v; Secure; Path=/"));
        assert!(!hits("my_host-sid=v"));
        assert!(!hits("é=v"));
    }
}
