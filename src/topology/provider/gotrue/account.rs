//! Whose account it is that somebody from a provider gets.

use super::Inner;
use super::call::Turn;
use super::failure::Failure;
use super::message::Purpose;
use super::oidc::Arrival;
use super::store::Stores;
use super::user::{Identity, User};

impl Inner {
    /// The user that an arrival is: who came with this identity before; else, when the provider vouches for the address, who
    /// has that address; else somebody new.
    pub(super) fn arrive(&self, stores: &mut Stores, turn: &mut Turn<'_>, provider: &str, arrival: &Arrival) -> Result<String, Failure> {
        let Some((email, verified)) = &arrival.email else {
            return Err(Failure::unexpected("Error getting user email from external provider"));
        };
        let verified = *verified || self.plan.autoconfirm;
        let is_same = |identity: &Identity| identity.provider == provider && identity.provider_id == arrival.subject;
        let known = stores.users.values().find(|user| user.identities.iter().any(is_same)).map(|user| user.id.clone());
        let linked = || stores.by_email(email).filter(|_| verified).map(|user| user.id.clone());
        let id = match known.or_else(linked) {
            Some(id) => id,
            None => self.newcomer(stores, turn, email)?,
        };
        let user = stores.users.get_mut(&id).expect("the user was found or made under the same lock");
        turn.user = Some(user.label());
        match user.identities.iter_mut().find(|identity| is_same(identity)) {
            Some(identity) => {
                identity.data = arrival.data.clone();
                identity.last_sign_in_at = turn.now;
                identity.updated_at = turn.now;
            }
            None => user.identities.push(Identity::new(provider, &arrival.subject, arrival.data.clone(), turn.now)),
        }
        user.update_metadata(arrival.data.clone());
        user.note_providers();
        user.updated_at = turn.now;
        if user.banned {
            return Err(Failure::forbidden("user_banned", "User is banned"));
        }
        // Somebody whose address the provider does not vouch for, and who has none here yet: theirs may be another's.
        if user.is_confirmed() {
            return Ok(id);
        }
        user.identities.retain(is_same);
        user.password = None;
        user.user_metadata = arrival.data.clone();
        user.note_providers();
        if verified {
            user.confirm(turn.now);
            return Ok(id);
        }
        let name = provider;
        if user.email.is_none() {
            let message = format!("Unverified email with {name}. Verify the email with {name} in order to sign in");
            return Err(Failure::unprocessable("provider_email_needs_verification", message));
        }
        let to = user.email.clone().unwrap_or_default();
        let redirect_to = self.referrer(turn);
        self.mail(turn, Purpose::Signup, &to, &mut user.confirmation, false, &redirect_to)?;
        let message = format!("Unverified email with {name}. A confirmation email has been sent to your {name} email");
        Err(Failure::unprocessable("provider_email_needs_verification", message))
    }

    /// Somebody new; without the address when another has it.
    fn newcomer(&self, stores: &mut Stores, turn: &Turn<'_>, email: &str) -> Result<String, Failure> {
        self.may_sign_up(stores)?;
        let taken = stores.by_email(email).is_some();
        let user = User::new(Some(email.to_owned()).filter(|_| !taken), None, turn.now);
        let id = user.id.clone();
        stores.users.insert(id.clone(), user);
        Ok(id)
    }

    /// Whether there may be one more.
    pub(super) fn may_sign_up(&self, stores: &Stores) -> Result<(), Failure> {
        let refused = || Failure::unprocessable("signup_disabled", "Signups not allowed for this instance");
        if self.plan.signup_disabled {
            return Err(refused());
        }
        if stores.users.is_full() { Err(refused().because("there are as many users as it keeps")) } else { Ok(()) }
    }
}
