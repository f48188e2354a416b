//! Two servers that do not agree on the time.

use crate::judge::diagnose::attempt::turned_down;
use crate::judge::diagnose::facts::{Facts, place, server_clock};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "clock-skew",
    family: Family::Tokens,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the clocks of the app and the provider differ by more than a minute, and the login fails",
    cause: "a token is not valid yet, or no longer, by the clock of the one that checks it",
    fix: "keep the clocks of both by NTP (containers take that of their host), and allow a leeway of a minute",
    reference: "RFC 7519 §4.1.4 to §4.1.6; lcobucci/jwt#191, lexik/LexikJWTAuthenticationBundle#286",
    check,
};

/// What clients forgive, in seconds.
const LEEWAY: i64 = 60;

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    by_date(facts).or_else(|| by_token(facts)).into_iter().collect()
}

/// The Date of the provider and that of the app beside it, when the app turned the answer down.
fn by_date(facts: &Facts<'_>) -> Option<Finding> {
    facts.answers().into_iter().find_map(|answer| {
        let how = turned_down(answer.hop, &answer.callback)?;
        let attempt = facts.attempt_with(answer.callback.state.as_deref()?, answer.hop.id)?;
        let app = server_clock(answer.hop)?;
        let between = facts.chain.hops.get(attempt.hop.id.0 as usize..answer.hop.id.0 as usize)?;
        let of_provider = |hop: &&crate::trace::Hop| hop.request.url.origin() == attempt.request.endpoint.origin();
        let (provider, off) = between.iter().rev().filter(of_provider).find_map(|hop| Some((hop, server_clock(hop)?)))?;
        let apart = app - off;
        (apart.abs() > LEEWAY).then(|| {
            let side = if apart > 0 { "ahead of" } else { "behind" };
            RULE.finding(
                format!("the app's clock is {} s {side} the provider's", apart.abs()),
                vec![
                    Evidence::at(provider.id, format!("{} has a Date {} from the time of the request", place(provider), told(off))),
                    Evidence::at(answer.hop.id, format!("{} has a Date {} from it, and {how}", place(answer.hop), told(app))),
                ],
            )
        })
    })
}

/// A token that is issued in the future of the very server that answers with it, or of the client that receives it.
fn by_token(facts: &Facts<'_>) -> Option<Finding> {
    facts.id_tokens().into_iter().find_map(|(hop, _, token)| {
        let from = token.seconds("nbf").into_iter().chain(token.seconds("iat")).max()?;
        let now = hop.started.unix_timestamp().saturating_add(server_clock(hop).unwrap_or_default());
        let early = from.saturating_sub(now);
        (early > LEEWAY).then(|| {
            RULE.finding(
                format!("the ID token is valid only in {early} s"),
                vec![Evidence::at(hop.id, format!("the ID token of {} was issued {early} s after the answer that brings it", place(hop)))],
            )
        })
    })
}

fn told(seconds: i64) -> String {
    format!("{seconds:+} s")
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits, jwt};
    use crate::trace::Cause;
    use serde_json::json;

    fn dates(provider: &str, app: &str, status: u16) -> bool {
        let mut story = Story::new();
        story.open(&authorize("s1")).answers("Date", provider).follow("https://app.test/cb?code=c&state=s1");
        story.answers("Date", app).status(status);
        hits(RULE.id, &story)
    }

    fn issued(after: i64) -> bool {
        let now = time::macros::datetime!(2026-03-01 12:00 UTC).unix_timestamp();
        let mut story = Story::new();
        story.open(&authorize("s1")).follow("https://app.test/cb?code=c&state=s1").html("One moment");
        let token = jwt(&json!({"aud": "m", "iat": now + after}));
        story.hop("POST", "https://idp.test/token", Cause::Subresource).json(json!({"id_token": token}));
        story.last().request.body = "grant_type=authorization_code&code=c".into();
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        let (now, late) = ("Sun, 01 Mar 2026 12:00:00 GMT", "Sun, 01 Mar 2026 12:05:00 GMT");
        assert!(dates(late, now, 401));
        assert!(dates(now, late, 401));
        assert!(!dates(now, now, 401), "refused for another reason");
        assert!(!dates(late, late, 401), "they agree; the client is in another time");
        assert!(!dates(late, now, 200), "the app forgives it");
        assert!(issued(300));
        assert!(!issued(20), "a leeway");
    }
}
