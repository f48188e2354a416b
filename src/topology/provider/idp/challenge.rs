//! What the JSON interface answers: challenges in the shapes of Authentik's (`authentik/flows/challenge.py` and the stages).

use super::consent::{NAME as CONSENT, destination};
use super::factor::{Factor, masked};
use super::login::{waiting, way_back};
use super::params::Params;
use super::request::AuthorizeRequest;
use super::store::Session;
use super::{CANCEL, Inner, reply};
use crate::plan::Mfa;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// What was wrong with an answer: the field, a code, and a sentence for the person.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldError {
    pub(super) field: &'static str,
    pub(super) code: &'static str,
    pub(super) text: &'static str,
}

impl FieldError {
    pub(super) fn invalid(field: &'static str, text: &'static str) -> Self {
        Self { field, code: "invalid", text }
    }

    pub(super) fn required(field: &'static str) -> Self {
        Self { field, code: "required", text: "This field is required." }
    }
}

/// The answer to a request that no flow can take: `detail`, as Django REST framework has it.
pub(super) fn detail(status: StatusCode, text: &str) -> Response {
    reply::json(status, &json!({ "detail": text }))
}

/// The end of a flow: where the user agent goes.
pub(super) fn redirect(to: &str) -> Value {
    json!({ "component": "xak-flow-redirect", "to": to })
}

/// The end of a flow by a form that a script sends (OAuth 2.0 Form Post Response Mode).
pub(super) fn autosubmit(form: &reply::FormPost) -> Value {
    let attrs: Map<String, Value> = form.parameters.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    json!({ "component": "ak-stage-autosubmit", "url": form.uri, "attrs": attrs, "title": "Going on" })
}

/// A flow that cannot go on. `request_id` is in the log line as well.
pub(super) fn flow_error(request_id: &str, text: &str) -> Value {
    json!({ "component": "ak-stage-flow-error", "request_id": request_id, "error": text })
}

/// What a consent is answered with: known to whoever was asked, and to nobody who only knows the address.
pub(super) fn consent_token(transaction: &str) -> String {
    Sha256::digest(format!("{CONSENT}:{transaction}")).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// One challenge in the making.
pub(super) struct Challenge(Map<String, Value>);

impl Challenge {
    fn new(component: &str, title: String, cancel: String, error: Option<FieldError>) -> Self {
        let mut fields = Map::new();
        let info = json!({ "title": title, "background": "", "cancel_url": cancel, "layout": "stacked" });
        fields.insert("flow_info".to_owned(), info);
        fields.insert("component".to_owned(), component.into());
        if let Some(error) = error {
            fields.insert("response_errors".to_owned(), json!({ error.field: [{ "string": error.text, "code": error.code }] }));
        }
        Self(fields)
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    fn pending(self, user: &str) -> Self {
        self.with("pending_user", user).with("pending_user_avatar", "")
    }

    pub(super) fn response(self) -> Response {
        reply::json(StatusCode::OK, &Value::Object(self.0))
    }
}

impl Inner {
    fn login_challenge(&self, component: &str, query: &Params, error: Option<FieldError>) -> Challenge {
        let next = way_back(query);
        let cancel = match waiting(&next).only("client_id") {
            Some(_) => format!("{CANCEL}?next={}", url::form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>()),
            None => CANCEL.to_owned(),
        };
        Challenge::new(component, format!("Log in to {}", self.host()), cancel, error)
    }

    /// Who are you?
    pub(super) fn ask_who(&self, query: &Params, error: Option<FieldError>) -> Challenge {
        let next = way_back(query);
        let request = waiting(&next);
        let challenge = self.login_challenge("ak-stage-identification", query, error);
        let challenge = challenge.with("user_fields", json!(["username"])).with("password_fields", false);
        let mut challenge = challenge.with("allow_show_password", false).with("flow_designation", "authentication");
        if let Some(client) = self.waiting_client(&request) {
            challenge = challenge.with("application_pre", client);
        }
        if let Some(hint) = request.only("login_hint") {
            challenge = challenge.with("pending_user_identifier", hint);
        }
        challenge.with("primary_action", "Log in").with("sources", json!([])).with("show_source_labels", false)
    }

    /// Your password?
    pub(super) fn ask_password(&self, query: &Params, name: &str, error: Option<FieldError>) -> Challenge {
        self.login_challenge("ak-stage-password", query, error).pending(name).with("allow_show_password", false)
    }

    /// Your code?
    pub(super) fn ask_code(&self, query: &Params, factor: &Factor, error: Option<FieldError>) -> Challenge {
        let device = match self.mfa(factor) {
            Mfa::Totp(_) => json!({ "device_class": "totp", "device_uid": "1", "challenge": {}, "last_used": null }),
            Mfa::Mail(address) => {
                let challenge = json!({ "email": masked(address), "sent": factor.was_mailed() });
                json!({ "device_class": "email", "device_uid": "1", "challenge": challenge, "last_used": null })
            }
        };
        let challenge = self.login_challenge("ak-stage-authenticator-validate", query, error);
        let challenge = challenge.pending(&self.plan.users[factor.user].name);
        challenge.with("device_challenges", json!([device])).with("configuration_stages", json!([]))
    }

    /// No.
    pub(super) fn deny(&self, query: &Params, name: &str, message: &str) -> Challenge {
        self.login_challenge("ak-stage-access-denied", query, None).pending(name).with("error_message", message)
    }

    /// May this client?
    pub(super) fn ask_consent(&self, id: &str, request: &AuthorizeRequest, session: &Session, error: Option<FieldError>) -> Challenge {
        let client = self.client_id(request.return_to.client);
        let permissions: Vec<_> = request.scopes.iter().map(|scope| json!({ "id": scope.name(), "name": scope.meaning() })).collect();
        Challenge::new("ak-stage-consent", format!("Redirecting to {client}"), CANCEL.to_owned(), error)
            .pending(&self.plan.users[session.user].name)
            .with("header_text", format!("{client} wants to use your account"))
            .with("permissions", permissions)
            .with("additional_permissions", json!([]))
            .with("token", consent_token(id))
            .with("return_to", destination(&request.return_to.uri))
    }
}
