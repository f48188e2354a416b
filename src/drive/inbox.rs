//! Waiting for a mail or a text message, and reading from it what a person would: a code, a link.

use super::error::StepError;
use super::steps::Session;
use crate::plan::{InboxPlan, Wanted};
use crate::trace::Message;
use crate::web::message;
use regex::Regex;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::time::Instant;

/// Most messages that an error lists.
const LISTED: usize = 12;
/// Longest subject in an error, in characters.
const SUBJECT: usize = 80;

/// A message that is as described, and what it carries.
struct Found {
    message: Message,
    code: Option<String>,
    link: Option<String>,
}

impl Session<'_> {
    /// Waits until there are as many messages as asked for, and leaves the newest as the step's value.
    pub(super) async fn inbox(&self, step: usize, plan: &InboxPlan) -> Result<(), StepError> {
        let to = self.recorder.render(&plan.to)?;
        let since = match &plan.since {
            None => None,
            Some(id) => Some(self.recorder.began(id).ok_or_else(|| StepError::Inbox(format!("step `{id}` did not run")))?),
        };
        let until = self.ends.min(Instant::now() + plan.within);
        let mut arrivals = self.world.arrivals();
        // A number that none at all would meet says something only when the time is over.
        let patient = plan.count.is_some() && self.enough(plan, 0);
        loop {
            // Before the messages are looked at, so that one which comes meanwhile is not missed.
            arrivals.mark_unchanged();
            let messages = self.world.messages();
            let found: Vec<Found> = messages.iter().filter_map(|message| self.fits(message, plan, &to, since)).collect();
            let over = Instant::now() >= until;
            if self.enough(plan, found.len()) && (over || !patient) {
                let count = found.len();
                self.recorder.set_messages(messages);
                self.recorder.set_value(step, value(found.into_iter().next_back(), count));
                return Ok(());
            }
            if over {
                let error = missing(plan, &to, found.len(), &messages);
                self.recorder.set_messages(messages);
                return Err(StepError::Inbox(error));
            }
            let none_will_come = tokio::select! {
                changed = arrivals.changed() => changed.is_err(),
                () = tokio::time::sleep_until(until) => false,
            };
            if none_will_come {
                tokio::time::sleep_until(until).await;
            }
        }
    }

    fn enough(&self, plan: &InboxPlan, count: usize) -> bool {
        match &plan.count {
            None => count > 0,
            Some(matcher) => self.recorder.matches(matcher, Some(&count.into())),
        }
    }

    /// The message with what it carries, if it is as described.
    fn fits(&self, message: &Message, plan: &InboxPlan, to: &str, since: Option<OffsetDateTime>) -> Option<Found> {
        let like = |matcher: &Option<crate::plan::Matcher>, text: Option<&str>| {
            let text = text.map(Value::from);
            matcher.as_ref().is_none_or(|matcher| self.recorder.matches(matcher, text.as_ref()))
        };
        let meant = message.to.iter().any(|address| same_address(address, to))
            && since.is_none_or(|since| message.at >= since)
            && plan.channel.is_none_or(|channel| channel.name() == message.channel)
            && like(&plan.from, Some(&message.from))
            && like(&plan.subject, message.subject.as_deref())
            && like(&plan.text, Some(&message.text));
        if !meant {
            return None;
        }
        let subject = message.subject.as_deref().unwrap_or_default();
        let code = match &plan.code {
            Wanted::Perhaps | Wanted::Any => message::code(&message.text).or_else(|| message::code(subject)).map(str::to_owned),
            Wanted::Like(pattern) => part(pattern, &message.text).or_else(|| part(pattern, subject)),
        };
        let mut links = message::links(&message.text, message.html.as_deref()).into_iter();
        let link = match &plan.link {
            Wanted::Perhaps | Wanted::Any => links.next(),
            Wanted::Like(pattern) => links.find(|link| pattern.is_match(link)),
        };
        let lacks = |wanted: &Wanted, there: bool| !matches!(wanted, Wanted::Perhaps) && !there;
        (!lacks(&plan.code, code.is_some()) && !lacks(&plan.link, link.is_some())).then(|| Found { message: message.clone(), code, link })
    }
}

/// The first group of a match, or all of it when there is no group.
fn part(pattern: &Regex, text: &str) -> Option<String> {
    let found = pattern.captures(text)?;
    found.get(1).or_else(|| found.get(0)).map(|part| part.as_str().to_owned())
}

/// Mail addresses without regard to case (RFC 5321 §2.4 leaves the local part to its host, and no host of today minds it);
/// phone numbers without what people write between the digits.
fn same_address(one: &str, other: &str) -> bool {
    let digits = |text: &str| text.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '.')).collect::<String>();
    !other.is_empty() && (one.eq_ignore_ascii_case(other) || !other.contains('@') && digits(one) == digits(other))
}

fn value(found: Option<Found>, count: usize) -> Value {
    let Some(Found { message, code, link }) = found else { return json!({ "count": 0 }) };
    let Message { channel, from, to, subject, text, .. } = message;
    json!({ "channel": channel, "to": to, "from": from, "subject": subject, "text": text, "code": code, "link": link, "count": count })
}

/// What did come instead. Codes stay out of it.
fn missing(plan: &InboxPlan, to: &str, found: usize, messages: &[Message]) -> String {
    let what = plan.channel.map_or("message", crate::plan::Channel::name);
    let within = crate::plan::shown_duration(plan.within);
    let to = crate::base::escape::line(to);
    let head = match (found, &plan.count) {
        (0, _) => format!("no {what} to `{to}` that is as described came within {within}"),
        (1, _) => format!("1 {what} to `{to}` came within {within}, which is not the number asked for"),
        (found, _) => format!("{found} messages to `{to}` came within {within}, which is not the number asked for"),
    };
    if messages.is_empty() {
        return format!("{head}; there came no message at all in this run");
    }
    let newest = messages.iter().rev().take(LISTED).map(|message| {
        let subject = message.subject.as_deref().map(|subject| {
            let subject = message::without_codes(subject, "‹code›");
            format!(" \"{}\"", crate::base::escape::shorten(&crate::base::escape::line(&subject), SUBJECT))
        });
        let to = message.to.iter().take(3).map(|to| crate::base::escape::line(to).into_owned()).collect::<Vec<_>>().join(", ");
        format!("{} to {to}{}", message.channel, subject.unwrap_or_default())
    });
    let more = messages.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} before them") } else { String::new() };
    format!("{head}; newest first, there came: {}{more}", newest.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_as_people_mean_them() {
        assert!(same_address("Ada@X.test", "ada@x.test") && same_address("+966 50-000 0001", "+966500000001"));
        assert!(!same_address("ada@x.test", "adab@x.test") && !same_address("", "") && !same_address("a.b@x.test", "ab@x.test"));
    }
}
