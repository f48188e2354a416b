//! A login that begins on `www.` and is answered on the bare domain, or the other way round.

use crate::judge::diagnose::attempt::Attempt;
use crate::judge::diagnose::denied::callback_failure;
use crate::judge::diagnose::facts::{Facts, place, redirect_error, target, without_query};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::trace::Hop;
use crate::web::oauth::Callback;
use url::Url;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "redirect-uri-www-apex",
    family: Family::Redirects,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the login begins and is answered on two hosts that differ by `www.` alone, and fails there",
    cause: "the app is reachable under both names; the redirect_uri names one of them, and the provider's list or the login's cookie knows only the other",
    fix: "redirect to one canonical host before the login begins, or register both and make the redirect_uri of the host that was asked",
    reference: "RFC 9700 §2.1; supabase/supabase#41700, nextauthjs/next-auth#3139",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let found = facts.attempts.iter().filter(|attempt| attempt.handed_out).find_map(|attempt| {
        let wanted = Url::parse(attempt.request.redirect_uri.as_deref()?).ok()?;
        let began = began_at(facts, attempt)?;
        let (from, to) = (began.host_str()?, wanted.host_str()?);
        if !differ_by_www(from, to) {
            return None;
        }
        let (hop, how) = fails(facts, attempt, &wanted)?;
        Some(RULE.finding(
            format!("the login begins at {} and is to be answered at {}", shown(from, 80), shown(to, 80)),
            vec![
                Evidence::at(
                    attempt.hop.id,
                    format!("{} began the login with redirect_uri {}", without_query(&began), without_query(&wanted)),
                ),
                Evidence::at(hop.id, how),
            ],
        ))
    });
    found.into_iter().collect()
}

/// The page from which a script asked for the login, or else what handed the request out.
fn began_at(facts: &Facts<'_>, attempt: &Attempt<'_>) -> Option<Url> {
    let origin = attempt.hop.request.headers.get_str("origin").and_then(|origin| Url::parse(origin).ok());
    origin.or_else(|| Some(facts.root(attempt.hop).request.url.clone()))
}

fn differ_by_www(one: &str, other: &str) -> bool {
    one.strip_prefix("www.") == Some(other) || other.strip_prefix("www.") == Some(one)
}

/// How the login failed: at its callback, at the provider, or because the answer went elsewhere.
fn fails<'a>(facts: &Facts<'a>, attempt: &Attempt<'a>, wanted: &Url) -> Option<(&'a Hop, String)> {
    let state = attempt.state()?;
    let later = facts.chain.hops.get(attempt.hop.id.0 as usize + 1..)?.iter().filter(|hop| hop.actor == attempt.hop.actor);
    for hop in later {
        let at_provider = hop.request.url.origin() == attempt.request.endpoint.origin();
        if at_provider && hop.status().is_some_and(|status| status == 400) {
            return Some((hop, format!("{} refused the request with 400", place(hop))));
        }
        // The provider sends the answer where it was not asked for.
        if at_provider
            && let Some(to) = target(hop)
            && Callback::from_url(&to).is_some_and(|callback| callback.state.as_deref() == Some(state))
            && (to.origin() != wanted.origin() || to.path() != wanted.path())
        {
            return Some((hop, format!("{} sent the answer to {} instead", place(hop), without_query(&to))));
        }
        if Callback::from_url(&hop.request.url).is_some_and(|callback| callback.state.as_deref() == Some(state)) {
            let failure = callback_failure(hop).or_else(|| redirect_error(hop).map(|error| shown(&error.error, 80)))?;
            return Some((hop, format!("{} failed: {failure}", place(hop))));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits};

    fn login(began: &str, callback: &str, status: u16) -> bool {
        let mut story = Story::new();
        story.open(&format!("https://{began}/login")).follow(&authorize("s1")).follow(callback).status(status);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        let callback = "https://app.test/cb?code=c&state=s1";
        assert!(login("www.app.test", callback, 400));
        assert!(login("www.app.test", "https://www.app.test/?code=c&state=s1", 200), "the provider falls back to another URL");
        assert!(!login("www.app.test", callback, 200), "the cookie is for both");
        assert!(!login("app.test", callback, 400), "one host");
        assert!(!login("api.app.test", callback, 400), "not by www. alone");
    }
}
