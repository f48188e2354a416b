//! A refresh token becomes new tokens (RFC 6749 §6, OpenID Connect Core 1.0 §12).
//!
//! Each is good once: its use gives another one. Whoever comes with a used one is a thief, or was robbed by one; as nobody
//! can tell which, everything that came from the same login ends (RFC 9700 §4.14.2). The reuse interval spares clients
//! that lost an answer, or refreshed twice at the same moment: within it, a used token is as good as before.

use super::TokenRequest;
use crate::plan::FaultKind;
use crate::topology::provider::fresh::after;
use crate::topology::provider::idp::faults::Asked;
use crate::topology::provider::idp::issue::Issued;
use crate::topology::provider::idp::refused::Refused;
use crate::topology::provider::idp::store::RefreshToken;
use crate::topology::provider::idp::{Inner, keys};
use crate::topology::switchboard::Who;

impl Inner {
    pub(super) fn refresh(&self, request: &TokenRequest<'_>) -> Result<(Issued, Asked<'_>), Refused> {
        let id = request.need("refresh_token", "refresh_token is missing")?;
        let narrower = request.get("scope")?;
        let (access_token, refresh_token) = (keys::random(), keys::random());

        let mut stores = self.stores();
        let unknown = || request.refuse("the refresh token is unknown or expired");
        let token = stores.refresh_tokens.get(id, request.now).cloned().ok_or_else(unknown)?;
        if token.family.client != request.client {
            return Err(request.refuse("the refresh token was issued to another client"));
        }
        let user = token.family.user.map(|user| self.plan.users[user].name.as_str());
        let mut asked = self.faults.ask(Who { endpoint: super::NAME, client: Some(self.client_id(request.client)), user });
        if asked.on(FaultKind::RefreshRejected) {
            return Err(unknown().because("fault: refresh_rejected"));
        }
        if token.family.is_revoked() {
            return Err(request.refuse("the refresh token was revoked"));
        }
        let outcome = self.check_reuse(request, &token, &mut asked)?;
        let wider = || Refused::request(Some(request.client), "invalid_scope", "the scope goes beyond what was granted");
        let scopes = match narrower {
            None => token.family.scopes.clone(),
            // RFC 6749 §6: nothing that was not granted at first.
            Some(text) => token.family.scopes.narrowed(text).ok_or_else(wider)?,
        };
        let keeps = asked.on(FaultKind::RefreshNotRotated);
        let rotates = self.plan.refresh.rotate && !keeps;
        if rotates && let Some(stored) = stores.refresh_tokens.get_mut(id, request.now) {
            // A second use within the interval does not make the interval longer.
            stored.rotated = stored.rotated.or(Some(request.now));
        }
        let refresh_token = rotates.then_some(refresh_token);
        let mut issued = Issued { family: token.family, scopes, access_token, refresh_token, with_nonce: false, outcome };
        self.store(&mut stores, &issued, request.now);
        drop(stores);
        if keeps {
            issued.refresh_token = Some(id.to_owned());
        }
        if asked.on(FaultKind::RefreshMissing) {
            issued.refresh_token = None;
        }
        Ok((issued, asked))
    }

    /// Refuses a token that was used before, and ends its family; says what happens to any other.
    fn check_reuse(&self, request: &TokenRequest<'_>, token: &RefreshToken, asked: &mut Asked<'_>) -> Result<&'static str, Refused> {
        let Some(rotated) = token.rotated else { return Ok("tokens refreshed") };
        let is_in_time = request.now < after(rotated, self.plan.refresh.reuse_interval);
        if is_in_time && !asked.on(FaultKind::RefreshReusePunished) {
            return Ok("tokens refreshed once more, within the reuse interval");
        }
        if asked.on(FaultKind::RefreshReuseIgnored) {
            return Ok("tokens refreshed once more");
        }
        token.family.revoke();
        let mut why = "the refresh token was used before; everything from the same login is revoked".to_owned();
        if is_in_time {
            why.push_str(", fault: refresh_reuse_punished");
        }
        Err(request.refuse("the refresh token was used before").because(why))
    }
}
