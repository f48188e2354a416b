//! A code becomes tokens (RFC 6749 §4.1.3, RFC 7636 §4.6).

use super::TokenRequest;
use crate::plan::{FaultKind, Grant, RefreshRule};
use crate::topology::provider::idp::faults::Asked;
use crate::topology::provider::idp::issue::Issued;
use crate::topology::provider::idp::refused::Refused;
use crate::topology::provider::idp::request::is_verifier;
use crate::topology::provider::idp::scope::Scope;
use crate::topology::provider::idp::store::Code;
use crate::topology::provider::idp::{Inner, keys};
use crate::topology::switchboard::Who;

impl Inner {
    pub(super) fn redeem(&self, request: &TokenRequest<'_>) -> Result<(Issued, Asked<'_>), Refused> {
        let id = request.need("code", "code is missing")?;
        request.get("redirect_uri")?;
        request.get("code_verifier")?;
        let (access_token, refresh_token) = (keys::random(), keys::random());

        let mut stores = self.stores();
        let code = stores.codes.get(id, request.now).cloned().ok_or_else(|| request.refuse("the code is not known"))?;
        if code.foreign || code.family.client != request.client {
            return Err(request.refuse("the code was issued to another client"));
        }
        let user = code.family.user.map(|user| self.plan.users[user].name.as_str());
        let mut asked = self.faults.ask(Who { endpoint: super::NAME, client: Some(self.client_id(request.client)), user });
        if code.used && !asked.on(FaultKind::CodeReplayable) {
            // RFC 6749 §4.1.2: whoever comes second, one of the two stole it, so nothing that it gave may be used.
            code.family.revoke();
            return Err(request.refuse("the code was used before").because("the code was used before; its tokens are revoked"));
        }
        if code.family.is_revoked() {
            return Err(request.refuse("the code was revoked"));
        }
        if code.expires <= request.now {
            return Err(request.refuse("the code is expired"));
        }
        check_binding(&code, request)?;
        if let Some(stored) = stores.codes.get_mut(id, request.now) {
            stored.used = true;
        }
        let client = &self.plan.clients[request.client];
        let wants_refresh = client.refresh == RefreshRule::Always || code.family.scopes.contains(Scope::OfflineAccess);
        let gives_refresh = wants_refresh && client.grants.contains(&Grant::RefreshToken) && !asked.on(FaultKind::RefreshMissing);
        let issued = Issued {
            scopes: code.family.scopes.clone(),
            family: code.family,
            access_token,
            refresh_token: gives_refresh.then_some(refresh_token),
            with_nonce: true,
            outcome: "tokens issued",
        };
        self.store(&mut stores, &issued, request.now);
        Ok((issued, asked))
    }
}

/// What the code is bound to besides the client: the redirect URI (RFC 6749 §4.1.3) and the challenge (RFC 7636 §4.6).
fn check_binding(code: &Code, request: &TokenRequest<'_>) -> Result<(), Refused> {
    match request.form.only("redirect_uri") {
        Some(uri) if uri == code.redirect_uri => {}
        Some(_) => return Err(request.refuse("redirect_uri differs from the authorization request")),
        None => return Err(request.bad("redirect_uri is missing")),
    }
    match (&code.challenge, request.form.only("code_verifier")) {
        (None, None) => Ok(()),
        // RFC 9700 §2.1.1: otherwise leaving out the challenge would switch the protection off.
        (None, Some(_)) => Err(request.refuse("code_verifier was sent, but the authorization request had no code_challenge")),
        (Some(_), None) => Err(request.refuse("code_verifier is missing")),
        (Some(_), Some(verifier)) if !is_verifier(verifier) => Err(request.bad("code_verifier must be 43 to 128 unreserved characters")),
        (Some(challenge), Some(verifier)) if challenge.fits(verifier) => Ok(()),
        (Some(_), Some(_)) => Err(request.refuse("code_verifier does not match the code_challenge")),
    }
}
