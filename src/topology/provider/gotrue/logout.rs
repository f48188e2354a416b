//! `GET /user` and `POST /logout`: what takes an access token.

use super::Inner;
use super::answer::Answer;
use super::call::Turn;
use super::failure::Failure;
use super::store::Stores;
use super::uuid;
use crate::plan::FaultKind;
use crate::topology::provider::note::quoted;
use http::StatusCode;
use serde_json::Value;

/// Whose access token it is.
#[derive(Debug, Clone)]
pub(super) struct Bearer {
    /// Id of the user.
    pub(super) user: String,
    /// Id of the session, unless the token names none.
    pub(super) session: Option<String>,
}

impl Inner {
    /// Whose access token the call brings (RFC 6750 §2.1).
    pub(super) fn authenticate(&self, stores: &Stores, turn: &mut Turn<'_>) -> Result<Bearer, Failure> {
        let Some(token) = turn.call.bearer() else {
            let message = "This endpoint requires a valid Bearer token";
            return Err(Failure::new(StatusCode::UNAUTHORIZED, "no_authorization", message));
        };
        let bad = |message: &str| Failure::forbidden("bad_jwt", message);
        let claims =
            self.signer.verify(token, turn.now).map_err(|why| bad(&format!("invalid JWT: unable to parse or verify signature, {why}")))?;
        let claim = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let subject = claim("sub");
        if subject.is_empty() {
            return Err(bad("invalid claim: missing sub claim"));
        }
        if uuid::parse(subject).is_none() {
            return Err(Failure::bad_request("bad_jwt", "invalid claim: sub claim must be a UUID"));
        }
        let user = stores.users.get(subject);
        turn.user = user.map(super::user::User::label);
        let missing = || Failure::forbidden("user_not_found", "User from sub claim in JWT does not exist");
        if self.strikes(FaultKind::UserMissing, turn) {
            return Err(missing().because("fault: the user is not found"));
        }
        let user = user.ok_or_else(missing)?;
        let session = Some(claim("session_id")).filter(|session| !session.is_empty());
        if let Some(session) = session {
            let lost = || Failure::forbidden("session_not_found", "Session from session_id claim in JWT does not exist");
            if self.strikes(FaultKind::SessionLost, turn) {
                return Err(lost().because("fault: the session is not found"));
            }
            stores.sessions.get(session).ok_or_else(lost)?;
        }
        if user.banned {
            return Err(Failure::forbidden("user_banned", "User is banned"));
        }
        Ok(Bearer { user: user.id.clone(), session: session.map(str::to_owned) })
    }

    pub(super) fn get_user(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let stores = self.stores();
        let bearer = self.authenticate(&stores, turn)?;
        let user = stores.users.get(&bearer.user).expect("the user was found under the same lock");
        Ok(Answer::json(&self.user_json(user, turn), "user shown"))
    }

    pub(super) fn logout(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let mut stores = self.stores();
        let bearer = self.authenticate(&stores, turn)?;
        let scope = turn.call.query.get("scope");
        if !["", "global", "local", "others"].contains(&scope) {
            let failure = Failure::invalid(format!("Unsupported logout scope \"{scope}\""));
            return Err(failure.because(format!("scope {} is none", quoted(scope))));
        }
        let own = bearer.session.as_deref();
        let ended = stores.end_sessions(&bearer.user, |session| match (scope, own) {
            ("local", Some(own)) => session.id == own,
            ("others", Some(own)) => session.id != own,
            _ => true,
        });
        let (sessions, scope) = (if ended == 1 { "session" } else { "sessions" }, if scope.is_empty() { "global" } else { scope });
        Ok(Answer::empty(format!("{ended} {sessions} ended ({scope})")))
    }
}
