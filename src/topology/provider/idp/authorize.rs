//! The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core 1.0 §3.1.2): decides whether the user has to log in,
//! has to be asked, or goes straight back with a code.

use super::request::{AuthorizeRequest, Refusal, ReturnTo};
use super::store::{Code, Session, Stage, Transaction};
use super::{AUTHORIZE, CONSENT, Call, Endpoint, Inner, LOGIN, after, keys, reply};
use crate::plan::FaultKind;
use crate::topology::provider::note::{Decision, Outcome};
use crate::topology::switchboard::Who;
use http::StatusCode;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

const NAME: &str = "authorize";

impl Inner {
    pub(super) fn authorize(&self, call: &Call) -> Outcome {
        let params = match call.parameters() {
            Ok(params) => params,
            Err(unreadable) => return self.unreadable_page(Endpoint::Authorize, *unreadable),
        };
        let request = match AuthorizeRequest::read(&self.plan, params) {
            Ok(request) => request,
            Err(Refusal::Page { client, message, why }) => {
                let decision = Decision { client, ..Decision::new(NAME, "refused with a page").because(why) };
                return self.refusal_page(Endpoint::Authorize, StatusCode::BAD_REQUEST, &message, decision);
            }
            Err(Refusal::Return { to, error, description }) => {
                return self.send_error(NAME, call, &to, error, Some(description), "refused");
            }
        };
        if let Some((error, description)) = self.faults.authorize_error(self.client_id(request.return_to.client)) {
            return self.send_error(NAME, call, &request.return_to, &error, description.as_deref(), "fault: refused");
        }
        let now = self.now();
        let session = self.session(call, now);
        let Some((session_id, session)) = session else {
            return self.ask_to_log_in(call, &request, "nobody is logged in");
        };
        if let Some(why) = self.needs_login(&request, &session, now) {
            return self.ask_to_log_in(call, &request, why);
        }
        if session.fresh_for == Some(request.digest())
            && let Some(stored) = self.stores().sessions.get_mut(&session_id, now)
        {
            stored.fresh_for = None;
        }
        if let Some(why) = self.wants_consent(&request, session.user) {
            return self.ask_for_consent(call, request, session_id, why, now);
        }
        self.send_code(NAME, call, &request, &session, now)
    }

    /// Why the session is not good enough for the request, if it is not.
    fn needs_login(&self, request: &AuthorizeRequest, session: &Session, now: OffsetDateTime) -> Option<&'static str> {
        if session.fresh_for == Some(request.digest()) {
            return None;
        }
        if request.prompt.login {
            return Some("the client asks for a new login");
        }
        let age = u64::try_from((now - session.auth_time).whole_seconds()).unwrap_or(0);
        if request.max_age.is_some_and(|max_age| age > max_age || max_age == 0) {
            return Some("the login is older than max_age");
        }
        let hint = request.id_token_hint.as_deref()?;
        let subject = self.plan.users[session.user].subject.as_str();
        let hinted = self.key.read_hint(hint, &self.issuer);
        let same = hinted.is_some_and(|claims| claims.get("sub").and_then(|sub| sub.as_str()) == Some(subject));
        if same { None } else { Some("id_token_hint names somebody else") }
    }

    fn ask_to_log_in(&self, call: &Call, request: &AuthorizeRequest, why: &'static str) -> Outcome {
        if request.prompt.none {
            return self.send_error(NAME, call, &request.return_to, "login_required", Some(why), "prompt=none refused");
        }
        let next = format!("{AUTHORIZE}?{}", request.encoded);
        let location = format!("{LOGIN}?next={}", url::form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>());
        let decision = Decision::new(NAME, "sent to the login page").because(why).client(self.client_id(request.return_to.client));
        Outcome::new(reply::redirect(&call.method, &location), decision)
    }

    fn ask_for_consent(&self, call: &Call, request: AuthorizeRequest, browser: String, why: &'static str, now: OffsetDateTime) -> Outcome {
        if request.prompt.none {
            return self.send_error(NAME, call, &request.return_to, "consent_required", Some(why), "prompt=none refused");
        }
        let decision = Decision::new(NAME, "sent to the consent page").client(self.client_id(request.return_to.client));
        let id = self.open(Transaction { browser, stage: Stage::Consent(Box::new(request)) }, now);
        Outcome::new(reply::redirect(&call.method, &format!("{CONSENT}?transaction={id}")), decision)
    }

    /// Issues a code and sends the user back with it (RFC 6749 §4.1.2).
    pub(super) fn send_code(
        &self,
        endpoint: &'static str,
        call: &Call,
        request: &AuthorizeRequest,
        session: &Session,
        now: OffsetDateTime,
    ) -> Outcome {
        let decision = |outcome: &'static str| Decision::new(endpoint, outcome).client(self.client_id(request.return_to.client));
        let who = Who { endpoint, client: Some(self.client_id(request.return_to.client)), user: Some(&self.plan.users[session.user].name) };
        if self.faults.strikes(FaultKind::CodeMissing, &who) {
            return Outcome::new(self.send_back(call, &request.return_to, &[]).0, decision("fault: sent back without a code"));
        }
        let id = keys::random();
        let code = Code {
            client: request.return_to.client,
            user: session.user,
            redirect_uri: request.return_to.uri.clone(),
            scopes: request.scopes.clone(),
            nonce: request.nonce.clone(),
            challenge: request.challenge.clone(),
            auth_time: session.auth_time,
            expires: after(now, self.plan.code_ttl),
            tokens: Vec::new(),
        };
        // A code is remembered as long as its tokens may live, so that they can be revoked when it comes back.
        let remembered = after(now, self.plan.code_ttl.saturating_add(self.plan.token_ttl));
        self.stores().codes.insert(id.clone(), code, now, remembered);
        let (response, altered) = self.send_back(call, &request.return_to, &[("code", &id)]);
        let outcome = if altered { "fault: sent back with a code and another state" } else { "sent back with a code" };
        Outcome::new(response, decision(outcome))
    }

    /// Sends the user back with an error (RFC 6749 §4.1.2.1).
    pub(super) fn send_error(
        &self,
        endpoint: &'static str,
        call: &Call,
        to: &ReturnTo,
        error: &str,
        description: Option<&str>,
        outcome: &str,
    ) -> Outcome {
        let mut parameters = vec![("error", error)];
        parameters.extend(description.map(|description| ("error_description", description)));
        let mut decision = Decision::new(endpoint, format!("{outcome} with {error}")).client(self.client_id(to.client));
        decision.why = description.map(|description| description.to_owned().into());
        Outcome::new(self.send_back(call, to, &parameters).0, decision)
    }
}

impl AuthorizeRequest {
    /// Tells this request from any other.
    fn digest(&self) -> [u8; 32] {
        digest(&self.encoded)
    }
}

/// The digest of the request that `next` leads back to.
pub(super) fn digest(encoded: &str) -> [u8; 32] {
    Sha256::digest(encoded).into()
}
