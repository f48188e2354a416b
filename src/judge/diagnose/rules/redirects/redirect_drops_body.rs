//! A form that a redirect to the right spelling of its URL swallowed.

use crate::judge::diagnose::facts::{Facts, place, target, without_query};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::trace::Hop;
use url::Url;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "redirect-drops-body",
    family: Family::Redirects,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a POST was redirected to another spelling of its URL and became a GET without its body",
    cause: "the URL lacks or has a slash at the end, or has http or another host; after 301 and 302 browsers go on with GET",
    fix: "post to the final URL, or redirect with 307 or 308, which keep method and body",
    reference: "RFC 9110 §15.4.2, §15.4.3; Fetch §4.5",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .chain
        .hops
        .iter()
        .filter(|hop| hop.request.method == "POST" && !hop.request.body.is_empty() && matches!(hop.status(), Some(301 | 302)))
        .filter_map(|hop| {
            let to = target(hop)?;
            // An answer that sets cookies has read the body.
            if !is_respelled(&hop.request.url, &to) || !hop.set.is_empty() {
                return None;
            }
            let next = facts.chain.hops.iter().find(|next| follows(next, hop))?;
            let answer = next.status().map(|status| status.to_string()).unwrap_or_default();
            Some(RULE.finding(
                format!("{} lost its body to a redirect", place(hop)),
                vec![
                    Evidence::at(
                        hop.id,
                        format!(
                            "{} with a body of {} bytes was redirected by {} to {}",
                            place(hop),
                            hop.request.body.len(),
                            hop.status()?,
                            without_query(&to)
                        ),
                    ),
                    Evidence::at(next.id, format!("{} went on without the body: {answer}", place(next))),
                ],
            ))
        })
        .take(1)
        .collect()
}

fn follows(next: &Hop, hop: &Hop) -> bool {
    next.cause == crate::trace::Cause::Redirect(hop.id) && next.request.method == "GET"
}

/// Whether both are one resource in two spellings: by a slash at the end, by scheme, or by `www.`. The very same URL is
/// how a form shows its answer.
fn is_respelled(from: &Url, to: &Url) -> bool {
    let host = |url: &Url| url.host_str().unwrap_or_default().trim_start_matches("www.").to_owned();
    let path = |url: &Url| url.path().trim_end_matches('/').to_owned();
    let same_place = host(from) == host(to) && path(from) == path(to);
    same_place && (from.path() != to.path() || from.host() != to.host() || from.scheme() != to.scheme())
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};

    fn posts(status: u16, to: &str) -> bool {
        let mut story = Story::new();
        story.submit("https://app.test/login").last().request.body = "user=a".into();
        story.status(status).follow(to);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(posts(301, "https://app.test/login/"));
        assert!(posts(302, "https://www.app.test/login"));
        assert!(!posts(303, "https://app.test/login/"), "it was read, and this is the answer's page");
        assert!(!posts(302, "https://app.test/login"), "the form again, after a wrong password");
        assert!(!posts(302, "https://app.test/home"), "it went well");
    }
}
