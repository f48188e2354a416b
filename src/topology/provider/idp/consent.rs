//! The consent page: what the client asks for, and the user's answer.

use super::request::AuthorizeRequest;
use super::store::{Session, Stage};
use super::{Call, Endpoint, Inner, pages, reply};
use crate::plan::{Consent, Pages};
use crate::topology::provider::note::{Decision, Outcome};
use http::StatusCode;
use time::OffsetDateTime;

pub(super) const NAME: &str = "consent";

/// What the log is told about a consent that nobody waits for.
pub(super) const NOBODY_WAITS: &str = "the request is unknown, answered, expired, or from another browser";

impl Inner {
    pub(super) fn consent(&self, call: &Call) -> Outcome {
        let now = self.now();
        let params = match call.parameters() {
            Ok(params) => params,
            Err(unreadable) => return self.unreadable_page(Endpoint::Consent, *unreadable),
        };
        if !call.is_post() && self.plan.pages == Pages::Shadow && params.only("pages") != Some("plain") {
            return self.shell(call, NAME);
        }
        let id = params.only("transaction").unwrap_or_default();
        let Some((request, session)) = self.pending_consent(call, id, now) else {
            let decision = Decision::new(NAME, "refused").because(NOBODY_WAITS);
            let message = "This request was answered already or is too old. Go back to the application and start again.";
            return self.refusal_page(Endpoint::Consent, StatusCode::BAD_REQUEST, message, decision);
        };
        let client = self.client_id(request.return_to.client);
        if !call.is_post() {
            let markup = pages::consent(&pages::Consent {
                host: self.host(),
                client,
                user: &self.plan.users[session.user].name,
                scopes: &request.scopes,
                return_to: &destination(&request.return_to.uri),
                transaction: id,
            });
            return Outcome::new(reply::page(StatusCode::OK, markup), Decision::new(NAME, "page shown").client(client));
        }
        let allowed = match params.only("decision") {
            Some("allow") => true,
            Some("deny") => false,
            _ => {
                let decision = Decision::new(NAME, "refused").because("the form says neither allow nor deny").client(client);
                return self.refusal_page(Endpoint::Consent, StatusCode::BAD_REQUEST, "Please choose Allow or Deny.", decision);
            }
        };
        self.answer_consent(call, id, &request, &session, allowed, now).unwrap_or_else(|| {
            let decision = Decision::new(NAME, "refused").because("the request was answered at the same moment").client(client);
            self.refusal_page(Endpoint::Consent, StatusCode::BAD_REQUEST, "This request was answered already.", decision)
        })
    }

    /// Sends the user back with what they decided; nothing when somebody else just did.
    pub(super) fn answer_consent(
        &self,
        call: &Call,
        id: &str,
        request: &AuthorizeRequest,
        session: &Session,
        allowed: bool,
        now: OffsetDateTime,
    ) -> Option<Outcome> {
        // Of two answers at the same time, one closes the transaction; the other finds it closed.
        if !self.close(id) {
            return None;
        }
        if !allowed {
            let why = Some("the user denied the request");
            return Some(self.send_error(NAME, call, &request.return_to, "access_denied", why, "sent back"));
        }
        if self.plan.consent == Consent::Once {
            let mut stores = self.stores();
            stores.consents.entry((session.user, request.return_to.client)).or_default().add(&request.scopes);
        }
        Some(self.send_code(NAME, call, request, session, now))
    }

    /// Why `user` has to be asked before the client gets what it asks for, if they have to.
    pub(super) fn wants_consent(&self, request: &AuthorizeRequest, user: usize) -> Option<&'static str> {
        if request.prompt.consent {
            return Some("the client wants the user to be asked");
        }
        match self.plan.consent {
            Consent::Implicit => None,
            Consent::Explicit => Some("consent is asked for each time"),
            Consent::Once => {
                let stores = self.stores();
                let given = stores.consents.get(&(user, request.return_to.client));
                let covered = given.is_some_and(|given| request.scopes.iter().all(|scope| given.contains(scope)));
                if covered { None } else { Some("the user did not consent to this yet") }
            }
        }
    }

    /// The request behind `id` and the session it waits for, when both belong to this browser.
    pub(super) fn pending_consent(&self, call: &Call, id: &str, now: OffsetDateTime) -> Option<(AuthorizeRequest, Session)> {
        let transaction = self.transaction(call, Some(id), now)?;
        let Stage::Consent(request) = transaction.stage else { return None };
        let session = self.stores().sessions.get(&transaction.browser, now)?.clone();
        Some((*request, session))
    }
}

/// What the page says about where the user goes next: the origin, or the scheme of an app.
pub(super) fn destination(uri: &str) -> String {
    match url::Url::parse(uri) {
        Ok(url) if url.origin().is_tuple() => url.origin().ascii_serialization(),
        Ok(url) => format!("{}:", url.scheme()),
        Err(_) => uri.to_owned(),
    }
}
