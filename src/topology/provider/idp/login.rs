//! The plain login page and the page behind it when no client waits.
//!
//! ```text
//! (accounts →) name and password → (code →) back to the authorization request, or home
//! ```
//!
//! A wrong password shows the page again with status 200: 401 would need a challenge (RFC 9110 §15.5.2), which forms have none of.

use super::authorize::digest;
use super::params::Params;
use super::store::{Session, Stage, Transaction};
use super::{AUTHORIZE, Call, Endpoint, HOME, Inner, LOGIN, Stages, keys, pages, reply};
use crate::plan::Pages;
use crate::topology::provider::note::{Decision, Outcome, quoted};
use axum::response::Response;
use http::StatusCode;
use time::OffsetDateTime;

pub(super) const NAME: &str = "login";

/// Longest way back that is remembered; longer ones are forgotten, as if none had been given.
const LONGEST_NEXT: usize = 10 * 1024;

/// What became of a name and a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passed {
    /// They do not belong together; why is for the log alone.
    No(&'static str),
    /// They do, and the account is locked.
    Locked(usize),
    /// They do.
    Yes(usize),
}

/// What stands on the form when it is shown.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shown<'a> {
    pub(super) message: Option<&'a str>,
    /// What stands in the name field; without it, the client's `login_hint`.
    pub(super) name: &'a str,
}

impl Inner {
    pub(super) fn login(&self, call: &Call) -> Outcome {
        let now = self.now();
        if !call.is_post() {
            return self.login_page(call, now);
        }
        let form = match &call.form {
            Ok(form) => form,
            Err(unreadable) => return self.unreadable_page(Endpoint::Login, *unreadable),
        };
        let id = form.only("transaction");
        match id.and_then(|id| Some((id, self.transaction(call, Some(id), now)?))) {
            Some((id, Transaction { stage: Stage::Login { next }, browser })) => self.take_password(call, form, id, browser, &next, now),
            Some((id, Transaction { stage: Stage::Factor { next, factor }, .. })) => {
                self.take_code(call, form, id, &next, factor.user, now)
            }
            Some((id, Transaction { stage: Stage::Accounts { next }, .. })) => self.take_account(call, form, id, &next, now),
            _ => self.stale_login(call, now),
        }
    }

    fn login_page(&self, call: &Call, now: OffsetDateTime) -> Outcome {
        if let Some(id) = call.query.only("transaction")
            && let Some(Transaction { stage: Stage::Factor { factor, .. }, .. }) = self.transaction(call, Some(id), now)
        {
            return self.show_factor(id, &factor, None, Decision::new(NAME, "page for the code shown"));
        }
        if self.plan.pages == Pages::Shadow && call.query.only("pages") != Some("plain") {
            return self.shell(call, NAME);
        }
        let next = way_back(&call.query);
        if let Some(outcome) = self.accounts_page(call, &next, now) {
            return outcome;
        }
        self.show_login(call, &next, Shown::default(), now, StatusCode::OK, Decision::new(NAME, "page shown"))
    }

    /// Whose name and password these are.
    pub(super) fn check_password(&self, name: &str, password: &str) -> Passed {
        let found = self.plan.users.iter().position(|user| user.name == name);
        // A password is compared in any case: how long the answer takes does not tell whether the user exists.
        let expected = found.map_or("", |user| self.plan.users[user].password.expose());
        let matches = keys::same_secret(expected, password);
        match found {
            Some(user) if matches && self.plan.users[user].locked => Passed::Locked(user),
            Some(user) if matches => Passed::Yes(user),
            Some(_) => Passed::No("wrong password"),
            None => Passed::No("no user of that name"),
        }
    }

    fn take_password(&self, call: &Call, form: &Params, id: &str, browser: String, next: &str, now: OffsetDateTime) -> Outcome {
        let (name, password) = (form.only("uid_field").unwrap_or_default(), form.only("password").unwrap_or_default());
        let user = match self.check_password(name, password) {
            Passed::Yes(user) => user,
            Passed::Locked(user) => {
                self.close(id);
                let markup = pages::denied(self.host(), &self.plan.users[user].name, &login_address(next));
                return Outcome::new(reply::page(StatusCode::FORBIDDEN, markup), locked(name));
            }
            // The name that was typed is not logged: people type passwords into the wrong field.
            Passed::No(why) => {
                let shown = Shown { message: Some("Invalid username or password"), name };
                return self.show_login(call, next, shown, now, StatusCode::OK, Decision::new(NAME, "refused").because(why));
            }
        };
        if !self.close(id) {
            return self.stale_login(call, now);
        }
        match self.factor(user) {
            Some(factor) => self.ask_for_code(call, browser, next, factor, now),
            None => {
                let response = self.let_in(call, user, next, now);
                Outcome::new(response, Decision::new(NAME, format!("{} logged in", quoted(name))))
            }
        }
    }

    /// Starts the session of `user` and sends them on.
    pub(super) fn let_in(&self, call: &Call, user: usize, next: &str, now: OffsetDateTime) -> Response {
        let session = self.log_in(call, user, next, now);
        let mut response = reply::redirect(&call.method, next);
        self.set_cookie(&mut response, &session);
        response
    }

    /// Starts the session of `user`, fresh for the authorization request that `next` leads to, and returns its id.
    pub(super) fn log_in(&self, call: &Call, user: usize, next: &str, now: OffsetDateTime) -> String {
        let fresh_for = request_of(next).map(digest);
        self.start_session(call, Session { user, auth_time: now, fresh_for }, now)
    }

    /// The form came back too late, twice, or from another browser: it is shown anew.
    pub(super) fn stale_login(&self, call: &Call, now: OffsetDateTime) -> Outcome {
        let next = way_back(&call.query);
        let (message, why) = if call.session_ids().next().is_none() {
            (
                "Your browser did not send our cookie. Please allow cookies for this site and log in again.",
                "the form came without the cookie",
            )
        } else {
            ("This page is no longer valid. Please log in again.", "the form is unknown, expired, or from another browser")
        };
        let shown = Shown { message: Some(message), name: "" };
        self.show_login(call, &next, shown, now, StatusCode::FORBIDDEN, Decision::new(NAME, "refused").because(why))
    }

    pub(super) fn show_login(
        &self,
        call: &Call,
        next: &str,
        shown: Shown<'_>,
        now: OffsetDateTime,
        status: StatusCode,
        decision: Decision,
    ) -> Outcome {
        let request = waiting(next);
        let client = self.waiting_client(&request);
        let (browser, is_new) = browser(call);
        let stage = Stage::Login { next: next.to_owned() };
        let transaction = self.open(Transaction { browser: browser.clone(), stage }, now);
        let markup = pages::login(&pages::Login {
            host: self.host(),
            client,
            transaction: &transaction,
            error: shown.message,
            name: Some(shown.name).filter(|name| !name.is_empty()).or(request.only("login_hint")).unwrap_or_default(),
        });
        let mut response = reply::page(status, markup);
        if is_new {
            self.set_cookie(&mut response, &browser);
        }
        Outcome::new(response, Decision { client: client.map(str::to_owned), ..decision })
    }

    /// The client that waits for what a page does, for faults that concern one client alone.
    pub(super) fn waiting_at(&self, endpoint: Endpoint, call: &Call) -> Option<&str> {
        let inner = || Params::read(call.query.only("query").unwrap_or_default().as_bytes());
        let consent = |params: &Params| match self.transaction(call, params.only("transaction"), self.now())?.stage {
            Stage::Consent(request) => Some(self.client_id(request.return_to.client)),
            _ => None,
        };
        match endpoint {
            Endpoint::Login | Endpoint::Cancel => self.waiting_client(&waiting(&way_back(&call.query))),
            Endpoint::Executor(Stages::Login) => self.waiting_client(&waiting(&way_back(&inner()))),
            Endpoint::Consent => consent(call.parameters().ok()?),
            Endpoint::Executor(Stages::Consent) => consent(&inner()),
            _ => None,
        }
    }

    /// The registered client that `request` comes from.
    pub(super) fn waiting_client(&self, request: &Params) -> Option<&str> {
        let id = request.only("client_id")?;
        self.plan.clients.iter().find(|client| client.id == id).map(|client| client.id.as_str())
    }

    /// Where somebody lands who logs in without a client.
    pub(super) fn home(&self, call: &Call) -> Outcome {
        let Some((_, session)) = self.session(call, self.now()) else {
            return Outcome::new(reply::redirect(&call.method, LOGIN), Decision::new("home", "sent to the login page"));
        };
        let logout = format!("/application/o/{}/end-session/", self.plan.slug);
        let markup = pages::home(self.host(), &self.plan.users[session.user].name, &logout);
        Outcome::new(reply::page(StatusCode::OK, markup), Decision::new("home", "page shown"))
    }

    /// The name of this provider as people see it in the address bar.
    pub(super) fn host(&self) -> &str {
        self.base.split_once("://").map_or(self.base.as_str(), |(_, host)| host)
    }
}

/// The browser's cookie, or a new one for it; and whether it is new.
pub(super) fn browser(call: &Call) -> (String, bool) {
    match call.session_ids().next() {
        Some(id) => (id.to_owned(), false),
        None => (keys::random(), true),
    }
}

/// The decision about a locked account.
pub(super) fn locked(name: &str) -> Decision {
    Decision::new(NAME, "refused").because(format!("the account of {} is locked", quoted(name)))
}

/// Where the login leads: back to an authorization request of this provider, or home. Never elsewhere.
pub(super) fn way_back(query: &Params) -> String {
    match query.only("next") {
        Some(next) if next.len() <= LONGEST_NEXT && next.strip_prefix(AUTHORIZE).is_some_and(|rest| rest.starts_with('?')) => {
            next.to_owned()
        }
        _ => HOME.to_owned(),
    }
}

/// The authorization request that `next` leads to, encoded.
pub(super) fn request_of(next: &str) -> Option<&str> {
    next.strip_prefix(AUTHORIZE).and_then(|rest| rest.strip_prefix('?'))
}

/// The parameters of the authorization request that waits; none when nobody does.
pub(super) fn waiting(next: &str) -> Params {
    Params::read(request_of(next).unwrap_or_default().as_bytes())
}

/// The login page that leads to `next`.
pub(super) fn login_address(next: &str) -> String {
    match request_of(next) {
        Some(_) => format!("{LOGIN}?next={}", url::form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>()),
        None => LOGIN.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_nowhere_but_back() {
        let way = |next: &str| way_back(&Params::read(format!("next={next}").as_bytes()));
        assert_eq!(way("/application/o/authorize/?a=b"), "/application/o/authorize/?a=b");
        for elsewhere in ["https://evil.test/", "//evil.test/", "/\\evil.test", "/application/o/authorize/..//evil", "/if/user/", ""] {
            assert_eq!(way(elsewhere), HOME, "{elsewhere}");
        }
    }
}
