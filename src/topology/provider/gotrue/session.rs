//! Sessions, their refresh tokens, and what a client gets with one.

use super::Inner;
use super::answer::Answer;
use super::call::Turn;
use super::store::Stores;
use super::uuid;
use crate::plan::{FaultKind, GotrueSession, RefreshKind};
use crate::topology::provider::fresh::{self, after};
use crate::topology::switchboard::Who;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use time::OffsetDateTime;

/// Random tokens of one session that are remembered; the oldest goes first.
const MOST_TOKENS: usize = 256;
/// What random tokens are made of.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Somebody who is signed in on one device.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) id: String,
    /// Id of the user.
    pub(super) user: String,
    /// How and when they signed in (`amr`, RFC 8176 in spirit).
    pub(super) method: &'static str,
    pub(super) created_at: OffsetDateTime,
    pub(super) refreshed_at: Option<OffsetDateTime>,
    /// Random tokens, oldest first.
    pub(super) rows: Vec<Row>,
    /// Counter of the newest counter token, and the key that signs them.
    pub(super) counter: u64,
    key: [u8; 32],
}

/// A random refresh token.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) token: String,
    /// The token that it was issued for.
    pub(super) parent: Option<String>,
    pub(super) revoked: bool,
    pub(super) updated_at: OffsetDateTime,
}

/// What a session issues next, and what the answer's headers say about it.
pub(super) struct Issued {
    pub(super) token: String,
    pub(super) counter: Option<u64>,
}

impl Session {
    fn new(user: &str, method: &'static str, now: OffsetDateTime) -> Self {
        Self {
            id: uuid::random(),
            user: user.to_owned(),
            method,
            created_at: now,
            refreshed_at: None,
            rows: Vec::new(),
            counter: 0,
            key: fresh::bytes(),
        }
    }

    pub(super) fn tokens(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| row.token.as_str())
    }

    /// The newest random token that is not revoked.
    pub(super) fn active(&self) -> Option<&Row> {
        self.rows.iter().rev().find(|row| !row.revoked)
    }

    /// When it was refreshed last; `token` is when the token at hand was issued or used.
    pub(super) fn last_refreshed_at(&self, token: Option<OffsetDateTime>) -> OffsetDateTime {
        self.refreshed_at.or(token.filter(|at| *at > self.created_at)).unwrap_or(self.created_at)
    }

    /// Why it is over, if it is: what stands behind `Session Expired`.
    pub(super) fn over(&self, limits: GotrueSession, now: OffsetDateTime, token: Option<OffsetDateTime>) -> Option<&'static str> {
        let past = |from: OffsetDateTime, limit: Option<Duration>| limit.is_some_and(|limit| now > after(from, limit));
        if past(self.created_at, limits.timebox) {
            return Some("");
        }
        past(self.last_refreshed_at(token), limits.inactivity).then_some(" (Inactivity)")
    }

    /// Issues a random token in place of `parent`, which is revoked.
    pub(super) fn swap(&mut self, parent: Option<&str>, now: OffsetDateTime) -> String {
        if let Some(parent) = self.rows.iter_mut().find(|row| Some(row.token.as_str()) == parent) {
            parent.revoked = true;
            parent.updated_at = now;
        }
        let token: String = fresh::bytes::<12>().iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect();
        self.rows.push(Row { token: token.clone(), parent: parent.map(str::to_owned), revoked: false, updated_at: now });
        token
    }

    /// Forgets what is beyond the bound; gives back those tokens.
    pub(super) fn trim(&mut self) -> Vec<String> {
        let beyond = self.rows.len().saturating_sub(MOST_TOKENS);
        self.rows.drain(..beyond).map(|row| row.token).collect()
    }

    /// The token with the present counter.
    pub(super) fn counter_token(&self) -> String {
        CounterToken { session: self.id.clone(), counter: self.counter }.encode(&self.key)
    }

    /// Whether this session signed the token.
    pub(super) fn signed(&self, token: &str, read: &CounterToken) -> bool {
        super::gateway::same(token, &read.encode(&self.key))
    }
}

/// A signed refresh token: version, session, counter, half an HMAC and a checksum, in base64url.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CounterToken {
    pub(super) session: String,
    pub(super) counter: u64,
}

impl CounterToken {
    const SIGNATURE: usize = 16;
    const CHECKSUM: usize = 4;

    fn encode(&self, key: &[u8; 32]) -> String {
        let mut bytes = vec![0];
        bytes.extend(uuid::parse(&self.session).unwrap_or_default());
        let mut rest = self.counter;
        while rest >= 0x80 {
            bytes.push(u8::try_from(rest & 0x7f).unwrap_or_default() | 0x80);
            rest >>= 7;
        }
        bytes.push(u8::try_from(rest).unwrap_or_default());
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        mac.update(&bytes);
        bytes.extend(&mac.finalize().into_bytes()[..Self::SIGNATURE]);
        let checksum = Sha256::digest(&bytes);
        bytes.extend(&checksum[..Self::CHECKSUM]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token whose checksum fits; who signed it is another question.
    pub(super) fn read(token: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (body, checksum) = bytes.split_at_checked(bytes.len().checked_sub(Self::CHECKSUM)?)?;
        if Sha256::digest(body)[..Self::CHECKSUM] != *checksum {
            return None;
        }
        let (&version, rest) = body.split_first()?;
        let (session, rest) = rest.split_first_chunk::<16>()?;
        let digits = rest.get(..rest.len().checked_sub(Self::SIGNATURE)?)?;
        if version != 0 || digits.is_empty() || digits.len() > 10 {
            return None;
        }
        let mut counter = 0_u64;
        for (at, byte) in digits.iter().enumerate() {
            counter |= u64::from(byte & 0x7f).checked_shl(u32::try_from(at * 7).ok()?)?;
        }
        Some(Self { session: uuid::text(*session), counter })
    }
}

/// Tokens of the provider that a user came from, which go on to the client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ProviderTokens {
    pub(super) access: String,
    pub(super) refresh: String,
}

impl Inner {
    /// Signs a user in: a new session, and what the client gets with it.
    pub(super) fn sign_in(&self, stores: &mut Stores, turn: &mut Turn<'_>, user: &str, method: &'static str) -> Value {
        let mut session = Session::new(user, method, turn.now);
        let issued = match self.plan.refresh.kind {
            RefreshKind::Random => Issued { token: session.swap(None, turn.now), counter: None },
            RefreshKind::Counter => Issued { token: session.counter_token(), counter: Some(0) },
        };
        if let Some(user) = stores.users.get_mut(user) {
            user.last_sign_in_at = Some(turn.now);
            user.updated_at = turn.now;
        }
        let id = session.id.clone();
        stores.add_session(session);
        self.session_json(stores, turn, &id, &issued)
    }

    /// The answer with the tokens of a session, and the headers that go with it.
    pub(super) fn session_json(&self, stores: &Stores, turn: &mut Turn<'_>, session: &str, issued: &Issued) -> Value {
        let Some((session, user)) = stores.sessions.get(session).and_then(|s| Some((s, stores.users.get(&s.user)?))) else {
            return json!({});
        };
        turn.user = Some(user.label());
        turn.set("sb-auth-user-id", &user.id);
        turn.set("sb-auth-session-id", &session.id);
        match issued.counter {
            Some(counter) => turn.set("sb-auth-refresh-token-counter", &counter.to_string()),
            None => turn.set("sb-auth-refresh-token-prefix", issued.token.get(..5).unwrap_or_default()),
        }
        let user_json = self.user_json(user, turn);
        let who = Who { endpoint: turn.endpoint.name(), client: turn.provider.as_deref(), user: turn.user.as_deref() };
        let ahead = self.faults.strikes(FaultKind::ClockSkewed, &who).and_then(|fault| fault.arguments.by).unwrap_or_default();
        let stamped = after(turn.now, ahead);
        let expires = after(stamped, self.plan.jwt.ttl);
        // The client is told the usual lifetime: what it meets is a token that ends early, as with a clock that is wrong.
        let really = if self.strikes(FaultKind::JwtExpired, turn) { stamped - time::Duration::SECOND } else { expires };
        let refresh = if self.strikes(FaultKind::RefreshMissing, turn) { "" } else { issued.token.as_str() };
        json!({
            "access_token": self.access_token(user, session, stamped, really, &user_json),
            "token_type": "bearer",
            "expires_in": self.plan.jwt.ttl.as_secs(),
            "expires_at": expires.unix_timestamp(),
            "refresh_token": refresh,
            "user": user_json,
        })
    }

    /// A user as this turn shows them.
    pub(super) fn user_json(&self, user: &super::user::User, turn: &Turn<'_>) -> Value {
        let mut json = user.json();
        if self.strikes(FaultKind::EmailUnverified, turn)
            && let Some(members) = json.as_object_mut()
        {
            members.shift_remove("email_confirmed_at");
            members.shift_remove("confirmed_at");
            members["user_metadata"]["email_verified"] = false.into();
        }
        json
    }
}

impl ProviderTokens {
    /// Adds them to a session's answer.
    pub(super) fn add_to(&self, session: &mut Value) {
        for (name, token) in [("provider_token", &self.access), ("provider_refresh_token", &self.refresh)] {
            if !token.is_empty() {
                session[name] = token.as_str().into();
            }
        }
    }
}

/// The answer that signs somebody in.
pub(super) fn signed_in(session: &Value, how: &'static str) -> Answer {
    Answer::json(session, format!("session by {how}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_token_survives_the_way_there_and_back_and_no_change() {
        let key = fresh::bytes();
        for counter in [0, 1, 127, 128, 300, u64::MAX] {
            let token = CounterToken { session: uuid::random(), counter };
            let encoded = token.encode(&key);
            assert_eq!(CounterToken::read(&encoded), Some(token.clone()));
            let mut altered = encoded.clone().into_bytes();
            altered[4] = if altered[4] == b'A' { b'B' } else { b'A' };
            assert_eq!(CounterToken::read(&String::from_utf8(altered).unwrap()), None);
            assert_ne!(token.encode(&fresh::bytes()), encoded);
        }
        assert_eq!((CounterToken::read(""), CounterToken::read("abcdefghijkl")), (None, None));
    }
}
