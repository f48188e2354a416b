//! Waiting for an element and acting on it: in a page alone, or in all of its frames.

use super::Page;
use super::error::{ActError, Unanswered};
use super::inject::{Answer, ask};
use super::task::{Account, Blocked, Outcome, Task};
use super::verdict::verdict;
use crate::drive::browser::bidi::Event;
use crate::web::html::Locator;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Longest that a page is asked to wait in one go. A page that is put away while it waits (into the back/forward cache)
/// answers never, so waiting is cut into pieces.
const PIECE: Duration = Duration::from_secs(5);
/// The same for one frame among others, any of which may change.
const FRAME_PIECE: Duration = Duration::from_millis(500);
/// How much longer than that the answer may take on a busy machine.
const GRACE: Duration = Duration::from_secs(5);
/// Between one document and the next nobody answers, and nothing tells when somebody will.
const BETWEEN: Duration = Duration::from_millis(10);
/// How often a page is looked at that cannot tell when it changes, because its scripts are turned off.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Most frames of a page that are looked into.
const MOST_FRAMES: usize = 100;

/// What was done, where, and to what.
pub(super) struct Done {
    pub(super) outcome: Outcome,
    /// The frame.
    pub(super) context: String,
    pub(super) element: Option<String>,
}

impl Done {
    /// The page went away by the press.
    fn pressed(context: &str) -> Self {
        Self { outcome: Outcome { pressed: true, ..Outcome::default() }, context: context.to_owned(), element: None }
    }
}

/// Whether the page said that it pressed, though its answer was lost: the next page may have something of that name as well.
fn was_pressed(task: &Task, told: &mut UnboundedReceiver<Arc<Event>>) -> bool {
    std::iter::from_fn(|| told.try_recv().ok()).any(|event| task.was_pressed(&event))
}

/// What the page was like when it was looked at last.
#[derive(Default)]
struct Seen {
    account: Account,
    blocked: Option<Blocked>,
}

impl Page<'_> {
    /// Does a task as soon as it can be done.
    pub(super) async fn perform(&self, task: &Task, locator: &Locator, deadline: Instant) -> Result<Done, ActError> {
        let mut seen = Seen::default();
        let mut whole = true;
        let mut told = task.activates().then(|| self.bidi.events());
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let tried =
                if whole { self.perform_alone(task, left, &mut seen).await } else { self.perform_in_frames(task, left, &mut seen).await };
            match tried {
                Ok(Tried::Done(done)) => return Ok(*done),
                Ok(Tried::HasFrames) => {
                    whole = false;
                    continue;
                }
                Ok(Tried::NotYet) if told.as_mut().is_some_and(|told| was_pressed(task, told)) => {
                    return Ok(Done::pressed(self.context));
                }
                Ok(Tried::NotYet) => {}
                Ok(Tried::Gone) | Err(Unanswered::Gone) => {
                    whole = true;
                    if told.as_mut().is_some_and(|told| was_pressed(task, told)) {
                        return Ok(Done::pressed(self.context));
                    }
                    self.is_open(deadline).await?;
                    tokio::time::sleep(BETWEEN).await;
                }
                Err(error) => return Err(error.into()),
            }
            let final_word = seen.blocked.as_ref().is_some_and(|blocked| blocked.is_final);
            if final_word || left.is_zero() {
                return Err(verdict(locator, task.action(), seen.account, seen.blocked));
            }
        }
    }

    /// Asks the page itself, which has no frames or will say so.
    async fn perform_alone(&self, task: &Task, left: Duration, seen: &mut Seen) -> Result<Tried, Unanswered> {
        let piece = left.min(PIECE);
        let answer = self.answer(self.context, &task.within(millis(piece), true), task.activates(), piece).await?;
        let deaf = answer.data.deaf;
        let tried = self.tried(self.context, answer, seen);
        if deaf {
            tokio::time::sleep(left.min(LOOK_EVERY)).await;
        }
        Ok(tried)
    }

    /// Looks into every frame, and acts where the only or the best match is.
    async fn perform_in_frames(&self, task: &Task, left: Duration, seen: &mut Seen) -> Result<Tried, Unanswered> {
        let frames = self.frames(left).await?;
        let mut accounts = Vec::new();
        for (context, answer) in self.ask_all(&frames, &task.survey(), GRACE).await {
            match answer {
                Ok(account) => accounts.push((context, account)),
                // A frame that goes away is no part of the page any more.
                Err(Unanswered::Gone) => {}
                Err(error) => return Err(error),
            }
        }
        let (merged, only) = merge(accounts);
        let blocked = match only {
            None => None,
            Some(context) => {
                let piece = left.min(FRAME_PIECE);
                let answer = self.answer(&context, &task.within(millis(piece), false), task.activates(), piece).await;
                let mut there = Seen::default();
                match answer.map(|answer| self.tried(&context, answer, &mut there)) {
                    Ok(Tried::Done(done)) => return Ok(Tried::Done(done)),
                    Ok(_) | Err(Unanswered::Gone) => {}
                    Err(error) => return Err(error),
                }
                there.blocked
            }
        };
        *seen = Seen { account: merged, blocked };
        if !left.is_zero() && seen.blocked.is_none() {
            self.any_change(&frames, left.min(FRAME_PIECE)).await;
        }
        Ok(Tried::NotYet)
    }

    fn tried(&self, context: &str, answer: Answer<Outcome>, seen: &mut Seen) -> Tried {
        let Answer { mut data, element } = answer;
        if data.frames {
            return Tried::HasFrames;
        }
        if data.gone {
            return Tried::Gone;
        }
        if let Some(account) = data.late.take() {
            *seen = Seen { account, blocked: data.blocked.take() };
            return Tried::NotYet;
        }
        Tried::Done(Box::new(Done { outcome: data, context: context.to_owned(), element }))
    }

    async fn answer(&self, context: &str, task: &Task, activation: bool, piece: Duration) -> Result<Answer<Outcome>, Unanswered> {
        let answer = ask(self.bidi, context, task, activation, Instant::now() + piece + GRACE).await;
        match answer {
            // The page stopped answering. If it was put away, another one answers; the task is not done twice in one page.
            Err(Unanswered::Browser(error)) if is_late(&error) && !piece.is_zero() => Err(Unanswered::Gone),
            answer => answer,
        }
    }

    /// Whether anything that a locator fits shows now.
    pub(super) async fn shows(&self, task: &Task, deadline: Instant) -> Result<bool, ActError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let frames = self.frames(left).await?;
        let answers = self.ask_all::<Account>(&frames, &task.survey(), left).await;
        let mut shows = false;
        for (_, answer) in answers {
            match answer {
                Ok(account) => shows |= account.count > 0,
                Err(Unanswered::Gone) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(shows)
    }

    /// The page's browsing context and those of its frames, in tree order.
    pub(super) async fn frames(&self, left: Duration) -> Result<Vec<String>, Unanswered> {
        let deadline = Instant::now() + left.max(GRACE);
        let tree = self.bidi.send("browsingContext.getTree", json!({ "root": self.context }), deadline).await?;
        let mut found = Vec::new();
        let mut open: Vec<_> = tree.get("contexts").and_then(|contexts| contexts.as_array()).into_iter().flatten().rev().collect();
        while let Some(context) = open.pop() {
            if found.len() == MOST_FRAMES {
                break;
            }
            found.extend(context.get("context").and_then(|id| id.as_str()).map(str::to_owned));
            open.extend(context.get("children").and_then(|children| children.as_array()).into_iter().flatten().rev());
        }
        Ok(found)
    }

    /// The same question to several frames at once, answered in their order.
    pub(super) async fn ask_all<A>(
        &self,
        frames: &[String],
        question: &impl serde::Serialize,
        left: Duration,
    ) -> Vec<(String, Result<A, Unanswered>)>
    where
        A: serde::de::DeserializeOwned + Send + 'static,
    {
        let deadline = Instant::now() + left.max(GRACE);
        let Ok(question) = serde_json::to_value(question) else { return Vec::new() };
        let mut asked = JoinSet::new();
        for (at, context) in frames.iter().cloned().enumerate() {
            let (bidi, question) = (self.bidi.clone(), question.clone());
            asked.spawn(async move {
                let answer = ask::<A>(&bidi, &context, &question, false, deadline).await;
                (at, context, answer.map(|answer| answer.data))
            });
        }
        let mut answers = Vec::new();
        while let Some(answered) = asked.join_next().await {
            answers.extend(answered.ok());
        }
        answers.sort_by_key(|(at, ..)| *at);
        answers.into_iter().map(|(_, context, answer)| (context, answer)).collect()
    }

    /// Waits until something changes in one of several frames, or for a while.
    pub(super) async fn any_change(&self, frames: &[String], within: Duration) {
        let deadline = Instant::now() + within + GRACE;
        let mut asked = JoinSet::new();
        for context in frames {
            let (bidi, context) = (self.bidi.clone(), context.clone());
            asked.spawn(async move {
                let question = json!({ "ask": "change", "ms": millis(within) });
                match ask::<serde_json::Value>(&bidi, &context, &question, false, deadline).await {
                    Ok(answer) if answer.data["change"] == "deaf" => LOOK_EVERY,
                    Ok(_) => Duration::ZERO,
                    // A frame that cannot be asked has changed: it went away.
                    Err(_) => BETWEEN,
                }
            });
        }
        if let Some(Ok(pause)) = asked.join_next().await {
            tokio::time::sleep(pause.min(within)).await;
        }
    }

    /// Whether the tab is still there.
    async fn is_open(&self, deadline: Instant) -> Result<(), ActError> {
        let left = deadline.saturating_duration_since(Instant::now());
        self.frames(left).await.map(drop).map_err(ActError::from)
    }
}

/// What a try came to.
enum Tried {
    Done(Box<Done>),
    NotYet,
    /// Each frame is to be asked.
    HasFrames,
    /// The document goes away.
    Gone,
}

/// What all frames together hold of a locator: those that fit best, and the frame of the only one.
fn merge(accounts: Vec<(String, Account)>) -> (Account, Option<String>) {
    let best = accounts.iter().filter(|(_, account)| account.count > 0).map(|(_, account)| account.tier).min();
    let mut all = Account { tier: best.unwrap_or(u32::MAX), ..Account::default() };
    let mut holder = None;
    for (at, (context, account)) in accounts.into_iter().enumerate() {
        if at == 0 {
            (all.url, all.title) = (account.url.clone(), account.title.clone());
        }
        if account.count > 0 && Some(account.tier) == best {
            // A link that is there again in another frame leads to another page of the tab: it is not the same.
            all.group = holder.is_none() && account.group;
            all.count += account.count;
            all.names.extend(account.names);
            holder = Some(context);
        }
        all.candidates.extend(account.candidates);
        all.hidden.extend(account.hidden);
        all.closed.extend(account.closed);
    }
    let only = holder.filter(|_| all.count == 1 || all.group);
    (all, only)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn is_late(error: &crate::drive::browser::bidi::BidiError) -> bool {
    matches!(error, crate::drive::browser::bidi::BidiError::Late { .. })
}
