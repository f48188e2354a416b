//! `GET|POST /verify`: a link that was followed, or a code that was typed.

use super::Inner;
use super::answer::Answer;
use super::call::Turn;
use super::callback::session_fragment;
use super::confirm::{Confirmed, Given};
use super::failure::Failure;
use super::message::{PKCE_PREFIX, hash, valid_email, valid_phone};
use super::redirect::{with_fragment, with_query};
use super::session::signed_in;
use http::{Method, StatusCode};
use serde_json::json;

/// What the user is told while the other address has not agreed yet.
const HALFWAY: &str = "Confirmation link accepted. Please proceed to confirm link sent to the other email";

impl Inner {
    pub(super) fn verify(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        if turn.call.method == Method::GET { self.follow(turn) } else { self.type_in(turn) }
    }

    /// A link. From here on errors go to the client, in the fragment, and with PKCE in the query as well.
    fn follow(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let (kind, token) = (turn.call.query.get("type"), turn.call.query.get("token"));
        if kind.is_empty() {
            return Err(Failure::invalid("Verify requires a verification type"));
        }
        if token.is_empty() {
            return Err(Failure::invalid("Verify requires a token or a token hash"));
        }
        let pkce = token.starts_with(PKCE_PREFIX);
        let target = self.referrer(turn);
        match self.followed(turn, kind, token, pkce, &target) {
            Ok(answer) => Ok(answer),
            Err(failure) => {
                let mut parameters = failure.parameters();
                if failure.word().is_none() {
                    parameters.retain(|(name, _)| *name != "error");
                }
                let base = if pkce { with_query(&target, &parameters) } else { target };
                let answer = Answer::redirect(StatusCode::SEE_OTHER, &with_fragment(&base, &parameters), "");
                Ok(Answer { told: failure.told(), ..answer })
            }
        }
    }

    fn followed(&self, turn: &mut Turn<'_>, kind: &str, token: &str, pkce: bool, target: &str) -> Result<Answer, Failure> {
        let mut stores = self.stores();
        let stores = &mut *stores;
        let found = self.find_hash(stores, turn, kind, token)?;
        let flow = match (pkce, found.method()) {
            (true, method) => {
                let flow = stores.flows.values_mut().rev().find(|flow| flow.user.as_ref() == Some(&found.user) && flow.method == method);
                let Some(flow) = flow else {
                    let message = "No associated flow state found. No valid flow state found for user.";
                    return Err(Failure::bad_request("flow_state_not_found", message));
                };
                flow.code_issued_at = Some(turn.now);
                Some(flow.code().unwrap_or_default().to_owned())
            }
            (false, _) => None,
        };
        if let Confirmed::Halfway = self.confirm(stores, turn, &found)? {
            let base = if pkce { with_query(target, &[("message", HALFWAY)]) } else { target.to_owned() };
            let location = with_fragment(&base, &[("message", HALFWAY)]);
            return Ok(Answer::redirect(StatusCode::SEE_OTHER, &location, "one of two addresses agreed"));
        }
        match flow {
            Some(code) => {
                Ok(Answer::redirect(StatusCode::SEE_OTHER, &with_query(target, &[("code", &code)]), "link followed, sent back with a code"))
            }
            None => {
                let session = self.sign_in(stores, turn, &found.user, "otp");
                let location = session_fragment(target, &session, Some(kind));
                Ok(Answer::redirect(StatusCode::SEE_OTHER, &location, "link followed, sent back with tokens in the fragment"))
            }
        }
    }

    /// A code, or the hash that an app took out of its own link.
    fn type_in(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let fields = turn.call.json()?;
        let (kind, token, token_hash) = (fields.text("type")?, fields.text("token")?, fields.text("token_hash")?);
        let (email, phone) = (fields.text("email")?, fields.text("phone")?);
        if kind.is_empty() {
            return Err(Failure::invalid("Verify requires a verification type"));
        }
        if token.is_empty() == token_hash.is_empty() {
            return Err(Failure::invalid("Verify requires either a token or a token hash"));
        }
        let given = match (token.is_empty(), email.as_str(), phone.as_str()) {
            (true, "", "") if fields.text("redirect_to")?.is_empty() => Given::Hash(token_hash),
            (true, ..) => return Err(Failure::invalid("Only the token_hash and type should be provided")),
            (false, "", phone) if !phone.is_empty() => {
                let phone = valid_phone(phone)?;
                Given::Phone { hash: hash(&phone, &token), phone }
            }
            (false, email, "") if !email.is_empty() => {
                let email = valid_email(email).map_err(|_| Failure::unprocessable("validation_failed", "Invalid email format"))?;
                Given::Email { hash: hash(&email, &token), email }
            }
            _ => return Err(Failure::invalid("Only an email address or phone number should be provided on verify")),
        };
        let mut stores = self.stores();
        let stores = &mut *stores;
        let found = match &given {
            Given::Hash(hash) => self.find_hash(stores, turn, &kind, hash)?,
            Given::Email { email, hash } => self.find_by_email(stores, turn, &kind, email, hash)?,
            Given::Phone { phone, hash } => self.find_by_phone(stores, turn, &kind, phone, hash)?,
        };
        if let Confirmed::Halfway = self.confirm(stores, turn, &found)? {
            return Ok(Answer::json(&json!({ "msg": HALFWAY, "code": "200" }), "one of two addresses agreed"));
        }
        let session = self.sign_in(stores, turn, &found.user, "otp");
        Ok(signed_in(&session, "one-time code"))
    }
}
