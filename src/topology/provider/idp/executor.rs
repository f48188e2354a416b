//! The JSON interface of the login pages, as Authentik's flow executor has it (`authentik/flows/views/executor.py`):
//!
//! ```text
//! GET|POST /api/v3/flows/executor/<slug>/?query=<query of the page, encoded once more>
//! ```
//!
//! GET answers with the challenge of the stage that the browser (its session cookie) has come to. POST answers it: a wrong answer
//! gets 200 and the same challenge with `response_errors`; a right one gets 302 to the very same address, where GET finds the
//! next stage, unless the flow ended: then it is 200 with `xak-flow-redirect`. Two things are there that
//! Authentik has not: a consent can be denied (`"decision": "deny"`), and says where the user goes next (`return_to`).

use super::challenge::{self, FieldError, consent_token};
use super::consent::{NAME as CONSENT, NOBODY_WAITS};
use super::factor::Verdict;
use super::keys::same_secret;
use super::login::{NAME as LOGIN, Passed, browser, locked, login_address, request_of, way_back};
use super::params::Params;
use super::store::{Flow, Stores};
use super::{Call, HOME, Inner, Stages, keys, reply};
use crate::plan::Mfa;
use crate::topology::provider::fresh::after;
use crate::topology::provider::note::{Decision, Outcome, quoted};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, LOCATION};
use http::{HeaderValue, StatusCode};
use serde_json::Value;
use std::time::Duration;
use time::OffsetDateTime;

/// How long a login may take from its first answer.
const FLOW_TTL: Duration = Duration::from_secs(30 * 60);

/// Longest name that is kept; Authentik's users have at most 150 characters.
const LONGEST_NAME: usize = 600;

/// Passwords that may be tried in one login (Authentik's `failed_attempts_before_cancel`).
const MOST_TRIES: u8 = 5;

/// Why a login cannot go on where it was.
const FORGOTTEN: &str = "the login under way is over or was never begun";

/// One call of the login flow.
struct Turn<'a> {
    call: &'a Call,
    /// The query of the page.
    query: Params,
    /// The browser's cookie.
    browser: String,
    now: OffsetDateTime,
}

impl Inner {
    pub(super) fn execute(&self, stages: Stages, call: &Call) -> Outcome {
        let name = match stages {
            Stages::Login => LOGIN,
            Stages::Consent => CONSENT,
        };
        let body = match &call.json {
            Ok(body) => body,
            Err(unreadable) => {
                let decision = Decision::new(name, "refused").because(unreadable.reason());
                return Outcome::new(challenge::detail(unreadable.status(), unreadable.reason()), decision);
            }
        };
        match stages {
            Stages::Login => self.execute_login(call, body),
            Stages::Consent => self.execute_consent(call, body),
        }
    }

    fn execute_login(&self, call: &Call, body: &Value) -> Outcome {
        let now = self.now();
        let query = Params::read(call.query.only("query").unwrap_or_default().as_bytes());
        let (browser, is_new) = browser(call);
        let turn = Turn { call, query, browser, now };
        let mut outcome = if call.is_post() { self.solve(&turn, body) } else { self.challenge(&turn) };
        let sets_cookie = outcome.response.headers().contains_key(http::header::SET_COOKIE);
        if is_new && !sets_cookie {
            self.set_cookie(&mut outcome.response, &turn.browser);
        }
        let waiting = super::login::waiting(&way_back(&turn.query));
        outcome.decision.client = self.waiting_client(&waiting).map(str::to_owned);
        outcome
    }

    fn flow(&self, turn: &Turn<'_>) -> Option<Flow> {
        self.stores().flows.get(&turn.browser, turn.now).cloned()
    }

    /// The stage that the browser has come to.
    fn challenge(&self, turn: &Turn<'_>) -> Outcome {
        let query = &turn.query;
        match self.flow(turn) {
            Some(Flow { factor: Some(factor), .. }) => {
                Outcome::new(self.ask_code(query, &factor, None).response(), Decision::new(LOGIN, "asked for a code"))
            }
            Some(Flow { name, .. }) => {
                Outcome::new(self.ask_password(query, &name, None).response(), Decision::new(LOGIN, "asked for the password"))
            }
            None if self.is_done(turn) => {
                let next = way_back(query);
                Outcome::new(reply::json(StatusCode::OK, &challenge::redirect(&next)), Decision::new(LOGIN, "sent on, already logged in"))
            }
            None => Outcome::new(self.ask_who(query, None).response(), Decision::new(LOGIN, "asked for the user name")),
        }
    }

    /// Whether this browser has just logged in for what waits, or nothing waits and somebody is logged in.
    fn is_done(&self, turn: &Turn<'_>) -> bool {
        let next = way_back(&turn.query);
        let Some((_, session)) = self.session(turn.call, turn.now) else { return false };
        match request_of(&next) {
            Some(request) => session.fresh_for == Some(super::authorize::digest(request)),
            None => next == HOME,
        }
    }

    fn solve(&self, turn: &Turn<'_>, body: &Value) -> Outcome {
        match self.flow(turn) {
            Some(Flow { factor: Some(factor), .. }) => self.solve_factor(turn, body, factor.user),
            Some(Flow { name, .. }) => self.solve_password(turn, body, &name),
            None => self.solve_identification(turn, body),
        }
    }

    fn solve_identification(&self, turn: &Turn<'_>, body: &Value) -> Outcome {
        let name = text(body, "uid_field").filter(|name| !name.is_empty() && name.len() <= LONGEST_NAME);
        let Some(name) = name else {
            let error = FieldError::invalid("non_field_errors", "No identification data provided.");
            let decision = Decision::new(LOGIN, "refused").because("the answer names no user");
            return Outcome::new(self.ask_who(&turn.query, Some(error)).response(), decision);
        };
        // Whether there is such a user shows with the password (Authentik's `pretend_user_exists`).
        let flow = Flow { name, tries: 0, factor: None };
        self.stores().flows.insert(turn.browser.clone(), flow, turn.now, after(turn.now, FLOW_TTL));
        Outcome::new(once_more(turn.call), Decision::new(LOGIN, "user name taken"))
    }

    fn solve_password(&self, turn: &Turn<'_>, body: &Value, name: &str) -> Outcome {
        let Some(password) = text(body, "password") else {
            let decision = Decision::new(LOGIN, "refused").because("the answer holds no password");
            let error = FieldError::required("password");
            return Outcome::new(self.ask_password(&turn.query, name, Some(error)).response(), decision);
        };
        // The try is counted before the password is looked at: many at once are as many.
        let tries = self.stores().flows.get_mut(&turn.browser, turn.now).map(|flow| {
            flow.tries = flow.tries.saturating_add(1);
            flow.tries
        });
        let Some(tries) = tries else { return self.forgotten(turn) };
        if tries > MOST_TRIES {
            let why = Decision::new(LOGIN, "refused").because("too many wrong passwords, the login starts over");
            return self.end_denied(turn, name, "There were too many wrong passwords.", why);
        }
        let user = match self.check_password(name, &password) {
            Passed::Yes(user) => user,
            Passed::Locked(_) => return self.end_denied(turn, name, "Your account is locked.", locked(name)),
            Passed::No(why) => {
                let error = FieldError::invalid("password", "Invalid password");
                let decision = Decision::new(LOGIN, "refused").because(why);
                return Outcome::new(self.ask_password(&turn.query, name, Some(error)).response(), decision);
            }
        };
        let Some(factor) = self.factor(user) else { return self.end_well(turn, user, "") };
        let waits = self.stores().flows.get_mut(&turn.browser, turn.now).map(|flow| flow.factor = Some(factor)).is_some();
        if !waits {
            return self.forgotten(turn);
        }
        let decision = Decision::new(LOGIN, format!("password right, asked for a code (user {})", quoted(name)));
        Outcome::new(once_more(turn.call), decision)
    }

    fn solve_factor(&self, turn: &Turn<'_>, body: &Value, user: usize) -> Outcome {
        let name = quoted(&self.plan.users[user].name);
        let Some(code) = text(body, "code") else { return self.select_device(turn, body, user) };
        let verdict = {
            let mut stores = self.stores();
            let Stores { flows, used_steps, .. } = &mut *stores;
            flows.get_mut(&turn.browser, turn.now).and_then(|flow| flow.factor.as_mut()).map(|factor| {
                let verdict = factor.judge(self.mfa(factor), &code, used_steps, turn.now);
                (verdict, factor.clone())
            })
        };
        match verdict {
            None => self.forgotten(turn),
            Some((Verdict::Right, _)) => self.end_well(turn, user, "the code is right"),
            Some((Verdict::Over, _)) => {
                let decision = Decision::new(LOGIN, "refused").because(Verdict::Over.why());
                self.end_denied(turn, &self.plan.users[user].name, Verdict::Over.message(), decision)
            }
            Some((verdict, factor)) => {
                let decision = Decision::new(LOGIN, "refused").because(format!("{} (user {name})", verdict.why()));
                let error = FieldError::invalid("code", verdict.message());
                Outcome::new(self.ask_code(&turn.query, &factor, Some(error)).response(), decision)
            }
        }
    }

    /// `selected_challenge` has the code sent, as Authentik does for mail.
    fn select_device(&self, turn: &Turn<'_>, body: &Value, user: usize) -> Outcome {
        let name = quoted(&self.plan.users[user].name);
        let selected = body.get("selected_challenge").and_then(|selected| selected.get("device_class")).and_then(Value::as_str);
        let (error, decision) = match (selected, &self.plan.users[user].mfa) {
            (Some("email"), Some(Mfa::Mail(_))) => {
                if self.flow(turn).is_none() {
                    return self.forgotten(turn);
                }
                if !self.mail_code(user, turn.now, |stores| stores.flows.get_mut(&turn.browser, turn.now)?.factor.as_mut()) {
                    let decision = Decision::new(LOGIN, "refused").because("too many codes were mailed");
                    return self.end_denied(turn, &self.plan.users[user].name, "Too many codes were sent.", decision);
                }
                (None, Decision::new(LOGIN, format!("a code was mailed (user {name})")))
            }
            (Some("totp"), Some(Mfa::Totp(_))) => (None, Decision::new(LOGIN, "asked for a code")),
            (Some(_), _) => {
                let error = FieldError::invalid("selected_challenge", "invalid challenge selected");
                (Some(error), Decision::new(LOGIN, "refused").because("the user has no such device"))
            }
            (None, _) => {
                let error = FieldError::invalid("non_field_errors", "Empty response");
                (Some(error), Decision::new(LOGIN, "refused").because("the answer holds no code"))
            }
        };
        match self.flow(turn).and_then(|flow| flow.factor) {
            Some(factor) => Outcome::new(self.ask_code(&turn.query, &factor, error).response(), decision),
            None => self.forgotten(turn),
        }
    }

    /// All stages are passed.
    fn end_well(&self, turn: &Turn<'_>, user: usize, why: &'static str) -> Outcome {
        // Of two right answers at the same time, one ends the flow.
        if self.stores().flows.remove(&turn.browser).is_none() {
            return self.forgotten(turn);
        }
        let next = way_back(&turn.query);
        let session = self.log_in(turn.call, user, &next, turn.now);
        let mut response = reply::json(StatusCode::OK, &challenge::redirect(&next));
        self.set_cookie(&mut response, &session);
        let mut decision = Decision::new(LOGIN, format!("{} logged in", quoted(&self.plan.users[user].name)));
        decision.why = Some(why).filter(|why| !why.is_empty()).map(Into::into);
        Outcome::new(response, decision)
    }

    fn end_denied(&self, turn: &Turn<'_>, name: &str, message: &str, decision: Decision) -> Outcome {
        self.stores().flows.remove(&turn.browser);
        Outcome::new(self.deny(&turn.query, name, message).response(), decision)
    }

    fn forgotten(&self, turn: &Turn<'_>) -> Outcome {
        Outcome::new(self.ask_who(&turn.query, None).response(), Decision::new(LOGIN, "asked for the user name").because(FORGOTTEN))
    }

    fn execute_consent(&self, call: &Call, body: &Value) -> Outcome {
        let now = self.now();
        let query = Params::read(call.query.only("query").unwrap_or_default().as_bytes());
        let id = query.only("transaction").unwrap_or_default();
        let Some((request, session)) = self.pending_consent(call, id, now) else { return self.nobody_waits() };
        let client = self.client_id(request.return_to.client);
        let token = text(body, "token");
        if call.is_post() && token.as_deref().is_some_and(|token| same_secret(token, &consent_token(id))) {
            let allowed = body.get("decision").and_then(Value::as_str) != Some("deny");
            let Some(outcome) = self.answer_consent(call, id, &request, &session, allowed, now) else { return self.nobody_waits() };
            return Outcome { response: as_challenge(&outcome.response), decision: outcome.decision };
        }
        let (error, decision) = match (call.is_post(), token) {
            (false, _) => (None, Decision::new(CONSENT, "asked")),
            (true, None) => (Some(FieldError::required("token")), Decision::new(CONSENT, "refused").because("the answer holds no token")),
            (true, Some(_)) => {
                let error = FieldError::invalid("token", "Please answer the question once more.");
                (Some(error), Decision::new(CONSENT, "refused").because("the token is another one"))
            }
        };
        Outcome::new(self.ask_consent(id, &request, &session, error).response(), decision.client(client))
    }

    fn nobody_waits(&self) -> Outcome {
        let request_id: String = keys::random().chars().take(16).collect();
        let text = "This request was answered already or is too old. Go back to the application and start again.";
        let decision = Decision::new(CONSENT, "refused").because(format!("{NOBODY_WAITS} (request {request_id})"));
        Outcome::new(reply::json(StatusCode::OK, &challenge::flow_error(&request_id, text)), decision)
    }

    /// Forgets the login under way and begins another one ("not you?").
    pub(super) fn cancel(&self, call: &Call) -> Outcome {
        let mut stores = self.stores();
        for id in call.session_ids() {
            stores.flows.remove(id);
        }
        drop(stores);
        let to = login_address(&way_back(&call.query));
        Outcome::new(reply::redirect(&call.method, &to), Decision::new(LOGIN, "the login under way was given up"))
    }
}

/// The text of a field; a number counts as its digits, as Django REST framework reads it.
fn text(body: &Value, field: &str) -> Option<String> {
    match body.get(field)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// To the same address once more, where the next stage is. Django sends 302 here, and every client repeats with GET.
fn once_more(call: &Call) -> Response {
    let mut response = StatusCode::FOUND.into_response();
    let headers = response.headers_mut();
    // The target came in a request line, so it is fit for a header.
    headers.insert(LOCATION, HeaderValue::from_str(&call.target).unwrap_or(HeaderValue::from_static("/")));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A redirect or a form of the plain pages, as the JSON interface says it.
fn as_challenge(response: &Response) -> Response {
    let value = match (response.headers().get(LOCATION), response.extensions().get::<reply::FormPost>()) {
        (Some(location), _) => challenge::redirect(&String::from_utf8_lossy(location.as_bytes())),
        (None, Some(form)) => challenge::autosubmit(form),
        (None, None) => challenge::flow_error("", "The provider has no answer."),
    };
    reply::json(StatusCode::OK, &value)
}
