//! Mail and text messages that embedded services and sinks took in the course of a run.

use crate::base::Clock;
use std::sync::{Arc, Mutex, PoisonError};
use time::OffsetDateTime;
use tokio::sync::watch;

/// Messages kept in one run; later ones are counted and not kept.
const MOST: usize = 10_000;

/// How a message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// By e-mail.
    Mail,
    /// By text message, WhatsApp included.
    Sms,
}

/// A message to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// How it travels.
    pub channel: Channel,
    /// Who sends it.
    pub from: String,
    /// Mail addresses or phone numbers.
    pub to: Vec<String>,
    /// Subject of a mail.
    pub subject: Option<String>,
    /// The text; for a mail in HTML alone, what can be read of it.
    pub text: String,
    /// The HTML part of a mail.
    pub html: Option<String>,
}

/// A message that was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What was sent.
    pub draft: Draft,
    /// When it arrived, by the run's clock.
    pub at: OffsetDateTime,
}

/// Where all messages of one run arrive. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Inbox {
    clock: Clock,
    messages: Arc<Mutex<Vec<Message>>>,
    arrivals: watch::Sender<u64>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new(Clock::default())
    }
}

impl Inbox {
    /// An empty inbox that stamps its messages by `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, messages: Arc::default(), arrivals: watch::Sender::new(0) }
    }

    /// Takes a message in and tells whoever waits.
    pub fn deliver(&self, draft: Draft) {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        if messages.len() < MOST {
            messages.push(Message { draft, at: self.clock.now() });
        }
        drop(messages);
        self.arrivals.send_modify(|count| *count += 1);
    }

    /// Every message so far, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes with every arrival: how many there were.
    #[must_use]
    pub fn arrivals(&self) -> watch::Receiver<u64> {
        self.arrivals.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_waits_is_told() {
        let inbox = Inbox::default();
        let mut arrivals = inbox.arrivals();
        let draft = Draft {
            channel: Channel::Sms,
            from: "salon".to_owned(),
            to: vec!["+966500000000".to_owned()],
            subject: None,
            text: "Your code is 123456".to_owned(),
            html: None,
        };
        let (told, ()) = tokio::join!(arrivals.changed(), async { inbox.deliver(draft.clone()) });
        assert!(told.is_ok());
        assert_eq!(inbox.messages().iter().map(|message| &message.draft).collect::<Vec<_>>(), [&draft]);
    }
}
