//! An error that is answered with another try.

use crate::judge::diagnose::attempt::Attempt;
use crate::judge::diagnose::facts::{Facts, place, target};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::trace::Hop;
use crate::web::oauth::AuthorizationRequest;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "callback-error-swallowed",
    family: Family::State,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the provider answered with an error, and the app began the same login again instead of showing it",
    cause: "the callback takes every failure for `not signed in` and sends the person back to the provider, which will say the same again",
    fix: "show the error with its token and a way out; begin anew only when the person asks",
    reference: "RFC 6749 §4.1.2.1; better-auth/better-auth#9216",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .answers()
        .into_iter()
        .filter_map(|answer| {
            let error = answer.callback.error.as_ref()?;
            let asked = answer.callback.state.as_deref().and_then(|state| facts.attempt_with(state, answer.hop.id))?;
            // A question without a page that the provider could not answer is asked again with one: so it is meant.
            if asked.request.prompt.iter().any(|prompt| prompt == "none") {
                return None;
            }
            let (hop, request) = again(facts, answer.hop)?;
            if !is_same_login(asked, &request) {
                return None;
            }
            Some(RULE.finding(
                format!("the error `{}` was answered with another login", shown(&error.error, 80)),
                vec![
                    Evidence::at(answer.hop.id, format!("{} brought the error `{}`", place(answer.hop), shown(&error.error, 80))),
                    Evidence::at(
                        hop.id,
                        format!(
                            "{} sent the person to {} again, without a page in between",
                            place(hop),
                            shown(request.endpoint.as_str(), 160)
                        ),
                    ),
                ],
            ))
        })
        .take(1)
        .collect()
}

/// The hop of the callback's own row of redirects that leads to a provider again.
fn again<'a>(facts: &Facts<'a>, callback: &'a Hop) -> Option<(&'a Hop, AuthorizationRequest)> {
    let root = facts.root(callback).id;
    let row = facts.chain.hops.iter().filter(|hop| hop.id >= callback.id && hop.actor == callback.actor && facts.root(hop).id == root);
    row.filter_map(|hop| Some((hop, AuthorizationRequest::from_url(&target(hop)?)?))).next()
}

/// Whether a request asks the same again: another one may ask for less, or for another provider.
fn is_same_login(asked: &Attempt<'_>, request: &AuthorizationRequest) -> bool {
    let one = &asked.request;
    one.endpoint == request.endpoint && one.client_id == request.client_id && one.scope == request.scope && one.prompt == request.prompt
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits};

    fn denied(first: &str, then: impl FnOnce(&mut Story)) -> bool {
        let mut story = Story::new();
        story.open("https://app.test/login").follow(first).follow("https://app.test/cb?error=access_denied&state=s1");
        then(&mut story);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(denied(&authorize("s1"), |story| {
            story.follow("https://app.test/login").follow(&authorize("s2"));
        }));
        assert!(
            !denied(&authorize("s1"), |story| {
                story.follow("https://app.test/login?error=access_denied").html("Log in");
            }),
            "it is shown"
        );
        assert!(
            !denied(&format!("{}&prompt=none", authorize("s1")), |story| {
                story.follow(&authorize("s2"));
            }),
            "asked silently first"
        );
        assert!(
            !denied(&authorize("s1"), |story| {
                story.follow(&format!("{}&scope=openid", authorize("s2")));
            }),
            "another request"
        );
    }
}
