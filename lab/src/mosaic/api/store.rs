//! What the API keeps: users, accounts, sessions, state rows. In memory, each table bounded, one lock for all.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;

use super::clock::Instant;
use super::config::Config;
use super::signing::{random_id, random_uuid};

/// The most rows a table holds. Past it the oldest goes: a lab app has no business growing without end.
const TABLE_LIMIT: usize = 10_000;

/// A person as the API knows them.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) email_verified: bool,
    pub(super) name: String,
    pub(super) image: Option<String>,
    pub(super) created_at: Instant,
    pub(super) updated_at: Instant,
}

/// One signed-in device.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) token: String,
    pub(super) user_id: String,
    pub(super) expires_at: Instant,
    pub(super) created_at: Instant,
    pub(super) updated_at: Instant,
    pub(super) ip_address: String,
    pub(super) user_agent: String,
}

/// What the provider says about a person, complete enough to sign them in.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    pub(super) account_id: String,
    pub(super) email: String,
    pub(super) email_verified: bool,
    pub(super) name: String,
    pub(super) image: Option<String>,
}

/// The user to whom an account is being linked.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) user_id: String,
    pub(super) email: String,
}

/// A sign-in that is under way.
#[derive(Clone, Debug)]
pub(super) struct StateRow {
    pub(super) callback_url: String,
    pub(super) error_url: Option<String>,
    pub(super) new_user_url: Option<String>,
    pub(super) verifier: String,
    pub(super) request_sign_up: bool,
    pub(super) link: Option<Link>,
    pub(super) expires_at: Instant,
}

/// Why a callback's state is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StateRefusal {
    /// No such row: never issued, already redeemed, or too old.
    Unknown,
    /// The row is there, but the state cookie is not that of this sign-in.
    CookieDiffers,
}

impl StateRefusal {
    /// The error token in the redirect.
    pub(super) fn code(self) -> &'static str {
        match self {
            StateRefusal::Unknown => "please_restart_the_process",
            StateRefusal::CookieDiffers => "state_mismatch",
        }
    }
}

/// Why a profile does not become a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignInRefusal {
    AccountNotLinked,
    SignUpDisabled,
    EmailDiffers,
    LinkedToAnother,
}

impl SignInRefusal {
    /// The error token in the redirect: the original's sentence with its spaces turned to underscores.
    pub(super) fn code(self) -> &'static str {
        match self {
            SignInRefusal::AccountNotLinked => "account_not_linked",
            SignInRefusal::SignUpDisabled => "signup_disabled",
            SignInRefusal::EmailDiffers => "email_doesn't_match",
            SignInRefusal::LinkedToAnother => "account_already_linked_to_different_user",
        }
    }
}

/// Who signs in from where, for the session's row.
#[derive(Clone, Debug, Default)]
pub(super) struct Device {
    pub(super) ip_address: String,
    pub(super) user_agent: String,
}

/// A session and whose it is.
#[derive(Clone, Debug)]
pub(super) struct SignedIn {
    pub(super) session: Session,
    pub(super) user: User,
    /// The user did not exist before this sign-in.
    pub(super) is_new: bool,
}

#[derive(Default)]
struct Tables {
    users: IndexMap<String, User>,
    /// Account id at the provider → user id. There is one provider, so its own id is no part of the key.
    accounts: HashMap<String, String>,
    sessions: IndexMap<String, Session>,
    states: IndexMap<String, StateRow>,
}

/// The database of the API.
pub(super) struct Store(Mutex<Tables>);

impl Store {
    /// A store that already knows `emails`, as users who once registered with a password and never proved the address.
    pub(super) fn new(emails: &[String], now: Instant) -> Store {
        let mut tables = Tables::default();
        for email in emails {
            let user = User {
                id: random_id(32),
                email: email.to_lowercase(),
                email_verified: false,
                name: email.clone(),
                image: None,
                created_at: now,
                updated_at: now,
            };
            tables.users.insert(user.id.clone(), user);
        }
        Store(Mutex::new(tables))
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put_state(&self, state: String, row: StateRow) {
        insert_bounded(&mut self.tables().states, state, row);
    }

    /// Takes the row of `state` for good, if `cookie` (the state cookie's verified value) belongs to it.
    ///
    /// The order is the original's: an unknown row comes before the cookie, the cookie before the row's age. Rows past
    /// their age are deleted at every look unless `prune` is off. A refused row stays, except one that was too old.
    pub(super) fn redeem_state(&self, state: &str, cookie: Option<&str>, now: Instant, prune: bool) -> Result<StateRow, StateRefusal> {
        let mut tables = self.tables();
        if prune {
            tables.states.retain(|_, row| row.expires_at > now);
        }
        if !tables.states.contains_key(state) {
            return Err(StateRefusal::Unknown);
        }
        if cookie != Some(state) {
            return Err(StateRefusal::CookieDiffers);
        }
        match tables.states.shift_remove(state) {
            Some(row) if row.expires_at > now => Ok(row),
            _ => Err(StateRefusal::Unknown),
        }
    }

    /// Finds or makes the user of `profile` and opens a session.
    pub(super) fn sign_in(
        &self,
        profile: Profile,
        device: Device,
        request_sign_up: bool,
        config: &Config,
        now: Instant,
    ) -> Result<SignedIn, SignInRefusal> {
        let mut tables = self.tables();
        let linked = tables.accounts.get(&profile.account_id).and_then(|id| tables.users.get(id)).cloned();
        let (user, is_new) = match linked {
            Some(user) => (user, false),
            None => match tables.users.values().find(|user| user.email == profile.email).cloned() {
                Some(user) => {
                    let proven = config.trusted_provider || profile.email_verified;
                    if !proven || !config.account_linking {
                        return Err(SignInRefusal::AccountNotLinked);
                    }
                    tables.accounts.insert(profile.account_id.clone(), user.id.clone());
                    (user, false)
                }
                None if !config.sign_up && !request_sign_up => return Err(SignInRefusal::SignUpDisabled),
                None => (tables.create(&profile, now), true),
            },
        };
        let session = Session {
            id: random_id(32),
            token: random_id(32),
            user_id: user.id.clone(),
            expires_at: now.after(config.session_lifetime),
            created_at: now,
            updated_at: now,
            ip_address: device.ip_address,
            user_agent: device.user_agent,
        };
        insert_bounded(&mut tables.sessions, session.token.clone(), session.clone());
        Ok(SignedIn { session, user, is_new })
    }

    /// Adds the account of `profile` to a user who is signed in.
    pub(super) fn link(&self, profile: &Profile, link: &Link) -> Result<(), SignInRefusal> {
        let mut tables = self.tables();
        if !link.email.eq_ignore_ascii_case(&profile.email) {
            return Err(SignInRefusal::EmailDiffers);
        }
        match tables.accounts.get(&profile.account_id) {
            Some(owner) if *owner != link.user_id => Err(SignInRefusal::LinkedToAnother),
            Some(_) => Ok(()),
            None => {
                tables.accounts.insert(profile.account_id.clone(), link.user_id.clone());
                Ok(())
            }
        }
    }

    /// The session of a token, expired or not, and its user.
    pub(super) fn session(&self, token: &str) -> Option<SignedIn> {
        let tables = self.tables();
        let session = tables.sessions.get(token)?.clone();
        let user = tables.users.get(&session.user_id)?.clone();
        Some(SignedIn { session, user, is_new: false })
    }

    /// Moves the end of a session; the row as it is then, unless it has gone in the meantime.
    pub(super) fn extend(&self, token: &str, expires_at: Instant, now: Instant) -> Option<Session> {
        let mut tables = self.tables();
        let session = tables.sessions.get_mut(token)?;
        session.expires_at = expires_at;
        session.updated_at = now;
        Some(session.clone())
    }

    pub(super) fn end_session(&self, token: &str) {
        self.tables().sessions.shift_remove(token);
    }
}

impl Tables {
    fn create(&mut self, profile: &Profile, now: Instant) -> User {
        let user = User {
            id: random_uuid(),
            email: profile.email.clone(),
            email_verified: profile.email_verified,
            name: profile.name.clone(),
            image: profile.image.clone(),
            created_at: now,
            updated_at: now,
        };
        if self.accounts.len() >= TABLE_LIMIT {
            let users = &self.users;
            self.accounts.retain(|_, owner| users.contains_key(owner));
        }
        self.accounts.insert(profile.account_id.clone(), user.id.clone());
        insert_bounded(&mut self.users, user.id.clone(), user.clone());
        user
    }
}

fn insert_bounded<T>(table: &mut IndexMap<String, T>, key: String, row: T) {
    if table.len() >= TABLE_LIMIT {
        table.shift_remove_index(0);
    }
    table.insert(key, row);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mosaic::api::clock::Clock;
    use crate::mosaic::api::testing::vars;
    use std::time::Duration;

    fn row(expires_at: Instant) -> StateRow {
        StateRow {
            callback_url: "/".to_owned(),
            error_url: None,
            new_user_url: None,
            verifier: "v".to_owned(),
            request_sign_up: false,
            link: None,
            expires_at,
        }
    }

    fn profile(email_verified: bool) -> Profile {
        Profile {
            account_id: "sub-1".to_owned(),
            email: "jarvis@mosaic.test".to_owned(),
            email_verified,
            name: "Jarvis".to_owned(),
            image: None,
        }
    }

    #[test]
    fn a_state_is_redeemed_once() {
        let now = Clock::system().now();
        let store = Store::new(&[], now);
        store.put_state("s".to_owned(), row(now.after(Duration::from_secs(600))));
        assert_eq!(store.redeem_state("s", Some("other"), now, true).err(), Some(StateRefusal::CookieDiffers));
        assert!(store.redeem_state("s", Some("s"), now, true).is_ok());
        assert_eq!(store.redeem_state("s", Some("s"), now, true).err(), Some(StateRefusal::Unknown));
    }

    #[test]
    fn an_old_row_is_unknown_unless_pruning_is_off_and_the_cookie_gone() {
        let now = Clock::system().now();
        let late = now.after(Duration::from_secs(601));
        for (prune, cookie, refusal) in [
            (true, None, StateRefusal::Unknown),
            (true, Some("s"), StateRefusal::Unknown),
            (false, None, StateRefusal::CookieDiffers),
            (false, Some("s"), StateRefusal::Unknown),
        ] {
            let store = Store::new(&[], now);
            store.put_state("s".to_owned(), row(now.after(Duration::from_secs(600))));
            assert_eq!(store.redeem_state("s", cookie, late, prune).err(), Some(refusal), "{prune} {cookie:?}");
        }
    }

    #[test]
    fn an_address_that_is_taken_is_linked_only_when_somebody_vouches_for_it() {
        let now = Clock::system().now();
        let seeded = ["Jarvis@mosaic.test".to_owned()];
        for (trusted, verified, linking, linked) in [
            (None, false, None, false),
            (None, true, None, true),
            (Some("authentik"), false, None, true),
            (Some("authentik"), true, Some("off"), false),
        ] {
            let vars = vars().put("TRUSTED_PROVIDERS", trusted).put("ACCOUNT_LINKING", linking);
            let store = Store::new(&seeded, now);
            let result = store.sign_in(profile(verified), Device::default(), false, &vars.config(), now);
            match result {
                Ok(signed_in) => assert!(linked && !signed_in.is_new),
                Err(refusal) => assert!(!linked && refusal == SignInRefusal::AccountNotLinked),
            }
        }
    }

    #[test]
    fn sign_up_can_be_closed_and_asked_for() {
        let now = Clock::system().now();
        let config = vars().put("SIGN_UP", Some("off")).config();
        let store = Store::new(&[], now);
        let refused = store.sign_in(profile(true), Device::default(), false, &config, now);
        assert_eq!(refused.err(), Some(SignInRefusal::SignUpDisabled));
        assert!(store.sign_in(profile(true), Device::default(), true, &config, now).expect("asked for").is_new);
    }

    #[test]
    fn an_account_is_not_linked_to_a_second_user_or_another_address() {
        let now = Clock::system().now();
        let store = Store::new(&[], now);
        let owner = store.sign_in(profile(true), Device::default(), false, &vars().config(), now).expect("new").user;
        let link = |user_id: &str, email: &str| store.link(&profile(true), &Link { user_id: user_id.to_owned(), email: email.to_owned() });
        assert_eq!(link(&owner.id, "Jarvis@Mosaic.test"), Ok(()));
        assert_eq!(link(&owner.id, "friday@mosaic.test"), Err(SignInRefusal::EmailDiffers));
        assert_eq!(link("somebody", "jarvis@mosaic.test"), Err(SignInRefusal::LinkedToAnother));
    }

    #[test]
    fn a_table_never_grows_past_its_limit() {
        let now = Clock::system().now();
        let store = Store::new(&[], now);
        for n in 0..=TABLE_LIMIT {
            store.put_state(n.to_string(), row(now.after(Duration::from_secs(600))));
        }
        assert_eq!(store.redeem_state("0", Some("0"), now, true).err(), Some(StateRefusal::Unknown));
        assert!(store.redeem_state("1", Some("1"), now, true).is_ok());
    }
}
