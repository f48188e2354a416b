//! A login whose start gave the browser nothing to know it by.

use crate::judge::diagnose::attempt::turned_down;
use crate::judge::diagnose::facts::{Facts, is_deletion, place, redirect_error};
use crate::judge::diagnose::ledger::sounds_like_attempt;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::trace::Hop;
use crate::web::site::Site;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "state-cookie-never-set",
    family: Family::State,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a login began without giving the browser a cookie, and its callback was turned down",
    cause: "the sign-in endpoint was called from server to server, and its Set-Cookie never reached the browser, so that the callback cannot find its state",
    fix: "forward the sign-in endpoint's Set-Cookie to the browser, or begin the login from the browser itself",
    reference: "better-auth/better-auth#7131, #4969; RFC 6749 §10.12",
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
            if attempt.hop.actor != answer.hop.actor
                || !wants_cookie(answer.hop)
                || !bare(answer.hop)
                || given(facts, attempt.hop, answer.hop)
            {
                return None;
            }
            let begun = if attempt.handed_out {
                "handed out the authorization request"
            } else {
                "was asked for, and no answer of the app had led there"
            };
            Some(RULE.finding(
                format!("{} had no cookie to check the state with", place(answer.hop)),
                vec![
                    Evidence::at(
                        attempt.hop.id,
                        format!("{} {begun}; neither it nor any answer of the site before it set a cookie", place(attempt.hop)),
                    ),
                    Evidence::at(answer.hop.id, format!("{} got no cookie at all and {failed}", place(answer.hop))),
                ],
            ))
        })
        .take(1)
        .collect()
}

/// Whether the app checks the state by a cookie, by what its answer deletes or says; many keep the state on the server alone.
fn wants_cookie(callback: &Hop) -> bool {
    let clears = callback.set.iter().any(|set| is_deletion(set) && sounds_like_attempt(&set.name_text().to_ascii_lowercase()));
    clears
        || redirect_error(callback).is_some_and(|error| {
            let said = error.description.unwrap_or_default().to_ascii_lowercase();
            error.error.eq_ignore_ascii_case("state_mismatch") || said.contains("cookie")
        })
}

/// Whether a request carried no cookie, and none stayed at home.
pub(super) fn bare(hop: &Hop) -> bool {
    hop.sent.is_empty() && hop.withheld.is_empty() && !hop.request.headers.contains("cookie")
}

/// Whether the callback's site had given this browser any cookie when the login began.
fn given(facts: &Facts<'_>, begun: &Hop, callback: &Hop) -> bool {
    let site = Site::of_url(&callback.request.url);
    let of_site = |hop: &&Hop| {
        hop.actor == begun.actor
            && Site::of_url(&hop.request.url).zip(site.as_ref()).is_some_and(|(one, other)| one.schemelessly_same_site(other))
    };
    facts.chain.hops.iter().take_while(|hop| hop.id <= begun.id).filter(of_site).any(|hop| !hop.set.is_empty() || !bare(hop))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits};
    use crate::trace::SetVerdict;

    fn login(start: impl FnOnce(&mut Story), end: impl FnOnce(&mut Story)) -> bool {
        let mut story = Story::new();
        story.step("open").open("https://app.test/login");
        start(story.step("sign in").submit("https://app.test/sign-in"));
        story.follow(&authorize("s1")).follow("https://app.test/cb?code=c&state=s1");
        end(&mut story);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        let fails = |story: &mut Story| {
            story.follow("https://app.test/error?error=state_mismatch");
        };
        assert!(login(|_| {}, fails));
        assert!(login(
            |_| {},
            |story| {
                story.set_cookie("oauth_state=; Max-Age=0", SetVerdict::DeletedNothing(Vec::new())).status(400);
            }
        ));
        let set = |story: &mut Story| {
            story.sets("state=s1");
        };
        assert!(!login(set, fails), "it was set, and another rule tells what became of it");
        let unknown = |story: &mut Story| {
            story.follow("https://app.test/?error=bad_oauth_state");
        };
        assert!(!login(|_| {}, unknown), "the state lies on the server");
        let fine = |story: &mut Story| {
            story.follow("https://app.test/");
        };
        assert!(!login(|_| {}, fine));
    }
}
