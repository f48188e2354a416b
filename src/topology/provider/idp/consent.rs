//! The consent page: what the client asks for, and the user's answer.

use super::request::AuthorizeRequest;
use super::store::{Session, Stage};
use super::{Call, Endpoint, Inner, pages, reply};
use crate::topology::provider::note::{Decision, Outcome};
use http::StatusCode;
use time::OffsetDateTime;

const NAME: &str = "consent";

impl Inner {
    pub(super) fn consent(&self, call: &Call) -> Outcome {
        let now = self.now();
        let params = match call.parameters() {
            Ok(params) => params,
            Err(unreadable) => return self.unreadable_page(Endpoint::Consent, *unreadable),
        };
        let id = params.only("transaction").unwrap_or_default();
        let Some((request, session)) = self.pending_consent(call, id, now) else {
            let decision = Decision::new(NAME, "refused").because("the request is unknown, answered, expired, or from another browser");
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
        // Of two answers at the same time, one closes the transaction; the other finds it closed.
        if !self.close(id) {
            let decision = Decision::new(NAME, "refused").because("the request was answered at the same moment").client(client);
            return self.refusal_page(Endpoint::Consent, StatusCode::BAD_REQUEST, "This request was answered already.", decision);
        }
        if allowed {
            self.send_code(NAME, call, &request, &session, now)
        } else {
            let why = Some("the user denied the request");
            self.send_error(NAME, call, &request.return_to, "access_denied", why, "sent back")
        }
    }

    /// The request behind `id` and the session it waits for, when both belong to this browser.
    fn pending_consent(&self, call: &Call, id: &str, now: OffsetDateTime) -> Option<(AuthorizeRequest, Session)> {
        let transaction = self.transaction(call, Some(id), now)?;
        let Stage::Consent(request) = transaction.stage else { return None };
        let session = self.stores().sessions.get(&transaction.browser, now)?.clone();
        Some((*request, session))
    }
}

/// What the page says about where the user goes next: the origin, or the scheme of an app.
fn destination(uri: &str) -> String {
    match url::Url::parse(uri) {
        Ok(url) if url.origin().is_tuple() => url.origin().ascii_serialization(),
        Ok(url) => format!("{}:", url.scheme()),
        Err(_) => uri.to_owned(),
    }
}
