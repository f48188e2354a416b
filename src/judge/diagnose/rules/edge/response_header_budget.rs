//! Cookies that are too large for a proxy's buffer.

use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::probe::Edge;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::trace::{Hop, ProbeKind, Response};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "response-header-budget",
    family: Family::Edge,
    severity: Severity::Error,
    needs: Needs::Probe,
    summary: "the edge answers 502 because the origin's response headers are too large",
    cause: "Set-Cookie lines of the callback pass the proxy's buffer (nginx: proxy_buffer_size, 4 or 8 KB)",
    fix: "raise the buffer, or keep the session on the server",
    reference: "oauth2-proxy/oauth2-proxy#26, #1071",
    check,
};

/// The smallest buffer in use, in bytes: what is below it passes everywhere.
const SMALLEST: usize = 4096;
/// The usual larger one: what is beyond it fails at every proxy that nobody tuned.
const USUAL: usize = 8192;

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let edges: Vec<Edge<'_>> = facts.probes(ProbeKind::Edge).filter_map(|probe| Edge::of(facts, probe)).collect();
    let failed: Vec<Finding> = edges.iter().filter_map(failed_at_the_edge).collect();
    if failed.is_empty() { too_large(facts).into_iter().collect() } else { failed }
}

/// Proven: through the edge there is no answer, behind it there is a large one.
fn failed_at_the_edge(edge: &Edge<'_>) -> Option<Finding> {
    let (status, response) = (edge.through.status()?, edge.behind.response()?);
    let bytes = header_bytes(response);
    let proven = matches!(status, 500 | 502) && response.status < 500 && bytes > SMALLEST;
    proven.then(|| {
        RULE.finding(
            format!("{} answers {status} through the edge, where {bytes} bytes of headers would have to pass", place(edge.through)),
            vec![
                Evidence::at(edge.through.id, format!("{} answered {status}", place(edge.through))),
                Evidence::at(
                    edge.behind.id,
                    format!("behind the edge it answered {} with {}", response.status, told(edge.behind, response)),
                ),
            ],
        )
    })
}

/// Not proven, and likely: the largest answer that sets cookies would not pass a proxy with the usual buffer.
fn too_large(facts: &Facts<'_>) -> Option<Finding> {
    let sets = facts.chain.hops.iter().filter(|hop| !hop.set.is_empty());
    let (bytes, hop, response) =
        sets.filter_map(|hop| Some((header_bytes(hop.response()?), hop, hop.response()?))).max_by_key(|(bytes, ..)| *bytes)?;
    (bytes > USUAL).then(|| Finding {
        severity: Severity::Warning,
        ..RULE.finding(
            format!("{} answers with {bytes} bytes of headers: a proxy with the usual buffer of 4 or 8 KB makes 502 of it", place(hop)),
            vec![
                Evidence::at(hop.id, format!("{} answered {} with {}", place(hop), response.status, told(hop, response))),
                Evidence::of("`probe: { edge: … }` shows what an edge in front of it makes of this"),
            ],
        )
    })
}

/// The size of an answer's head as HTTP/1.1 writes it (RFC 9112 §5), without its first line.
fn header_bytes(response: &Response) -> usize {
    response.headers.iter().map(|header| header.name.len() + header.value.len() + 4).sum()
}

fn told(hop: &Hop, response: &Response) -> String {
    let mut largest: Vec<_> = hop.set.iter().map(|set| (set.raw.len(), set.name_text())).collect();
    largest.sort_by(|one, other| other.cmp(one));
    let names: Vec<_> = largest.iter().take(3).map(|(bytes, name)| format!("`{}` {bytes}", shown(name, 60))).collect();
    let cookies = if names.is_empty() { String::new() } else { format!("; the largest Set-Cookie lines, in bytes: {}", names.join(", ")) };
    format!("{} bytes of headers{cookies}", header_bytes(response))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::diagnose::probe::tests_of_edges::asked;
    use crate::judge::diagnose::{Severity, diagnose};
    use crate::judge::testing::Story;

    fn severity(story: &Story) -> Option<Severity> {
        diagnose(&story.plan, &story.chain).into_iter().find(|finding| finding.rule == RULE.id).map(|finding| finding.severity)
    }

    #[test]
    fn hits_and_near_misses() {
        let line = |bytes: usize| format!("claims={}; Path=/", "x".repeat(bytes));
        let probed = |through: u16, behind: u16, bytes: usize| {
            let line = line(bytes);
            severity(&asked([(through, &[], ""), (behind, &[&line], ""), (through, &[], "")]))
        };
        assert_eq!(probed(502, 303, 5000), Some(Severity::Error));
        assert_eq!(probed(502, 303, 500), None, "it is not the headers");
        assert_eq!(probed(502, 502, 5000), None, "the app itself fails");
        assert_eq!(probed(200, 200, 5000), None, "it passes");
        let plain = |lines: usize| {
            let mut story = Story::new();
            story.post("https://app.test/login");
            for _ in 0..lines {
                story.sets(&line(3800));
            }
            severity(&story)
        };
        assert_eq!(plain(3), Some(Severity::Warning));
        assert_eq!(plain(2), None, "some proxies let it pass");
    }
}
