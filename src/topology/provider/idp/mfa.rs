//! The plain page that asks for the code of a second factor.

use super::factor::{Factor, Verdict, masked};
use super::login::{NAME, Shown, login_address};
use super::params::Params;
use super::store::{Stage, Stores, Transaction};
use super::{Call, Inner, pages, reply};
use crate::plan::Mfa;
use crate::topology::provider::note::{Decision, Outcome, quoted};
use http::StatusCode;
use time::OffsetDateTime;

impl Inner {
    /// Goes on from a right password to the page for the code, and mails the code when that is how the user gets it.
    pub(super) fn ask_for_code(&self, call: &Call, browser: String, next: &str, factor: Factor, now: OffsetDateTime) -> Outcome {
        let user = factor.user;
        let id = self.open(Transaction { browser, stage: Stage::Factor { next: next.to_owned(), factor } }, now);
        self.mail_code(user, now, |stores| pending(stores, &id, now));
        let address = login_address(next);
        let separator = if address.contains('?') { '&' } else { '?' };
        let what = match self.plan.users[user].mfa {
            Some(Mfa::Mail(_)) => "password right, a code was mailed",
            _ => "password right, asked for a code",
        };
        let decision = Decision::new(NAME, format!("{what} (user {})", quoted(&self.plan.users[user].name)));
        Outcome::new(reply::redirect(&call.method, &format!("{address}{separator}transaction={id}")), decision)
    }

    pub(super) fn show_factor(&self, id: &str, factor: &Factor, message: Option<(&str, bool)>, decision: Decision) -> Outcome {
        let address = match self.mfa(factor) {
            Mfa::Mail(address) => Some(masked(address)),
            Mfa::Totp(_) => None,
        };
        let markup = pages::code(&pages::Code {
            host: self.host(),
            user: &self.plan.users[factor.user].name,
            mailed_to: address.as_deref(),
            transaction: id,
            message,
        });
        Outcome::new(reply::page(StatusCode::OK, markup), decision)
    }

    /// The form of that page: a code, or the wish for another mail.
    pub(super) fn take_code(&self, call: &Call, form: &Params, id: &str, next: &str, user: usize, now: OffsetDateTime) -> Outcome {
        let name = quoted(&self.plan.users[user].name);
        if form.only("resend").is_some() && matches!(self.plan.users[user].mfa, Some(Mfa::Mail(_))) {
            if !self.mail_code(user, now, |stores| pending(stores, id, now)) {
                return self.start_over(
                    call,
                    id,
                    next,
                    "Too many codes were sent. Please log in again.",
                    "too many codes were mailed",
                    now,
                );
            }
            let decision = Decision::new(NAME, format!("another code was mailed (user {name})"));
            return self.shown_again(call, id, ("A new code is on its way.", false), decision, now);
        }
        let code = form.only("code").unwrap_or_default();
        let verdict = {
            let mut stores = self.stores();
            let Stores { transactions, used_steps, .. } = &mut *stores;
            match transactions.get_mut(id, now) {
                Some(Transaction { stage: Stage::Factor { factor, .. }, .. }) => {
                    let mfa = self.mfa(factor);
                    Some(factor.judge(mfa, code, used_steps, now))
                }
                _ => None,
            }
        };
        match verdict {
            Some(Verdict::Right) if self.close(id) => {
                let decision = Decision::new(NAME, format!("{name} logged in")).because("the code is right");
                Outcome::new(self.let_in(call, user, next, now), decision)
            }
            Some(Verdict::Over) => self.start_over(call, id, next, Verdict::Over.message(), Verdict::Over.why(), now),
            Some(verdict) if verdict != Verdict::Right => {
                let decision = Decision::new(NAME, "refused").because(format!("{} (user {name})", verdict.why()));
                self.shown_again(call, id, (verdict.message(), true), decision, now)
            }
            _ => self.stale_login(call, now),
        }
    }

    fn shown_again(&self, call: &Call, id: &str, message: (&str, bool), decision: Decision, now: OffsetDateTime) -> Outcome {
        match self.transaction(call, Some(id), now).map(|transaction| transaction.stage) {
            Some(Stage::Factor { factor, .. }) => self.show_factor(id, &factor, Some(message), decision),
            _ => self.stale_login(call, now),
        }
    }

    fn start_over(&self, call: &Call, id: &str, next: &str, message: &str, why: &'static str, now: OffsetDateTime) -> Outcome {
        self.close(id);
        let shown = Shown { message: Some(message), name: "" };
        self.show_login(call, next, shown, now, StatusCode::FORBIDDEN, Decision::new(NAME, "refused").because(why))
    }
}

/// The factor of the page `id`.
fn pending<'s>(stores: &'s mut Stores, id: &str, now: OffsetDateTime) -> Option<&'s mut Factor> {
    match stores.transactions.get_mut(id, now) {
        Some(Transaction { stage: Stage::Factor { factor, .. }, .. }) => Some(factor),
        _ => None,
    }
}
