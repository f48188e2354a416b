//! One cookie with two names: with `__Secure-` in one place, without in the other.

use super::Evidence;
use crate::judge::diagnose::denied::{denied, turned_away};
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::trace::{CookieSet, Hop};
use crate::web::presented::Presented;
use std::collections::{BTreeMap, HashMap};

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

/// Hops that set or expire a cookie, by host and by the cookie's name without and with its prefix.
type Spellings<'a> = HashMap<(Option<&'a str>, String), BTreeMap<String, Vec<&'a Hop>>>;

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut spellings = Spellings::new();
    for hop in &facts.chain.hops {
        for name in hop.set.iter().map(CookieSet::name_text) {
            let of_cookie = spellings.entry((hop.request.url.host_str(), bare(&name).to_owned())).or_default();
            of_cookie.entry(name).or_default().push(hop);
        }
    }
    let findings = denied(facts).into_iter().filter(|denied| denied.carried()).filter_map(|denied| {
        let name = denied.witness.set.name_text();
        let host = denied.page.request.url.host_str();
        // Who sets or expires the other spelling goes by it.
        let later = |hops: &[&'_ Hop]| hops.partition_point(|hop| hop.id < denied.page.id);
        let others = spellings.get(&(host, bare(&name).to_owned()))?.iter().filter(|(other, _)| **other != name);
        let (hop, other) = others.filter_map(|(other, hops)| Some((*hops.get(later(hops))?, other))).min_by_key(|(hop, _)| hop.id)?;
        let (name, other) = (shown(&name, 80), shown(other, 80));
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
