//! A loop around a cookie that nobody takes and nobody deletes.

use super::Evidence;
use crate::judge::diagnose::cycle::{Cycle, cycles, stale};
use crate::judge::diagnose::facts::{Facts, place, target, without_query};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::{count, shown};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "invalid-cookie-never-cleared",
    family: Family::Accepted,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "two pages send the user to each other over an old session cookie that no answer deletes",
    cause: "the login page takes the cookie's presence for a session, the other page checks it and finds it dead: nobody clears it, so both go on for ever",
    fix: "expire the cookie where it is found to be invalid, and let the login page check validity too",
    reference: "2anki/2anki.net#2352; nextauthjs/next-auth#421",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let of = |cycle: Cycle<'_>| {
        let stale = stale(facts, &cycle)?;
        let name = shown(&String::from_utf8_lossy(&stale.name), 80);
        let mut evidence: Vec<_> = cycle
            .lap
            .iter()
            .take(12)
            .map(|hop| {
                let to = target(hop).map(|url| format!(" → {}", without_query(&url))).unwrap_or_default();
                Evidence::at(
                    hop.id,
                    format!(
                        "{} carried `{name}`, answered {}{to}, and left the cookie as it was",
                        place(hop),
                        hop.status().unwrap_or_default()
                    ),
                )
            })
            .collect();
        let stopped = if cycle.stopped { ", until following stopped" } else { "" };
        evidence.push(Evidence::of(format!("this cycle ran {}{stopped}; nobody had signed in before", count(cycle.laps, "time"))));
        let path: Vec<_> = cycle.lap.iter().take(12).map(|hop| without_query(&hop.request.url)).collect();
        let title = format!("a loop of {} over the dead cookie `{name}`: {}", count(cycle.lap.len(), "hop"), path.join(" → "));
        Some(RULE.finding(title, evidence))
    };
    cycles(facts).into_iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;

    fn found(login: bool, cookie: &str, clears: bool) -> Vec<&'static str> {
        let mut story = Story::new();
        if login {
            story.step("log in").submit("https://app.test/session").sets("sid=v").html("x");
        }
        story.step("open").open("https://app.test/").cookies(cookie);
        for _ in 0..4 {
            story.follow("https://app.test/login").cookies(cookie);
            if clears {
                story.set_cookie("sid=; Max-Age=0", crate::trace::SetVerdict::Deleted);
            }
            story.follow("https://app.test/").cookies(cookie);
        }
        diagnose(&story.plan, &story.chain).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn one_loop_has_one_cause() {
        assert_eq!(found(false, "sid=dead", false), [RULE.id]);
        assert_eq!(found(false, "theme=dark", false), ["redirect-ping-pong-guards"], "no session");
        assert_eq!(found(false, "sid=dead", true), ["redirect-ping-pong-guards"], "it is cleared");
        assert!(!found(true, "sid=v", false).contains(&RULE.id), "a session of this very login");
    }
}
