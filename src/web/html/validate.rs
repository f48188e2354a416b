//! Constraint validation: why a browser would not submit a form (HTML §4.10.20, §4.10.21.1).

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};
use url::Url;

use super::control::{Control, ControlKind};
use super::dom::{Element, NodeId};
use super::error::Violation;
use super::page::Page;
use super::value::number;

/// Compiled size that a page's `pattern` may have.
const MAX_PATTERN: usize = 1 << 20;

impl Page {
    /// What keeps a form from being submitted, in page order.
    pub(super) fn violations(&self, form: NodeId) -> Vec<Violation> {
        let mut groups_reported: Vec<&str> = Vec::new();
        let mut found = Vec::new();
        for control in self.controls_of(form) {
            let Some(element) = self.dom.element(control.node) else { continue };
            // HTML §4.10.20.1 "barred from constraint validation".
            let barred = control.disabled
                || control.in_datalist
                || control.is_readonly(element)
                || control.kind == ControlKind::Hidden
                || control.kind.is_button();
            if barred || (control.kind == ControlKind::Radio && groups_reported.contains(&control.name.as_str())) {
                continue;
            }
            let Some(reason) = self.missing(control, element).or_else(|| mismatch(control, element)) else { continue };
            if control.kind == ControlKind::Radio && !control.name.is_empty() {
                groups_reported.push(&control.name);
            }
            found.push(Violation { field: control.title(), reason });
        }
        found
    }

    /// `valueMissing`.
    fn missing(&self, control: &Control, element: &Element) -> Option<String> {
        let reason = match control.kind {
            // One `required` in a group binds the whole group, and any ticked button of it will do.
            ControlKind::Radio => {
                let group = || self.controls.iter().filter(|other| other.node == control.node || control.same_group(other));
                let required = group().any(|radio| self.dom.element(radio.node).is_some_and(|element| element.has("required")));
                (required && !group().any(|radio| radio.state.checked)).then_some("needs one of its group to be ticked")
            }
            _ if !element.has("required") => None,
            ControlKind::Checkbox => (!control.state.checked).then_some("must be ticked"),
            ControlKind::Select => select_is_empty(control, element).then_some("needs an option to be selected"),
            ControlKind::File => Some("needs a file"),
            ControlKind::Range | ControlKind::Color => None,
            _ => control.state.value.is_empty().then_some("must be filled in"),
        };
        reason.map(str::to_owned)
    }
}

/// HTML §4.10.7: nothing selected but, at most, the placeholder label option.
fn select_is_empty(control: &Control, element: &Element) -> bool {
    let single = !control.multiple && element.filled("size").is_none_or(|size| size == "1");
    !control.choices.iter().zip(&control.state.selected).enumerate().any(|(index, (choice, selected))| {
        let is_placeholder = single && index == 0 && choice.value.is_empty();
        *selected && !choice.disabled && !is_placeholder
    })
}

/// Everything that is wrong with a value that is there.
fn mismatch(control: &Control, element: &Element) -> Option<String> {
    let value = control.state.value.as_str();
    if value.is_empty() || matches!(control.kind, ControlKind::Select | ControlKind::Checkbox | ControlKind::Radio | ControlKind::File) {
        return None;
    }
    by_type(control.kind, element, value)
        .or_else(|| by_pattern(control.kind, element, value))
        .or_else(|| by_length(control, element, value))
        .or_else(|| by_bounds(control.kind, element, value))
}

fn by_type(kind: ControlKind, element: &Element, value: &str) -> Option<String> {
    let fits = match kind {
        ControlKind::Email if element.has("multiple") => value.split(',').all(is_email),
        ControlKind::Email => is_email(value),
        ControlKind::Url => Url::parse(value).is_ok(),
        _ => true,
    };
    let what = if kind == ControlKind::Email { "an e-mail address" } else { "an absolute URL" };
    (!fits).then(|| format!("must be {what}"))
}

/// "A willful violation of RFC 5322": HTML §4.10.5.1.5 gives this very grammar.
fn is_email(text: &str) -> bool {
    static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
        let label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
        Regex::new(&format!(r"^[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{label}(?:\.{label})*$"))
            .expect("the pattern is a constant, and a test uses it")
    });
    EMAIL.is_match(text)
}

/// `pattern`. A page writes it in JavaScript's dialect; what Rust's does not know (look-around, back-references) is left
/// to the server, as a browser leaves a pattern that does not compile.
fn by_pattern(kind: ControlKind, element: &Element, value: &str) -> Option<String> {
    let pattern = element.attr("pattern").filter(|_| kind.is_text_line())?;
    let whole = RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(MAX_PATTERN).build().ok()?;
    if whole.is_match(value) {
        return None;
    }
    let hint = element.filled("title").map(|title| format!(": {title}")).unwrap_or_default();
    Some(format!("must match the pattern `{pattern}`{hint}"))
}

/// `tooLong` and `tooShort` bind what a person typed, not what the page brought along.
fn by_length(control: &Control, element: &Element, value: &str) -> Option<String> {
    let takes_length = control.kind.is_text_line() || control.kind == ControlKind::Textarea;
    if !control.state.edited || !takes_length {
        return None;
    }
    let limit = |name| element.filled(name).and_then(|text| text.parse::<usize>().ok());
    let length = utf16_len(value);
    if let Some(min) = limit("minlength").filter(|&min| length < min) {
        return Some(format!("must have at least {min} characters, and has {length}"));
    }
    let max = limit("maxlength").filter(|&max| length > max)?;
    Some(format!("must have at most {max} characters, and has {length}"))
}

/// `rangeUnderflow`, `rangeOverflow` and `stepMismatch` of numbers.
fn by_bounds(kind: ControlKind, element: &Element, value: &str) -> Option<String> {
    if kind != ControlKind::Number {
        return None;
    }
    let value = number(value)?;
    let bound = |name| element.attr(name).and_then(number);
    let (min, max) = (bound("min"), bound("max"));
    if let Some(min) = min.filter(|&min| value < min) {
        return Some(format!("must be at least {min}"));
    }
    if let Some(max) = max.filter(|&max| value > max) {
        return Some(format!("must be at most {max}"));
    }
    if element.keyword("step") == "any" {
        return None;
    }
    let step = bound("step").filter(|&step| step > 0.0).unwrap_or(1.0);
    let base = min.or_else(|| bound("value")).unwrap_or(0.0);
    let steps = (value - base) / step;
    ((steps - steps.round()).abs() > 1e-6).then(|| format!("must be {base} plus a multiple of {step}"))
}

/// The length by which HTML counts: UTF-16 code units.
pub(super) fn utf16_len(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::html::{Locator, PageError};

    /// What a browser would say to a control named `A`, after `fill` if given.
    fn verdict(control: &str, fill: Option<&str>) -> String {
        let html = format!("<form><label>A {control}</label><button>Go</button></form>");
        let mut page = Page::parse(&html, &Url::parse("https://app.test/").unwrap());
        if let Some(value) = fill {
            page.fill(&Locator::parse("A").unwrap(), value).unwrap();
        }
        match page.click(&Locator::parse("Go").unwrap()) {
            Ok(_) => String::new(),
            Err(PageError::Blocked(violations)) => violations[0].reason.clone(),
            Err(other) => panic!("{control}: {other}"),
        }
    }

    #[test]
    fn constraints_block_as_in_a_browser() {
        for (control, fill, expected) in [
            ("<input required>", None, "must be filled in"),
            ("<input required>", Some("x"), ""),
            ("<input required readonly>", None, ""),
            ("<input required disabled>", None, ""),
            ("<textarea required></textarea>", None, "must be filled in"),
            ("<input type=checkbox required>", None, "must be ticked"),
            ("<input type=radio name=r required>", None, "needs one of its group to be ticked"),
            ("<input type=radio name=r required><input type=radio name=r checked>", None, ""),
            ("<select required><option value=''>Choose<option>x</select>", None, "needs an option to be selected"),
            ("<select required><option>x</select>", None, ""),
            ("<input type=file required>", None, "needs a file"),
            ("<input type=email>", Some("jarvis"), "must be an e-mail address"),
            ("<input type=email>", Some("jarvis@mosaic.test"), ""),
            ("<input type=email multiple>", Some("a@b.c, d@e.f"), ""),
            ("<input type=url>", Some("mosaic.test"), "must be an absolute URL"),
            ("<input pattern='[0-9]{6}' title='six figures'>", Some("12345"), "must match the pattern `[0-9]{6}`: six figures"),
            ("<input pattern='[0-9]{6}'>", Some("123456"), ""),
            ("<input pattern='(?=.*[0-9]).{8,}'>", Some("x"), ""),
            ("<input minlength=8>", Some("short"), "must have at least 8 characters, and has 5"),
            ("<input minlength=8 value=short>", None, ""),
            ("<input maxlength=2 value=long>", None, ""),
            ("<input type=number min=1 max=9>", Some("0"), "must be at least 1"),
            ("<input type=number max=9>", Some("10"), "must be at most 9"),
            ("<input type=number>", Some("1.5"), "must be 0 plus a multiple of 1"),
            ("<input type=number step=0.1>", Some("1.5"), ""),
            ("<input type=number step=any>", Some("1.55"), ""),
        ] {
            assert_eq!(verdict(control, fill), expected, "{control} {fill:?}");
        }
    }

    #[test]
    fn a_radio_group_is_reported_once() {
        let html = "<form><input type=radio name=r required><input type=radio name=r required><button>Go</button></form>";
        let mut page = Page::parse(html, &Url::parse("https://app.test/").unwrap());
        let Err(PageError::Blocked(violations)) = page.click(&Locator::parse("Go").unwrap()) else { panic!("not blocked") };
        assert_eq!(violations.len(), 1);
    }
}
