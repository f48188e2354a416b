//! A new snapshot against the one that was accepted.

use super::file::normal;
use crate::plan::Transition;
use crate::trace::HopId;
use similar::{Algorithm, ChangeTag, DiffTag, TextDiff};

/// Unchanged lines shown around a change.
const CONTEXT: usize = 3;
/// Longest headline part, in characters.
const LONGEST: usize = 160;

/// What a comparison comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// As before.
    Same,
    /// Different in ways that the scenario declares; a line for each, with its reason.
    Allowed(Vec<String>),
    /// Different.
    Drift(Diff),
}

/// The difference between two snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// The first thing that moved: `hop 12 GET https://api.test/session moved 200 → 401`.
    pub headline: String,
    /// The number of the hop that the headline names in the new snapshot; none when it names no hop, or one that is gone.
    number: Option<usize>,
    /// That hop in the chain, once [`find_hop`](Self::find_hop) looked.
    pub hop: Option<HopId>,
    /// Unified, by lines.
    pub text: String,
}

impl Diff {
    /// Finds the hop that moved, where `hops` are those of the new snapshot in the order of their numbers. From now on the
    /// headline gives its number in the chain: of polls and races a snapshot shows less, and in another order.
    pub fn find_hop(&mut self, hops: &[HopId]) {
        let Some(number) = self.number else { return };
        self.hop = number.checked_sub(1).and_then(|at| hops.get(at)).copied();
        let Some(hop) = self.hop else { return };
        let (in_chain, in_snapshot) = (format!("hop {hop} "), format!("hop {number} "));
        if in_chain != in_snapshot
            && let Some(rest) = self.headline.strip_prefix(&in_snapshot)
        {
            self.headline = format!("{in_chain}({number} in the snapshot) {rest}");
        }
    }
}

/// Compares two snapshot texts.
///
/// A changed line is allowed when it is the old one with the `from` of transitions replaced by their `to`; a line that
/// came, went or moved never is.
#[must_use]
pub fn compare(old: &str, new: &str, transitions: &[Transition]) -> Comparison {
    let (old, new) = (normal(old), normal(new));
    if old == new {
        return Comparison::Same;
    }
    match allowed(&old, &new, transitions) {
        Some(changes) => Comparison::Allowed(changes),
        None => {
            let (headline, number) = headline(&old, &new);
            Comparison::Drift(Diff { headline, number, hop: None, text: unified(&old, &new) })
        }
    }
}

/// The unified difference of two texts by lines, without file names; all of `new` where there is nothing old.
#[must_use]
pub fn unified(old: &str, new: &str) -> String {
    if old.is_empty() {
        return normal(new).lines().map(|line| format!("+{line}\n")).collect();
    }
    let (old, new) = (terminated(old), terminated(new));
    let diff = lines(&old, &new);
    diff.unified_diff().context_radius(CONTEXT).missing_newline_hint(false).to_string()
}

fn terminated(text: &str) -> String {
    format!("{}\n", normal(text))
}

fn lines<'a>(old: &'a str, new: &'a str) -> TextDiff<'a, 'a, str> {
    TextDiff::configure().algorithm(Algorithm::Patience).diff_lines(old, new)
}

fn allowed(old: &str, new: &str, transitions: &[Transition]) -> Option<Vec<String>> {
    if transitions.is_empty() || old.lines().count() != new.lines().count() {
        return None;
    }
    let mut changes = Vec::new();
    for (old, new) in old.lines().zip(new.lines()).filter(|(old, new)| old != new) {
        let used = explained(old, new, transitions)?;
        changes.extend(used.into_iter().map(|transition| format!("{} → {}: {}", transition.from, transition.to, transition.because)));
    }
    changes.dedup();
    Some(changes)
}

/// The transitions that lead from one line to the other, if any do.
fn explained<'t>(old: &str, new: &str, transitions: &'t [Transition]) -> Option<Vec<&'t Transition>> {
    let usable: Vec<_> = transitions.iter().filter(|transition| !transition.from.is_empty() && old.contains(&transition.from)).collect();
    let one = usable.iter().find(|transition| old.replace(&transition.from, &transition.to) == new);
    if let Some(one) = one {
        return Some(vec![one]);
    }
    // Several on one line, each in its turn.
    let mut line = old.to_owned();
    let mut used = Vec::new();
    for transition in usable {
        let next = line.replace(&transition.from, &transition.to);
        if next != line {
            used.push(transition);
            line = next;
        }
    }
    (line == new).then_some(used)
}

/// A hop line taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct HopLine<'a> {
    number: &'a str,
    /// Method and URL.
    request: &'a str,
    /// Status, redirect target, content type, or failure.
    answer: &'a str,
}

impl<'a> HopLine<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (number, rest) = line.trim_start().split_once("  ")?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (request, answer) = rest.split_once("  ")?;
        Some(Self { number, request, answer })
    }

    fn status(self) -> &'a str {
        if self.answer.starts_with('✗') { self.answer } else { self.answer.split(' ').next().unwrap_or_default() }
    }

    fn name(self) -> String {
        format!("hop {} {}", self.number, crate::judge::text::shown(self.request, LONGEST))
    }
}

/// The first hop that moved, with its number in the new snapshot or, when none did, the first line.
fn headline(old: &str, new: &str) -> (String, Option<usize>) {
    let hops = |text: &'_ str| -> Vec<(usize, String)> {
        text.lines().enumerate().filter_map(|(at, line)| HopLine::parse(line).map(|hop| (at, hop.request.to_owned()))).collect()
    };
    let (old_lines, new_lines): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let (old_hops, new_hops) = (hops(old), hops(new));
    let requests = |hops: &[(usize, String)]| hops.iter().map(|(_, request)| request.clone()).collect::<Vec<_>>();
    let (old_requests, new_requests) = (requests(&old_hops), requests(&new_hops));
    let ops = similar::capture_diff_slices(Algorithm::Myers, &old_requests, &new_requests);
    let number = |at: usize| HopLine::parse(new_lines.get(new_hops.get(at)?.0)?)?.number.parse().ok();
    let hop_at = |lines: &[&'_ str], hops: &[(usize, String)], at: usize| -> Option<(String, String, String)> {
        let hop = HopLine::parse(lines.get(hops.get(at)?.0)?)?;
        Some((hop.name(), hop.status().to_owned(), hop.answer.to_owned()))
    };
    for op in ops {
        let (tag, before, after) = op.as_tag_tuple();
        if tag == DiffTag::Equal {
            for (before, after) in before.zip(after) {
                let (Some(was), Some(is)) = (hop_at(&old_lines, &old_hops, before), hop_at(&new_lines, &new_hops, after)) else { continue };
                if let Some(text) = moved(&was, &is) {
                    return (text, number(after));
                }
                let details = |lines: &[&'_ str], hops: &[(usize, String)], at: usize| -> Vec<String> {
                    let from = hops[at].0 + 1;
                    lines[from..]
                        .iter()
                        .take_while(|line| HopLine::parse(line).is_none() && !line.trim_start().starts_with("──"))
                        .map(|line| line.trim().to_owned())
                        .collect()
                };
                let (was_lines, is_lines) = (details(&old_lines, &old_hops, before), details(&new_lines, &new_hops, after));
                if was_lines != is_lines {
                    return (format!("{}: {}", is.0, first_change(&was_lines, &is_lines)), number(after));
                }
            }
            continue;
        }
        let was = (!before.is_empty()).then(|| hop_at(&old_lines, &old_hops, before.start)).flatten();
        let is = (!after.is_empty()).then(|| hop_at(&new_lines, &new_hops, after.start)).flatten();
        return match (was, is) {
            (Some(was), Some(is)) => (format!("{} took the place of {}", is.0, was.0), number(after.start)),
            (Some(was), None) => (format!("{} is gone", was.0), None),
            (None, Some(is)) => (format!("{} is new", is.0), number(after.start)),
            (None, None) => (first_line_change(&old_lines, &new_lines), None),
        };
    }
    (first_line_change(&old_lines, &new_lines), None)
}

/// How the answer of one hop changed.
fn moved(
    (_, old_status, old_answer): &(String, String, String),
    (name, new_status, new_answer): &(String, String, String),
) -> Option<String> {
    if old_status != new_status {
        return Some(format!("{name} moved {old_status} → {new_status}"));
    }
    (old_answer != new_answer).then(|| {
        format!("{name} moved `{}` → `{}`", crate::judge::text::shown(old_answer, LONGEST), crate::judge::text::shown(new_answer, LONGEST))
    })
}

fn first_change(old: &[String], new: &[String]) -> String {
    let diff = similar::capture_diff_slices(Algorithm::Myers, old, new);
    let changed = diff.iter().find(|op| op.tag() != DiffTag::Equal);
    let line = |text: &String| crate::judge::text::shown(text, LONGEST);
    match changed.map(|op| (old.get(op.old_range()).and_then(<[String]>::first), new.get(op.new_range()).and_then(<[String]>::first))) {
        Some((Some(old), Some(new))) => format!("`{}` became `{}`", line(old), line(new)),
        Some((Some(old), None)) => format!("`{}` is gone", line(old)),
        Some((None, Some(new))) => format!("`{}` is new", line(new)),
        _ => "moved".to_owned(),
    }
}

fn first_line_change(old: &[&str], new: &[&str]) -> String {
    let (old, new) = (old.join("\n"), new.join("\n"));
    let diff = lines(&old, &new);
    let mut changes = diff.iter_all_changes().filter(|change| change.tag() != ChangeTag::Equal);
    let shown = |text: &str| crate::judge::text::shown(text.trim(), LONGEST);
    match changes.next() {
        Some(change) if change.tag() == ChangeTag::Delete => match changes.next() {
            Some(next) if next.tag() == ChangeTag::Insert => format!("`{}` became `{}`", shown(change.value()), shown(next.value())),
            _ => format!("`{}` is gone", shown(change.value())),
        },
        Some(change) => format!("`{}` is new", shown(change.value())),
        None => "only white space differs".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "\
── open
   1  GET https://app.test/  302 → https://app.test/login
       set   a=‹value:1›; Path=/  → stored
   2  GET https://app.test/login  200 text/html
── get
   3  GET https://api.test/session  200 application/json
       json  user.email: string
";

    fn drift(new: &str) -> Diff {
        match compare(OLD, new, &[]) {
            Comparison::Drift(diff) => diff,
            other => panic!("{other:?}"),
        }
    }

    fn transition(from: &str, to: &str) -> Transition {
        Transition { from: from.to_owned(), to: to.to_owned(), because: "the row may be swept".to_owned() }
    }

    #[test]
    fn white_space_at_the_end_is_no_difference() {
        assert_eq!(compare(OLD, OLD.trim_end(), &[]), Comparison::Same);
    }

    #[test]
    fn the_headline_names_the_first_hop_that_moved() {
        let new = OLD.replace("200 application/json", "401 application/json").replace("user.email: string", "message: \"no\"");
        let diff = drift(&new);
        assert_eq!(diff.headline, "hop 3 GET https://api.test/session moved 200 → 401");
        assert!(diff.text.contains("-   3  GET https://api.test/session  200 application/json\n-       json  user.email: string\n+   3  GET https://api.test/session  401"), "{}", diff.text);
        assert!(diff.text.starts_with("@@ "), "{}", diff.text);
    }

    #[test]
    fn hops_that_come_go_or_move_elsewhere_are_named() {
        let gone: String =
            OLD.lines().filter(|line| !line.contains("  2  ")).map(|line| format!("{}\n", line.replace("   3  ", "   2  "))).collect();
        assert_eq!(drift(&gone).headline, "hop 2 GET https://app.test/login is gone");
        let new = OLD.replace("   3  GET", "   3  GET https://api.test/x  200\n   4  GET");
        assert_eq!(drift(&new).headline, "hop 3 GET https://api.test/x is new");
        let instead = OLD.replace("3  GET https://api.test/session", "3  POST https://api.test/session");
        assert_eq!(drift(&instead).headline, "hop 3 POST https://api.test/session took the place of hop 3 GET https://api.test/session");
        let other = OLD.replace("app.test/login", "app.test/dashboard");
        assert_eq!(
            drift(&other).headline,
            "hop 1 GET https://app.test/ moved `302 → https://app.test/login` → `302 → https://app.test/dashboard`"
        );
    }

    #[test]
    fn a_hop_is_named_by_its_number_in_the_chain() {
        let new = OLD.replace("200 application/json", "401 application/json");
        let found = |mut diff: Diff, third: u32| {
            diff.find_hop(&[HopId(0), HopId(1), HopId(third)]);
            (diff.hop, diff.headline)
        };
        let moved = "GET https://api.test/session moved 200 → 401";
        assert_eq!(found(drift(&new), 6), (Some(HopId(6)), format!("hop 7 (3 in the snapshot) {moved}")));
        assert_eq!(found(drift(&new), 2), (Some(HopId(2)), format!("hop 3 {moved}")));
        assert_eq!(found(drift(&OLD.replace("── get", "── fetch")), 2).0, None);
    }

    #[test]
    fn without_a_moved_hop_the_first_line_is_named() {
        let cookie = OLD.replace("Path=/  → stored", "Path=/x  → stored");
        assert_eq!(
            drift(&cookie).headline,
            "hop 1 GET https://app.test/: `set   a=‹value:1›; Path=/  → stored` became `set   a=‹value:1›; Path=/x  → stored`"
        );
        assert_eq!(drift(&OLD.replace("── get", "── fetch")).headline, "`── get` became `── fetch`");
    }

    #[test]
    fn only_declared_transitions_are_allowed() {
        let new = OLD.replace("200 text/html", "304 text/html");
        let Comparison::Allowed(changes) = compare(OLD, &new, &[transition("200", "304")]) else { panic!() };
        assert_eq!(changes, ["200 → 304: the row may be swept"]);
        // The same line changed elsewhere too: that is not what was declared.
        let more = new.replace("login  304", "signin  304");
        assert!(matches!(compare(OLD, &more, &[transition("200", "304")]), Comparison::Drift(_)));
        // The other way round was not declared, and neither is a line more.
        assert!(matches!(compare(&new, OLD, &[transition("200", "304")]), Comparison::Drift(_)));
        assert!(matches!(compare(OLD, &format!("{new}   4  GET x  200\n"), &[transition("200", "304")]), Comparison::Drift(_)));
        assert!(matches!(compare(OLD, &new, &[transition("", "304")]), Comparison::Drift(_)));
    }

    #[test]
    fn a_first_snapshot_is_shown_whole() {
        assert_eq!(unified("", "a\nb\n"), "+a\n+b\n");
    }

    #[test]
    fn several_transitions_may_meet_on_one_line() {
        let new = OLD.replace("GET https://api.test/session  200 application/json", "GET https://api.test/session  401 text/plain");
        assert!(matches!(
            compare(OLD, &new, &[transition("200", "401"), transition("application/json", "text/plain")]),
            Comparison::Allowed(_)
        ));
    }
}
