//! Form controls: what kind each is, what it holds, and which form it belongs to (HTML §4.10).

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::dom::{Dom, Element, NodeId};
use super::name;
use super::text::one_line;
use super::value::{form_of, sanitise};

/// Kinds of control, as far as filling and submitting tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are HTML's own")]
pub enum ControlKind {
    Hidden,
    Text,
    Search,
    Telephone,
    Url,
    Email,
    Password,
    Date,
    Month,
    Week,
    Time,
    LocalDateTime,
    Number,
    Range,
    Color,
    Checkbox,
    Radio,
    File,
    Submit,
    Image,
    Reset,
    Button,
    Textarea,
    Select,
}

impl ControlKind {
    fn of(element: &Element) -> Option<Self> {
        Some(match element.name.as_str() {
            "textarea" => Self::Textarea,
            "select" => Self::Select,
            "button" => match element.keyword("type").as_str() {
                "reset" => Self::Reset,
                "button" => Self::Button,
                // HTML §4.10.6: without a type, a button that commands something else does not submit.
                "" if element.has("command") || element.has("commandfor") => Self::Button,
                _ => Self::Submit,
            },
            "input" => match element.keyword("type").as_str() {
                "hidden" => Self::Hidden,
                "search" => Self::Search,
                "tel" => Self::Telephone,
                "url" => Self::Url,
                "email" => Self::Email,
                "password" => Self::Password,
                "date" => Self::Date,
                "month" => Self::Month,
                "week" => Self::Week,
                "time" => Self::Time,
                "datetime-local" => Self::LocalDateTime,
                "number" => Self::Number,
                "range" => Self::Range,
                "color" => Self::Color,
                "checkbox" => Self::Checkbox,
                "radio" => Self::Radio,
                "file" => Self::File,
                "submit" => Self::Submit,
                "image" => Self::Image,
                "reset" => Self::Reset,
                "button" => Self::Button,
                _ => Self::Text,
            },
            _ => return None,
        })
    }

    /// Whether it submits its form.
    #[must_use]
    pub const fn submits(self) -> bool {
        matches!(self, Self::Submit | Self::Image)
    }

    /// Whether it is a button of any sort.
    #[must_use]
    pub const fn is_button(self) -> bool {
        matches!(self, Self::Submit | Self::Image | Self::Reset | Self::Button)
    }

    /// Whether it is ticked rather than filled.
    #[must_use]
    pub const fn is_tickable(self) -> bool {
        matches!(self, Self::Checkbox | Self::Radio)
    }

    /// How a value must look, for messages; of meaning for kinds that demand a form.
    #[must_use]
    pub(crate) const fn form(self) -> &'static str {
        form_of(self)
    }

    /// Single lines of free text.
    pub(super) const fn is_text_line(self) -> bool {
        matches!(self, Self::Text | Self::Search | Self::Telephone | Self::Url | Self::Email | Self::Password)
    }

    /// HTML §4.10.21.2: fields that "block implicit submission".
    pub(super) const fn blocks_implicit_submission(self) -> bool {
        self.is_text_line() || self.is_temporal() || matches!(self, Self::Number)
    }

    pub(super) const fn is_temporal(self) -> bool {
        matches!(self, Self::Date | Self::Month | Self::Week | Self::Time | Self::LocalDateTime)
    }

    /// Kinds to which `readonly` applies (HTML §4.10.5.3.3).
    pub(super) const fn takes_readonly(self) -> bool {
        self.blocks_implicit_submission() || matches!(self, Self::Textarea)
    }

    /// The word for it in messages.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Hidden => "hidden field",
            Self::Checkbox => "checkbox",
            Self::Radio => "radio button",
            Self::File => "file field",
            Self::Submit | Self::Image => "submit button",
            Self::Reset => "reset button",
            Self::Button => "button",
            Self::Select => "list",
            _ => "field",
        }
    }
}

/// One `<option>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) label: String,
    pub(super) value: String,
    pub(super) disabled: bool,
}

/// What a person can change.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct State {
    pub(super) value: String,
    pub(super) checked: bool,
    pub(super) selected: Vec<bool>,
    /// Changed by the person; length limits bind nobody else (HTML §4.10.21.1 "dirty value flag").
    pub(super) edited: bool,
}

#[derive(Clone)]
pub(super) struct Control {
    pub(super) node: NodeId,
    pub(super) kind: ControlKind,
    /// The `name` attribute: what the server knows it by.
    pub(super) name: String,
    pub(super) labels: Vec<NodeId>,
    /// What the person knows it by.
    pub(super) accessible_name: String,
    pub(super) form: Option<NodeId>,
    pub(super) disabled: bool,
    pub(super) in_datalist: bool,
    pub(super) multiple: bool,
    pub(super) choices: Vec<Choice>,
    pub(super) state: State,
    pub(super) initial: State,
}

/// Without the value: it may be a password.
impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("kind", &self.kind).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Control {
    /// What a message calls it, and a locator finds it by: its accessible name, else its form control name.
    pub(super) fn title(&self) -> String {
        if !self.accessible_name.is_empty() {
            self.accessible_name.clone()
        } else if !self.name.is_empty() {
            format!("name={}", self.name)
        } else {
            format!("unnamed {}", self.kind.noun())
        }
    }

    pub(super) fn is_readonly(&self, element: &Element) -> bool {
        self.kind.takes_readonly() && element.has("readonly")
    }

    /// Radio buttons of one group: same form, same name (HTML §4.10.5.1.16). Without a name each is alone.
    pub(super) fn same_group(&self, other: &Self) -> bool {
        let radios = self.kind == ControlKind::Radio && other.kind == ControlKind::Radio;
        radios && self.form == other.form && !self.name.is_empty() && self.name == other.name
    }
}

/// All controls of a page in tree order.
pub(super) fn read(dom: &Dom) -> Vec<Control> {
    let labels = labels(dom);
    let mut controls: Vec<Control> = Vec::new();
    for (node, element) in dom.elements() {
        let Some(kind) = ControlKind::of(element) else { continue };
        let labels = labels.get(&node).cloned().unwrap_or_default();
        let multiple = element.has("multiple");
        let (choices, selected) = if kind == ControlKind::Select { choices(dom, node, multiple) } else { Default::default() };
        let value = match kind {
            ControlKind::Textarea => dom.text_content(node).replace("\r\n", "\n").replace('\r', "\n"),
            ControlKind::Select | ControlKind::File => String::new(),
            _ => sanitise(kind, element, element.attr("value").unwrap_or_default()),
        };
        let checked = kind.is_tickable() && element.has("checked");
        let state = State { value, checked, selected, edited: false };
        let control = Control {
            node,
            kind,
            name: element.attr("name").unwrap_or_default().to_owned(),
            accessible_name: name::accessible_name(dom, node, &labels),
            labels,
            form: form_owner(dom, node, element),
            disabled: is_disabled(dom, node, element),
            in_datalist: dom.ancestors(node).any(|(_, ancestor)| ancestor.is("datalist")),
            multiple,
            choices,
            initial: state.clone(),
            state,
        };
        controls.push(control);
    }
    only_last_radio_stays(&mut controls);
    controls
}

/// Of several checked radio buttons of a group the last one wins.
fn only_last_radio_stays(controls: &mut [Control]) {
    let mut taken: HashSet<(Option<NodeId>, String)> = HashSet::new();
    for control in controls.iter_mut().rev() {
        if control.kind == ControlKind::Radio
            && control.state.checked
            && !control.name.is_empty()
            && !taken.insert((control.form, control.name.clone()))
        {
            control.state.checked = false;
            control.initial.checked = false;
        }
    }
}

/// The form owner (HTML §4.10.17.3 "reset the form owner").
fn form_owner(dom: &Dom, node: NodeId, element: &Element) -> Option<NodeId> {
    if let Some(form) = element.attr("form") {
        return dom.by_id(form).filter(|&id| dom.element(id).is_some_and(|owner| owner.is("form")));
    }
    element.parser_owner.or_else(|| dom.ancestors(node).find(|(_, ancestor)| ancestor.is("form")).map(|(form, _)| form))
}

/// HTML §4.10.18.5 "disabled": by itself or by a fieldset, whose first legend is exempt.
fn is_disabled(dom: &Dom, node: NodeId, element: &Element) -> bool {
    element.has("disabled")
        || dom.ancestors(node).any(|(ancestor, fieldset)| {
            let is_legend = |child: &NodeId| dom.element(*child).is_some_and(|child| child.is("legend"));
            fieldset.is("fieldset")
                && fieldset.has("disabled")
                && !dom.children(ancestor).find(is_legend).is_some_and(|legend| dom.contains(legend, node))
        })
}

/// The labels of each control, by `for` or by wrapping (HTML §4.10.4).
fn labels(dom: &Dom) -> HashMap<NodeId, Vec<NodeId>> {
    let mut labels: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
    for (label, element) in dom.elements().filter(|(_, element)| element.is("label")) {
        if let Some(control) = labelled_by(dom, label, element) {
            labels.entry(control).or_default().push(label);
        }
    }
    labels
}

/// The control that a label labels.
pub(super) fn labelled_by(dom: &Dom, label: NodeId, element: &Element) -> Option<NodeId> {
    let is_labelable = |element: &Element| match element.name.as_str() {
        "input" => element.keyword("type") != "hidden",
        name => matches!(name, "button" | "meter" | "output" | "progress" | "select" | "textarea"),
    };
    match element.attr("for") {
        Some(id) => dom.by_id(id).filter(|&id| dom.element(id).is_some_and(is_labelable)),
        None => dom.elements_within(label).find(|(_, inner)| is_labelable(inner)).map(|(control, _)| control),
    }
}

/// The options of a select and which of them are selected at first (HTML §4.10.7 "selectedness setting algorithm").
fn choices(dom: &Dom, select: NodeId, multiple: bool) -> (Vec<Choice>, Vec<bool>) {
    let mut choices = Vec::new();
    let mut selected: Vec<bool> = Vec::new();
    for (id, element) in dom.elements_within(select).filter(|(_, element)| element.is("option")) {
        let text = one_line(&dom.text_content(id));
        let group_disabled = dom
            .ancestors(id)
            .take_while(|(ancestor, _)| *ancestor != select)
            .any(|(_, ancestor)| ancestor.is("optgroup") && ancestor.has("disabled"));
        choices.push(Choice {
            label: element.filled("label").map_or_else(|| text.clone(), one_line),
            value: element.attr("value").map_or(text, str::to_owned),
            disabled: element.has("disabled") || group_disabled,
        });
        selected.push(element.has("selected"));
    }
    if !multiple {
        let last = selected.iter().rposition(|&selected| selected);
        let size = dom.element(select).and_then(|element| element.filled("size")).and_then(|size| size.parse::<u32>().ok());
        let is_drop_down = size.is_none_or(|size| size <= 1);
        let chosen = last.or_else(|| choices.iter().position(|choice| !choice.disabled).filter(|_| is_drop_down));
        for (index, selected) in selected.iter_mut().enumerate() {
            *selected = Some(index) == chosen;
        }
    }
    (choices, selected)
}
