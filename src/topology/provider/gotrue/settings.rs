//! What the server says about itself.

use super::Inner;
use super::answer::Answer;
use super::failure::Failure;
use serde_json::{Map, Value, json};

/// The providers that the original lists, enabled or not.
pub(super) const PROVIDERS: [&str; 23] = [
    "apple",
    "azure",
    "bitbucket",
    "discord",
    "facebook",
    "snapchat",
    "figma",
    "fly",
    "github",
    "gitlab",
    "google",
    "keycloak",
    "kakao",
    "linkedin",
    "linkedin_oidc",
    "notion",
    "spotify",
    "slack",
    "slack_oidc",
    "workos",
    "twitch",
    "twitter",
    "zoom",
];

impl Inner {
    pub(super) fn settings(&self) -> Result<Answer, Failure> {
        let mut external: Map<String, Value> = PROVIDERS.into_iter().map(|name| (name.to_owned(), false.into())).collect();
        external.insert("anonymous_users".to_owned(), false.into());
        external.insert("email".to_owned(), true.into());
        external.insert("phone".to_owned(), true.into());
        external.extend(self.plan.external.iter().map(|provider| (provider.name.clone(), true.into())));
        let settings = json!({
            "external": external,
            "disable_signup": self.plan.signup_disabled,
            "mailer_autoconfirm": self.plan.autoconfirm,
            "phone_autoconfirm": self.plan.autoconfirm,
            "sms_provider": "twilio",
            "saml_enabled": false,
        });
        Ok(Answer::json(&settings, "settings shown"))
    }
}

pub(super) fn health() -> Answer {
    let about = json!({ "version": "authchain", "name": "GoTrue", "description": "GoTrue is a user registration and authentication API" });
    Answer::json(&about, "healthy")
}
