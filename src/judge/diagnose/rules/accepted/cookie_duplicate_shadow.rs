//! Two cookies of one name, and a server that reads the wrong one.

use super::denied_carrying;
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::denied::Denied;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::text::shown;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-duplicate-shadow",
    family: Family::Accepted,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the request carries the login's cookie twice, with two values, and the page sees nobody",
    cause: "a host-only cookie and one with `Domain`, or cookies of two paths, share a name: both are sent, and most servers read the first",
    fix: "expire the old cookie under its own domain and path, or give the new one another name",
    reference: "RFC 6265bis §5.7 step 23, §5.8.3; openlinker-project/openlinker#1998, jitsucom/jitsu#1361",
    check: |facts| denied_carrying(&RULE, facts, twice),
};

fn twice(denied: &Denied<'_>) -> Option<String> {
    let name = &denied.witness.set.name;
    let values: Vec<_> = denied.page.sent.iter().filter(|sent| sent.name == *name).map(|sent| &sent.value).collect();
    let (first, rest) = values.split_first()?;
    // The fresh value in front would have been read.
    let shadowed = **first != denied.witness.set.value && rest.contains(&&denied.witness.set.value);
    shadowed.then(|| {
        let name = shown(&String::from_utf8_lossy(name), 80);
        format!("the request carried `{name}` {} times: an older value stood before the one that the login set", values.len())
    })
}

#[cfg(test)]
mod tests {
    use super::super::after_login;
    use super::RULE;

    #[test]
    fn hits_and_near_misses() {
        assert!(after_login("session=old; session=v", 401).contains(&RULE.id));
        assert!(!after_login("session=old; session=v", 200).contains(&RULE.id), "the server reads the right one");
        assert!(!after_login("session=v; session=v", 401).contains(&RULE.id), "twice the same");
        assert!(!after_login("session=v; session=old", 401).contains(&RULE.id), "the fresh one stands first");
        assert!(!after_login("session=v; other=old", 401).contains(&RULE.id));
    }
}
