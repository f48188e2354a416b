//! When the user is asked, and what their answer is worth.

use super::*;

impl Browser {
    /// Answers the consent page that `reply` leads to.
    async fn decide(&mut self, reply: &Reply, decision: &str) -> Reply {
        let consent = reply.location().to_owned();
        let transaction = self.get(&consent).await.transaction();
        self.post(&consent, &[("transaction", &transaction), ("decision", decision)]).await
    }

    /// Whether this request leads to the consent page.
    async fn is_asked(&mut self, parameters: &[(&str, &str)]) -> bool {
        self.get(&authorize_uri(parameters)).await.location().starts_with(super::super::CONSENT)
    }
}

#[tokio::test]
async fn once_asks_the_first_time_for_each_client_and_for_more_than_was_given() {
    let mut browser = Browser::new(|plan| plan.consent = Consent::Once);
    let page = browser.authorize(&but("scope", "openid email")).await;
    assert!(browser.decide(&page, "allow").await.returned().contains_key("code"));
    assert!(!browser.is_asked(&but("scope", "openid email")).await);
    assert!(!browser.is_asked(&but("scope", "openid")).await, "less than was given");
    let mut silent = but("scope", "openid");
    silent.push(("prompt", "none"));
    assert!(browser.get(&authorize_uri(&silent)).await.returned().contains_key("code"));
    assert!(browser.is_asked(&but("scope", "openid profile")).await, "more than was given");
    let mut silent = but("scope", "openid profile");
    silent.push(("prompt", "none"));
    assert_eq!(browser.get(&authorize_uri(&silent)).await.returned()["error"], "consent_required");
    let mut spa = but("client_id", "spa");
    spa.retain(|(name, _)| *name != "redirect_uri");
    spa.push(("redirect_uri", SPA));
    assert!(browser.is_asked(&spa).await, "another client");
}

#[tokio::test]
async fn what_was_denied_is_asked_again() {
    let mut browser = Browser::new(|plan| plan.consent = Consent::Once);
    let page = browser.authorize(&healthy()).await;
    let denied = browser.decide(&page, "deny").await.returned();
    assert_eq!((denied["error"].as_str(), denied["state"].as_str()), ("access_denied", "st ate/1"));
    assert!(browser.is_asked(&healthy()).await);
}

#[tokio::test]
async fn prompt_consent_asks_whatever_was_given_or_configured() {
    for consent in [Consent::Implicit, Consent::Once, Consent::Explicit] {
        let mut browser = Browser::new(|plan| plan.consent = consent);
        let first = browser.authorize(&but("prompt", "consent")).await;
        browser.decide(&first, "allow").await;
        assert!(browser.is_asked(&but("prompt", "consent")).await, "{consent:?}");
        assert_eq!(browser.is_asked(&healthy()).await, consent == Consent::Explicit, "{consent:?}");
    }
}
