//! A redirect URI that only the server's own machine could reach.

use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::web::origin::is_internal;
use url::Url;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "redirect-uri-internal-host",
    family: Family::Redirects,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a public app asks for the callback at a host that only its own network knows",
    cause: "the app's base URL is not set where it runs, so that the redirect_uri is made of the address it listens on or of a pod's name",
    fix: "set the app's public URL (BETTER_AUTH_URL, NEXTAUTH_URL, …) in that environment, and fail at start when it is missing",
    reference: "marcodejongh/boardsesh#4264; sidebase/nuxt-auth#663; nextauthjs/next-auth#587",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .attempts
        .iter()
        .filter(|attempt| attempt.handed_out)
        .filter_map(|attempt| {
            let uri = Url::parse(attempt.request.redirect_uri.as_deref()?).ok().filter(|uri| matches!(uri.scheme(), "http" | "https"))?;
            if !is_internal(&uri.host()?) || is_internal(&attempt.hop.request.url.host()?) {
                return None;
            }
            Some(RULE.finding(
                format!("the redirect_uri names the internal host {}", shown(uri.host_str()?, 80)),
                vec![Evidence::at(
                    attempt.hop.id,
                    format!("{} sent the browser to log in, with the answer to go to {}", place(attempt.hop), shown(uri.as_str(), 160)),
                )],
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
        assert!(asks("https://app.test/login", "http://localhost:3000/cb"));
        assert!(asks("https://app.test/login", "https://0.0.0.0/cb"));
        assert!(asks("https://app.test/login", "https://web-7f9c.shop.svc/cb"));
        assert!(!asks("http://localhost:3000/login", "http://localhost:3000/cb"), "all of it is on this machine");
        assert!(!asks("https://app.test/login", "https://api.test/cb"));
        assert!(!asks("https://app.test/login", "com.shop.app://cb"), "a native app");
        let mut native = Story::new();
        native.open("https://idp.test/authorize?client_id=m&response_type=code&state=s&redirect_uri=http://127.0.0.1:8123/cb");
        assert!(!hits(RULE.id, &native), "a native app opens the provider itself (RFC 8252 §7.3)");
    }
}
