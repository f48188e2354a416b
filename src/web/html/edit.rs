//! What a person enters: text, a choice, a tick. Each does what the browser would let a person do, and no more.

use super::control::{Control, ControlKind};
use super::dom::NodeId;
use super::error::{PageError, Wanted};
use super::locator::Locator;
use super::page::{ElementId, Page};
use super::text::one_line;
use super::validate::utf16_len;
use super::value::{form_of, is_well_formed, sanitise};

impl Page {
    /// Types a value into a field, in place of what it held; a checkbox takes `true` or `false`.
    ///
    /// # Errors
    /// When the field is not found, not for typing, disabled or read-only, or does not take such a value.
    pub fn fill(&mut self, locator: &Locator, value: &str) -> Result<ElementId, PageError> {
        let id = self.find(locator, Wanted::Field)?;
        self.fill_at(id, value)?;
        Ok(id)
    }

    /// [`Page::fill`] for an element found before.
    ///
    /// # Errors
    /// As [`Page::fill`].
    pub fn fill_at(&mut self, id: ElementId, value: &str) -> Result<(), PageError> {
        let control = self.editable(id)?;
        let element = self.dom.element(control.node).ok_or_else(|| not_a_field(control.title()))?;
        let wrong_kind = |hint| PageError::WrongKind { control: control.title(), is: control.kind.noun(), hint };
        match control.kind {
            ControlKind::File if value.is_empty() => return Ok(()),
            ControlKind::File => return Err(PageError::FileUpload { control: control.title() }),
            ControlKind::Select => return Err(wrong_kind("so select one of its options instead of filling it")),
            kind if kind.is_tickable() => match value {
                "true" => return self.set_checked(id, true),
                "false" => return self.set_checked(id, false),
                _ => return Err(wrong_kind("so fill it with `true` or `false`, or click it")),
            },
            ControlKind::Hidden => return Err(wrong_kind("which nobody can fill on a page")),
            kind if kind.is_button() => return Err(wrong_kind("so click it instead of filling it")),
            _ => {}
        }
        let bad = |reason: String| PageError::BadValue { control: control.title(), reason };
        if !value.is_empty() && !is_well_formed(control.kind, value) {
            return Err(bad(format!("it takes {}", form_of(control.kind))));
        }
        let value = match control.kind {
            ControlKind::Textarea => value.replace("\r\n", "\n").replace('\r', "\n"),
            kind => sanitise(kind, element, value),
        };
        // A keyboard cannot pass `maxlength`; a value cut short would fail somewhere else, later and in silence.
        let limit = element.filled("maxlength").and_then(|limit| limit.parse::<usize>().ok());
        if let Some(limit) = limit.filter(|_| control.kind.is_text_line() || control.kind == ControlKind::Textarea)
            && utf16_len(&value) > limit
        {
            return Err(bad(format!("it has {} characters, and the field takes {limit} (`maxlength`)", utf16_len(&value))));
        }
        self.change(id, |control| {
            control.state.value = value;
            control.state.edited = true;
        });
        Ok(())
    }

    /// Chooses from a list, or a radio button out of a group, by label or by value. With several wanted options the
    /// list must allow several; the choice replaces what was selected.
    ///
    /// # Errors
    /// When the list is not found, disabled, or has no such option.
    pub fn choose(&mut self, locator: &Locator, wanted: &[&str]) -> Result<ElementId, PageError> {
        let all = self.find_all(locator, Wanted::Field);
        if let (Some(radio), [one]) = (self.radio_group(&all), wanted) {
            return self.choose_radio(&radio, one);
        }
        let id = self.find(locator, Wanted::Field)?;
        let control = self.editable(id)?;
        if control.kind != ControlKind::Select {
            let hint = if control.kind.is_tickable() { "so click it" } else { "so fill it" };
            return Err(PageError::WrongKind { control: control.title(), is: control.kind.noun(), hint });
        }
        if wanted.len() > 1 && !control.multiple {
            let hint = "which takes one option at a time";
            return Err(PageError::WrongKind { control: control.title(), is: control.kind.noun(), hint });
        }
        let mut selected = vec![false; control.choices.len()];
        for &wanted in wanted {
            selected[self.option(control, wanted)?] = true;
        }
        self.change(id, |control| {
            control.state.selected = selected;
            control.state.edited = true;
        });
        Ok(id)
    }

    /// Ticks a checkbox or radio button, whatever it was before.
    ///
    /// # Errors
    /// When it is not found, no checkbox or radio button, or disabled.
    pub fn check(&mut self, locator: &Locator) -> Result<ElementId, PageError> {
        let id = self.find(locator, Wanted::Field)?;
        self.set_checked(id, true)?;
        Ok(id)
    }

    /// Clears a checkbox. A radio button is cleared only by ticking another.
    ///
    /// # Errors
    /// When it is not found, no checkbox, or disabled.
    pub fn uncheck(&mut self, locator: &Locator) -> Result<ElementId, PageError> {
        let id = self.find(locator, Wanted::Field)?;
        self.set_checked(id, false)?;
        Ok(id)
    }

    pub(super) fn set_checked(&mut self, id: ElementId, checked: bool) -> Result<(), PageError> {
        let control = self.editable(id)?;
        match control.kind {
            ControlKind::Checkbox => self.change(id, |control| control.state.checked = checked),
            ControlKind::Radio if checked => self.tick_radio(id.0),
            kind => {
                let hint = match kind {
                    ControlKind::Radio => "so tick another of its group instead of clearing it",
                    ControlKind::Select => "so select one of its options",
                    _ => "so there is nothing to tick",
                };
                return Err(PageError::WrongKind { control: control.title(), is: kind.noun(), hint });
            }
        }
        Ok(())
    }

    /// Puts every control of a form back to what the page came with (HTML §4.10.22).
    pub(super) fn reset(&mut self, form: NodeId) {
        for control in self.controls.iter_mut().filter(|control| control.form == Some(form)) {
            control.state = control.initial.clone();
        }
    }

    /// The control, if a person can change it.
    fn editable(&self, id: ElementId) -> Result<&Control, PageError> {
        let control = self.control(id.0).ok_or_else(|| not_a_field(self.describe(id.0)))?;
        if control.disabled {
            return Err(PageError::Disabled { control: control.title() });
        }
        if self.dom.element(id.0).is_some_and(|element| control.is_readonly(element)) {
            return Err(PageError::ReadOnly { control: control.title() });
        }
        Ok(control)
    }

    fn change(&mut self, id: ElementId, change: impl FnOnce(&mut Control)) {
        if let Some(control) = self.control_mut(id.0) {
            change(control);
        }
    }

    fn tick_radio(&mut self, node: NodeId) {
        let Some(ticked) = self.control(node).cloned() else { return };
        for control in &mut self.controls {
            if control.node == node {
                control.state.checked = true;
            } else if ticked.same_group(control) {
                control.state.checked = false;
            }
        }
    }

    /// The radio buttons found, if they are all of one group and more than one.
    fn radio_group(&self, found: &[ElementId]) -> Option<Vec<Control>> {
        let controls: Vec<_> = found.iter().filter_map(|id| self.control(id.0)).cloned().collect();
        let (first, rest) = controls.split_first()?;
        (!rest.is_empty() && rest.iter().all(|other| first.same_group(other))).then_some(controls)
    }

    fn choose_radio(&mut self, group: &[Control], wanted: &str) -> Result<ElementId, PageError> {
        let fits = |control: &&Control| control.accessible_name.eq_ignore_ascii_case(wanted) || control.state.value == wanted;
        let Some(radio) = group.iter().find(fits) else {
            let options = group.iter().map(|control| control.accessible_name.clone()).collect();
            let control = group.first().map(|first| first.name.clone()).unwrap_or_default();
            return Err(PageError::NoOption { control, wanted: wanted.to_owned(), options });
        };
        let id = ElementId(radio.node);
        self.set_checked(id, true)?;
        Ok(id)
    }

    /// The place of an option: by label, else by value, else by label in another case.
    fn option(&self, control: &Control, wanted: &str) -> Result<usize, PageError> {
        let label = one_line(wanted);
        let by =
            |fits: &dyn Fn(&super::control::Choice) -> bool| control.choices.iter().position(|choice| !choice.disabled && fits(choice));
        by(&|choice| choice.label == label)
            .or_else(|| by(&|choice| choice.value == wanted))
            .or_else(|| by(&|choice| choice.label.to_lowercase() == label.to_lowercase()))
            .ok_or_else(|| {
                let mut options: Vec<_> =
                    control.choices.iter().filter(|choice| !choice.disabled).map(|choice| choice.label.clone()).collect();
                let likeness = |option: &String| strsim::jaro_winkler(&option.to_lowercase(), &label.to_lowercase());
                options.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
                PageError::NoOption { control: control.title(), wanted: wanted.to_owned(), options }
            })
    }
}

fn not_a_field(control: String) -> PageError {
    PageError::WrongKind { control, is: "part of the page", hint: "not a field" }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    const FORM: &str = r#"<form method=post>
        <label>User <input name=user></label>
        <label>Note <textarea name=note></textarea></label>
        <label>Off <input name=off disabled></label>
        <label>Fixed <input name=fixed readonly value=1></label>
        <label>Short <input name=short maxlength=4></label>
        <label>Age <input name=age type=number></label>
        <label>Born <input name=born type=date></label>
        <label>Photo <input name=photo type=file></label>
        <label>Country <select name=country><option value=nl>Netherlands<option value=be>Belgium<option disabled>Atlantis</select></label>
        <label>Days <select name=days multiple><option selected>Mon<option>Tue<option>Wed</select></label>
        <label><input type=checkbox name=keep value=1> Keep</label>
        <label><input type=radio name=plan value=free checked> Free</label>
        <label><input type=radio name=plan value=pro> Professional</label>
        <button>Go</button></form>"#;

    fn page() -> Page {
        Page::parse(FORM, &Url::parse("https://app.test/").unwrap())
    }

    fn at(text: &str) -> Locator {
        Locator::parse(text).unwrap()
    }

    fn sent(page: &Page) -> String {
        String::from_utf8(page.submit(None).unwrap().body).unwrap()
    }

    #[test]
    fn what_is_entered_is_sent() {
        let mut page = page();
        page.fill(&at("User"), "jar\nvis").unwrap();
        page.fill(&at("Note"), "a\r\nb").unwrap();
        page.fill(&at("Short"), "🦀🦀").unwrap();
        page.fill(&at("Born"), "1990-01-31").unwrap();
        page.fill(&at("Photo"), "").unwrap();
        page.choose(&at("Country"), &["belgium"]).unwrap();
        page.choose(&at("Days"), &["Tue", "Wed"]).unwrap();
        page.fill(&at("Keep"), "true").unwrap();
        page.choose(&at("name=plan"), &["pro"]).unwrap();
        assert_eq!(
            sent(&page),
            "user=jarvis&note=a%0D%0Ab&fixed=1&short=%F0%9F%A6%80%F0%9F%A6%80&age=&born=1990-01-31&photo=\
             &country=be&days=Tue&days=Wed&keep=1&plan=pro"
        );
        page.uncheck(&at("Keep")).unwrap();
        page.check(&at("Free")).unwrap();
        assert!(sent(&page).ends_with("&plan=free"));
    }

    #[test]
    fn what_a_person_cannot_do_is_refused_with_the_reason() {
        let mut page = page();
        for (field, value, expected) in [
            ("Off", "x", "`Off` is disabled"),
            ("Fixed", "x", "`Fixed` is read-only"),
            ("Short", "12345", "`Short` does not take that value: it has 5 characters, and the field takes 4 (`maxlength`)"),
            ("Age", "old", "`Age` does not take that value: it takes a number such as `4` or `-1.5`"),
            ("Born", "31.1.1990", "`Born` does not take that value: it takes a date such as `2026-01-31`"),
            ("Country", "Belgium", "`Country` is a list, so select one of its options instead of filling it"),
            ("Keep", "1", "`Keep` is a checkbox, so fill it with `true` or `false`, or click it"),
        ] {
            assert_eq!(page.fill(&at(field), value).unwrap_err().to_string(), expected);
        }
        assert!(matches!(page.fill(&at("Photo"), "a.png"), Err(PageError::FileUpload { .. })));
        assert_eq!(
            page.choose(&at("Country"), &["Belgum"]).unwrap_err().to_string(),
            "`Country` has no option `Belgum`; its options: `Belgium`, `Netherlands`"
        );
        assert!(page.choose(&at("Country"), &["Atlantis"]).is_err());
        assert!(page.choose(&at("Country"), &["Belgium", "Netherlands"]).is_err());
        assert!(page.choose(&at("User"), &["x"]).is_err());
        assert!(page.uncheck(&at("Free")).is_err());
        assert!(page.check(&at("User")).is_err());
    }
}
