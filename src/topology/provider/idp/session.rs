//! The provider's own session cookie.
//!
//! Attributes follow Authentik: `SameSite=None; Secure` on https (so that a login in a frame works), `SameSite=Lax` on
//! http, a cookie of the browser session either way. Forms do not rely on SameSite: each holds a transaction id that
//! only the browser with this cookie can use.

use super::keys;
use super::store::{Session, Transaction};
use super::{Call, Inner};
use crate::topology::provider::fresh::after;
use axum::response::Response;
use http::HeaderValue;
use http::header::{COOKIE, SET_COOKIE};
use std::time::Duration;
use time::OffsetDateTime;

/// Name of the cookie.
const COOKIE_NAME: &[u8] = b"authentik_session";

/// How long a login holds if the browser stays open: Django's default.
const SESSION_TTL: Duration = Duration::from_secs(14 * 24 * 3600);

/// How long a page may be looked at before its form is sent. Longer than clients wait, so that theirs is the limit met first.
const TRANSACTION_TTL: Duration = Duration::from_secs(30 * 60);

/// More cookies of our name than this are not looked at.
const MOST_COOKIES: usize = 8;

impl Call {
    /// Session ids this browser sent: more than one when a parent domain set a cookie of the same name.
    pub(super) fn session_ids(&self) -> impl Iterator<Item = &str> {
        let pairs = self.headers.get_all(COOKIE).into_iter().flat_map(|value| value.as_bytes().split(|&byte| byte == b';'));
        pairs.filter_map(session_id).take(MOST_COOKIES)
    }
}

/// The id in one `name=value`, if it is one that could be ours.
fn session_id(pair: &[u8]) -> Option<&str> {
    let at = pair.iter().position(|&byte| byte == b'=')?;
    let (name, value) = (pair[..at].trim_ascii(), pair[at + 1..].trim_ascii());
    let ours = name == COOKIE_NAME && value.len() == 43 && value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    if ours { std::str::from_utf8(value).ok() } else { None }
}

impl Inner {
    /// Who is logged in on this browser, with the id of the session.
    pub(super) fn session(&self, call: &Call, now: OffsetDateTime) -> Option<(String, Session)> {
        let stores = self.stores();
        call.session_ids().find_map(|id| Some((id.to_owned(), stores.sessions.get(id, now)?.clone())))
    }

    /// Starts a session under a new id, so that an id planted before the login is worth nothing after it.
    pub(super) fn start_session(&self, call: &Call, session: Session, now: OffsetDateTime) -> String {
        let id = keys::random();
        let mut stores = self.stores();
        for old in call.session_ids() {
            stores.sessions.remove(old);
        }
        stores.sessions.insert(id.clone(), session, now, after(now, SESSION_TTL));
        id
    }

    /// Remembers a page that is about to be shown, and returns its id.
    pub(super) fn open(&self, transaction: Transaction, now: OffsetDateTime) -> String {
        let id = keys::random();
        self.stores().transactions.insert(id.clone(), transaction, now, after(now, TRANSACTION_TTL));
        id
    }

    /// The transaction `id`, if it was opened for this browser and its time is not over.
    pub(super) fn transaction(&self, call: &Call, id: Option<&str>, now: OffsetDateTime) -> Option<Transaction> {
        let transaction = self.stores().transactions.get(id?, now)?.clone();
        call.session_ids().any(|browser| browser == transaction.browser).then_some(transaction)
    }

    /// Ends a transaction; false if somebody else just did.
    pub(super) fn close(&self, id: &str) -> bool {
        self.stores().transactions.remove(id).is_some()
    }

    /// Sets the session cookie on `response`.
    pub(super) fn set_cookie(&self, response: &mut Response, id: &str) {
        self.cookie(response, id, "");
    }

    /// Takes the session cookie away.
    pub(super) fn clear_cookie(&self, response: &mut Response) {
        self.cookie(response, "", "; Max-Age=0");
    }

    fn cookie(&self, response: &mut Response, id: &str, lifetime: &str) {
        let site = if self.https { "SameSite=None; Secure" } else { "SameSite=Lax" };
        let cookie = format!("authentik_session={id}; Path=/; HttpOnly; {site}{lifetime}");
        let cookie = HeaderValue::from_str(&cookie).expect("ids are base64url");
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_that_could_be_ours_are_read() {
        let id = "a".repeat(43);
        assert_eq!(session_id(format!(" authentik_session={id} ").as_bytes()), Some(id.as_str()));
        for foreign in [format!("authentik_session={id}x"), format!("other={id}"), format!("authentik_session=\"{}\"", &id[2..]), id] {
            assert_eq!(session_id(foreign.as_bytes()), None, "{foreign}");
        }
    }
}
