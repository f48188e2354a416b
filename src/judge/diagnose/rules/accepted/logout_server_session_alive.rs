//! A session that outlives signing out.

use super::Evidence;
use crate::judge::diagnose::credential::{Standing, carrying};
use crate::judge::diagnose::facts::{Facts, cookie_header, ends_session, is_deletion, place};
use crate::judge::diagnose::probe::{Taken, outlives};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::trace::{Cause, Hop, ProbeKind};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "logout-server-session-alive",
    family: Family::Accepted,
    severity: Severity::Warning,
    needs: Needs::Probe,
    summary: "the cookie from before signing out still opens the session",
    cause: "signing out deletes the cookie in the browser and leaves the session on the server: a copy of the cookie goes on working",
    fix: "end the session on the server when signing out, and keep self-contained tokens short-lived or on a deny list",
    reference: "OWASP WSTG-SESS-06; OWASP ASVS 5.0 V7.4.1",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let signs_out = |hop: &&Hop| ends_session(hop) && cookie_header(hop).is_some() && hop.status().is_some_and(|status| status < 400);
    let found = facts.chain.hops.iter().filter(signs_out).find_map(|out| {
        let deleted = out.set.iter().find(|set| is_deletion(set) && out.sent.iter().any(|sent| sent.name == set.name))?;
        let value = out.sent.iter().find(|sent| sent.name == deleted.name)?;
        let by_copy = |hop: &&Hop| {
            hop.id > out.id
                && facts.standing(hop) == Standing::Known
                && hop.sent.contains(value)
                && !hop.request.headers.contains("authorization")
        };
        // The very header, or at least the very cookie, sent again by hand: the browser has it no more.
        let alive = carrying(facts, out).into_iter().chain(&facts.chain.hops).filter(|hop| facts.is_by_hand(hop)).find(by_copy)?;
        let name = shown(&deleted.name_text(), 80);
        Some(RULE.finding(
            "the session goes on after signing out",
            vec![
                Evidence::at(out.id, format!("{} signed out and deleted `{name}`", place(out))),
                Evidence::at(alive.id, format!("{} with the same `{name}` was still answered with the user", place(alive))),
            ],
        ))
    });
    let told = found.into_iter().collect::<Vec<_>>();
    if told.is_empty() { probed(facts).into_iter().collect() } else { told }
}

/// The same, where a probe asked for it.
fn probed(facts: &Facts<'_>) -> Option<Finding> {
    let asked = facts.probes(ProbeKind::Logout).flat_map(|probe| outlives(facts, probe));
    let (alive, _) = asked.into_iter().find(|(_, taken)| *taken == Taken::Accepted)?;
    let out = facts.chain.hops.iter().rfind(|hop| hop.id < alive.id && hop.actor == alive.actor && hop.cause != Cause::Probe);
    let mut evidence: Vec<_> =
        out.map(|out| Evidence::at(out.id, format!("{} was the last of signing out", place(out)))).into_iter().collect();
    evidence.push(Evidence::at(alive.id, format!("{} with the cookies from before still knew the user", place(alive))));
    Some(RULE.finding("the session goes on after signing out", evidence))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};
    use crate::trace::{Cause, ProbeKind, Role, SetVerdict};
    use serde_json::{Value, json};

    fn replays(line: &str, cause: Cause, body: Value) -> bool {
        let mut story = Story::new();
        story.step("out").post("https://app.test/logout").cookies("sid=v").set_cookie(line, SetVerdict::Deleted);
        story.step("again").hop("GET", "https://app.test/api/session", cause).cookies("sid=v").json(body);
        hits(RULE.id, &story)
    }

    #[test]
    fn a_probe_shows_it_wherever_signing_out_was() {
        let probed = |status: u16| {
            let mut story = Story::new();
            story.step("leave").post("https://app.test/leave").cookies("sid=v").step("probe");
            story.get("https://app.test/home").cookies("sid=v").status(status).html("Home").probed(ProbeKind::Logout, Role::SignedOut);
            story.get("https://app.test/home").status(302).location("/login").probed(ProbeKind::Logout, Role::Nobody);
            hits(RULE.id, &story)
        };
        assert!(probed(200));
        assert!(!probed(302) && !probed(401) && !probed(503));
    }

    #[test]
    fn hits_and_near_misses() {
        let user = || json!({"user": {"id": 1}});
        assert!(replays("sid=; Max-Age=0", Cause::Replay, user()));
        assert!(!replays("sid=; Max-Age=0", Cause::Replay, json!({"user": null})), "nobody is known");
        assert!(!replays("theme=; Max-Age=0", Cause::Replay, user()), "the session was not deleted");
        assert!(!replays("sid=; Max-Age=0", Cause::Subresource, user()), "a browser that still has it is another rule's");
    }
}
