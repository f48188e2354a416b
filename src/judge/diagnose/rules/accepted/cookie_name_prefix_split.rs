//! One cookie with two names: with `__Secure-` in one place, without in the other.

use super::Evidence;
use crate::judge::diagnose::denied::{denied, turned_away};
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::web::presented::Presented;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-name-prefix-split",
    family: Family::Accepted,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the login sets its cookie under one spelling, and the page that sees nobody goes by another (`__Secure-x`, `x`)",
    cause: "the writer decides about the prefix by the public URL, the reader by its internal one or by `NODE_ENV`: they look for different cookies",
    fix: "say explicitly in both whether cookies are secure, or read both names",
    reference: "better-auth/better-auth#1487, #8737; opencoredev/openchat#240",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let findings = denied(facts).into_iter().filter(|denied| denied.carried()).filter_map(|denied| {
        let name = denied.witness.set.name_text();
        let host = denied.page.request.url.host_str();
        // Who sets or expires the other spelling goes by it.
        let (hop, other) =
            facts.chain.hops.iter().filter(|hop| hop.request.url.host_str() == host && hop.id >= denied.page.id).find_map(|hop| {
                let other = hop.set.iter().map(|set| set.name_text()).find(|other| *other != name && bare(other) == bare(&name))?;
                Some((hop, other))
            })?;
        let (name, other) = (shown(&name, 80), shown(&other, 80));
        let how = turned_away(facts, denied.page)?.told(denied.page);
        let evidence = vec![
            Evidence::at(denied.witness.hop.id, format!("{} set `{name}`", place(denied.witness.hop))),
            Evidence::at(denied.page.id, format!("{} got it and answered {how}", place(denied.page))),
            Evidence::at(hop.id, format!("{} goes by the name `{other}`", place(hop))),
        ];
        Some(RULE.finding(format!("the login writes `{name}`, the page reads `{other}`"), evidence))
    });
    findings.chain(probed(facts)).collect()
}

/// The same, as the truth table of a session shows it: refused under its name, accepted under another spelling.
fn probed(facts: &Facts<'_>) -> Vec<Finding> {
    let findings = facts.columns().into_iter().filter_map(|column| {
        let refused = column.refused(Presented::Stored)?;
        let form = [Presented::Bare, Presented::Secure, Presented::Host].into_iter().find(|form| column.opened_by(*form).is_some())?;
        let (known, name) = (column.opened_by(form)?, column.name());
        let evidence = vec![
            Evidence::at(
                refused.id,
                format!("{} got `{name}` as it was stored and answered {}", place(refused), refused.status().unwrap_or_default()),
            ),
            Evidence::at(known.id, format!("it got the same value {} and answered {}", form.told(), known.status().unwrap_or_default())),
        ];
        Some(RULE.finding(format!("the login writes `{name}`, and {} reads the cookie {}", place(refused), form.told()), evidence))
    });
    findings.collect()
}

fn bare(name: &str) -> &str {
    ["__Host-Http-", "__Http-", "__Host-", "__Secure-"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::{Presented, RULE};
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;

    fn hits(status: u16, clears: &str) -> bool {
        let mut story = Story::new();
        story.step("x").open("https://app.test/cb?code=1&state=2").sets("__Secure-session=v; Secure").follow("https://app.test/home");
        story.cookies("__Secure-session=v").sets(clears).status(status);
        diagnose(&story.plan, &story.chain).iter().any(|finding| finding.rule == RULE.id)
    }

    #[test]
    fn a_table_shows_it_too() {
        use crate::judge::diagnose::probe::tests::table_of;
        use Presented::{Secure, Stored};
        assert!(crate::judge::testing::hits(RULE.id, &table_of(&[(Stored, 401), (Secure, 200)])));
        assert!(!crate::judge::testing::hits(RULE.id, &table_of(&[(Stored, 200), (Secure, 200)])), "it takes both");
        assert!(!crate::judge::testing::hits(RULE.id, &table_of(&[(Stored, 401), (Secure, 401)])));
        let shadowed = table_of(&[(Stored, 401), (Secure, 200), (Presented::LeftOut, 200)]);
        assert!(!crate::judge::testing::hits(RULE.id, &shadowed), "the other cookies open the door");
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(hits(401, "session=; Max-Age=0"));
        assert!(!hits(200, "session=; Max-Age=0"), "let in: an old name is cleaned up");
        assert!(!hits(401, "__Secure-session=; Max-Age=0"), "the same name");
        assert!(!hits(401, "theme=x"));
    }
}
