//! The value of a control: what its kind makes of a text (HTML §4.10.5.1 "value sanitization algorithm"), and which texts
//! a person could enter at all.

use std::sync::LazyLock;

use regex::Regex;

use super::control::ControlKind;
use super::dom::Element;

/// The value that a control of this kind holds when the page gives it a text.
pub(super) fn sanitise(kind: ControlKind, element: &Element, text: &str) -> String {
    let without_newlines = || text.replace(['\r', '\n'], "");
    match kind {
        ControlKind::Email if element.has("multiple") => text.split(',').map(str::trim).collect::<Vec<_>>().join(","),
        ControlKind::Url | ControlKind::Email => without_newlines().trim().to_owned(),
        _ if kind.is_text_line() => without_newlines(),
        ControlKind::Range => range(element, text),
        ControlKind::Color if is_well_formed(kind, text) => text.to_ascii_lowercase(),
        ControlKind::Color => "#000000".to_owned(),
        ControlKind::Number => Some(text).filter(|text| is_well_formed(kind, text)).unwrap_or_default().to_owned(),
        _ if kind.is_temporal() => Some(text).filter(|text| is_well_formed(kind, text)).unwrap_or_default().to_owned(),
        _ => text.to_owned(),
    }
}

/// Whether a text has the form that the kind demands; true for kinds that demand none.
pub(super) fn is_well_formed(kind: ControlKind, text: &str) -> bool {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| literal(r"^-?(\d+(\.\d+)?|\.\d+)([eE][+-]?\d+)?$"));
    static DATE: LazyLock<Regex> = LazyLock::new(|| literal(r"^\d{4,}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"));
    static MONTH: LazyLock<Regex> = LazyLock::new(|| literal(r"^\d{4,}-(0[1-9]|1[0-2])$"));
    static WEEK: LazyLock<Regex> = LazyLock::new(|| literal(r"^\d{4,}-W(0[1-9]|[1-4]\d|5[0-3])$"));
    static TIME: LazyLock<Regex> = LazyLock::new(|| literal(r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,3})?)?$"));
    static COLOR: LazyLock<Regex> = LazyLock::new(|| literal(r"^#[0-9a-fA-F]{6}$"));
    match kind {
        ControlKind::Number | ControlKind::Range => NUMBER.is_match(text),
        ControlKind::Date => DATE.is_match(text),
        ControlKind::Month => MONTH.is_match(text),
        ControlKind::Week => WEEK.is_match(text),
        ControlKind::Time => TIME.is_match(text),
        ControlKind::LocalDateTime => text.split_once(['T', ' ']).is_some_and(|(date, time)| DATE.is_match(date) && TIME.is_match(time)),
        ControlKind::Color => COLOR.is_match(text),
        _ => true,
    }
}

/// How a text must look for the kind, for messages.
pub(super) const fn form_of(kind: ControlKind) -> &'static str {
    match kind {
        ControlKind::Date => "a date such as `2026-01-31`",
        ControlKind::Month => "a month such as `2026-01`",
        ControlKind::Week => "a week such as `2026-W05`",
        ControlKind::Time => "a time such as `23:59`",
        ControlKind::LocalDateTime => "a date and time such as `2026-01-31T23:59`",
        ControlKind::Color => "a colour such as `#00ff7f`",
        _ => "a number such as `4` or `-1.5`",
    }
}

/// The number in a text of well-formed number syntax.
pub(super) fn number(text: &str) -> Option<f64> {
    Some(text).filter(|text| is_well_formed(ControlKind::Number, text)).and_then(|text| text.parse().ok())
}

/// HTML §4.10.5.1.13: a slider always has a value, by default the middle.
fn range(element: &Element, text: &str) -> String {
    let bound = |name, default| element.attr(name).and_then(number).unwrap_or(default);
    let min = bound("min", 0.0);
    let max = bound("max", 100.0);
    let value = number(text).unwrap_or(if max < min { min } else { min + (max - min) / 2.0 });
    let clamped = if max < min { min } else { value.max(min).min(max) };
    if number(text) == Some(clamped) { text.to_owned() } else { clamped.to_string() }
}

fn literal(pattern: &str) -> Regex {
    Regex::new(&format!("(?-u){pattern}")).expect("the pattern is a constant, and the tests compile each")
}
