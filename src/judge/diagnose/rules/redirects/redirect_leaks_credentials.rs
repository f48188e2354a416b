//! A credential that a redirect took to another host.

use crate::judge::diagnose::facts::{Facts, cookie_header, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::trace::{Cause, Hop};
use crate::web::site::Site;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "redirect-leaks-credentials",
    family: Family::Redirects,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a redirect took Authorization or Cookie to another host",
    cause: "the client sends the headers it was given to wherever a redirect leads",
    fix: "drop Authorization and Cookie when the host changes, or do not follow redirects with them; update the client",
    reference: "CVE-2026-63481 (Orange-OpenSource/hurl#5118); Fetch §4.5 (Authorization is dropped across origins)",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .chain
        .hops
        .iter()
        .filter_map(|hop| {
            let Cause::Redirect(from) = hop.cause else { return None };
            let from = facts.chain.hop(from)?;
            let what = if took_authorization(from, hop) {
                "Authorization"
            } else if took_cookies(from, hop) {
                "Cookie"
            } else {
                return None;
            };
            Some(RULE.finding(
                format!("a redirect took {what} to {}", hop.request.url.origin().ascii_serialization()),
                vec![
                    Evidence::at(from.id, format!("{} got {what} and redirected", place(from))),
                    Evidence::at(hop.id, format!("{} got the same {what}", place(hop))),
                ],
            ))
        })
        .take(1)
        .collect()
}

fn took_authorization(from: &Hop, to: &Hop) -> bool {
    let of = |hop: &Hop| hop.request.headers.get("authorization").map(<[u8]>::to_vec);
    from.request.url.origin() != to.request.url.origin() && of(from).is_some() && of(from) == of(to)
}

/// The same cookies at another site: no jar does that, whatever Domain they have.
fn took_cookies(from: &Hop, to: &Hop) -> bool {
    let sites = Site::of_url(&from.request.url).zip(Site::of_url(&to.request.url));
    let foreign = sites.is_some_and(|(one, other)| !one.schemelessly_same_site(&other));
    foreign && cookie_header(from).is_some_and(|bytes| bytes.len() >= 16 && cookie_header(to) == Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};

    fn follows(to: &str, header: &str, value: &str, again: &str) -> bool {
        let mut story = Story::new();
        story.get("https://api.shop.test/x").sends(header, value).follow(to).sends(header, again);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(follows("https://cdn.test/x", "Authorization", "Bearer a", "Bearer a"));
        assert!(!follows("https://api.shop.test/y", "Authorization", "Bearer a", "Bearer a"), "the same origin");
        assert!(!follows("https://cdn.test/x", "Authorization", "Bearer a", "Bearer b"), "its own");
        let sid = "sid=0123456789abcdef";
        assert!(follows("https://cdn.test/x", "Cookie", sid, sid));
        assert!(!follows("https://www.shop.test/x", "Cookie", sid, sid), "a cookie of the whole domain");
    }
}
