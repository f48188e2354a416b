//! A person who took longer to log in than the state cookie lives.

use crate::judge::diagnose::attempt::turned_down;
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::trace::CookieSet;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "state-cookie-expired",
    family: Family::State,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the login took longer than its state cookie lives, and the callback was turned down",
    cause: "the cookie that binds the callback to the browser has a short Max-Age; a slow login, a second factor or a page left open outlives it",
    fix: "let the cookie live as long as people may take at the provider (ten minutes and more); if a session is there already, use it; begin anew once",
    reference: "oauth2-proxy/oauth2-proxy#1888",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    if !facts.chain.visibility.cookies {
        return Vec::new();
    }
    facts
        .answers()
        .into_iter()
        .filter_map(|answer| {
            let attempt = facts.attempt_with(answer.callback.state.as_deref()?, answer.hop.id)?;
            if attempt.hop.actor != answer.hop.actor {
                return None;
            }
            let failed = turned_down(answer.hop, &answer.callback)?;
            let took = (answer.hop.started - attempt.hop.started).whole_seconds();
            let gone = |set: &&CookieSet| {
                lifetime(set).is_some_and(|lifetime| took >= lifetime) && answer.hop.sent.iter().all(|sent| sent.name != set.name)
            };
            let set = attempt.cookies().find(gone)?;
            let (name, lifetime) = (shown(&set.name_text(), 80), lifetime(set)?);
            Some(RULE.finding(
                format!("`{name}` lives {lifetime} s, and the login took {took} s"),
                vec![
                    Evidence::at(
                        attempt.hop.id,
                        format!("{} began the login and set `{name}` with Max-Age={lifetime}", place(attempt.hop)),
                    ),
                    Evidence::at(answer.hop.id, format!("{} came {took} s later without `{name}` and {failed}", place(answer.hop))),
                ],
            ))
        })
        .collect()
}

fn lifetime(set: &CookieSet) -> Option<i64> {
    set.attribute("max-age")?.as_deref()?.trim().parse().ok().filter(|seconds| *seconds > 0)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits};

    fn login(seconds: u64, end: impl FnOnce(&mut Story)) -> bool {
        let mut story = Story::new();
        story.open("https://app.test/login").sets("state=v; Max-Age=300").follow(&authorize("s1"));
        story.wait(seconds).step("log in").submit("https://idp.test/login").follow("https://app.test/cb?code=c&state=s1");
        end(&mut story);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        let fails = |story: &mut Story| {
            story.status(400);
        };
        assert!(login(301, fails));
        assert!(!login(200, fails), "it failed in time");
        assert!(
            !login(301, |story| {
                story.follow("https://app.test/");
            }),
            "it worked all the same"
        );
        assert!(
            !login(301, |story| {
                story.cookies("state=w").status(400);
            }),
            "a cookie of that name came"
        );
    }
}
