//! A session cookie that only the callback's folder gets.

use crate::judge::diagnose::facts::{Facts, is_deletion, place, target};
use crate::judge::diagnose::ledger::witness;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::trace::Hop;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-path-miss",
    family: Family::Sent,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the login's cookie is stored for a path that the protected page is not under",
    cause: "a Set-Cookie without `Path` holds for the folder of the URL that set it, such as that of the callback; other pages do not get it",
    fix: "set `Path=/`",
    reference: "RFC 6265bis §5.1.4; aspnet/Security#1799",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut told = Vec::new();
    // Cookies that keep to a path on purpose (a refresh token's) are no fault: the page must have turned the user away.
    for hop in facts.chain.hops.iter().filter(|hop| turns_away(hop)) {
        let Some(witness) = witness(facts, &hop.actor, hop.id) else { continue };
        let name = &witness.set.name;
        let misses =
            hop.withheld.iter().any(|cookie| cookie.name == *name && cookie.reasons.iter().any(|reason| reason.code == "NotOnPath"));
        // Another cookie of the same login that did arrive may be the session.
        let others = witness.hop.set.iter().filter(|set| set.name != *name && !is_deletion(set));
        let other_arrived = others.into_iter().any(|set| hop.sent.iter().any(|sent| sent.name == set.name));
        if !misses || other_arrived || hop.sent.iter().any(|sent| sent.name == *name) || told.contains(&(&hop.actor, name)) {
            continue;
        }
        told.push((&hop.actor, name));
        let shown_name = shown(&witness.set.name_text(), 80);
        let path = match witness.set.attribute("path") {
            Some(Some(path)) => format!("with Path={}", shown(path, 80)),
            _ => "without Path".to_owned(),
        };
        let evidence = vec![
            Evidence::at(witness.hop.id, format!("{} set `{shown_name}` {path}", place(witness.hop))),
            Evidence::at(hop.id, format!("{} did not get it (NotOnPath) and answered {}", place(hop), hop.status().unwrap_or_default())),
        ];
        findings.push(RULE.finding(format!("the cookie `{shown_name}` does not reach {}", place(hop)), evidence));
    }
    findings
}

fn turns_away(hop: &Hop) -> bool {
    let to_login =
        || target(hop).is_some_and(|url| ["login", "sign-in", "signin", "authorize"].iter().any(|word| url.path().contains(word)));
    hop.request.method == "GET" && (hop.status() == Some(401) || to_login())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;

    fn rules(line: &str, then: impl FnOnce(&mut Story)) -> Vec<&'static str> {
        let mut story = Story::new();
        story.step("x").open("https://app.test/auth/cb?code=1&state=2").sets(line).follow("https://app.test/home");
        then(&mut story);
        diagnose(&story.plan, &story.chain).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn hits_and_near_misses() {
        assert_eq!(
            rules("session=v", |story| {
                story.withheld("session", "NotOnPath").status(401);
            }),
            [RULE.id]
        );
        assert!(
            rules("session=v", |story| {
                story.withheld("session", "NotOnPath");
            })
            .is_empty(),
            "the page opened all the same"
        );
        assert!(
            rules("session=v", |story| {
                story.withheld("other", "NotOnPath").status(401);
            })
            .is_empty()
        );
        let sent = rules("session=v; Path=/", |story| {
            story.cookies("session=v").status(401);
        });
        assert!(!sent.contains(&RULE.id));
    }
}
