//! A cookie that was good until the server was deployed anew.

use super::{Evidence, nearby};
use crate::judge::diagnose::credential::{Standing, same_authorization, same_endpoint};
use crate::judge::diagnose::facts::{Facts, cookie_header, ends_session, place};
use crate::judge::diagnose::probe::build;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::trace::{Cause, Hop};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "secret-rotated",
    family: Family::Accepted,
    severity: Severity::Error,
    needs: Needs::Deploy,
    summary: "a session was known to one build of the server and is unknown to the next, and nobody cleared its cookie",
    cause: "the secret that signs or encrypts cookies is another one since the deployment, or is drawn at each start; or sessions lived in memory",
    fix: "keep one secret across deployments, rotate with a ring of keys, and treat a cookie that cannot be read as none: clear it",
    reference: "auth0/nextjs-auth0#2487; auth0/express-openid-connect#104; nextauthjs/next-auth#9018",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let refused = |hop: &&Hop| matches!(facts.standing(hop), Standing::Refused | Standing::Broken | Standing::Anonymous);
    // What replicas make of one session is another matter.
    let of_login = |hop: &&Hop| hop.cause != Cause::Probe && cookie_header(hop).is_some();
    let found = facts.chain.hops.iter().filter(of_login).filter(refused).find_map(|hop| {
        let (field, build) = build(hop)?;
        let clears = hop.set.iter().any(|set| hop.sent.iter().any(|sent| sent.name == set.name));
        let known = nearby(facts, hop).find(|other| {
            other.id < hop.id
                && facts.standing(other) == Standing::Known
                && same_endpoint(other, hop)
                && same_authorization(other, hop)
                && other.response().and_then(|response| response.headers.get_str(field)).is_some_and(|other| other != build)
        })?;
        let between = facts.chain.hops.get(known.id.0 as usize..hop.id.0 as usize)?;
        let signed_out = between.iter().any(|other| other.actor == hop.actor && ends_session(other));
        (!clears && !signed_out).then(|| {
            let status = hop.status().unwrap_or_default();
            RULE.finding(
                format!("{} does not know the session of the build before", place(hop)),
                vec![
                    Evidence::at(known.id, format!("{} knew the user", place(known))),
                    Evidence::at(
                        hop.id,
                        format!(
                            "the same request with the same cookies was answered {status} by another build ({field}: {})",
                            shown(build, 60)
                        ),
                    ),
                ],
            )
        })
    });
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};
    use serde_json::json;

    fn asks(builds: [&str; 2], status: u16, between: Option<&str>) -> bool {
        let mut story = Story::new();
        let session = "https://api.test/session";
        story.step("a").get(session).cookies("sid=v").answers("X-Build-Id", builds[0]).json(json!({"user": {"id": 1}}));
        if let Some(url) = between {
            story.step("b").post(url).cookies("sid=v");
        }
        story.step("c").get(session).cookies("sid=v").answers("X-Build-Id", builds[1]).status(status).json(json!({"user": {"id": 1}}));
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(asks(["a1", "b2"], 401, None));
        assert!(asks(["a1", "b2"], 500, None));
        assert!(!asks(["a1", "a1"], 401, None), "the same build");
        assert!(!asks(["a1", "b2"], 200, None));
        assert!(!asks(["a1", "b2"], 401, Some("https://api.test/logout")), "signed out");
    }
}
