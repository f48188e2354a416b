//! The login page and the page behind it when no client waits.
//!
//! A wrong password shows the page again with status 200: 401 would need a challenge (RFC 9110 §15.5.2), which forms have none of.

use super::authorize::digest;
use super::params::Params;
use super::store::{Session, Stage, Transaction};
use super::{AUTHORIZE, Call, Endpoint, HOME, Inner, LOGIN, keys, pages, reply};
use crate::topology::provider::note::{Decision, Outcome, quoted};
use http::StatusCode;
use time::OffsetDateTime;

const NAME: &str = "login";

/// Longest way back that is remembered; longer ones are forgotten, as if none had been given.
const LONGEST_NEXT: usize = 10 * 1024;

impl Inner {
    pub(super) fn login(&self, call: &Call) -> Outcome {
        let now = self.now();
        if !call.is_post() {
            let next = way_back(&call.query);
            return self.show_login(call, &next, None, now, StatusCode::OK, Decision::new(NAME, "page shown"));
        }
        let form = match &call.form {
            Ok(form) => form,
            Err(unreadable) => return self.unreadable_page(Endpoint::Login, *unreadable),
        };
        let id = form.only("transaction");
        let Some((id, next)) = id.and_then(|id| match self.transaction(call, Some(id), now)?.stage {
            Stage::Login { next } => Some((id, next)),
            _ => None,
        }) else {
            return self.stale_login(call, now);
        };
        let (name, password) = (form.only("uid_field").unwrap_or_default(), form.only("password").unwrap_or_default());
        let found = self.plan.users.iter().position(|user| user.name == name);
        // A password is compared in any case: how long the answer takes does not tell whether the user exists.
        let expected = found.map_or("", |user| self.plan.users[user].password.expose());
        let matches = keys::same_secret(expected, password);
        let Some(user) = found.filter(|_| matches) else {
            // The name that was typed is not logged: people type passwords into the wrong field.
            let why = if found.is_some() { "wrong password" } else { "no user of that name" };
            let error = Some(("Invalid username or password", name));
            return self.show_login(call, &next, error, now, StatusCode::OK, Decision::new(NAME, "refused").because(why));
        };
        if !self.close(id) {
            return self.stale_login(call, now);
        }
        let fresh_for = next.strip_prefix(AUTHORIZE).and_then(|rest| rest.strip_prefix('?')).map(digest);
        let session = self.start_session(call, Session { user, auth_time: now, fresh_for }, now);
        let mut response = reply::redirect(&call.method, &next);
        self.set_cookie(&mut response, &session);
        Outcome::new(response, Decision::new(NAME, format!("{} logged in", quoted(name))))
    }

    /// The form came back too late, twice, or from another browser: it is shown anew.
    fn stale_login(&self, call: &Call, now: OffsetDateTime) -> Outcome {
        let next = way_back(&call.query);
        let (message, why) = if call.session_ids().next().is_none() {
            (
                "Your browser did not send our cookie. Please allow cookies for this site and log in again.",
                "the form came without the cookie",
            )
        } else {
            ("This page is no longer valid. Please log in again.", "the form is unknown, expired, or from another browser")
        };
        self.show_login(call, &next, Some((message, "")), now, StatusCode::FORBIDDEN, Decision::new(NAME, "refused").because(why))
    }

    /// Shows the form; `error` is a message and the name that was typed.
    fn show_login(
        &self,
        call: &Call,
        next: &str,
        error: Option<(&str, &str)>,
        now: OffsetDateTime,
        status: StatusCode,
        decision: Decision,
    ) -> Outcome {
        let request = Params::read(next.strip_prefix(AUTHORIZE).and_then(|rest| rest.strip_prefix('?')).unwrap_or_default().as_bytes());
        let client = request.only("client_id").and_then(|id| self.plan.clients.iter().find(|client| client.id == id));
        let (browser, is_new) = match call.session_ids().next() {
            Some(id) => (id.to_owned(), false),
            None => (keys::random(), true),
        };
        let stage = Stage::Login { next: next.to_owned() };
        let transaction = self.open(Transaction { browser: browser.clone(), stage }, now);
        let markup = pages::login(&pages::Login {
            host: self.host(),
            client: client.map(|client| client.id.as_str()),
            transaction: &transaction,
            error: error.map(|(message, _)| message),
            name: error.map(|(_, name)| name).filter(|name| !name.is_empty()).or(request.only("login_hint")).unwrap_or_default(),
        });
        let mut response = reply::page(status, markup);
        if is_new {
            self.set_cookie(&mut response, &browser);
        }
        Outcome::new(response, Decision { client: client.map(|client| client.id.clone()), ..decision })
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

/// Where the login leads: back to an authorization request of this provider, or home. Never elsewhere.
fn way_back(query: &Params) -> String {
    match query.only("next") {
        Some(next) if next.len() <= LONGEST_NEXT && next.strip_prefix(AUTHORIZE).is_some_and(|rest| rest.starts_with('?')) => {
            next.to_owned()
        }
        _ => HOME.to_owned(),
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
