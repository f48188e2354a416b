//! A cookie's value is opaque bytes: whoever encodes or decodes it once more makes another value of it.
//!
//! Two patterns prove it. (1) A request carries a value that the server never set, but that is the set one after a
//! percent-decode or -encode. (2) An endpoint refuses the value as it was set and accepts an altered one: then the
//! server itself alters it once. An altered value that is refused while the verbatim one is accepted is as it should be.

use crate::judge::diagnose::credential::{Standing, same_authorization, same_endpoint, standing, undisturbed};
use crate::judge::diagnose::facts::{Facts, is_deletion, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::trace::{Cause, CookieSent, Hop, SetVerdict};
use crate::web::presented::Presented;
use bytes::Bytes;
use percent_encoding::percent_decode;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-value-encoding",
    family: Family::Accepted,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a cookie's value is percent-encoded or -decoded once more than it was set",
    cause: "two layers treat the value as text of their own: one encodes or decodes it although another already did, so the signature no longer fits",
    fix: "hand the Cookie header on byte for byte; encode and decode in one place only, or use base64url tokens, which need neither",
    reference: "RFC 6265bis §5.8.3; foru17/neko-master#92, louketo/louketo-proxy#583",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let set = Set::of(facts);
    let mut findings = altered_on_the_way(facts, &set);
    findings.extend(altered_by_the_server(facts, &set));
    let probed = altered_by_the_table(facts).into_iter().filter(|finding| !findings.iter().any(|known| known.title == finding.title));
    let probed: Vec<_> = probed.collect();
    findings.extend(probed);
    findings
}

/// How one value comes from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Decoded,
    Encoded,
}

impl Change {
    /// What was done to `from` to make `to`.
    fn between(from: &[u8], to: &[u8]) -> Option<Self> {
        let decode = |value: &[u8]| -> Vec<u8> { percent_decode(value).collect() };
        if from == to {
            None
        } else if decode(from) == to {
            Some(Self::Decoded)
        } else if decode(to) == from {
            Some(Self::Encoded)
        } else {
            None
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Decoded => "percent-decoded",
            Self::Encoded => "percent-encoded",
        }
    }
}

/// Values that cookies rightly had, by actor and name.
#[derive(Default)]
struct Set {
    values: BTreeMap<(Arc<str>, Bytes), Vec<Since>>,
    /// The same, to look one up.
    known: HashSet<(Arc<str>, Bytes, Bytes)>,
}

/// A value and the number of the hop from which on the cookie had it.
type Since = (u32, Bytes);

impl Set {
    fn of(facts: &Facts<'_>) -> Self {
        let mut set = Self::default();
        for hop in &facts.chain.hops {
            for line in hop.set.iter().filter(|line| !is_deletion(line) && !matches!(line.verdict, SetVerdict::Blocked(_))) {
                set.add(&hop.actor, &line.name, hop.id.0, &line.value);
            }
        }
        // A scenario may put a value into the jar itself; then sending that is what it asked for.
        for (index, step) in facts.chain.steps.iter().enumerate().filter(|(_, step)| !step.jar.is_empty()) {
            let first = facts.chain.hops.iter().find(|hop| hop.step >= index).map_or(u32::MAX, |hop| hop.id.0);
            for cookie in &step.jar {
                set.add(&step.actor, &cookie.name, first, &cookie.value);
            }
        }
        set
    }

    fn add(&mut self, actor: &Arc<str>, name: &Bytes, from: u32, value: &Bytes) {
        if self.known.insert((actor.clone(), name.clone(), value.clone())) {
            self.values.entry((actor.clone(), name.clone())).or_default().push((from, value.clone()));
        }
    }

    fn values(&self, hop: &Hop, name: &Bytes) -> &[Since] {
        self.values.get(&(hop.actor.clone(), name.clone())).map_or(&[], Vec::as_slice)
    }

    fn is_verbatim(&self, hop: &Hop, cookie: &CookieSent) -> bool {
        self.known.contains(&(hop.actor.clone(), cookie.name.clone(), cookie.value.clone()))
    }

    /// From which value, set before the hop, the cookie's was made, and how.
    fn change(&self, hop: &Hop, cookie: &CookieSent) -> Option<(u32, Change)> {
        if self.is_verbatim(hop, cookie) {
            return None;
        }
        let before = self.values(hop, &cookie.name).iter().rev().filter(|(from, _)| *from < hop.id.0);
        before.into_iter().find_map(|(from, value)| Some((*from, Change::between(value, &cookie.value)?)))
    }
}

/// Pattern 1. Requests whose Cookie header the scenario wrote itself are left out: they are probes.
fn altered_on_the_way(facts: &Facts<'_>, set: &Set) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for hop in facts.chain.hops.iter().filter(|hop| !facts.is_tampered(hop)) {
        for cookie in &hop.sent {
            let Some((from, change)) = set.change(hop, cookie) else { continue };
            if !seen.insert((hop.actor.clone(), cookie.name.clone())) {
                continue;
            }
            let name = shown(&String::from_utf8_lossy(&cookie.name), 80);
            let mut evidence = vec![Evidence::at(
                hop.id,
                format!(
                    "{} carried `{name}` with {} bytes: the value as it was set, {} once",
                    place(hop),
                    cookie.value.len(),
                    change.word()
                ),
            )];
            if let Some(origin) = facts.chain.hops.get(from as usize) {
                let length = origin.set.iter().rfind(|line| line.name == cookie.name).map(|line| line.value.len());
                let text = length.map_or_else(
                    || format!("`{name}` was in the jar by then"),
                    |length| format!("{} set `{name}` with {length} bytes", place(origin)),
                );
                evidence.insert(0, Evidence::at(origin.id, text));
            }
            findings
                .push(RULE.finding(format!("the client sends the cookie `{name}` {} once more than it was set", change.word()), evidence));
        }
    }
    findings
}

/// Pattern 2.
fn altered_by_the_server(facts: &Facts<'_>, set: &Set) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut told: Vec<&Hop> = Vec::new();
    for probe in facts.chain.hops.iter().filter(|hop| standing(hop) == Standing::Known && !matches!(hop.cause, Cause::Redirect(_))) {
        for cookie in &probe.sent {
            let Some((_, change)) = set.change(probe, cookie) else { continue };
            if told.iter().any(|hop| same_endpoint(hop, probe)) {
                continue;
            }
            let carries_verbatim = |hop: &Hop| {
                hop.sent.iter().any(|sent| {
                    sent.name == cookie.name && set.is_verbatim(hop, sent) && Change::between(&sent.value, &cookie.value) == Some(change)
                })
            };
            let same_question = |hop: &&Hop| {
                hop.actor == probe.actor
                    && same_endpoint(hop, probe)
                    && same_authorization(hop, probe)
                    && carries_verbatim(hop)
                    && undisturbed(facts, hop, probe)
            };
            let verbatim: Vec<&Hop> = facts.chain.hops.iter().filter(same_question).collect();
            let refused = verbatim.iter().find(|hop| matches!(standing(hop), Standing::Refused | Standing::Anonymous));
            let accepted = verbatim.iter().any(|hop| standing(hop) == Standing::Known);
            let Some(refused) = refused.filter(|_| !accepted) else { continue };
            told.push(probe);
            let name = shown(&String::from_utf8_lossy(&cookie.name), 80);
            let evidence = vec![
                Evidence::at(
                    refused.id,
                    format!(
                        "{} got `{name}` byte for byte as it was set and answered {}",
                        place(refused),
                        refused.status().unwrap_or_default()
                    ),
                ),
                Evidence::at(
                    probe.id,
                    format!(
                        "the same endpoint got the value {} once and answered {} with a user",
                        change.word(),
                        probe.status().unwrap_or_default()
                    ),
                ),
            ];
            findings.push(RULE.finding(refuses_verbatim(&place(probe), change, &name), evidence));
        }
    }
    findings
}

/// Pattern 2, as the truth table of a session shows it.
fn altered_by_the_table(facts: &Facts<'_>) -> Vec<Finding> {
    let findings = facts.columns().into_iter().filter_map(|column| {
        let refused = column.refused(Presented::Stored)?;
        let changes = [(Presented::Decoded, Change::Decoded), (Presented::Encoded, Change::Encoded)];
        let (change, known) = changes.into_iter().find_map(|(form, change)| Some((change, column.opened_by(form)?)))?;
        let name = column.name();
        let evidence = vec![
            Evidence::at(
                refused.id,
                format!(
                    "{} got `{name}` byte for byte as it was stored and answered {}",
                    place(refused),
                    refused.status().unwrap_or_default()
                ),
            ),
            Evidence::at(
                known.id,
                format!("the same endpoint got the value {} once and answered {}", change.word(), known.status().unwrap_or_default()),
            ),
        ];
        Some(RULE.finding(refuses_verbatim(&place(refused), change, &name), evidence))
    });
    findings.collect()
}

/// What an endpoint does that takes an altered value alone.
fn refuses_verbatim(endpoint: &str, change: Change, name: &str) -> String {
    let does = match change {
        Change::Decoded => "percent-encodes the value once before it verifies it",
        Change::Encoded => "percent-decodes the value once more than it was encoded",
    };
    format!("{endpoint} {does}: it refuses `{name}` as it was set and accepts it {}", change.word())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;
    use crate::plan::{Body, From, HttpMethod, RequestPlan, Template, Verb};
    use serde_json::{Value, json};

    const RAW: &str = "tok.a%2Bb%3D";
    const DECODED: &str = "tok.a+b=";
    const TWICE: &str = "tok.a%252Bb%253D";

    fn login() -> Story {
        let mut story = Story::new();
        story.step("login").post("https://api.test/login").sets(&format!("sid={RAW}; Path=/"));
        story
    }

    /// A step whose Cookie header the scenario wrote.
    fn probe<'a>(story: &'a mut Story, path: &str, value: &str) -> &'a mut Story {
        let request = RequestPlan {
            method: HttpMethod::Get,
            url: Template::text(path),
            query: vec![],
            headers: vec![("Cookie".to_owned(), Some(Template::text(format!("sid={value}"))))],
            body: Body::Empty,
            from: From::Client,
            cookies: false,
            follow: false,
        };
        story.step_with("probe", Verb::Request(Box::new(request))).get(&format!("https://api.test{path}")).cookies(&format!("sid={value}"))
    }

    fn user() -> Value {
        json!({"user": {"id": 1}})
    }

    fn titles(story: &Story) -> Vec<String> {
        diagnose(&story.plan, &story.chain).into_iter().filter(|finding| finding.rule == RULE.id).map(|finding| finding.title).collect()
    }

    #[test]
    fn a_client_that_alters_the_value_is_found_with_the_direction() {
        for (sent, word) in [(DECODED, "percent-decoded"), (TWICE, "percent-encoded")] {
            let mut story = login();
            story.step("get").get("https://api.test/x").cookies(&format!("sid={sent}")).status(401);
            assert_eq!(titles(&story), [format!("the client sends the cookie `sid` {word} once more than it was set")]);
        }
    }

    #[test]
    fn a_server_that_refuses_the_verbatim_and_accepts_the_altered_value_is_found() {
        let mut story = login();
        story.step("get").get("https://api.test/session").cookies(&format!("sid={RAW}")).status(401);
        probe(&mut story, "/session", DECODED).json(user());
        assert_eq!(
            titles(&story),
            [
                "GET https://api.test/session percent-encodes the value once before it verifies it: it refuses `sid` as it was set and accepts it percent-decoded"
            ]
        );
    }

    #[test]
    fn a_correct_server_may_be_probed() {
        let mut story = login();
        story.step("get").get("https://api.test/session").cookies(&format!("sid={RAW}")).json(user());
        probe(&mut story, "/session", TWICE).status(401);
        probe(&mut story, "/session", DECODED).json(user());
        assert_eq!(titles(&story), [""; 0], "the verbatim value is accepted");
    }

    #[test]
    fn a_table_shows_it_too() {
        use crate::judge::diagnose::probe::tests::table_of;
        let hit = table_of(&[(Presented::Stored, 401), (Presented::Decoded, 200), (Presented::Nothing, 401)]);
        assert_eq!(titles(&hit).len(), 1, "{:?}", titles(&hit));
        assert_eq!(titles(&table_of(&[(Presented::Stored, 200), (Presented::Decoded, 200)])), [""; 0], "it takes both");
        assert_eq!(
            titles(&table_of(&[(Presented::Stored, 200), (Presented::Decoded, 401), (Presented::Encoded, 401)])),
            [""; 0],
            "as it should"
        );
    }

    #[test]
    fn two_endpoints_or_another_session_prove_nothing() {
        let mut story = login();
        story.step("get").get("https://api.test/session").cookies(&format!("sid={RAW}")).status(401);
        probe(&mut story, "/other", DECODED).json(user());
        assert_eq!(titles(&story), [""; 0], "another endpoint");
        let mut story = login();
        story.step("get").get("https://api.test/session").cookies(&format!("sid={RAW}")).status(401);
        story.step("log in").post("https://api.test/login");
        probe(&mut story, "/session", DECODED).json(user());
        assert_eq!(titles(&story), [""; 0], "a login in between");
    }

    #[test]
    fn a_value_that_was_set_later_or_put_into_the_jar_is_verbatim() {
        let mut story = login();
        story.step("edit").jar("api.test", "sid", DECODED);
        story.step("get").get("https://api.test/x").cookies(&format!("sid={DECODED}")).status(401);
        assert_eq!(titles(&story), [""; 0]);
        let mut story = login();
        story.step("get").get("https://api.test/x").cookies("sid=something-else").status(401);
        assert_eq!(titles(&story), [""; 0], "another value, not an encoding of it");
    }
}
