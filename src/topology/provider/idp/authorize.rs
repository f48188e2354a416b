//! The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core 1.0 §3.1.2): decides whether the user has to log in,
//! has to be asked, or goes straight back with a code.

use super::faults::Asked;
use super::request::{AuthorizeRequest, Refusal, ReturnTo};
use super::store::{Code, Family, Session, Stage, Transaction};
use super::{AUTHORIZE, CONSENT, Call, Endpoint, Inner, LOGIN, keys, reply};
use crate::plan::{FaultKind, IdpClient};
use crate::topology::provider::fresh::after;
use crate::topology::provider::note::{Decision, Outcome};
use crate::topology::switchboard::Who;
use http::StatusCode;
use std::sync::Arc;
use time::OffsetDateTime;
use url::{Origin, Url};

const NAME: &str = "authorize";

impl Inner {
    pub(super) fn authorize(&self, call: &Call) -> Outcome {
        let params = match call.parameters() {
            Ok(params) => params,
            Err(unreadable) => return self.unreadable_page(Endpoint::Authorize, *unreadable),
        };
        let mut is_loose = false;
        let request = match AuthorizeRequest::read(&self.plan, &self.clients, params, |client, uri| {
            is_loose = is_extension(client, uri)
                && self.faults.ask(Who { endpoint: NAME, client: Some(&client.id), user: None }).on(FaultKind::RedirectUriLoose);
            is_loose
        }) {
            Ok(request) => request,
            Err(Refusal::Page { client, message, why }) => {
                let decision = Decision { client, ..Decision::new(NAME, "refused with a page").because(why) };
                return self.refusal_page(Endpoint::Authorize, StatusCode::BAD_REQUEST, &message, decision);
            }
            Err(Refusal::Return { to, error, description }) => {
                return self.send_error(NAME, call, &to, error, Some(description), "refused");
            }
        };
        let now = self.now();
        let session = self.session(call, now);
        let user = session.as_ref().map(|(_, session)| self.plan.users[session.user].name.as_str());
        let client = self.client_id(request.return_to.client).to_owned();
        let mut asked = self.faults.ask(Who { endpoint: NAME, client: Some(&client), user });
        if is_loose {
            asked.note(FaultKind::RedirectUriLoose);
        }
        let outcome = self.decide(call, request, session, &mut asked, now);
        Outcome { decision: asked.told(outcome.decision), ..outcome }
    }

    /// What a request gets that is as it should be.
    fn decide(
        &self,
        call: &Call,
        request: AuthorizeRequest,
        session: Option<(String, Session)>,
        asked: &mut Asked<'_>,
        now: OffsetDateTime,
    ) -> Outcome {
        if let Some(fault) = asked.strikes(FaultKind::AuthorizeError) {
            let error = fault.arguments.error.as_deref().unwrap_or("server_error");
            return self.send_error(NAME, call, &request.return_to, error, fault.arguments.description.as_deref(), "refused");
        }
        // A login for this very request counts all the same: otherwise there would be no end of logins.
        let mut is_forgotten = |session: &Session| !request.is_fresh_in(session) && asked.on(FaultKind::SessionForgotten);
        let Some((session_id, session)) = session.filter(|(_, session)| !is_forgotten(session)) else {
            return self.ask_to_log_in(call, &request, "nobody is logged in");
        };
        if let Some(why) = self.needs_login(&request, &session, now) {
            return self.ask_to_log_in(call, &request, why);
        }
        if request.is_fresh_in(&session)
            && let Some(stored) = self.stores().sessions.get_mut(&session_id, now)
        {
            stored.fresh_for = None;
        }
        let wanted = self.wants_consent(&request, session.user);
        let why = match wanted {
            Some(why) => (!asked.on(FaultKind::ConsentSkipped)).then_some(why),
            None => asked.on(FaultKind::ConsentAsked).then_some("the provider was told to ask"),
        };
        if let Some(why) = why {
            return self.ask_for_consent(call, request, session_id, why, now);
        }
        self.send_code(NAME, call, &request, &session, now)
    }

    /// Why the session is not good enough for the request, if it is not.
    fn needs_login(&self, request: &AuthorizeRequest, session: &Session, now: OffsetDateTime) -> Option<&'static str> {
        if request.is_fresh_in(session) {
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
        let hinted = self.keys.read_hint(hint, &self.issuer);
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
        let (client, user) = (request.return_to.client, self.plan.users[session.user].name.as_str());
        let decision = |outcome: &'static str| Decision::new(endpoint, outcome).client(self.client_id(client));
        let mut asked = self.faults.ask(Who { endpoint: NAME, client: Some(self.client_id(client)), user: Some(user) });
        if asked.on(FaultKind::CodeMissing) {
            let response = self.send_back(call, &request.return_to, &[], &mut asked);
            return Outcome::new(response, asked.told(decision("sent back without a code")));
        }
        let id = keys::random();
        let is_expired = asked.on(FaultKind::CodeExpired);
        let mut family = Family::new(client, Some(session.user), request.scopes.clone(), session.auth_time);
        family.nonce.clone_from(&request.nonce);
        // A code is remembered as long as its tokens may live, so that they can be revoked when it comes back.
        let remembered = after(now, self.plan.code_ttl.saturating_add(self.plan.token_ttl));
        let mut stores = self.stores();
        family.session = call.session_ids().find(|id| stores.sessions.get(id, now).is_some()).map(str::to_owned);
        let code = Code {
            family: Arc::new(family),
            redirect_uri: request.return_to.uri.clone(),
            challenge: request.challenge.clone(),
            expires: if is_expired { now } else { after(now, self.plan.code_ttl) },
            used: false,
            foreign: asked.on(FaultKind::CodeForeign),
        };
        stores.codes.insert(id.clone(), code, now, remembered);
        drop(stores);
        let response = self.send_back(call, &request.return_to, &[("code", &id)], &mut asked);
        Outcome::new(response, asked.told(decision("sent back with a code")))
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
        let client = self.client_id(to.client);
        let mut decision = Decision::new(endpoint, format!("{outcome} with {error}")).client(client);
        decision.why = description.map(|description| description.to_owned().into());
        let mut asked = self.faults.ask(Who { endpoint: NAME, client: Some(client), user: None });
        let response = self.send_back(call, to, &parameters, &mut asked);
        Outcome::new(response, asked.told(decision))
    }
}

impl AuthorizeRequest {
    /// Whether the user just logged in for this very request.
    fn is_fresh_in(&self, session: &Session) -> bool {
        session.fresh_for.is_some_and(|fresh| fresh == digest(&self.encoded))
    }
}

/// The digest of the request that `next` leads back to.
pub(super) fn digest(encoded: &str) -> [u8; 32] {
    keys::secret_digest(encoded)
}

/// Whether `uri` is a registered redirect URI with something behind it, on the same origin. No fault ever leads further.
fn is_extension(client: &IdpClient, uri: &str) -> bool {
    let origin = |uri: &str| Url::parse(uri).ok().map(|url| url.origin()).filter(Origin::is_tuple);
    client
        .redirect_uris
        .iter()
        .any(|registered| uri.starts_with(registered.as_str()) && origin(uri).is_some() && origin(uri) == origin(registered))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_stays_on_its_origin() {
        let client = |uri: &str| IdpClient { redirect_uris: vec![uri.to_owned()], ..IdpClient::default() };
        assert!(is_extension(&client("https://a.test/cb"), "https://a.test/cb/more?x"));
        for (registered, uri) in [
            ("https://a.test", "https://a.test.evil.test/"),
            ("https://a.test", "https://a.test@evil.test/"),
            ("https://a.test", "https://a.test:444/"),
            ("https://a.test/cb", "https://a.test/other"),
            ("app:/cb", "app:/cb/more"),
        ] {
            assert!(!is_extension(&client(registered), uri), "{uri}");
        }
    }
}
