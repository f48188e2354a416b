//! Mail and text messages that embedded services and sinks took in the course of a run.

use crate::base::Clock;
use crate::web::message::text_of_html;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use time::OffsetDateTime;
use tokio::sync::watch;

pub use crate::plan::Channel;

/// Messages kept in one run; later ones are counted and not kept.
const MOST: usize = 10_000;
/// Bytes kept in one run.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of one text that are kept.
const LONGEST: usize = 1024 * 1024;
/// Bytes of an address or a subject that are kept.
const LONGEST_LINE: usize = 2 * 1024;
/// Recipients of one message that are kept.
const MOST_RECIPIENTS: usize = 200;

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
    kept: Arc<Mutex<Kept>>,
    arrivals: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    messages: Vec<Message>,
    bytes: usize,
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
        Self { clock, kept: Arc::default(), arrivals: watch::Sender::new(0) }
    }

    /// Takes a message in and tells whoever waits. Of a message in HTML alone, the text is read from it.
    pub fn deliver(&self, draft: Draft) {
        let draft = bounded(draft);
        let size = draft.size();
        let mut kept = self.kept();
        if kept.messages.len() < MOST && kept.bytes + size <= MOST_BYTES {
            kept.bytes += size;
            kept.messages.push(Message { draft, at: self.clock.now() });
        }
        drop(kept);
        self.arrivals.send_modify(|count| *count += 1);
    }

    /// Every message so far, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.kept().messages.clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A panic elsewhere leaves the list whole: a message is pushed last.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes with every arrival: how many there were.
    #[must_use]
    pub fn arrivals(&self) -> watch::Receiver<u64> {
        self.arrivals.subscribe()
    }
}

impl Draft {
    fn size(&self) -> usize {
        let lines = self.to.iter().chain(&self.subject).map(String::len).sum::<usize>();
        lines + self.from.len() + self.text.len() + self.html.as_ref().map_or(0, String::len)
    }
}

/// The message within its bounds, with a text.
fn bounded(mut draft: Draft) -> Draft {
    draft.to.truncate(MOST_RECIPIENTS);
    draft.to.iter_mut().chain(&mut draft.subject).chain([&mut draft.from]).for_each(|line| cut(line, LONGEST_LINE));
    if let Some(html) = &mut draft.html {
        cut(html, LONGEST);
        if draft.text.trim().is_empty() {
            draft.text = text_of_html(html);
        }
    }
    cut(&mut draft.text, LONGEST);
    // As lines are on this side of the wire; mail ends each with CR LF (RFC 5322 §2.1).
    draft.text = draft.text.replace("\r\n", "\n").trim_end().to_owned();
    draft
}

fn cut(text: &mut String, longest: usize) {
    if text.len() > longest {
        text.truncate(text.floor_char_boundary(longest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Draft {
        Draft {
            channel: Channel::Mail,
            from: String::new(),
            to: vec!["ada@x.test".to_owned()],
            subject: None,
            text: text.to_owned(),
            html: None,
        }
    }

    #[test]
    fn what_is_kept_is_bounded_in_number_and_size() {
        let inbox = Inbox::default();
        inbox.deliver(Draft { to: vec!["x".repeat(LONGEST_LINE + 1); MOST_RECIPIENTS + 1], ..text(&"é".repeat(LONGEST)) });
        let first = inbox.messages().remove(0).draft;
        assert_eq!((first.text.len(), first.to.len(), first.to[0].len()), (LONGEST, MOST_RECIPIENTS, LONGEST_LINE));
        for _ in 0..80 {
            inbox.deliver(text(&"x".repeat(LONGEST)));
        }
        assert!(inbox.messages().len() < 65);
        assert_eq!(*inbox.arrivals().borrow(), 81);
    }

    #[test]
    fn html_alone_is_read() {
        let inbox = Inbox::default();
        inbox.deliver(Draft { html: Some("<p>Your code</p><p>482913</p>".to_owned()), ..text(" ") });
        assert_eq!(inbox.messages()[0].draft.text, "Your code\n482913");
    }

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
