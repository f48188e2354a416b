//! A session split over cookies of which one is missing.

use super::{chunk, denied_carrying};
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::denied::Denied;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::text::shown;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-chunk-gap",
    family: Family::Accepted,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the parts of a split cookie (`name.0`, `name.1` …) are not all there, and the page sees nobody",
    cause: "some parts were written when the answer's head had already gone, or one was too large or expired: what is put together is no session",
    fix: "write all parts in one answer, before its body begins; take a session that cannot be read as none, and expire its parts",
    reference: "supabase/ssr#169, supabase/auth-helpers#738",
    check: |facts| denied_carrying(&RULE, facts, gap),
};

fn gap(denied: &Denied<'_>) -> Option<String> {
    let login = denied.witness.set.name_text();
    let (base, _) = chunk(&login)?;
    let names: Vec<_> = denied.page.sent.iter().map(|sent| String::from_utf8_lossy(&sent.name).into_owned()).collect();
    let mut parts: Vec<u32> =
        names.iter().filter_map(|name| chunk(name)).filter(|(known, _)| *known == base).map(|(_, part)| part).collect();
    parts.sort_unstable();
    parts.dedup();
    let missing = (0..).zip(&parts).find_map(|(expected, part)| (expected != *part).then_some(expected))?;
    Some(format!("the request carried {} parts of `{}`, and part {missing} is missing", parts.len(), shown(base, 80)))
}

#[cfg(test)]
mod tests {
    use super::super::after_login_setting;
    use super::RULE;

    #[test]
    fn hits_and_near_misses() {
        let rules = |cookies: &str, status| after_login_setting("session.0=a", cookies, status);
        assert!(rules("session.0=a; session.2=c", 401).contains(&RULE.id));
        assert!(rules("session.1=b; theme=x", 401).contains(&RULE.id));
        assert!(!rules("session.0=a; session.1=b", 401).contains(&RULE.id), "all there");
        assert!(!rules("session.0=a; session.2=c", 200).contains(&RULE.id));
    }
}
