//! Logging out on request of a client (OpenID Connect RP-Initiated Logout 1.0).

use super::params::Params;
use super::reply::{self, with_parameters};
use super::request::ResponseMode;
use super::scope::Scope;
use super::store::{Stage, Transaction};
use super::{Call, Endpoint, Inner, pages};
use crate::topology::provider::note::{Decision, Outcome};
use http::StatusCode;
use time::OffsetDateTime;

const NAME: &str = "end-session";

/// Who asks for the logout, as far as it can be told.
struct Asker {
    client: Option<usize>,
    /// `sub` of a valid ID token hint.
    subject: Option<String>,
}

impl Inner {
    pub(super) fn end_session(&self, call: &Call) -> Outcome {
        let now = self.now();
        let params = match call.parameters() {
            Ok(params) => params,
            Err(unreadable) => return self.unreadable_page(Endpoint::EndSession, *unreadable),
        };
        if let Some(id) = params.only("transaction").filter(|_| call.is_post())
            && let Some(Stage::Logout { to }) = self.transaction(call, Some(id), now).map(|transaction| transaction.stage)
            && self.close(id)
        {
            return self.log_out(call, to.as_deref(), Decision::new(NAME, "logged out").because("the user confirmed"));
        }
        let asker = match self.asker(params) {
            Ok(asker) => asker,
            Err(why) => {
                let decision = Decision::new(NAME, "refused with a page").because(why);
                return self.refusal_page(Endpoint::EndSession, StatusCode::BAD_REQUEST, "The request to log out is not valid.", decision);
            }
        };
        let to = match self.destination_after(params, &asker) {
            Ok(to) => to,
            Err(why) => {
                let decision = Decision::new(NAME, "refused with a page").because(why);
                let message = "The address to go to after logging out (post_logout_redirect_uri) is not registered for this application.";
                return self.refusal_page(Endpoint::EndSession, StatusCode::BAD_REQUEST, message, decision);
            }
        };
        let mut decision = Decision::new(NAME, "logged out");
        decision.client = asker.client.map(|client| self.client_id(client).to_owned());
        match self.session(call, now) {
            None => self.log_out(call, to.as_deref(), decision.because("nobody was logged in")),
            Some((_, session)) if asker.subject.as_ref() == Some(&self.plan.users[session.user].subject) => {
                self.log_out(call, to.as_deref(), decision.because("the client holds an ID token of the user"))
            }
            // §2: without a hint that fits, the user has to be asked, for anybody could have sent them here.
            Some((browser, session)) => self.ask_to_log_out(browser, session.user, to, now),
        }
    }

    fn asker(&self, params: &Params) -> Result<Asker, &'static str> {
        let find = |id: &str| self.clients.find(id);
        let mut asker = Asker { client: None, subject: None };
        if let Some(hint) = params.only("id_token_hint") {
            let claims = self.keys.read_hint(hint, &self.issuer).ok_or("id_token_hint is not an ID token of this provider")?;
            asker.subject = claims.get("sub").and_then(|sub| sub.as_str()).map(str::to_owned);
            asker.client = claims.get("aud").and_then(|aud| aud.as_str()).and_then(find);
        }
        if let Some(id) = params.only("client_id") {
            let client = find(id).ok_or("unknown client")?;
            if asker.client.is_some_and(|hinted| hinted != client) {
                return Err("client_id and id_token_hint name different clients");
            }
            asker.client = Some(client);
        }
        Ok(asker)
    }

    /// The exact, registered address to go to afterwards (§3), with `state`.
    fn destination_after(&self, params: &Params, asker: &Asker) -> Result<Option<String>, &'static str> {
        let Some(uri) = params.get("post_logout_redirect_uri").map_err(|_| "post_logout_redirect_uri is repeated")? else {
            return Ok(None);
        };
        let client = asker.client.ok_or("post_logout_redirect_uri came without client_id or id_token_hint")?;
        if !self.plan.clients[client].post_logout_redirect_uris.iter().any(|registered| registered == uri) {
            return Err("post_logout_redirect_uri is not registered");
        }
        let state = params.only("state").map(|state| with_parameters(uri, ResponseMode::Query, &[("state", state)]));
        Ok(Some(state.unwrap_or_else(|| uri.to_owned())))
    }

    fn ask_to_log_out(&self, browser: String, user: usize, to: Option<String>, now: OffsetDateTime) -> Outcome {
        let id = self.open(Transaction { browser, stage: Stage::Logout { to } }, now);
        let markup = pages::confirm_logout(self.host(), &self.plan.users[user].name, &id);
        Outcome::new(
            reply::page(StatusCode::OK, markup),
            Decision::new(NAME, "page shown").because("no ID token of the user came with the request"),
        )
    }

    fn log_out(&self, call: &Call, to: Option<&str>, decision: Decision) -> Outcome {
        let mut response = match to {
            Some(to) => reply::redirect(&call.method, to),
            None => reply::page(StatusCode::OK, pages::logged_out(self.host())),
        };
        let now = self.now();
        let mut stores = self.stores();
        for id in call.session_ids() {
            stores.sessions.remove(id);
            // Refresh tokens end with the session, except those that are meant to outlive it (OpenID Connect Back-Channel
            // Logout 1.0 §2.7 says so of its own logouts, OpenID Connect Core 1.0 §11 of `offline_access`).
            let families = stores.refresh_tokens.values(now).map(|token| &token.family);
            let of_session = families.filter(|family| family.session.as_deref() == Some(id));
            of_session.filter(|family| !family.scopes.contains(Scope::OfflineAccess)).for_each(|family| family.revoke());
        }
        drop(stores);
        self.clear_cookie(&mut response);
        Outcome::new(response, decision)
    }
}
