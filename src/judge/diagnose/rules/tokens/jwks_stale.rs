//! An app that does not fetch new keys.

use crate::judge::diagnose::credential::same_resource;
use crate::judge::diagnose::discovery::{KeySet, key_sets};
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::trace::Hop;
use crate::web::jwt::Jwt;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "jwks-stale",
    family: Family::Tokens,
    severity: Severity::Error,
    needs: Needs::Probe,
    summary: "the app refuses tokens whose key the provider publishes",
    cause: "the app keeps the provider's keys for ever, and they were rotated",
    fix: "fetch the keys again when a token names an unknown one, with a limit on how often",
    reference: "mckinsey/agents-at-scale-ark#2568; erlef/oidcc#543",
    check,
};

/// What answers say that refuse a token for its key.
const WORDS: [&str; 9] = [
    "unknown key",
    "unknown kid",
    "no matching key",
    "no applicable key",
    "unable to find a signing key",
    "signing key not found",
    "key not found",
    "unknown signing key",
    "jwk",
];
/// Bytes of an answer that are looked through.
const LOOKED_THROUGH: usize = 4096;

/// A request with a token of a provider, and the key that the token names.
struct Carrier<'a> {
    hop: &'a Hop,
    token: Jwt,
    kid: String,
}

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let sets = key_sets(facts);
    let carriers: Vec<Carrier<'_>> = facts.chain.hops.iter().filter_map(carrier).collect();
    let found = carriers.iter().filter(|refused| refused.hop.status() == Some(401) && lives(refused)).find_map(|refused| {
        let set = published(&sets, refused)?;
        let accepted = carriers.iter().find(|other| is_older_and_accepted(other, refused));
        let says = names_the_key(refused.hop);
        if accepted.is_none() && !says {
            return None;
        }
        let kid = shown(&refused.kid, 60);
        let mut evidence = vec![
            Evidence::at(set.hop.id, format!("{} publishes the key {kid}", place(set.hop))),
            Evidence::at(
                refused.hop.id,
                format!("{} got a token of that key and answered 401{}", place(refused.hop), if says { ", naming the key" } else { "" }),
            ),
        ];
        if let Some(other) = accepted {
            evidence.push(Evidence::at(
                other.hop.id,
                format!("it accepted a token of the same provider whose key is {}", shown(&other.kid, 60)),
            ));
        }
        evidence.sort_by_key(|evidence| evidence.hop);
        Some(RULE.finding(format!("{} does not know the provider's key {kid}", place(refused.hop)), evidence))
    });
    found.into_iter().collect()
}

fn carrier(hop: &Hop) -> Option<Carrier<'_>> {
    let value = hop.request.headers.get_str("authorization")?;
    let (scheme, token) = value.split_once(' ')?;
    let token = Jwt::decode(token.trim()).filter(|_| scheme.eq_ignore_ascii_case("bearer"))?;
    let kid = token.header("kid")?.to_owned();
    Some(Carrier { hop, token, kid })
}

/// Whether the token's time is neither over nor to come when it is refused.
fn lives(carrier: &Carrier<'_>) -> bool {
    let now = carrier.hop.started.unix_timestamp();
    carrier.token.seconds("exp").is_none_or(|exp| exp > now) && carrier.token.seconds("nbf").is_none_or(|nbf| nbf <= now)
}

/// The key set of the token's provider that has its key.
fn published<'s, 'a>(sets: &'s [KeySet<'a>], carrier: &Carrier<'_>) -> Option<&'s KeySet<'a>> {
    let issuer = url::Url::parse(carrier.token.text("iss")?).ok()?;
    sets.iter().find(|set| set.hop.request.url.origin() == issuer.origin() && set.ids.contains(&carrier.kid))
}

/// The same endpoint took a token of the same provider, for the same audience, with another key.
fn is_older_and_accepted(other: &Carrier<'_>, refused: &Carrier<'_>) -> bool {
    let same = |name: &str| other.token.text(name) == refused.token.text(name);
    other.hop.status().is_some_and(|status| (200..300).contains(&status))
        && other.kid != refused.kid
        && same_resource(other.hop, refused.hop)
        && same("iss")
        && other.token.audiences() == refused.token.audiences()
}

fn names_the_key(hop: &Hop) -> bool {
    let Some(response) = hop.response() else { return false };
    let challenge = response.headers.get_str("www-authenticate").unwrap_or_default();
    let text = response.body.text();
    let text = format!("{challenge} {}", &text[..text.floor_char_boundary(LOOKED_THROUGH)]).to_ascii_lowercase();
    WORDS.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};
    use base64::Engine;
    use serde_json::json;

    fn token(kid: &str, exp: i64) -> String {
        let encode = |value: serde_json::Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = json!({"iss": "https://idp.test/app/", "aud": "api", "exp": exp});
        format!("Bearer {}.{}.c2ln", encode(json!({"alg": "RS256", "kid": kid})), encode(claims))
    }

    const LATER: i64 = 4_000_000_000;

    /// A provider that publishes `k2`, and what the app says to tokens: key, expiry, status, message.
    fn asked(keys: &str, tokens: &[(&str, i64, u16, &str)]) -> bool {
        let mut story = Story::new();
        story.step("ask").get(keys).json(json!({"keys": [{"kty": "RSA", "kid": "k2"}]}));
        for (kid, exp, status, message) in tokens {
            story.get("https://api.test/me").sends("Authorization", &token(kid, *exp)).status(*status).json(json!({"message": message}));
        }
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        let keys = "https://idp.test/jwks";
        assert!(asked(keys, &[("k2", LATER, 401, "no matching key found")]));
        assert!(asked(keys, &[("k1", LATER, 200, ""), ("k2", LATER, 401, "Unauthorized")]), "older keys are known");
        assert!(!asked(keys, &[("k2", LATER, 401, "Unauthorized")]), "for any reason");
        assert!(!asked(keys, &[("k3", LATER, 401, "no matching key found")]), "nobody publishes that key");
        assert!(!asked(keys, &[("k2", 1, 401, "no matching key found")]), "its time is over");
        assert!(!asked("https://other.test/jwks", &[("k2", LATER, 401, "no matching key found")]), "another provider's key");
        assert!(!asked(keys, &[("k2", LATER, 200, "")]));
    }
}
