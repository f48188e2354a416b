//! A token in a place that is written down everywhere.

use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::trace::Hop;
use url::Url;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "token-in-url",
    family: Family::Tokens,
    severity: Severity::Warning,
    needs: Needs::Chain,
    summary: "a token travels in a URL's query, or a code in the Referer to another origin",
    cause: "URLs end up in logs, in the history and in the Referer of what the page loads; whoever reads them has the token",
    fix: "use the code flow and send tokens in the Authorization header or the body; Referrer-Policy: no-referrer on the callback",
    reference: "RFC 9700 §4.2, §4.3.2; RFC 6750 §2.3",
    check,
};

/// Parameters whose value alone opens doors. `id_token_hint` is meant for a URL (OIDC RP-Initiated Logout §2).
const TOKENS: [&str; 3] = ["access_token", "id_token", "refresh_token"];

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .chain
        .hops
        .iter()
        .find_map(|hop| {
            let text = match has(&hop.request.url, &TOKENS) {
                Some(name) => format!("{} has {name} in its query", place(hop)),
                None => format!("{} has {} of {} in its Referer", place(hop), leaked(hop)?.0, leaked(hop)?.1),
            };
            Some(RULE.finding("a token or code shows in a URL", vec![Evidence::at(hop.id, text)]))
        })
        .into_iter()
        .collect()
}

fn has(url: &Url, names: &[&'static str]) -> Option<&'static str> {
    let given = |name: &&&str| url.query_pairs().any(|(key, value)| key == **name && value.len() >= 8);
    names.iter().find(given).copied()
}

/// What the Referer shows to another origin, and whose it is.
fn leaked(hop: &Hop) -> Option<(&'static str, String)> {
    let referer = Url::parse(hop.request.headers.get_str("referer")?).ok()?;
    let bound = has(&referer, &["state"]).is_some() || referer.query_pairs().any(|(name, _)| name == "state");
    let what = has(&referer, &TOKENS).or_else(|| has(&referer, &["code"]).filter(|_| bound))?;
    (referer.origin() != hop.request.url.origin()).then(|| (what, referer.origin().ascii_serialization()))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};

    fn asks(url: &str, referer: &str) -> bool {
        let mut story = Story::new();
        story.open(url).sends("Referer", referer);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(asks("https://api.test/ws?access_token=0123456789", "https://app.test/"));
        assert!(asks("https://stats.test/pixel", "https://app.test/cb?code=0123456789&state=s"));
        assert!(!asks("https://idp.test/logout?id_token_hint=0123456789", "https://app.test/"), "that is what it is for");
        assert!(!asks("https://app.test/style.css", "https://app.test/cb?code=0123456789&state=s"), "its own origin");
        assert!(!asks("https://app.test/cb#access_token=0123456789", "https://app.test/"), "a fragment stays in the browser");
        assert!(!asks("https://stats.test/pixel", "https://app.test/?code=0123456789"), "some other code");
    }
}
