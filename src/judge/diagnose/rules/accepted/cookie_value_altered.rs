//! A session cookie of which only a part came back.

use super::denied_carrying;
use crate::judge::diagnose::Severity;
use crate::judge::diagnose::denied::Denied;
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::text::shown;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "cookie-value-altered",
    family: Family::Accepted,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the request carried a part of the cookie's value: cut off at a `=`, or the token without its signature",
    cause: "a script or a test wrote the cookie anew from the raw token, or something between took the value apart at `=` or `.`",
    fix: "send the cookie as it was set, byte for byte; a signed cookie is the token and its signature",
    reference: "RFC 6265bis §5.8.3; better-auth/better-auth#4517, #3892",
    check: |facts| denied_carrying(&RULE, facts, cut),
};

/// Shorter values may begin alike by chance.
const SHORTEST: usize = 8;

fn cut(denied: &Denied<'_>) -> Option<String> {
    let (set, page) = (denied.witness.set, denied.page);
    let mut sent = page.sent.iter().filter(|sent| sent.name == set.name);
    let only = sent.next().filter(|_| sent.next().is_none())?;
    let (whole, part) = (&set.value, &only.value);
    let is_part = part.len() >= SHORTEST && part.len() < whole.len() && (whole.starts_with(part) || whole.ends_with(part));
    is_part.then(|| {
        let kept = if whole.starts_with(part) { "first" } else { "last" };
        let name = shown(&set.name_text(), 80);
        format!("the request carried `{name}` with the {kept} {} of its {} bytes", part.len(), whole.len())
    })
}

#[cfg(test)]
mod tests {
    use super::super::after_login_setting;
    use super::RULE;

    fn hits(sent: &str, status: u16) -> bool {
        after_login_setting("session=token-1234.signature=; Path=/", sent, status).contains(&RULE.id)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(hits("session=token-1234", 401), "the signature is gone");
        assert!(hits("session=token-1234.signature", 401), "cut off at the =");
        assert!(!hits("session=token-1234", 200), "that is what the server wants");
        assert!(!hits("session=token-1234.signature=", 401), "the whole value");
        assert!(!hits("session=another-5678", 401), "another session");
        assert!(!hits("session=tok", 401), "too short to tell");
    }
}
