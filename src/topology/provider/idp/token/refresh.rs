//! A refresh token becomes new tokens (RFC 6749 §6, OpenID Connect Core 1.0 §12).
//!
//! Each is good once: its use gives another one. Whoever comes with a used one is a thief, or was robbed by one; as nobody
//! can tell which, everything that came from the same login ends (RFC 9700 §4.14.2). The reuse interval spares clients
//! that lost an answer, or refreshed twice at the same moment: within it, a used token is as good as before.

use super::TokenRequest;
use super::issue::{Issue, Issued};
use crate::plan::FaultKind;
use crate::topology::provider::idp::faults::Asked;
use crate::topology::provider::idp::refused::Refused;
use crate::topology::provider::idp::{Inner, after, keys};
use crate::topology::switchboard::Who;

impl Inner {
    pub(super) fn refresh(&self, request: &TokenRequest<'_>) -> Result<(Issued, Asked<'_>), Refused> {
        let id = request.need("refresh_token", "refresh_token is missing")?;
        let narrower = request.get("scope")?;
        let (fresh, fresh_refresh) = (keys::random(), keys::random());

        let mut stores = self.stores();
        let unknown = || request.refuse("the refresh token is unknown or expired");
        let token = stores.refresh_tokens.get(id, request.now).cloned().ok_or_else(unknown)?;
        if token.family.client != request.client {
            return Err(request.refuse("the refresh token was issued to another client"));
        }
        let user = token.family.user.map(|user| self.plan.users[user].name.as_str());
        let mut asked = self.faults.ask(Who { endpoint: super::NAME, client: Some(self.client_id(request.client)), user });
        if asked.on(FaultKind::RefreshRejected) {
            return Err(request.refuse("the refresh token is unknown or expired").because("fault: refresh_rejected"));
        }
        if token.family.is_revoked() {
            return Err(request.refuse("the refresh token was revoked"));
        }
        let mut outcome = "tokens refreshed";
        if let Some(rotated) = token.rotated {
            let in_time = request.now < after(rotated, self.plan.refresh.reuse_interval);
            let spared = in_time && !asked.on(FaultKind::RefreshReusePunished);
            if !spared && !asked.on(FaultKind::RefreshReuseIgnored) {
                token.family.revoke();
                let why = match asked.names().is_empty() {
                    true => "the refresh token was used before; everything from the same login is revoked".to_owned(),
                    false => format!("the refresh token was used before, fault: {}", asked.names().join(", ")),
                };
                return Err(request.refuse("the refresh token was used before").because(why));
            }
            outcome = if spared { "tokens refreshed once more, within the reuse interval" } else { "tokens refreshed once more" };
        }
        let scopes = match narrower {
            None => token.family.scopes.clone(),
            // RFC 6749 §6: nothing that was not granted at first.
            Some(text) => token
                .family
                .scopes
                .narrowed(text)
                .ok_or_else(|| Refused::request(Some(request.client), "invalid_scope", "the scope goes beyond what was granted"))?,
        };
        let rotates = self.plan.refresh.rotate && !asked.on(FaultKind::RefreshNotRotated);
        if rotates && let Some(stored) = stores.refresh_tokens.get_mut(id, request.now) {
            // A second use within the interval does not make the interval longer.
            stored.rotated = stored.rotated.or(Some(request.now));
        }
        let issue = Issue { scopes, family: token.family, access_token: fresh, refresh_token: rotates.then_some(fresh_refresh) };
        self.store(&mut stores, &issue, request.now);
        drop(stores);
        let mut issued = issue.done(outcome, false);
        if asked.on(FaultKind::RefreshMissing) {
            issued.refresh_token = None;
        } else if !rotates && self.plan.refresh.rotate {
            issued.refresh_token = Some(id.to_owned());
        }
        Ok((issued, asked))
    }
}
