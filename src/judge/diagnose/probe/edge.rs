//! The same request through an edge and behind it: what was lost, rewritten and added on the way.

use super::super::facts::{Facts, place};
use super::session::status;
use crate::judge::text::{shown, shown_bytes};
use crate::trace::{CookieSet, Hop, Probe, Response, Role};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Fields that every station writes anew, and that say nothing about a login.
const OF_THE_WAY: [&str; 22] = [
    "set-cookie",
    "date",
    "age",
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "trailer",
    "upgrade",
    "content-length",
    "content-encoding",
    "etag",
    "last-modified",
    "server",
    "via",
    "x-powered-by",
    "x-request-id",
    "x-correlation-id",
    "x-response-time",
    "server-timing",
    "traceparent",
    "alt-svc",
];
/// Most differences that are told.
const TOLD: usize = 12;

/// An answer through the edge, twice, and the one behind it.
#[derive(Debug, Clone, Copy)]
pub(in crate::judge::diagnose) struct Edge<'a> {
    pub(in crate::judge::diagnose) through: &'a Hop,
    again: &'a Hop,
    pub(in crate::judge::diagnose) behind: &'a Hop,
}

/// A Set-Cookie line that the edge changed.
#[derive(Debug)]
pub(in crate::judge::diagnose) struct Rewritten<'a> {
    pub(in crate::judge::diagnose) behind: &'a CookieSet,
    pub(in crate::judge::diagnose) through: &'a CookieSet,
}

impl<'a> Edge<'a> {
    /// What a probe asked, when all of it was answered in some way.
    pub(in crate::judge::diagnose) fn of(facts: &Facts<'a>, probe: &'a Probe) -> Option<Self> {
        let with = |role: Role| probe.asked.iter().filter(move |asked| asked.role == role).filter_map(|asked| facts.whole.hop(asked.hop));
        let mut through = with(Role::ThroughEdge);
        Some(Self { through: through.next()?, again: through.next()?, behind: with(Role::BehindEdge).next()? })
    }

    fn answers(&self) -> Option<[&'a Response; 3]> {
        Some([self.through.response()?, self.again.response()?, self.behind.response()?])
    }

    /// Lines that are set behind the edge and never come through it.
    pub(in crate::judge::diagnose) fn stripped(&self) -> Vec<&'a CookieSet> {
        if self.answers().is_none() || !self.same_outcome() {
            return Vec::new();
        }
        let missing = |set: &&CookieSet| named(self.through, set).is_none() && named(self.again, set).is_none();
        self.behind.set.iter().filter(missing).collect()
    }

    /// Lines whose attributes are others behind the edge than in both answers through it.
    pub(in crate::judge::diagnose) fn rewritten(&self) -> Vec<Rewritten<'a>> {
        let changed = |behind: &'a CookieSet| {
            let (through, again) = (named(self.through, behind)?, named(self.again, behind)?);
            let differs = attributes(through) != attributes(behind) && attributes(through) == attributes(again);
            differs.then_some(Rewritten { behind, through })
        };
        self.behind.set.iter().filter_map(changed).collect()
    }

    /// Whether the edge passes on what kind of answer it is. One of its own making proves nothing about single fields.
    fn same_outcome(&self) -> bool {
        let class = |hop: &Hop| hop.status().map(|status| status / 100);
        class(self.through) == class(self.behind) && class(self.again) == class(self.behind)
    }

    /// Everything that differs, for people: values stay out of it.
    pub(super) fn differences(&self) -> Vec<String> {
        let mut told = Vec::new();
        if self.through.status() != self.behind.status() && self.again.status() == self.through.status() {
            told.push(format!("status {}, and {} behind the edge", status(self.through), status(self.behind)));
        }
        told.extend(self.stripped().iter().map(|set| format!("Set-Cookie `{}` is lost", shown(&set.name_text(), 80))));
        told.extend(self.rewritten().iter().map(|line| format!("Set-Cookie `{}`: {}", shown(&line.behind.name_text(), 80), line.told())));
        let Some([through, again, behind]) = self.answers().filter(|_| self.same_outcome()) else { return told };
        for set in &self.through.set {
            if named(self.behind, set).is_none() && named(self.again, set).is_some() {
                told.push(format!("Set-Cookie `{}` is added", shown(&set.name_text(), 80)));
            }
        }
        let names = |response: &Response| -> BTreeSet<String> {
            let names = response.headers.iter().map(|header| header.name.to_ascii_lowercase());
            names.filter(|name| !OF_THE_WAY.contains(&name.as_str())).collect()
        };
        let (seen, seen_again, there) = (names(through), names(again), names(behind));
        let values = |response: &Response, name: &str| -> Vec<Vec<u8>> { response.headers.get_all(name).map(<[u8]>::to_vec).collect() };
        for name in there.union(&seen) {
            let field = shown(name, 60);
            match (there.contains(name), seen.contains(name)) {
                (true, false) if !seen_again.contains(name) => told.push(format!("header `{field}` is lost")),
                (false, true) if seen_again.contains(name) => told.push(format!("header `{field}` is added")),
                (true, true) if values(through, name) != values(behind, name) && values(through, name) == values(again, name) => {
                    told.push(format!("header `{field}` is rewritten"));
                }
                _ => {}
            }
        }
        told
    }
}

impl Rewritten<'_> {
    /// What became of which attribute.
    pub(in crate::judge::diagnose) fn told(&self) -> String {
        let (behind, through) = (attributes(self.behind), attributes(self.through));
        let lost = behind.difference(&through).map(|attribute| format!("{} is gone", attribute_text(attribute)));
        let added = through.difference(&behind).map(|attribute| format!("{} is there instead", attribute_text(attribute)));
        lost.chain(added).collect::<Vec<_>>().join(", ")
    }
}

type Attribute = (String, Vec<u8>);

/// The attributes of a line, whatever their order and case. The time of Expires passes between two answers.
fn attributes(set: &CookieSet) -> BTreeSet<Attribute> {
    let one = |(name, value): &(String, Option<String>)| {
        let name = name.to_ascii_lowercase();
        let value = value.as_deref().unwrap_or_default().trim().to_ascii_lowercase();
        let value = if name == "expires" { Vec::new() } else { value.into_bytes() };
        (name, value)
    };
    set.attributes.iter().map(one).collect()
}

fn attribute_text((name, value): &Attribute) -> String {
    if value.is_empty() { shown(name, 40) } else { format!("{}={}", shown(name, 40), shown_bytes(value, 80)) }
}

/// The line of an answer that sets the cookie of the same name.
fn named<'a>(hop: &'a Hop, set: &CookieSet) -> Option<&'a CookieSet> {
    hop.set.iter().find(|own| own.name == set.name)
}

/// What the edge changes, in words and as a value.
pub(super) fn learned(facts: &Facts<'_>, probe: &Probe) -> (String, Value) {
    let Some(edge) = Edge::of(facts, probe) else {
        return ("the edge and what is behind it could not both be asked".to_owned(), json!({ "same": null, "differs": [] }));
    };
    let differs = edge.differences();
    let words = if differs.is_empty() {
        "the same through the edge and behind it".to_owned()
    } else {
        let more = differs.len().saturating_sub(TOLD);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        format!("{}{more}", differs.iter().take(TOLD).cloned().collect::<Vec<_>>().join(", "))
    };
    let value = json!({ "same": differs.is_empty(), "differs": differs, "status": edge.through.status(), "behind": edge.behind.status() });
    (format!("{}: {words}", place(edge.through)), value)
}

#[cfg(test)]
pub(in crate::judge::diagnose) mod tests {
    use super::*;
    use crate::judge::testing::Story;
    use crate::trace::{ProbeKind, SetVerdict};

    /// An answer: status, Set-Cookie lines, and another field.
    pub(in crate::judge::diagnose) type Answered<'a> = (u16, &'a [&'a str], &'a str);

    /// A probe of an edge: the answer through it, behind it, and through it again.
    pub(in crate::judge::diagnose) fn asked(answers: [Answered<'_>; 3]) -> Story {
        let mut story = Story::new();
        story.step("probe");
        for (role, (status, lines, frame)) in [Role::ThroughEdge, Role::BehindEdge, Role::ThroughEdge].into_iter().zip(answers) {
            story.get("https://app.test/login").status(status).answers("X-Frame-Options", frame);
            for line in lines {
                story.set_cookie(line, SetVerdict::Unknown);
            }
            story.probed(ProbeKind::Edge, role);
        }
        story
    }

    fn differs(answers: [Answered<'_>; 3]) -> Value {
        super::super::learned(&asked(answers).chain, 0).unwrap().1["differs"].clone()
    }

    #[test]
    fn only_what_both_answers_through_the_edge_show_is_its_doing() {
        let whole: Answered<'_> = (200, &["sid=1; Path=/; Secure", "theme=x"], "DENY");
        assert_eq!(differs([whole; 3]), json!([]));
        let without: Answered<'_> = (200, &["theme=y"], "DENY");
        assert_eq!(differs([without, whole, without]), json!(["Set-Cookie `sid` is lost"]));
        assert_eq!(differs([whole, whole, without]), json!([]), "it is set now and then");
        let other: Answered<'_> = (200, &["sid=2; secure; path=/app", "theme=x"], "SAMEORIGIN");
        assert_eq!(
            differs([other, whole, other]),
            json!(["Set-Cookie `sid`: path=/ is gone, path=/app is there instead", "header `x-frame-options` is rewritten"])
        );
        assert_eq!(differs([whole, without, whole]), json!(["Set-Cookie `sid` is added"]));
        let failed: Answered<'_> = (502, &[], "DENY");
        assert_eq!(differs([failed, whole, failed]), json!(["status 502, and 200 behind the edge"]));
    }
}
