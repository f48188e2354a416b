//! Two logins in one browser, the second of which took the first one's place.

use crate::judge::diagnose::attempt::turned_down;
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "state-cookie-overwritten",
    family: Family::State,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a second login overwrote the state cookie of the first, whose callback then failed",
    cause: "every attempt keeps its state in a cookie of the same name; with two tabs, or several requests after a session expired, the last one wins",
    fix: "name the cookie by the attempt (a part of the state in its name), or let a callback with an unknown state begin anew once",
    reference: "oauth2-proxy/oauth2-proxy#817, #611, #3258; envoyproxy/envoy#42079",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .answers()
        .into_iter()
        .filter_map(|answer| {
            let state = answer.callback.state.as_deref()?;
            let first = facts.attempt_with(state, answer.hop.id)?;
            let failed = turned_down(answer.hop, &answer.callback)?;
            let later = facts.attempts.iter().filter(|attempt| {
                attempt.hop.id > first.hop.id
                    && attempt.hop.id < answer.hop.id
                    && attempt.hop.actor == answer.hop.actor
                    && attempt.state().is_some_and(|other| other != state)
            });
            let (second, name) = later
                .filter_map(|second| {
                    let overwrote = |set: &&crate::trace::CookieSet| {
                        let mut own = first.cookies().filter(|own| own.name == set.name && own.value != set.value);
                        let carried = answer.hop.sent.iter().find(|sent| sent.name == set.name);
                        own.next().is_some() && carried.is_some_and(|sent| sent.value == set.value)
                    };
                    second.cookies().find(overwrote).map(|set| (second, shown(&set.name_text(), 80)))
                })
                .next()?;
            Some(RULE.finding(
                format!("a second login overwrote `{name}` of the first"),
                vec![
                    Evidence::at(first.hop.id, format!("{} began a login and set `{name}`", place(first.hop))),
                    Evidence::at(second.hop.id, format!("{} began another one and set `{name}` anew", place(second.hop))),
                    Evidence::at(
                        answer.hop.id,
                        format!("{} brought the first one's state with the second one's `{name}` and {failed}", place(answer.hop)),
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

    fn two_tabs(second_name: &str, sent: &str, works: bool) -> bool {
        let mut story = Story::new();
        story.step("one").open("https://app.test/login").sets("state=v1").follow(&authorize("s1"));
        story.step("two").open("https://app.test/login").sets(&format!("{second_name}=v2")).follow(&authorize("s2"));
        story.step("back").submit("https://idp.test/login").follow("https://app.test/cb?code=c&state=s1").cookies(sent);
        if works {
            story.follow("https://app.test/");
        } else {
            story.status(403);
        }
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(two_tabs("state", "state=v2", false));
        assert!(!two_tabs("state2", "state=v1; state2=v2", false), "each attempt has a cookie of its own");
        assert!(!two_tabs("state", "state=v2", true), "the app found its state elsewhere");
        assert!(!two_tabs("state", "state=v1", false), "the first one's cookie came");
    }
}
