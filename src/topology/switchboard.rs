//! The faults of one embedded service, or on the way to one origin, that are on right now. They can be changed while it runs, and each counts the calls that
//! it could have struck.

use crate::plan::{Fault, FaultKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// More faults than anybody turns on; those after it are not taken.
const MOST: usize = 1000;

/// The faults that are on. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct Switchboard(Arc<Board>);

#[derive(Debug, Default)]
struct Board {
    switches: Mutex<Vec<Switch>>,
    /// Whether any fault is on: a healthy service asks some forty times a login, and need not wait for a lock to hear no.
    is_on: AtomicBool,
}

/// One fault and its counter.
#[derive(Debug, Clone)]
struct Switch {
    fault: Fault,
    /// Calls within its scope so far.
    calls: u64,
    /// How many of them it struck.
    struck: u64,
}

/// The call that a fault may strike.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Who<'a> {
    /// The endpoint that was called, by its name in the catalogue.
    pub(crate) endpoint: &'static str,
    /// The client that calls, as far as it is known.
    pub(crate) client: Option<&'a str>,
    /// The user whom it concerns, as far as one is known.
    pub(crate) user: Option<&'a str>,
}

impl Switchboard {
    /// These faults, none of which has struck yet.
    #[must_use]
    pub fn new(faults: Vec<Fault>) -> Self {
        let board = Self::default();
        board.set(faults);
        board
    }

    /// Turns on exactly these faults.
    pub fn set(&self, faults: Vec<Fault>) {
        let mut switches = self.lock();
        switches.clear();
        switches.extend(faults.into_iter().take(MOST).map(|fault| Switch { fault, calls: 0, struck: 0 }));
        self.0.is_on.store(!switches.is_empty(), Ordering::Release);
    }

    /// Turns on one more.
    pub fn add(&self, fault: Fault) {
        let mut switches = self.lock();
        if switches.len() < MOST {
            switches.push(Switch { fault, calls: 0, struck: 0 });
        }
        self.0.is_on.store(true, Ordering::Release);
    }

    /// Turns off all faults of one kind, or simply all; says how many there were.
    pub fn clear(&self, kind: Option<FaultKind>) -> usize {
        let mut switches = self.lock();
        let before = switches.len();
        switches.retain(|switch| kind.is_some_and(|kind| switch.fault.kind != kind));
        self.0.is_on.store(!switches.is_empty(), Ordering::Release);
        before - switches.len()
    }

    /// Whether no fault is on.
    pub(crate) fn is_quiet(&self) -> bool {
        !self.0.is_on.load(Ordering::Acquire)
    }

    /// Every fault that is on, with how many calls it has struck.
    #[must_use]
    pub fn faults(&self) -> Vec<(Fault, u64)> {
        self.lock().iter().map(|switch| (switch.fault.clone(), switch.struck)).collect()
    }

    /// The first fault of this kind that strikes this call. Asking counts the call, so each kind is asked for once a call.
    pub(crate) fn strikes(&self, kind: FaultKind, who: &Who<'_>) -> Option<Fault> {
        self.all(kind, who).into_iter().next()
    }

    /// All faults of this kind that strike this call; counts it as [`strikes`](Self::strikes) does.
    pub(crate) fn all(&self, kind: FaultKind, who: &Who<'_>) -> Vec<Fault> {
        self.all_that(kind, |fault| who.is_concerned_by(fault))
    }

    /// All faults of this kind that strike a call and concern it; counts it for each of them.
    pub(crate) fn all_that(&self, kind: FaultKind, concerns: impl Fn(&Fault) -> bool) -> Vec<Fault> {
        let mut striking = Vec::new();
        if self.is_quiet() {
            return striking;
        }
        let mut switches = self.lock();
        for switch in switches.iter_mut().filter(|switch| switch.fault.kind == kind && concerns(&switch.fault)) {
            switch.calls += 1;
            if switch.fault.scope.takes(switch.calls) {
                switch.struck += 1;
                striking.push(switch.fault.clone());
            }
        }
        striking
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Switch>> {
        // A panic elsewhere leaves the list whole: every change to it is a single one.
        self.0.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Who<'_> {
    fn is_concerned_by(&self, fault: &Fault) -> bool {
        let fits = |wanted: &Option<String>, there: Option<&str>| wanted.as_deref().is_none_or(|wanted| there == Some(wanted));
        let Fault { arguments, scope, .. } = fault;
        fits(&arguments.endpoint, Some(self.endpoint)) && fits(&scope.client, self.client) && fits(&scope.user, self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Service;

    fn fault(text: &str) -> Fault {
        Fault::parse(text, Service::Idp).unwrap()
    }

    const TOKEN: Who<'_> = Who { endpoint: "token", client: Some("app"), user: None };

    #[test]
    fn a_fault_strikes_the_calls_in_its_scope_and_counts_no_others() {
        let board = Switchboard::new(vec![fault(r#"{"throttled": {"endpoint": "token", "client": "app", "nth": 2}}"#)]);
        let other = Who { client: Some("other"), ..TOKEN };
        let elsewhere = Who { endpoint: "userinfo", ..TOKEN };
        let struck: Vec<_> = [&TOKEN, &other, &elsewhere, &TOKEN, &TOKEN]
            .into_iter()
            .map(|who| board.strikes(FaultKind::Throttled, who).is_some())
            .collect();
        assert_eq!(struck, [false, false, false, true, false]);
        assert_eq!(board.faults()[0].1, 1);
        assert!(board.strikes(FaultKind::Reset, &TOKEN).is_none());
    }

    #[test]
    fn several_faults_of_a_kind_strike_together_and_can_be_turned_off() {
        let board = Switchboard::new(vec![fault("claim_missing=email"), fault("alg_none")]);
        board.add(fault("claim_missing=name"));
        assert_eq!(board.all(FaultKind::ClaimMissing, &TOKEN).len(), 2);
        assert_eq!((board.clear(Some(FaultKind::ClaimMissing)), board.is_quiet(), board.clear(None)), (2, false, 1));
        assert!(board.is_quiet());
        assert_eq!(board.all(FaultKind::ClaimMissing, &TOKEN), []);
    }
}
