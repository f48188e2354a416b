//! `POST /token`: which grant, and the simpler ones of them.

use super::Inner;
use super::answer::Answer;
use super::call::Turn;
use super::failure::Failure;
use super::message::phone_number;
use super::session::signed_in;
use crate::plan::FaultKind;
use http::StatusCode;

fn wrong_credentials(why: &'static str) -> Failure {
    Failure::bad_request("invalid_credentials", "Invalid login credentials").because(why)
}

impl Inner {
    pub(super) async fn token(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        match turn.call.query.get("grant_type") {
            "password" => self.password_grant(turn),
            "refresh_token" => self.refresh_grant(turn),
            "pkce" => self.pkce_grant(turn),
            "id_token" => self.id_token_grant(turn).await,
            _ => Err(Failure::bad_request("invalid_credentials", "unsupported_grant_type")),
        }
    }

    fn password_grant(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let fields = turn.call.json()?;
        let (email, phone, password) = (fields.text("email")?, fields.text("phone")?, fields.text("password")?);
        if !email.is_empty() && !phone.is_empty() {
            return Err(Failure::invalid("Only an email address or phone number should be provided on login."));
        }
        if email.is_empty() && phone.is_empty() {
            return Err(Failure::invalid("missing email or phone"));
        }
        let mut stores = self.stores();
        let found = if email.is_empty() { stores.by_phone(&phone_number(&phone)) } else { stores.by_email(&email) };
        let user = found.ok_or_else(|| wrong_credentials("nobody has this address"))?;
        turn.user = Some(user.label());
        if user.password.is_none() {
            return Err(wrong_credentials("the user has no password"));
        }
        if user.banned {
            return Err(Failure::bad_request("user_banned", "User is banned"));
        }
        if !user.has_password(&password) {
            return Err(wrong_credentials("the password is another"));
        }
        if !email.is_empty() && !user.is_confirmed() {
            return Err(Failure::bad_request("email_not_confirmed", "Email not confirmed"));
        }
        if email.is_empty() && user.phone_confirmed_at.is_none() {
            return Err(Failure::bad_request("phone_not_confirmed", "Phone not confirmed"));
        }
        let id = user.id.clone();
        let session = self.sign_in(&mut stores, turn, &id, "password");
        Ok(signed_in(&session, "password"))
    }

    fn pkce_grant(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let fields = turn.call.json()?;
        let (code, verifier) = (fields.text("auth_code")?, fields.text("code_verifier")?);
        if code.is_empty() || verifier.is_empty() {
            return Err(Failure::invalid("invalid request: both auth code and code verifier should be non-empty"));
        }
        let lost = |why: &'static str| {
            let message = "invalid flow state, no valid flow state found";
            Failure::new(StatusCode::NOT_FOUND, "flow_state_not_found", message).because(why)
        };
        let mut stores = self.stores();
        let flow = stores.flow_by_code(&code).ok_or_else(|| lost("no flow has this code, or it was redeemed before"))?.clone();
        let user = flow.user.as_deref().and_then(|id| stores.users.get(id)).ok_or_else(|| lost("nobody signed in yet"))?;
        turn.user = Some(user.label());
        if !flow.provider.is_empty() {
            turn.provider = Some(flow.provider.clone());
        }
        if self.strikes(FaultKind::FlowStateLost, turn) {
            return Err(lost("fault: the flow is forgotten"));
        }
        if flow.is_over(turn.now) {
            let failure = Failure::unprocessable("flow_state_expired", "invalid flow state, flow state has expired");
            return Err(failure.because("the flow began more than 300 seconds ago"));
        }
        if !flow.pkce.as_ref().is_some_and(|pkce| pkce.verify(&verifier)) {
            let message = "code challenge does not match previously saved code verifier";
            return Err(Failure::bad_request("bad_code_verifier", message));
        }
        let id = user.id.clone();
        stores.flows.remove(&flow.id);
        let mut session = self.sign_in(&mut stores, turn, &id, flow.method);
        flow.provider_tokens.add_to(&mut session);
        Ok(signed_in(&session, "code"))
    }
}
