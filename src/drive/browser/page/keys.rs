//! Real keys (WebDriver BiDi §7.8.4): names to the code points that WebDriver has for them (WebDriver §17.4.2).

use super::error::ActError;
use crate::drive::browser::bidi::Bidi;
use serde_json::{Value, json};
use tokio::time::Instant;

/// Most keys that are sent at once.
const PIECE: usize = 200;

/// Keys without a character of their own: the names of UI Events, and the code points of WebDriver.
const NAMED: [(&str, char); 37] = [
    ("Enter", '\u{E007}'),
    ("Tab", '\u{E004}'),
    ("Escape", '\u{E00C}'),
    ("Space", ' '),
    ("Backspace", '\u{E003}'),
    ("Delete", '\u{E017}'),
    ("Insert", '\u{E016}'),
    ("ArrowLeft", '\u{E012}'),
    ("ArrowUp", '\u{E013}'),
    ("ArrowRight", '\u{E014}'),
    ("ArrowDown", '\u{E015}'),
    ("Home", '\u{E011}'),
    ("End", '\u{E010}'),
    ("PageUp", '\u{E00E}'),
    ("PageDown", '\u{E00F}'),
    ("Shift", '\u{E008}'),
    ("Control", '\u{E009}'),
    ("Alt", '\u{E00A}'),
    ("Meta", '\u{E03D}'),
    ("F1", '\u{E031}'),
    ("F2", '\u{E032}'),
    ("F3", '\u{E033}'),
    ("F4", '\u{E034}'),
    ("F5", '\u{E035}'),
    ("F6", '\u{E036}'),
    ("F7", '\u{E037}'),
    ("F8", '\u{E038}'),
    ("F9", '\u{E039}'),
    ("F10", '\u{E03A}'),
    ("F11", '\u{E03B}'),
    ("F12", '\u{E03C}'),
    // Other names that people write.
    ("Return", '\u{E007}'),
    ("Esc", '\u{E00C}'),
    ("Ctrl", '\u{E009}'),
    ("Command", '\u{E03D}'),
    ("Left", '\u{E012}'),
    ("Right", '\u{E014}'),
];
const MODIFIERS: [&str; 6] = ["Shift", "Control", "Ctrl", "Alt", "Meta", "Command"];

/// The names of keys, for messages.
pub(super) fn known() -> String {
    NAMED[..15].iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Presses one key, with others held: `Enter`, `a`, `Control+A`.
pub(super) async fn press(bidi: &Bidi, context: &str, key: &str, deadline: Instant) -> Result<(), ActError> {
    let keys = parse(key).ok_or_else(|| ActError::Key(key.to_owned()))?;
    let down = keys.iter().map(|key| json!({ "type": "keyDown", "value": key }));
    let up = keys.iter().rev().map(|key| json!({ "type": "keyUp", "value": key }));
    perform(bidi, context, down.chain(up).collect(), deadline).await
}

/// Types a text over what is selected.
pub(super) async fn type_text(bidi: &Bidi, context: &str, text: &str, deadline: Instant) -> Result<(), ActError> {
    if text.is_empty() {
        return press(bidi, context, "Delete", deadline).await;
    }
    let strokes: Vec<String> =
        text.chars().filter(|&c| c != '\r').map(|c| if c == '\n' { "\u{E006}".to_owned() } else { c.to_string() }).collect();
    for piece in strokes.chunks(PIECE) {
        let actions = piece.iter().flat_map(|key| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]);
        perform(bidi, context, actions.collect(), deadline).await?;
    }
    Ok(())
}

/// The keys of a stroke, those that are held first.
fn parse(text: &str) -> Option<Vec<String>> {
    let text = if text == " " { "Space" } else { text.trim() };
    // `+` is a key of its own, also behind others: `Control++`.
    let (held, last) = match text.strip_suffix('+') {
        Some("") => ("", "+"),
        Some(held) => (held.strip_suffix('+')?, "+"),
        None => text.rsplit_once('+').unwrap_or(("", text)),
    };
    let named = |name: &str| NAMED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, key)| key.to_string());
    let mut keys = Vec::new();
    for name in held.split('+').filter(|name| !name.is_empty()) {
        let name = name.trim();
        MODIFIERS.iter().find(|modifier| modifier.eq_ignore_ascii_case(name))?;
        keys.push(named(name)?);
    }
    let last = last.trim();
    let mut chars = last.chars();
    let key = match (chars.next(), chars.next()) {
        // With Shift held the browser is told the character that comes out.
        (Some(c), None) if keys.is_empty() => c.to_string(),
        (Some(c), None) => {
            let shifted = keys.iter().any(|key| key == "\u{E008}");
            if shifted { c.to_uppercase().to_string() } else { c.to_lowercase().to_string() }
        }
        _ => named(last)?,
    };
    keys.push(key);
    Some(keys)
}

async fn perform(bidi: &Bidi, context: &str, actions: Vec<Value>, deadline: Instant) -> Result<(), ActError> {
    let params = json!({ "context": context, "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] });
    match bidi.send("input.performActions", params, deadline).await {
        Ok(_) => Ok(()),
        // The page that the key led away from may be gone before the key is let go.
        Err(error) if error.is_of_a_page_that_is_gone() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_name_and_held_in_order() {
        let parsed = |text: &str| parse(text).map(|keys| keys.concat());
        assert_eq!(parsed("Enter").as_deref(), Some("\u{E007}"));
        assert_eq!(parsed("enter").as_deref(), Some("\u{E007}"));
        assert_eq!(parsed("a").as_deref(), Some("a"));
        assert_eq!(parsed("A").as_deref(), Some("A"));
        assert_eq!(parsed("Control+A").as_deref(), Some("\u{E009}a"));
        assert_eq!(parsed("Control+Shift+ArrowDown").as_deref(), Some("\u{E009}\u{E008}\u{E015}"));
        assert_eq!(parsed("+").as_deref(), Some("+"));
        assert_eq!(parsed("Control++").as_deref(), Some("\u{E009}+"));
        assert_eq!(parsed(" ").as_deref(), Some(" "));
        for unknown in ["Entr", "", "A+Enter", "Control+Nope", "Control+"] {
            assert_eq!(parsed(unknown), None, "{unknown}");
        }
        let message = ActError::Key("Entr".into()).to_string();
        assert!(message.starts_with("`Entr` is no key; write a character, or one of `Enter`, `Tab`"), "{message}");
    }
}
