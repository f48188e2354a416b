//! Cookies beneath a hop: set, sent, withheld.

use super::mask::Labels;
use super::render::BENEATH;
use crate::judge::text::{shown, shown_bytes};
use crate::trace::{CookieSet, Hop, Reason, SetVerdict};

/// Longest name or attribute value that is shown, in characters.
const LONGEST: usize = 80;
/// Most cookies of a kind that are listed.
const MOST: usize = 60;

/// Attributes in the spelling and order of RFC 6265bis §4.1.1, `Partitioned` and `Priority` behind them.
const ATTRIBUTES: [&str; 9] = ["Expires", "Max-Age", "Domain", "Path", "Secure", "HttpOnly", "SameSite", "Partitioned", "Priority"];

/// A snapshot without what it says of cookies that stayed at home.
#[must_use]
pub fn without_withheld(snapshot: &str) -> String {
    let told = |line: &&str| !line.strip_prefix(BENEATH).is_some_and(|line| line.starts_with("kept  "));
    snapshot.lines().filter(told).map(|line| format!("{line}\n")).collect()
}

/// The lines of `hop`, without indent.
pub(super) fn lines(hop: &Hop, labels: &mut Labels) -> Vec<String> {
    let mut lines = Vec::new();
    if !hop.sent.is_empty() {
        let sent = hop.sent.iter().take(MOST).map(|cookie| {
            let value = labels.opaque(&String::from_utf8_lossy(&cookie.name), &cookie.value);
            format!("{}={value}", shown_bytes(&cookie.name, LONGEST))
        });
        lines.push(format!("sent  {}{}", sent.collect::<Vec<_>>().join("; "), more(hop.sent.len())));
    }
    let mut withheld: Vec<_> =
        hop.withheld.iter().map(|cookie| format!("kept  {}: {}", shown_bytes(&cookie.name, LONGEST), words(&cookie.reasons))).collect();
    // Two cookies of one name differ in path or domain; the jar's order of them is no fact about the chain.
    withheld.sort();
    lines.extend(withheld.into_iter().take(MOST));
    lines.extend(hop.set.iter().take(MOST).map(|set| set_line(set, labels)));
    if hop.set.len() > MOST {
        lines.push(format!("set  {}", more(hop.set.len())));
    }
    lines
}

fn more(count: usize) -> String {
    if count > MOST { format!(" … {} more", count - MOST) } else { String::new() }
}

fn set_line(set: &CookieSet, labels: &mut Labels) -> String {
    let mut line = format!("set   {}={}", shown_bytes(&set.name, LONGEST), labels.opaque(&set.name_text(), &set.value));
    for attribute in attributes(set) {
        line.push_str("; ");
        line.push_str(&attribute);
    }
    match &set.verdict {
        SetVerdict::Stored => line.push_str("  → stored"),
        SetVerdict::Replaced => line.push_str("  → replaced"),
        SetVerdict::Deleted => line.push_str("  → deleted"),
        SetVerdict::DeletedNothing(others) if others.is_empty() => line.push_str("  → nothing to delete"),
        SetVerdict::DeletedNothing(others) => {
            line.push_str(&format!("  → deleted nothing, still there: {}", shown(&others.join(", "), 2 * LONGEST)));
        }
        SetVerdict::Blocked(reasons) => line.push_str(&format!("  → blocked: {}", words(reasons))),
        SetVerdict::Unknown => {}
    }
    line
}

/// Attributes in canonical order, each in its standard spelling; unknown ones behind, by name. Of a repeated one the
/// last counts (RFC 6265bis §5.6), and that is the one shown.
fn attributes(set: &CookieSet) -> Vec<String> {
    let mut known = Vec::new();
    for name in ATTRIBUTES {
        if let Some(value) = set.attribute(name) {
            known.push(attribute(name, value.as_deref()));
        }
    }
    let is_known = |name: &str| ATTRIBUTES.iter().any(|known| known.eq_ignore_ascii_case(name));
    let mut others: Vec<_> = set
        .attributes
        .iter()
        .filter(|(name, _)| !is_known(name) && !name.is_empty())
        .map(|(name, value)| {
            let value = value.as_deref().map(|value| format!("={}", shown(value, LONGEST))).unwrap_or_default();
            format!("{}{value}", shown(name, LONGEST))
        })
        .collect();
    others.sort();
    known.extend(others.into_iter().take(12));
    known
}

fn attribute(name: &str, value: Option<&str>) -> String {
    match (name, value) {
        // A moment; how long the cookie lives stands in Max-Age, or in the verdict when it is over.
        ("Expires", Some(_)) => "Expires=‹time›".to_owned(),
        ("Secure" | "HttpOnly" | "Partitioned", _) => name.to_owned(),
        ("SameSite", Some(value)) => {
            let standard = ["Strict", "Lax", "None"].into_iter().find(|word| word.eq_ignore_ascii_case(value));
            format!("SameSite={}", standard.map_or_else(|| shown(value, LONGEST), str::to_owned))
        }
        (name, Some(value)) => format!("{name}={}", shown(value, LONGEST)),
        (name, None) => name.to_owned(),
    }
}

fn words(reasons: &[Reason]) -> String {
    let mut words: Vec<_> = reasons.iter().map(|reason| shown(&reason.code, LONGEST)).collect();
    words.sort();
    words.dedup();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::Story;

    #[test]
    fn attributes_are_canonical_values_are_labels_and_blocks_are_named() {
        let mut story = Story::new();
        story.get("https://api.test/").cookies("sid=secret-value; b=").withheld("z", "NotOnPath").withheld("a", "SameSiteStrict");
        story.sets("sid=secret-value; secure; path=/; expires=Thu, 01 Jan 2026 00:00:00 GMT; httponly; max-age=604800; samesite=lax; X=1");
        story.sets_blocked("c=2; SameSite=None", "SameSiteNoneInsecure");
        assert_eq!(
            lines(story.last(), &mut Labels::numbered()),
            [
                "sent  sid=‹value:1›; b=",
                "kept  a: SameSiteStrict",
                "kept  z: NotOnPath",
                "set   sid=‹value:1›; Expires=‹time›; Max-Age=604800; Path=/; Secure; HttpOnly; SameSite=Lax; X=1  → stored",
                "set   c=‹value:2›; SameSite=None  → blocked: SameSiteNoneInsecure",
            ]
        );
    }

    #[test]
    fn a_deletion_tells_what_it_hit() {
        let mut story = Story::new();
        story.get("https://api.test/").set_cookie("s=; Max-Age=0", SetVerdict::Deleted);
        story.set_cookie("t=; Max-Age=0", SetVerdict::DeletedNothing(vec!["t at .test/".to_owned()]));
        assert_eq!(
            lines(story.last(), &mut Labels::numbered()),
            ["set   s=; Max-Age=0  → deleted", "set   t=; Max-Age=0  → deleted nothing, still there: t at .test/",]
        );
    }
}
