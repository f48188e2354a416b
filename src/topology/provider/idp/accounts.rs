//! The choice of an account (`prompt=select_account`, OpenID Connect Core 1.0 §3.1.2.1): the one that is logged in, or another.

use super::authorize::digest;
use super::login::{NAME, Shown, login_address, request_of, waiting};
use super::params::Params;
use super::store::{Stage, Transaction};
use super::{Call, Inner, pages, reply};
use crate::topology::provider::note::{Decision, Outcome, quoted};
use http::StatusCode;
use time::OffsetDateTime;

impl Inner {
    /// The page, when the request that waits wants a choice and there is one.
    pub(super) fn accounts_page(&self, call: &Call, next: &str, now: OffsetDateTime) -> Option<Outcome> {
        let request = waiting(next);
        if call.query.only("account") == Some("other") || !wants_choice(&request) {
            return None;
        }
        let (browser, session) = self.session(call, now)?;
        let transaction = self.open(Transaction { browser, stage: Stage::Accounts { next: next.to_owned() } }, now);
        let client = self.waiting_client(&request);
        let user = &self.plan.users[session.user].name;
        let markup = pages::accounts(&pages::Accounts { host: self.host(), client, user, transaction: &transaction });
        let decision = Decision { client: client.map(str::to_owned), ..Decision::new(NAME, "page of accounts shown") };
        Some(Outcome::new(reply::page(StatusCode::OK, markup), decision))
    }

    /// The form of that page.
    pub(super) fn take_account(&self, call: &Call, form: &Params, id: &str, next: &str, now: OffsetDateTime) -> Outcome {
        if !self.close(id) {
            return self.stale_login(call, now);
        }
        let chosen = self.session(call, now).filter(|_| form.only("account") == Some("continue"));
        let Some((session_id, session)) = chosen else {
            let address = login_address(next);
            let separator = if address.contains('?') { '&' } else { '?' };
            let response = reply::redirect(&call.method, &format!("{address}{separator}account=other"));
            return Outcome::new(response, Decision::new(NAME, "another account was chosen"));
        };
        let name = &self.plan.users[session.user].name;
        let age = u64::try_from((now - session.auth_time).whole_seconds()).unwrap_or(0);
        // A choice is no login: a client that wants a recent one gets one.
        let most = waiting(next).only("max_age").and_then(|seconds| seconds.parse::<u64>().ok());
        if most.is_some_and(|most| age > most || most == 0) {
            let shown = Shown { message: None, name };
            let decision = Decision::new(NAME, "page shown").because("the login of the chosen account is older than max_age");
            return self.show_login(call, next, shown, now, StatusCode::OK, decision);
        }
        if let Some(stored) = self.stores().sessions.get_mut(&session_id, now) {
            stored.fresh_for = request_of(next).map(digest);
        }
        Outcome::new(reply::redirect(&call.method, next), Decision::new(NAME, format!("{} continued", quoted(name))))
    }
}

/// Whether the user shall choose. With `login` beside it they type a name anyway.
fn wants_choice(request: &Params) -> bool {
    let prompts = || request.only("prompt").unwrap_or_default().split(' ');
    prompts().any(|prompt| prompt == "select_account") && prompts().all(|prompt| prompt != "login")
}
