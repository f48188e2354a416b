//! A redirect URI that is almost a registered one.

use crate::judge::diagnose::facts::{Facts, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::plan::{Backend, IdpClient};
use url::Url;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "redirect-uri-near-miss",
    family: Family::Redirects,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "the redirect_uri differs from a registered one by a trifle, and providers compare them as text",
    cause: "a slash at the end, the case, a default port, www. or the scheme differ between the app's URL and the one that was registered",
    fix: "copy the URL from the authorization request to the client's registration, character by character",
    reference: "RFC 9700 §2.1; cabotapp/cabot#696; thomseddon/traefik-forward-auth#27; supabase/supabase#41700",
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .attempts
        .iter()
        .filter(|attempt| !facts.is_by_hand(attempt.hop) || attempt.handed_out)
        .filter_map(|attempt| {
            let request = &attempt.request;
            let sent = request.redirect_uri.as_deref()?;
            let client = client(facts, &request.endpoint, &request.client_id)?;
            if client.redirect_uris.iter().any(|known| known == sent) {
                return None;
            }
            let (near, what) = client.redirect_uris.iter().find_map(|known| Some((known, differs(known, sent)?)))?;
            Some(RULE.finding(
                format!("the redirect_uri differs from the registered one by {what}"),
                vec![
                    Evidence::at(attempt.hop.id, format!("{} led to a request with redirect_uri {}", place(attempt.hop), shown(sent, 160))),
                    Evidence::of(format!("the client {} is registered with {}", shown(&client.id, 60), shown(near, 160))),
                ],
            ))
        })
        .take(1)
        .collect()
}

/// The client as the embedded provider behind the endpoint knows it.
fn client<'a>(facts: &Facts<'a>, endpoint: &Url, id: &str) -> Option<&'a IdpClient> {
    let plan = facts.plan.origins.iter().find(|plan| plan.origin.to_string() == endpoint.origin().ascii_serialization())?;
    match &plan.backend {
        Backend::Idp(idp) => idp.clients.iter().find(|client| client.id == id),
        _ => None,
    }
}

/// The one trifle by which two URLs differ.
fn differs(known: &str, sent: &str) -> Option<&'static str> {
    let slash = |text: &str| text.trim_end_matches('/').to_owned();
    if slash(known) == slash(sent) {
        return Some("a slash at the end");
    }
    if known.eq_ignore_ascii_case(sent) {
        return Some("upper and lower case");
    }
    let (one, other) = (Url::parse(known).ok()?, Url::parse(sent).ok()?);
    if one == other {
        return Some("a default port or the way it is encoded");
    }
    let rest = |url: &Url| url[url::Position::BeforePort..].to_owned();
    if rest(&one) != rest(&other) {
        return None;
    }
    let bare = |url: &Url| url.host_str().map(|host| host.trim_start_matches("www.").to_owned());
    match (one.host() == other.host(), one.scheme() == other.scheme()) {
        (true, false) => Some("the scheme"),
        (false, true) if bare(&one) == bare(&other) => Some("www."),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{RULE, differs};
    use crate::judge::testing::{Story, hits, provider};
    use crate::plan::{Backend, IdpClient};

    fn asks(registered: &str, sent: &str) -> bool {
        let mut story = Story::new();
        let mut idp = provider("https://idp.test");
        if let Backend::Idp(plan) = &mut idp.backend {
            plan.clients.push(IdpClient { id: "m".into(), redirect_uris: vec![registered.to_owned()], ..IdpClient::default() });
        }
        story.plan.origins.push(idp);
        story
            .open("https://app.test/login")
            .follow(&format!("https://idp.test/authorize?client_id=m&response_type=code&state=s&redirect_uri={sent}"));
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        assert!(asks("https://app.test/cb", "https://app.test/cb/"));
        assert!(!asks("https://app.test/cb", "https://app.test/cb"));
        assert!(!asks("https://app.test/cb", "https://app.test/other"), "another URL altogether");
    }

    #[test]
    fn a_trifle_is_named() {
        let known = "https://app.test/cb";
        assert_eq!(differs(known, "https://app.test/CB"), Some("upper and lower case"));
        assert_eq!(differs(known, "https://app.test:443/cb"), Some("a default port or the way it is encoded"));
        assert_eq!(differs(known, "http://app.test/cb"), Some("the scheme"));
        assert_eq!(differs(known, "https://www.app.test/cb"), Some("www."));
        assert_eq!(differs(known, "https://evil.test/cb"), None);
    }
}
