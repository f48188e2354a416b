//! A token that had expired when it was issued.

use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::trace::{AnsweredBy, Hop};
use crate::web::jwt::Jwt;
use serde_json::Value;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "token-dead-on-arrival",
    family: Family::Tokens,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a token endpoint issued a token that had expired already",
    cause: "the lifetime is zero or in the wrong unit, or the issuer's clock is far behind",
    fix: "set the lifetime in seconds, and keep the issuer's clock by NTP",
    reference: "RFC 7519 §4.1.4",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .token_requests()
        .find_map(|(hop, _)| {
            let what = dead(hop)?;
            Some(
                RULE.finding("a token had expired when it was issued", vec![Evidence::at(hop.id, format!("{} issued {what}", place(hop)))]),
            )
        })
        .into_iter()
        .collect()
}

fn dead(hop: &Hop) -> Option<String> {
    let response = hop.response().filter(|response| response.status == 200 && response.by == AnsweredBy::Server)?;
    let body = response.body.json()?;
    let lifetime = body.get("expires_in").and_then(Value::as_i64);
    if let Some(lifetime) = lifetime.filter(|lifetime| *lifetime <= 0) {
        return Some(format!("an access token with expires_in {lifetime}"));
    }
    ["access_token", "id_token"].iter().find_map(|name| {
        let token = Jwt::decode(body.get(*name)?.as_str()?)?;
        let (exp, iat) = (token.seconds("exp")?, token.seconds("iat"));
        // By the token's own word, or by a clock that saw it come: then more than a little too late.
        let own = iat.is_some_and(|iat| exp <= iat);
        let late = hop.started.unix_timestamp().saturating_sub(exp);
        (own || late > 300).then(|| {
            if own { format!("an {name} whose exp is not after its iat") } else { format!("an {name} that had expired {late} s before") }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits, jwt};
    use serde_json::{Value, json};

    fn issues(body: Value) -> bool {
        let mut story = Story::new();
        story.post("https://idp.test/token").json(body).last().request.body = "grant_type=refresh_token&refresh_token=r".into();
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        let now = time::macros::datetime!(2026-03-01 12:00 UTC).unix_timestamp();
        assert!(issues(json!({"access_token": "x", "expires_in": 0})));
        assert!(issues(json!({"access_token": jwt(&json!({"exp": now, "iat": now}))})));
        assert!(issues(json!({"id_token": jwt(&json!({"exp": now - 3600}))})));
        assert!(!issues(json!({"access_token": jwt(&json!({"exp": now + 60, "iat": now})), "expires_in": 60})));
        assert!(!issues(json!({"id_token": jwt(&json!({"exp": now - 30}))})), "clocks differ by a little");
        assert!(!issues(json!({"access_token": "opaque"})));
    }
}
