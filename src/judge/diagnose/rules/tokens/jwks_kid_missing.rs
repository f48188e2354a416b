//! A token whose key nobody can find.

use crate::judge::diagnose::discovery::{discoveries, key_sets};
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::{count, shown};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "jwks-kid-missing",
    family: Family::Tokens,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the ID token names a key that the provider's key set lacks, or none where there are several",
    cause: "the provider signs with a new key before publishing it, or took the old one down while its tokens were about",
    fix: "publish a key before signing with it, keep it published until its last token has expired, and set `kid` in both",
    reference: "OIDC Core §10.1.1; RFC 7515 §4.1.4; erlef/oidcc#543",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let (documents, sets) = (discoveries(facts), key_sets(facts));
    let found = facts.id_tokens().into_iter().find_map(|(hop, attempt, token)| {
        // A key set belongs to the provider whose document names it, or that stands on the same origin.
        let provider = attempt.map_or(&hop.request.url, |attempt| &attempt.request.endpoint);
        let document = documents
            .iter()
            .find(|document| document.has("authorization_endpoint", provider) || document.has("token_endpoint", &hop.request.url));
        let own: Vec<_> = sets
            .iter()
            .filter(|set| {
                let named = document.is_some_and(|document| document.has("jwks_uri", &set.hop.request.url));
                named || set.hop.request.url.origin() == provider.origin()
            })
            .collect();
        let set = own.last()?;
        // Signatures by a shared secret have no published key (RFC 7518 §3.2).
        if token.header("alg").is_none_or(|alg| alg.starts_with("HS") || alg == "none") {
            return None;
        }
        let what = match token.header("kid") {
            Some(kid) if own.iter().any(|set| set.ids.iter().any(|id| id == kid)) => return None,
            Some(kid) => format!("names the key {}", shown(kid, 60)),
            None if set.keys > 1 => "names no key".to_owned(),
            None => return None,
        };
        let ids: Vec<_> = set.ids.iter().take(6).map(|id| shown(id, 60)).collect();
        Some(RULE.finding(
            format!("the ID token {what}, which the key set does not have"),
            vec![
                Evidence::at(set.hop.id, format!("{} has {}: {}", place(set.hop), count(set.keys, "key"), ids.join(", "))),
                Evidence::at(hop.id, format!("the ID token of {} {what}", place(hop))),
            ],
        ))
    });
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits, jwt};
    use crate::trace::Cause;
    use serde_json::json;

    /// The token's key is `k1`.
    fn keys(origin: &str, ids: &[&str]) -> bool {
        let mut story = Story::new();
        story.open(&authorize("s1")).follow("https://app.test/cb?code=c&state=s1").html("One moment");
        let keys: Vec<_> = ids.iter().map(|id| json!({"kty": "RSA", "kid": id})).collect();
        story.hop("GET", &format!("{origin}/jwks.json"), Cause::Subresource).json(json!({ "keys": keys }));
        story.hop("POST", "https://idp.test/token", Cause::Subresource).json(json!({"id_token": jwt(&json!({"aud": "m"}))}));
        story.last().request.body = "grant_type=authorization_code&code=c".into();
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(keys("https://idp.test", &["k2"]));
        assert!(keys("https://idp.test", &[]));
        assert!(!keys("https://idp.test", &["k2", "k1"]));
        assert!(!keys("https://other.test", &["k2"]), "another provider's");
    }
}
