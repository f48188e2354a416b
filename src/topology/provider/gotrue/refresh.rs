//! `grant_type=refresh_token`: rotation, and what becomes of a token that is used again.
//!
//! A token that was used before is taken once more when its successor is the active one (the client failed to save it), at any
//! age, or within the reuse interval (two tabs at once); the client then gets the token that is active already. Any other reuse
//! is refused, and ends the family when rotation is on.

use super::Inner;
use super::answer::Answer;
use super::call::Turn;
use super::failure::Failure;
use super::session::{CounterToken, Issued, Session};
use super::store::Stores;
use crate::plan::FaultKind;
use crate::topology::provider::fresh::after;

/// What was done with a token.
struct Grant {
    issued: Issued,
    /// For the log.
    how: &'static str,
}

fn not_found() -> Failure {
    Failure::bad_request("refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found")
}

fn already_used(why: &'static str) -> Failure {
    Failure::bad_request("refresh_token_already_used", "Invalid Refresh Token: Already Used").because(why)
}

impl Inner {
    pub(super) fn refresh_grant(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let token = turn.call.json()?.text("refresh_token")?;
        if token.is_empty() {
            return Err(Failure::oauth("invalid_request", "refresh_token required"));
        }
        let mut stores = self.stores();
        let stores = &mut *stores;
        let counter = CounterToken::read(&token);
        let id = match &counter {
            Some(read) => {
                stores.sessions.get(&read.session).filter(|session| session.signed(&token, read)).map(|session| session.id.clone())
            }
            None => stores.tokens.get(&token).cloned(),
        };
        let session = id.and_then(|id| stores.sessions.get(&id)).ok_or_else(not_found)?;
        let user = stores.users.get(&session.user).ok_or_else(not_found)?;
        turn.user = Some(user.label());
        turn.set("sb-auth-user-id", &user.id);
        if self.strikes(FaultKind::RefreshRejected, turn) {
            return Err(not_found().because("fault: every refresh token is refused"));
        }
        if user.banned {
            return Err(Failure::bad_request("user_banned", "Invalid Refresh Token: User Banned"));
        }
        if self.strikes(FaultKind::SessionLost, turn) {
            let failure = Failure::bad_request("session_not_found", "Invalid Refresh Token: No Valid Session Found");
            return Err(failure.because("fault: the session is not found"));
        }
        let id = session.id.clone();
        turn.set("sb-auth-session-id", &id);
        let issued_at = session.rows.iter().find(|row| row.token == token).map(|row| row.updated_at);
        if let Some(why) = session.over(self.plan.session, turn.now, issued_at) {
            return Err(Failure::bad_request("session_expired", format!("Invalid Refresh Token: Session Expired{why}")));
        }
        let grant = match counter {
            Some(read) => self.use_counter(stores, turn, &id, &read)?,
            None => self.use_random(stores, turn, &id, &token)?,
        };
        if let Some(session) = stores.sessions.get_mut(&id) {
            session.refreshed_at = Some(turn.now);
        }
        let session = self.session_json(stores, turn, &id, &grant.issued);
        Ok(Answer::json(&session, "session refreshed").because(grant.how))
    }

    fn use_random(&self, stores: &mut Stores, turn: &mut Turn<'_>, id: &str, token: &str) -> Result<Grant, Failure> {
        let now = turn.now;
        let session = stores.sessions.get_mut(id).ok_or_else(not_found)?;
        let row = session.rows.iter().find(|row| row.token == token).ok_or_else(not_found)?;
        let same = |token: &str, how| Ok(Grant { issued: Issued { token: token.to_owned(), counter: None }, how });
        if row.revoked {
            let active = session.active();
            let within = now <= after(row.updated_at, self.plan.refresh.reuse_interval);
            let is_parent = active.is_some_and(|active| active.parent.as_deref() == Some(token));
            if self.strikes(FaultKind::RefreshReusePunished, turn) {
                revoke(session, now);
                return Err(already_used("fault: any reuse ends the family"));
            }
            match active {
                Some(active) if is_parent => return same(&active.token, "it was used before, and its successor is the active one"),
                Some(active) if within => return same(&active.token, "it was used before, within the reuse interval"),
                None if within => {}
                _ if self.strikes(FaultKind::RefreshReuseIgnored, turn) => {}
                _ if self.plan.refresh.rotate => {
                    revoke(session, now);
                    return Err(already_used("it was used before the reuse interval; the whole family is revoked"));
                }
                _ => return Err(already_used("it was used before the reuse interval")),
            }
        } else if self.strikes(FaultKind::RefreshNotRotated, turn) {
            return same(token, "fault: the token stays as it is");
        }
        turn.set("sb-auth-refresh-token-reuse", "false");
        let new = session.swap(Some(token), now);
        let gone = session.trim();
        stores.tokens.insert(new.clone(), id.to_owned());
        gone.iter().for_each(|token| drop(stores.tokens.remove(token)));
        Ok(Grant { issued: Issued { token: new, counter: None }, how: "the token was rotated" })
    }

    fn use_counter(&self, stores: &mut Stores, turn: &mut Turn<'_>, id: &str, read: &CounterToken) -> Result<Grant, Failure> {
        let now = turn.now;
        let session = stores.sessions.get_mut(id).ok_or_else(not_found)?;
        let issued = |session: &Session| Issued { token: session.counter_token(), counter: Some(session.counter) };
        let Some(behind) = session.counter.checked_sub(read.counter) else {
            return Err(Failure::invalid("Invalid Refresh Token: Not Issued By This Server"));
        };
        if behind == 0 {
            turn.set("sb-auth-refresh-token-reuse", "false");
            if self.strikes(FaultKind::RefreshNotRotated, turn) {
                return Ok(Grant { issued: issued(session), how: "fault: the token stays as it is" });
            }
            session.counter = session.counter.saturating_add(1);
            return Ok(Grant { issued: issued(session), how: "the token was rotated" });
        }
        turn.set("sb-auth-refresh-token-reuse", "true");
        let since = (now - session.last_refreshed_at(None)).unsigned_abs();
        let concurrent = since < self.plan.refresh.reuse_interval;
        let unsaved = behind == 1;
        let ignored = !concurrent && !unsaved && self.strikes(FaultKind::RefreshReuseIgnored, turn);
        let causes: Vec<_> = [(concurrent, "concurrent-refresh"), (unsaved, "fail-to-save"), (ignored, "always-allow")]
            .into_iter()
            .filter_map(|(is, cause)| is.then_some(cause))
            .collect();
        if !causes.is_empty() {
            turn.set("sb-auth-refresh-token-reuse-cause", &causes.join(","));
        }
        let punished = self.strikes(FaultKind::RefreshReusePunished, turn);
        if !causes.is_empty() && !punished {
            let how = if unsaved { "it was used before, and its successor is the active one" } else { "it was used before" };
            return Ok(Grant { issued: issued(session), how });
        }
        if self.plan.refresh.rotate || punished {
            let user = session.user.clone();
            stores.end_sessions(&user, |session| session.id == id);
            turn.set("sb-auth-refresh-token-rotated", "true");
            return Err(already_used("it was used before the reuse interval; the session is ended"));
        }
        Err(already_used("it was used before the reuse interval"))
    }
}

/// Revokes every token of the family.
fn revoke(session: &mut Session, now: time::OffsetDateTime) {
    for row in session.rows.iter_mut().filter(|row| !row.revoked) {
        row.revoked = true;
        row.updated_at = now;
    }
}
