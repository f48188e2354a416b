//! A new access cookie beside an old refresh cookie.

use super::denied_carrying;
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::denied::Denied;
use crate::judge::diagnose::facts::is_deletion;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::text::shown;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "partial-domain-cookie-mix",
    family: Family::Accepted,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the request carried one cookie of the new login and an old value of another that belongs with it",
    cause: "a release changed the domain or path of some of the login's cookies: the old ones live on under the old scope and go along in place of the new",
    fix: "give a cookie another name when its scope changes, and expire the old one under its own domain and path",
    reference: "RFC 6265bis §5.7 step 23; openlinker-project/openlinker#2000",
    check: |facts| denied_carrying(&RULE, facts, mixed),
};

fn mixed(denied: &Denied<'_>) -> Option<String> {
    let login = denied.witness.hop;
    let set: Vec<_> = login.set.iter().filter(|set| !is_deletion(set) && set.verdict.is_stored()).collect();
    let values =
        |name: &bytes::Bytes| denied.page.sent.iter().filter(|sent| sent.name == *name).map(|sent| &sent.value).collect::<Vec<_>>();
    let fresh = set.iter().find(|set| values(&set.name).contains(&&set.value))?;
    // A name that came twice is for the rule about duplicates; a part of the value for the one about cut values.
    let stale = set.iter().find(|set| {
        let sent = values(&set.name);
        sent.len() == 1 && *sent[0] != set.value && !set.value.starts_with(sent[0]) && !set.value.ends_with(sent[0])
    })?;
    Some(format!(
        "the request carried `{}` as the login had set it, and `{}` with another value than the login had set",
        shown(&fresh.name_text(), 80),
        shown(&stale.name_text(), 80)
    ))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};

    fn sends(cookies: &str, status: u16) -> bool {
        let mut story = Story::new();
        story.step("x").submit("https://app.test/login").sets("access_token=new-a; Path=/").sets("refresh=new-r; Path=/auth");
        story.follow("https://app.test/home").cookies(cookies).status(status);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(sends("access_token=new-a; refresh=old-r", 401));
        assert!(!sends("access_token=new-a; refresh=old-r", 200), "it does no harm");
        assert!(!sends("access_token=new-a; refresh=new-r", 401), "both are new");
        assert!(!sends("access_token=new-a", 401), "the other is for another path");
        assert!(!sends("access_token=old-a; refresh=old-r", 401), "both are old");
    }
}
