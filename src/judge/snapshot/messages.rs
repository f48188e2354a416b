//! Mail and text messages, as a sorted summary: whom they went to and what they carry, never their text.

use super::mask::Labels;
use crate::judge::text::shown;
use crate::trace::Message;
use crate::web::message;
use std::collections::BTreeMap;

/// Most lines.
const MOST: usize = 100;
/// Most links of one message that are shown.
const LINKS: usize = 3;

/// A line for each kind of message, with the number of such messages.
pub(super) fn lines(messages: &[Message], labels: &mut Labels) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for message in messages {
        *seen.entry(line(message, labels)).or_default() += 1;
    }
    let total = seen.len();
    let mut lines: Vec<_> = seen.into_iter().take(MOST).map(|(line, times)| format!("{line}  ×{times}")).collect();
    if total > MOST {
        lines.push(format!("… {} more", total - MOST));
    }
    lines
}

fn line(message: &Message, labels: &mut Labels) -> String {
    let to: Vec<_> = message.to.iter().take(5).map(|to| labels.text(&shown(to, 120))).collect();
    let mut line = format!("{} to {}", message.channel, to.join(", "));
    if !message.from.is_empty() {
        line.push_str(&format!("  from {}", labels.text(&shown(&message.from, 120))));
    }
    let subject = message.subject.as_deref().unwrap_or_default();
    if !subject.is_empty() {
        line.push_str(&format!("  \"{}\"", labels.text(&shown(&message::without_codes(subject, "‹code›"), 120))));
    }
    let code = message::code(&message.text).or_else(|| message::code(subject));
    let mut carries: Vec<_> = code.map(|_| "a code".to_owned()).into_iter().collect();
    // A link may carry the code under any name.
    let links = message::links(&message.text, message.html.as_deref()).into_iter().take(LINKS);
    carries.extend(links.map(|link| {
        let shown = labels.url(&link);
        code.map_or(shown.clone(), |code| shown.replace(code, "‹code›"))
    }));
    if !carries.is_empty() {
        line.push_str(&format!("  carries {}", carries.join(" and ")));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn messages_are_counted_and_what_is_secret_in_them_stays_there() {
        let mail = |code: &str, token: &str| Message {
            channel: "mail",
            from: "no-reply@x.test".to_owned(),
            to: vec!["ada@x.test".to_owned()],
            subject: Some(format!("{code} is your code")),
            text: format!("Type {code} or go to https://app.test/verify/{code}?token={token}"),
            html: None,
            at: datetime!(2026-03-01 12:00 UTC),
        };
        let sms = Message { channel: "sms", subject: None, text: "Welcome!".to_owned(), from: String::new(), ..mail("1", "x") };
        let messages = [mail("482913", "Zx81kqPw02LmNs45Ty67"), sms, mail("7362", "Ab81kqPw02LmNs45Ty99")];
        assert_eq!(
            lines(&messages, &mut Labels::kinds_only()),
            [
                "mail to ada@x.test  from no-reply@x.test  \"‹code› is your code\"  carries a code and https://app.test/verify/‹code›?token=‹token›  ×2",
                "sms to ada@x.test  ×1",
            ]
        );
    }
}
