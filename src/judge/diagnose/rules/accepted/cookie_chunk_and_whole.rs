//! A session in one cookie and, beside it, in several.

use super::{chunk, denied_carrying};
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::denied::Denied;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::text::shown;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-chunk-and-whole",
    family: Family::Accepted,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the request carries a cookie both whole and split (`name` and `name.0`), and the page sees nobody",
    cause: "the session grew or shrank past what one cookie holds, and the other form of it was not expired: the reader takes the stale one",
    fix: "expire the other form whenever one is written",
    reference: "supabase/auth-helpers#704",
    check: |facts| denied_carrying(&RULE, facts, both),
};

fn both(denied: &Denied<'_>) -> Option<String> {
    let names: Vec<_> = denied.page.sent.iter().map(|sent| String::from_utf8_lossy(&sent.name).into_owned()).collect();
    let of_the_login = |base: &str| {
        let login = denied.witness.set.name_text();
        login == base || chunk(&login).is_some_and(|(known, _)| known == base)
    };
    let base = names
        .iter()
        .find_map(|name| chunk(name).map(|(base, _)| base).filter(|base| of_the_login(base) && names.iter().any(|name| name == base)))?;
    Some(format!("the request carried `{0}` and `{0}.0` or further parts of it", shown(base, 80)))
}

#[cfg(test)]
mod tests {
    use super::super::after_login;
    use super::RULE;

    #[test]
    fn hits_and_near_misses() {
        assert!(after_login("session=v; session.0=a; session.1=b", 401).contains(&RULE.id));
        assert!(!after_login("session=v; session.0=a", 200).contains(&RULE.id));
        assert!(!after_login("session=v; other.0=a; other=b", 401).contains(&RULE.id), "not the session");
    }
}
