//! An issuer that is not the one it says it is, byte for byte.

use crate::judge::diagnose::discovery::discoveries;
use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "iss-mismatch",
    family: Family::Tokens,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the ID token's issuer, or that of the discovery document, is not the one that clients must expect",
    cause: "the issuer is compared as text: a slash at the end, http for https, or an internal host behind a proxy makes it another one",
    fix: "configure the provider's public URL as issuer, and copy it to the client as it stands in the discovery document",
    reference: "OIDC Core §3.1.3.7 step 2; OIDC Discovery §4.3; coreos/go-oidc#203, Freika/dawarich#2925",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let known = discoveries(facts);
    let of_token = facts.id_tokens().into_iter().find_map(|(hop, attempt, token)| {
        let iss = token.text("iss")?;
        let document = known.iter().find(|document| {
            document.has("token_endpoint", &hop.request.url)
                || attempt.is_some_and(|attempt| document.has("authorization_endpoint", &attempt.request.endpoint))
        })?;
        // Of a document for many tenants the issuer is a pattern.
        if document.issuer == iss || document.issuer.contains('{') {
            return None;
        }
        Some(RULE.finding(
            "the ID token's issuer is not that of the provider",
            vec![
                Evidence::at(document.hop.id, format!("{} names the issuer {}", place(document.hop), shown(&document.issuer, 120))),
                Evidence::at(hop.id, format!("the ID token of {} has the iss {}", place(hop), shown(iss, 120))),
            ],
        ))
    });
    let of_document = known.iter().find_map(|document| {
        let url = &document.hop.request.url;
        let (place_of, _) = url.as_str().split_once("/.well-known/")?;
        let by_path = url.path().split_once("/.well-known/openid-configuration").map(|(before, after)| before.len() + after.len());
        // RFC 8414 §3.1 puts the well-known part in front of the path; there the path behind it belongs to the issuer.
        let expected = format!(
            "{place_of}{}",
            url.path().split_once("/.well-known/")?.1.split_once('/').map_or(String::new(), |(_, path)| format!("/{path}"))
        );
        let same = document.issuer == expected || document.issuer.strip_suffix('/') == Some(expected.as_str());
        if same || document.issuer.contains('{') || by_path.is_none() && !url.path().contains("oauth-authorization-server") {
            return None;
        }
        Some(RULE.finding(
            "the discovery document is that of another issuer",
            vec![Evidence::at(
                document.hop.id,
                format!(
                    "{} names the issuer {}, and clients that looked there expect {}",
                    place(document.hop),
                    shown(&document.issuer, 120),
                    shown(&expected, 120)
                ),
            )],
        ))
    });
    of_token.into_iter().chain(of_document).take(1).collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits, jwt};
    use crate::trace::Cause;
    use serde_json::json;

    fn login(well_known: &str, issuer: &str, iss: &str) -> bool {
        let mut story = Story::new();
        story.open("https://app.test/").hop("GET", well_known, Cause::Subresource).json(json!({
            "issuer": issuer, "authorization_endpoint": "https://idp.test/authorize", "token_endpoint": "https://idp.test/token"
        }));
        story.open(&authorize("s1")).follow("https://app.test/cb?code=c&state=s1").html("One moment");
        story.hop("POST", "https://idp.test/token", Cause::Subresource).json(json!({"id_token": jwt(&json!({"iss": iss}))}));
        story.last().request.body = "grant_type=authorization_code&code=c".into();
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        let at = "https://idp.test/.well-known/openid-configuration";
        assert!(login(at, "https://idp.test", "https://idp.test/"), "a slash is a difference");
        assert!(login(at, "https://idp.test", "http://idp.test"));
        assert!(login(at, "http://keycloak:8080", "http://keycloak:8080"), "a document of another place");
        assert!(!login(at, "https://idp.test", "https://idp.test"));
        assert!(!login(
            "https://idp.test/o/mosaic/.well-known/openid-configuration",
            "https://idp.test/o/mosaic/",
            "https://idp.test/o/mosaic/"
        ));
        assert!(!login("https://idp.test/.well-known/oauth-authorization-server/t", "https://idp.test/t", "https://idp.test/t"));
        assert!(!login(at, "https://idp.test/{tenantid}/v2.0", "https://idp.test/1/v2.0"), "a pattern for many tenants");
    }
}
