//! The same request again and again: who answers, and how.

use super::super::facts::{Facts, place};
use super::session::{Taken, status, taken};
use crate::judge::text::shown;
use crate::trace::{Hop, Probe, Role};
use serde_json::{Value, json};

/// Response fields that tell which build answers.
const BUILDS: [&str; 8] = ["x-build-id", "x-build", "x-version", "x-app-version", "x-git-sha", "x-commit", "x-release", "x-deployment-id"];

/// The build that answered, and the field that says so.
pub(in crate::judge::diagnose) fn build(hop: &Hop) -> Option<(&'static str, &str)> {
    let headers = &hop.response()?.headers;
    BUILDS.into_iter().find_map(|field| Some((field, headers.get_str(field)?)))
}

/// The answers of one endpoint, in order.
#[derive(Debug)]
pub(in crate::judge::diagnose) struct Round<'a> {
    pub(in crate::judge::diagnose) answers: Vec<Answer<'a>>,
}

/// One of them.
#[derive(Debug)]
pub(in crate::judge::diagnose) struct Answer<'a> {
    pub(in crate::judge::diagnose) hop: &'a Hop,
    taken: Taken,
    /// Which build gave it, when it says.
    pub(in crate::judge::diagnose) build: Option<String>,
}

impl Answer<'_> {
    /// What must be alike in all of them.
    fn kind(&self) -> (String, Taken) {
        (status(self.hop), self.taken)
    }
}

impl Round<'_> {
    fn agrees(&self) -> bool {
        self.answers.windows(2).all(|pair| pair[0].kind() == pair[1].kind())
    }

    /// The builds that answered, each once, in the order in which they showed.
    pub(in crate::judge::diagnose) fn builds(&self) -> Vec<&str> {
        let mut builds: Vec<&str> = Vec::new();
        for build in self.answers.iter().filter_map(|answer| answer.build.as_deref()) {
            if !builds.contains(&build) {
                builds.push(build);
            }
        }
        builds
    }
}

/// The rounds of a probe, one for each endpoint.
pub(in crate::judge::diagnose) fn rounds<'a>(facts: &Facts<'a>, probe: &'a Probe) -> Vec<Round<'a>> {
    let mut rounds: Vec<Round<'a>> = Vec::new();
    for asked in &probe.asked {
        let (Role::Same(named), Some(hop)) = (&asked.role, facts.whole.hop(asked.hop)) else { continue };
        let build = named.clone().or_else(|| build(hop).map(|(_, build)| build.to_owned()));
        let answer = Answer { hop, taken: taken(facts, hop, None), build };
        match rounds.last_mut().filter(|round| round.answers[0].hop.request.url == hop.request.url) {
            Some(round) => round.answers.push(answer),
            None => rounds.push(Round { answers: vec![answer] }),
        }
    }
    rounds
}

/// What the rounds show, in words and as a value.
pub(super) fn learned(facts: &Facts<'_>, probe: &Probe) -> (String, Value) {
    let rounds = rounds(facts, probe);
    let mut rows = Vec::new();
    let mut words = Vec::new();
    let mut builds: Vec<&str> = Vec::new();
    for round in &rounds {
        let endpoint = place(round.answers[0].hop);
        let mut told = Vec::new();
        for (kind, count) in counted(round) {
            told.push(format!("{count} × {}", kind.told()));
            rows.push(
                json!({ "endpoint": endpoint, "status": kind.status, "verdict": kind.taken.word(), "build": kind.build, "count": count }),
            );
        }
        for build in round.builds() {
            if !builds.contains(&build) {
                builds.push(build);
            }
        }
        let verdict = if !round.agrees() {
            "replicas do not agree"
        } else if round.builds().len() > 1 {
            "all agree, though they are of several builds"
        } else {
            "all agree"
        };
        words.push(format!("{endpoint}: {}: {verdict}", told.join(", ")));
    }
    let value = json!({ "agree": rounds.iter().all(Round::agrees), "builds": builds, "rows": rows });
    (words.join("; "), value)
}

/// What some of the answers have in common.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind<'a> {
    pub(super) status: String,
    pub(super) taken: Taken,
    pub(super) build: Option<&'a str>,
}

impl Kind<'_> {
    /// `200 accepted by build 7`.
    pub(super) fn told(&self) -> String {
        let taken = if self.taken == Taken::Untold { String::new() } else { format!(" {}", self.taken.word()) };
        let build = self.build.map(|build| format!(" by build {}", shown(build, 60))).unwrap_or_default();
        format!("{}{taken}{build}", self.status)
    }
}

/// The kinds of answers of a round with their number, in the order in which they showed.
pub(super) fn counted<'r>(round: &'r Round<'_>) -> Vec<(Kind<'r>, usize)> {
    let mut kinds: Vec<(Kind<'r>, usize)> = Vec::new();
    for answer in &round.answers {
        let (status, taken) = answer.kind();
        let kind = Kind { status, taken, build: answer.build.as_deref() };
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind, 1)),
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::Story;
    use crate::trace::ProbeKind;

    fn asked(answers: &[(u16, &str)]) -> (String, Value) {
        let mut story = Story::new();
        story.step("probe");
        for (status, build) in answers {
            story
                .get("https://app.test/api/session")
                .status(*status)
                .answers("X-Build-Id", build)
                .probed(ProbeKind::Replicas, Role::Same(None));
        }
        super::super::learned(&story.chain, 0).unwrap()
    }

    #[test]
    fn answers_are_counted_by_what_they_have_in_common() {
        let (words, value) = asked(&[(200, "a"), (401, "b"), (200, "a")]);
        assert_eq!(words, "GET https://app.test/api/session: 2 × 200 by build a, 1 × 401 refused by build b: replicas do not agree");
        assert_eq!((&value["agree"], &value["builds"]), (&json!(false), &json!(["a", "b"])));
        let (words, value) = asked(&[(200, "a"), (200, "a")]);
        assert!(words.ends_with("2 × 200 by build a: all agree") && value["agree"] == true, "{words}");
        assert!(asked(&[(200, "a"), (200, "b")]).0.ends_with("of several builds"));
    }
}
