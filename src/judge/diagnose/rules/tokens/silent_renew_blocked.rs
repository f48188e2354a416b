//! A silent renewal in a frame whose provider does not see its own cookie.

use crate::judge::diagnose::attempt::callback;
use crate::judge::diagnose::facts::{Facts, place, target};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::trace::{Hop, Resource};
use crate::web::oauth::{AuthorizationRequest, Callback};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "silent-renew-blocked",
    family: Family::Tokens,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a silent renewal in a frame got login_required because the provider's cookie did not come along",
    cause: "in a frame on another site the provider's session is a third-party cookie, which browsers block or SameSite keeps at home",
    fix: "renew by refresh tokens or a backend, or put the provider on a host of the same site",
    reference: "IdentityModel/oidc-client-js#994; auth0/auth0-spa-js#207; AzureAD/microsoft-authentication-library-for-js#321",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .chain
        .hops
        .iter()
        .filter(|hop| hop.resource == Resource::Frame)
        .filter_map(|hop| {
            let request = AuthorizationRequest::from_url(&hop.request.url)?;
            let silent = request.prompt.iter().any(|prompt| prompt == "none");
            let error = Callback::from_url(&target(hop)?)?.error?;
            if !silent || error.error != "login_required" {
                return None;
            }
            // Only a cookie that was there and stayed at home proves that somebody is signed in.
            let (kept, reason) =
                hop.withheld.iter().find_map(|kept| Some((kept, kept.reasons.iter().find(|reason| is_third_party(&reason.code))?)))?;
            let top = facts.chain.hops.iter().find(|top| signed_in(top, hop))?;
            Some(RULE.finding(
                format!("silent renewal fails: `{}` stays at home", shown(&String::from_utf8_lossy(&kept.name), 80)),
                vec![
                    Evidence::at(top.id, format!("{} as a page signed the person in", place(top))),
                    Evidence::at(
                        hop.id,
                        format!(
                            "{} in a frame did not carry `{}` ({}) and answered login_required",
                            place(hop),
                            shown(&String::from_utf8_lossy(&kept.name), 80),
                            reason.code
                        ),
                    ),
                ],
            ))
        })
        .take(1)
        .collect()
}

fn is_third_party(code: &str) -> bool {
    matches!(code, "UserPreferences" | "ThirdPartyPhaseout" | "ThirdPartyBlockedInFirstPartySet") || code.contains("SameSite")
}

/// Whether the provider sent the person back with a code from a page of its own.
fn signed_in(top: &Hop, frame: &Hop) -> bool {
    let code = || target(top).and_then(|to| Callback::from_url(&to)).is_some_and(|callback| callback.code.is_some());
    top.id < frame.id
        && top.actor == frame.actor
        && top.resource == Resource::Document
        && top.request.url.origin() == frame.request.url.origin()
        && callback(top).is_none()
        && code()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits};
    use crate::trace::{Cause, Resource};

    fn renews(error: &str, withheld: Option<&str>) -> bool {
        let mut story = Story::new();
        story.open(&authorize("s1")).sets("idp_session=v").follow("https://app.test/cb?code=c&state=s1").html("Home");
        story.hop("GET", &format!("{}&prompt=none", authorize("s2")), Cause::Subresource).last().resource = Resource::Frame;
        if let Some(word) = withheld {
            story.withheld("idp_session", word);
        }
        story.follow(&format!("https://app.test/cb?error={error}&state=s2"));
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(renews("login_required", Some("UserPreferences")));
        assert!(!renews("login_required", None), "nobody is signed in any more");
        assert!(!renews("consent_required", Some("UserPreferences")), "another question");
        assert!(!renews("login_required", Some("NotOnPath")), "a cookie for another path");
    }
}
