//! A callback that reaches another browser than the one that began the login.

use super::state_cookie_never_set::bare;
use crate::judge::diagnose::attempt::turned_down;
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "callback-other-context",
    family: Family::State,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the callback came to a browser that had not begun the login",
    cause: "the login began in one browser and ended in another: an in-app browser, a native app, another profile, a link opened by the mail program",
    fix: "keep the login in one browser (app links, ASWebAuthenticationSession, Custom Tabs), or bind the state on the server by something that both have",
    reference: "better-auth/better-auth#6847, #5892; RFC 8252 §6",
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
            let failed = turned_down(answer.hop, &answer.callback)?;
            let own = |attempt: &crate::judge::diagnose::attempt::Attempt<'_>| {
                attempt.hop.actor == answer.hop.actor && attempt.state() == answer.callback.state.as_deref()
            };
            if facts.attempts.iter().any(own) || !bare(answer.hop) {
                return None;
            }
            Some(RULE.finding(
                "the callback came to another browser than the one that began the login",
                vec![
                    Evidence::at(attempt.hop.id, format!("{} began the login in the browser of {}", place(attempt.hop), attempt.hop.actor)),
                    Evidence::at(
                        answer.hop.id,
                        format!("{} came from {}, without any cookie, and {failed}", place(answer.hop), answer.hop.actor),
                    ),
                ],
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits};

    fn login(end_by: &str, shape: impl FnOnce(&mut Story)) -> bool {
        let mut story = Story::new();
        story.actor("in-app").step("sign in").open("https://app.test/login").sets("state=v").follow(&authorize("s1"));
        story.actor(end_by).step("back").open("https://app.test/cb?code=c&state=s1");
        shape(&mut story);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        let fails = |story: &mut Story| {
            story.status(400);
        };
        assert!(login("system", fails));
        assert!(!login("in-app", fails), "the same browser");
        assert!(
            !login("system", |story| {
                story.follow("https://app.test/");
            }),
            "the state lies on the server"
        );
        assert!(
            !login("system", |story| {
                story.cookies("state=v").status(400);
            }),
            "it had a cookie"
        );
    }
}
