//! The second factor: codes that an authenticator app makes (RFC 6238), and codes sent by mail.
//!
//! Whatever page asks for it, a code is good once, tries are counted before the code is looked at, and the clock is the run's.

use super::Inner;
use super::keys::same_secret;
use crate::plan::Mfa;
use crate::topology::inbox::{Channel, Draft};
use crate::topology::provider::fresh::{after, digits};
use std::collections::HashMap;
use std::time::Duration;
use time::OffsetDateTime;

/// How long a mailed code is good.
const CODE_TTL: Duration = Duration::from_secs(5 * 60);

/// Codes that may be tried: of an app in one login, of a mail for each code sent.
const MOST_TRIES: u8 = 5;

/// Codes that are mailed in one login.
const MOST_MAILS: u8 = 5;

/// Longest text that is looked at as a code; people type spaces and dashes between digits.
const LONGEST_CODE: usize = 32;

/// A login whose password was right and that waits for a code.
#[derive(Debug, Clone)]
pub(super) struct Factor {
    /// Index into the plan's users.
    pub(super) user: usize,
    tries: u8,
    /// How many codes were mailed.
    mails: u8,
    mailed: Option<Mailed>,
}

/// The code that was mailed last.
#[derive(Clone)]
struct Mailed {
    code: String,
    expires: OffsetDateTime,
}

impl std::fmt::Debug for Mailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailed").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// The last step of each user's app whose code was taken (RFC 6238 §5.2: no code is good twice).
pub(super) type UsedSteps = HashMap<usize, u64>;

/// What a code came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the one.
    Right,
    /// It is not.
    Wrong,
    /// It was, and somebody used it.
    Used,
    /// It was, until its time was over.
    Expired,
    /// No mail was sent yet.
    NotSent,
    /// It was tried too often; another one can be mailed.
    Exhausted,
    /// There were too many tries: the login has to start over.
    Over,
}

impl Verdict {
    /// What the person is told.
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Right => "",
            Self::Wrong => "This code is not right. Please check it and try again.",
            Self::Used => "This code was used already. Please wait for the next one.",
            Self::Expired => "This code has expired. Please have a new one sent.",
            Self::NotSent => "No code was sent yet. Please have one sent.",
            Self::Exhausted => "There were too many wrong codes. Please have a new one sent.",
            Self::Over => "There were too many wrong codes. Please log in again.",
        }
    }

    /// What the log is told.
    pub(super) fn why(self) -> &'static str {
        match self {
            Self::Right => "the code is right",
            Self::Wrong => "wrong code",
            Self::Used => "the code was used before",
            Self::Expired => "the code is expired",
            Self::NotSent => "no code was mailed yet",
            Self::Exhausted => "the code was tried too often",
            Self::Over => "too many wrong codes, the login starts over",
        }
    }
}

impl Factor {
    /// Judges what was typed, and counts it.
    pub(super) fn judge(&mut self, mfa: &Mfa, typed: &str, used: &mut UsedSteps, now: OffsetDateTime) -> Verdict {
        let code: String = typed.chars().take(LONGEST_CODE).filter(|c| !c.is_whitespace() && *c != '-').collect();
        if self.tries >= MOST_TRIES {
            return if matches!(mfa, Mfa::Mail(_)) { Verdict::Exhausted } else { Verdict::Over };
        }
        self.tries += 1;
        let verdict = match mfa {
            Mfa::Totp(seed) => {
                let seconds = u64::try_from(now.unix_timestamp()).unwrap_or(0);
                match seed.step_of(&code, seconds) {
                    Some(step) if used.get(&self.user).is_some_and(|last| step <= *last) => Verdict::Used,
                    Some(step) => {
                        used.insert(self.user, step);
                        Verdict::Right
                    }
                    None => Verdict::Wrong,
                }
            }
            Mfa::Mail(_) => match &self.mailed {
                None => Verdict::NotSent,
                Some(mailed) if !same_secret(&mailed.code, &code) => Verdict::Wrong,
                Some(mailed) if now >= mailed.expires => Verdict::Expired,
                Some(_) => Verdict::Right,
            },
        };
        match verdict {
            Verdict::Right => self.mailed = None,
            Verdict::Wrong if self.tries == MOST_TRIES => {
                self.mailed = None;
                return if matches!(mfa, Mfa::Mail(_)) { Verdict::Exhausted } else { Verdict::Over };
            }
            // No guess was made.
            Verdict::NotSent => self.tries -= 1,
            _ => {}
        }
        verdict
    }

    /// Whether a code was mailed.
    pub(super) fn was_mailed(&self) -> bool {
        self.mails > 0
    }

    /// A fresh code in place of the last one, unless too many were sent.
    fn renew(&mut self, now: OffsetDateTime) -> Option<String> {
        if self.mails >= MOST_MAILS {
            return None;
        }
        let code = digits(6);
        self.mails += 1;
        self.tries = 0;
        self.mailed = Some(Mailed { code: code.clone(), expires: after(now, CODE_TTL) });
        Some(code)
    }
}

/// What a page may show of a mail address to somebody who knows no more than a password.
pub(super) fn masked(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((name, domain)) => format!("{}***@{domain}", name.chars().next().map(String::from).unwrap_or_default()),
        None => "***".to_owned(),
    }
}

/// The name or address in `host[:port]`; the colons of an IPv6 address are no port.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

impl Inner {
    /// What `user` has to prove beside the password, if anything. Nothing is mailed yet.
    pub(super) fn factor(&self, user: usize) -> Option<Factor> {
        self.plan.users[user].mfa.as_ref().map(|_| Factor { user, tries: 0, mails: 0, mailed: None })
    }

    /// The second factor of `user`; whoever holds a [`Factor`] knows that there is one.
    pub(super) fn mfa(&self, factor: &Factor) -> &Mfa {
        self.plan.users[factor.user].mfa.as_ref().expect("factors are made for users who have one")
    }

    /// Mails a fresh code when that is this user's factor. False when too many were mailed.
    ///
    /// `reach` finds the factor in the stores, so that two requests at once do not both send the last mail.
    pub(super) fn mail_code(
        &self,
        user: usize,
        now: OffsetDateTime,
        reach: impl FnOnce(&mut super::store::Stores) -> Option<&mut Factor>,
    ) -> bool {
        let Some(Mfa::Mail(address)) = &self.plan.users[user].mfa else { return true };
        let code = reach(&mut self.stores()).and_then(|factor| factor.renew(now));
        let Some(code) = code else { return false };
        let host = self.host();
        let name = &self.plan.users[user].name;
        self.surroundings.inbox.deliver(Draft {
            channel: Channel::Mail,
            from: format!("no-reply@{}", without_port(host)),
            to: vec![address.clone()],
            subject: Some(format!("Your code for {host}")),
            text: format!("Hello {name},\n\nyour code is {code}. It is valid for five minutes.\n\nIf you did not try to log in, change your password.\n"),
            html: None,
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;
    use crate::plan::TotpSeed;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn factor() -> Factor {
        Factor { user: 0, tries: 0, mails: 0, mailed: None }
    }

    #[test]
    fn a_code_of_an_app_works_once_and_none_before_it_does() {
        let seed = TotpSeed::read(&Secret::new("seed", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")).unwrap();
        let at = |seconds: i64| u64::try_from(NOW.unix_timestamp() + seconds).unwrap();
        let (mfa, mut used) = (Mfa::Totp(seed.clone()), UsedSteps::new());
        let mut try_code = |code: String| factor().judge(&mfa, &code, &mut used, NOW);
        let now = seed.code(at(0));
        assert_eq!(try_code(format!("{} {}", &now[..3], &now[3..])), Verdict::Right, "spaces are no matter");
        assert_eq!(try_code(now), Verdict::Used);
        assert_eq!(try_code(seed.code(at(-30))), Verdict::Used, "a step before the last one is over");
        assert_eq!(try_code(seed.code(at(60))), Verdict::Wrong);
        assert_eq!(try_code(seed.code(at(30))), Verdict::Right);
    }

    #[test]
    fn after_five_wrong_codes_of_an_app_not_even_the_right_one_is_taken() {
        let seed = TotpSeed::read(&Secret::new("seed", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")).unwrap();
        let right = seed.code(u64::try_from(NOW.unix_timestamp()).unwrap());
        let (mfa, mut used, mut factor) = (Mfa::Totp(seed), UsedSteps::new(), factor());
        let verdicts = ["", "000", "x", "999999999999999999999", "+12345"].map(|code| factor.judge(&mfa, code, &mut used, NOW));
        assert_eq!(verdicts, [Verdict::Wrong, Verdict::Wrong, Verdict::Wrong, Verdict::Wrong, Verdict::Over]);
        assert_eq!(factor.judge(&mfa, &right, &mut used, NOW), Verdict::Over);
    }

    #[test]
    fn a_mailed_code_ends_with_its_time_its_use_and_its_tries() {
        let (mfa, mut used, mut factor) = (Mfa::Mail("a@b.test".to_owned()), UsedSteps::new(), factor());
        assert_eq!(factor.judge(&mfa, "000000", &mut used, NOW), Verdict::NotSent);
        let code = factor.renew(NOW).unwrap();
        assert_eq!(factor.clone().judge(&mfa, &code, &mut used, NOW + Duration::from_secs(299)), Verdict::Right);
        assert_eq!(factor.clone().judge(&mfa, &code, &mut used, NOW + Duration::from_secs(300)), Verdict::Expired);
        for _ in 0..4 {
            assert_eq!(factor.judge(&mfa, "no", &mut used, NOW), Verdict::Wrong);
        }
        assert_eq!(factor.judge(&mfa, "no", &mut used, NOW), Verdict::Exhausted);
        assert_eq!(factor.judge(&mfa, &code, &mut used, NOW), Verdict::Exhausted);
        let next = factor.renew(NOW).unwrap();
        assert_eq!(factor.judge(&mfa, &next, &mut used, NOW), Verdict::Right);
        assert_eq!(factor.judge(&mfa, &next, &mut used, NOW), Verdict::NotSent);
    }

    #[test]
    fn no_login_mails_for_ever_and_codes_do_not_print() {
        let mut factor = factor();
        let sent: Vec<_> = std::iter::from_fn(|| factor.renew(NOW)).collect();
        assert_eq!(sent.len(), usize::from(MOST_MAILS));
        assert!(sent.iter().all(|code| code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())));
        assert!(!format!("{factor:?}").contains(sent.last().unwrap()));
        assert_eq!(["a.test", "a.test:9000", "[::1]", "[::1]:9000"].map(without_port), ["a.test", "a.test", "[::1]", "[::1]"]);
        assert_eq!((masked("jarvis@mosaic.test"), masked("@x"), masked("none")), ("j***@mosaic.test".into(), "***@x".into(), "***".into()));
    }
}
