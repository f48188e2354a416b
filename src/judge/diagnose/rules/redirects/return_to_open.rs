//! A way back that leads anywhere.

use crate::judge::diagnose::facts::{Facts, place, target, without_query};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::trace::{Cause, Hop};
use crate::web::oauth::is_authorization_request;
use url::Url;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "return-to-open",
    family: Family::Redirects,
    severity: Severity::Warning,
    needs: Needs::Probe,
    summary: "the page to return to after the login may be another site's",
    cause: "the app redirects to whatever its returnTo, next or rd parameter says",
    fix: "take only paths, or origins of a list",
    reference: "RFC 9700 §4.11",
    check,
};

/// A scenario asks by opening a page with a way back to a name that can be nobody's; a redirect there is the proof. Another real
/// site would be none: it may be on the app's list.
fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let hops = &facts.chain.hops;
    let asked = hops
        .iter()
        .filter(|hop| matches!(hop.cause, Cause::Open | Cause::Api | Cause::Replay) && !is_authorization_request(&hop.request.url));
    let found = asked.filter_map(|probe| {
        let (name, host) = nobodys(probe)?;
        let later = hops.get(probe.id.0 as usize..).unwrap_or_default().iter().filter(|hop| hop.actor == probe.actor);
        let (led, to) = later.filter_map(|hop| Some((hop, target(hop)?))).find(|(_, to)| to.host_str() == Some(&host))?;
        let evidence = vec![
            Evidence::at(probe.id, format!("{} was asked with `{name}` that leads to {host}", place(probe))),
            Evidence::at(led.id, format!("{} redirected to {}", place(led), without_query(&to))),
        ];
        Some(RULE.finding(format!("`{name}` of {} leads anywhere", without_query(&probe.request.url)), evidence))
    });
    found.take(1).collect()
}

/// The parameter that names a host of a domain reserved for names that are nobody's (RFC 2606 §2, RFC 6761 §6.4), and the host.
fn nobodys(hop: &Hop) -> Option<(String, String)> {
    hop.request.url.query_pairs().find_map(|(name, value)| {
        // `//host` and `\\host` are URLs of another host to a browser (URL §4.4).
        let host = hop.request.url.join(&value).ok().as_ref().and_then(Url::host_str).map(str::to_owned)?;
        let is_nobodys = host.ends_with(".invalid") && hop.request.url.host_str() != Some(&host);
        is_nobodys.then(|| (crate::base::escape::shorten(&crate::base::escape::line(&name), 40).into_owned(), host))
    })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, authorize, hits};

    fn ends(asked: &str, to: &str) -> bool {
        let mut story = Story::new();
        story.open(&format!("https://app.test/login?next={asked}")).html("Log in");
        story.step("click").submit("https://app.test/login").status(303).location(to);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(ends("https://probe.invalid/x", "https://probe.invalid/x"));
        assert!(ends("//probe.invalid", "//probe.invalid"));
        assert!(!ends("https://probe.invalid/x", "https://app.test/"), "not taken");
        assert!(!ends("https://partner.test/", "https://partner.test/"), "it may be on a list");
        let mut provider = Story::new();
        provider.open(&authorize("s1").replace("app.test", "app.invalid")).follow("https://app.invalid/cb?code=c&state=s1");
        assert!(!hits(RULE.id, &provider), "an authorization request is the provider's own matter");
    }
}
