//! A session cookie whose life is over when it comes.

use super::Evidence;
use crate::judge::diagnose::facts::{Facts, ends_session, place};
use crate::judge::diagnose::ledger::sounds_like_session;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Finding, Severity};
use crate::judge::text::shown;
use crate::trace::{Hop, SetVerdict};

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-born-expired",
    family: Family::Stored,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the login's cookie has expired already when it is set",
    cause: "`Expires` lies in the past or `Max-Age` is not positive: the server's clock is behind, or seconds were taken for milliseconds",
    fix: "set the server's clock by NTP, and prefer `Max-Age`, which needs no clock",
    reference: "RFC 6265bis §5.6.1, §5.6.2, §5.7 step 23",
    check,
};

/// Values shorter than this are words such as `deleted`, not sessions.
const SHORTEST: usize = 16;

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let logs_in = |hop: &&Hop| (hop.request.method == "POST" || facts.is_callback(hop)) && !ends_session(hop);
    let born = facts.chain.hops.iter().filter(logs_in).filter_map(|hop| {
        let set = hop.set.iter().find(|set| {
            let expired = matches!(set.verdict, SetVerdict::Deleted | SetVerdict::DeletedNothing(_));
            expired && set.value.len() >= SHORTEST && sounds_like_session(&set.name_text().to_ascii_lowercase())
        })?;
        // Who deletes may write the old value once more; who sets writes one that nobody has seen.
        let seen = facts.chain.hops.iter().take(hop.id.0 as usize + 1).any(|earlier| {
            earlier.sent.iter().any(|sent| sent.value == set.value)
                || earlier.id < hop.id && earlier.set.iter().any(|other| other.value == set.value)
        });
        let replaced = hop.set.iter().any(|other| other.name == set.name && other.verdict.is_stored());
        if seen || replaced {
            return None;
        }
        let name = shown(&set.name_text(), 80);
        let life: Vec<_> = ["expires", "max-age"]
            .iter()
            .filter_map(|attribute| Some(format!("{attribute}={}", shown(set.attribute(attribute)?.as_deref()?, 60))))
            .collect();
        let date = hop
            .response()
            .and_then(|response| response.headers.get_str("date"))
            .map(|date| format!("; the server's Date is {}", shown(date, 60)));
        let text = format!(
            "{} set `{name}` with a new value of {} bytes and {}, which is over at once by the client's clock{}",
            place(hop),
            set.value.len(),
            life.join(", "),
            date.unwrap_or_default()
        );
        Some(RULE.finding(format!("the cookie `{name}` has expired when it is set"), vec![Evidence::at(hop.id, text)]))
    });
    born.collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::diagnose::diagnose;
    use crate::judge::testing::Story;
    use crate::trace::SetVerdict::{self, DeletedNothing, Stored};

    fn hits(before: Option<&str>, line: &str, verdict: SetVerdict) -> bool {
        let mut story = Story::new();
        story.open("https://app.test/cb?code=1&state=2").set_cookie(line, verdict);
        if let Some(cookies) = before {
            story.cookies(cookies);
        }
        let findings = diagnose(&story.plan, &story.chain);
        assert!(!format!("{findings:?}").contains("s3cret"));
        findings.iter().any(|finding| finding.rule == RULE.id)
    }

    #[test]
    fn hits_and_near_misses() {
        let line = "session=s3cret-s3cret-s3cret; Expires=Thu, 01 Jan 1970 00:29:00 GMT";
        assert!(hits(None, line, DeletedNothing(vec![])));
        assert!(!hits(Some("session=s3cret-s3cret-s3cret"), line, DeletedNothing(vec![])), "deleted with its old value");
        assert!(!hits(None, "session=deleted; Expires=Thu, 01 Jan 1970 00:00:01 GMT", DeletedNothing(vec![])));
        assert!(!hits(None, "state=s3cret-s3cret-s3cret; Max-Age=0", DeletedNothing(vec![])), "not the session");
        assert!(!hits(None, "session=s3cret-s3cret-s3cret; Max-Age=60", Stored));
    }
}
