//! From what a page reports to what a person reads: the http engine's words, and what only a page that is alive can say.

use super::error::ActError;
use super::task::{Account, Action, Blocked, wanted_by};
use crate::web::html::{ControlKind, FindError, Locator, PageError};
use url::Url;

/// Why an action could not be done, from what the page was like when the time was up.
pub(super) fn verdict(locator: &Locator, action: Action, account: Account, blocked: Option<Blocked>) -> ActError {
    let place = place(&account);
    let page = |source: PageError, notes: String| ActError::Page { source: Box::new(source), notes, place: place.clone() };
    if account.count == 0 {
        let notes = notes(&account);
        return page(FindError::not_found(locator, wanted_by(action), account.candidates, None).into(), notes);
    }
    if account.count > 1 && !account.group {
        let several = FindError::Ambiguous { locator: locator.clone(), wanted: wanted_by(action), candidates: account.names };
        return page(several.into(), String::new());
    }
    let Some(blocked) = blocked else {
        return ActError::Blocked { what: format!("{} could not be acted on in time", name(&account)), place };
    };
    match refusal(&blocked) {
        Some(refusal) => page(refusal, String::new()),
        None => ActError::Blocked { what: obstacle(&blocked, &account), place },
    }
}

/// What both engines refuse, in the same words.
fn refusal(blocked: &Blocked) -> Option<PageError> {
    let control = blocked.title.clone();
    Some(match blocked.code.as_str() {
        "disabled" => PageError::Disabled { control },
        "readonly" => PageError::ReadOnly { control },
        "wrong-kind" => PageError::WrongKind { control, is: noun(&blocked.is), hint: hint(&blocked.hint) },
        "bad-value" => {
            let takes = kind_of(&blocked.kind).map_or("something else", ControlKind::form);
            PageError::BadValue { control, reason: format!("it takes {takes}") }
        }
        "too-long" => {
            let reason = format!("it has {} characters, and the field takes {} (`maxlength`)", blocked.length, blocked.limit);
            PageError::BadValue { control, reason }
        }
        "no-option" => {
            let mut options = blocked.options.clone();
            let likeness = |option: &String| strsim::jaro_winkler(&option.to_lowercase(), &blocked.wanted.to_lowercase());
            options.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
            PageError::NoOption { control, wanted: blocked.wanted.clone(), options }
        }
        _ => return None,
    })
}

/// What only shows on a page that is alive.
fn obstacle(blocked: &Blocked, account: &Account) -> String {
    let title = if blocked.title.is_empty() { name(account) } else { format!("`{}`", blocked.title) };
    match blocked.code.as_str() {
        "covered" => format!("{title} is covered by `{}`, which would take the press", blocked.by),
        "through" => format!("{title} lets presses through to `{}`", blocked.by),
        "inert" => format!("{title} is inert: a dialog is open above it, or the page has put that part out of use"),
        "outside" => format!("{title} cannot be brought into the window"),
        "moving" => format!("{title} does not stop moving"),
        "gone" => format!("{title} is taken away and made anew all the time"),
        "untouched" => format!("{title} was pressed and did not change"),
        "loading" => format!("{title} is there, but the page has not been loaded to its end; its scripts may not run yet"),
        _ => format!("{title} could not be acted on"),
    }
}

fn name(account: &Account) -> String {
    account.names.first().map_or_else(|| "the element".to_owned(), |name| format!("`{name}`"))
}

fn notes(account: &Account) -> String {
    let mut notes: String = account.hidden.iter().map(|hidden| format!("; {hidden}")).collect();
    if let [closed @ .., last] = account.closed.as_slice() {
        let all = closed.iter().map(|host| format!("`{host}`, ")).collect::<String>();
        notes.push_str(&format!("; {all}`{last}` may hold it in a closed shadow root, which nothing can look into"));
    }
    notes
}

/// The page: its URL without values, and its title.
fn place(account: &Account) -> String {
    let url = Url::parse(&account.url).map_or_else(|_| account.url.clone(), |url| crate::drive::http::shown(&url));
    if account.title.is_empty() { format!("`{url}`") } else { format!("`{url}`, “{}”", account.title) }
}

fn noun(is: &str) -> &'static str {
    const NOUNS: [&str; 9] =
        ["list", "checkbox", "radio button", "file field", "submit button", "reset button", "button", "hidden field", "field"];
    NOUNS.into_iter().find(|noun| *noun == is).unwrap_or("part of the page")
}

fn hint(code: &str) -> &'static str {
    match code {
        "select" => "so select one of its options instead of filling it",
        "tick" => "so fill it with `true` or `false`, or click it",
        "click" => "so click it instead of filling it",
        "other" => "so tick another of its group instead of clearing it",
        "one" => "which takes one option at a time",
        "click-it" => "so click it",
        "fill-it" => "so fill it",
        _ => "not a field",
    }
}

fn kind_of(input_type: &str) -> Option<ControlKind> {
    Some(match input_type {
        "date" => ControlKind::Date,
        "month" => ControlKind::Month,
        "week" => ControlKind::Week,
        "time" => ControlKind::Time,
        "datetime-local" => ControlKind::LocalDateTime,
        "color" => ControlKind::Color,
        "number" => ControlKind::Number,
        "range" => ControlKind::Range,
        _ => return None,
    })
}
