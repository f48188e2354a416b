//! A redirect URI with http for an app that is served by https.

use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::web::origin::is_internal;
use url::Url;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "redirect-uri-scheme",
    family: Family::Redirects,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the app asks for the callback by http, though it is served by https",
    cause: "TLS ends in front of the app, which builds its redirect_uri from the plain connection that it sees",
    fix: "set the app's public URL, or pass X-Forwarded-Proto on and let the app trust it",
    reference: "anomalyco/openauth#172; aspnet/AspNetKatana#102; tchiotludo/akhq#421; odoo/odoo#9057",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .attempts
        .iter()
        .filter(|attempt| !facts.is_by_hand(attempt.hop) || attempt.handed_out)
        .filter_map(|attempt| {
            let uri = Url::parse(attempt.request.redirect_uri.as_deref()?).ok().filter(|uri| uri.scheme() == "http")?;
            let host = uri.host().filter(|host| !is_internal(host))?;
            let secure = |hop: &&crate::trace::Hop| {
                hop.request.url.scheme() == "https" && hop.request.url.host().as_ref() == Some(&host) && hop.response().is_some()
            };
            let served = facts.chain.hops.iter().find(secure)?;
            Some(RULE.finding(
                format!("the redirect_uri of {host} has http"),
                vec![
                    Evidence::at(served.id, format!("{} is served by https", place(served))),
                    Evidence::at(attempt.hop.id, format!("the authorization request asks for the answer at {}", shown(uri.as_str(), 160))),
                ],
            ))
        })
        .take(1)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};

    fn asks(page: &str, uri: &str) -> bool {
        let mut story = Story::new();
        story.open(page).follow(&format!("https://idp.test/authorize?client_id=m&response_type=code&state=s&redirect_uri={uri}"));
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(asks("https://app.test/login", "http://app.test/cb"));
        assert!(!asks("https://app.test/login", "https://app.test/cb"));
        assert!(!asks("http://app.test/login", "http://app.test/cb"), "served by http altogether");
        assert!(!asks("https://app.test/login", "http://127.0.0.1:8123/cb"), "a native app (RFC 8252 §7.3)");
    }
}
