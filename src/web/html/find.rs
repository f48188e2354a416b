//! From a locator to the one element it names.

use super::control::{Control, labelled_by};
use super::dom::{self, Dom, Element, NodeId};
use super::error::{FindError, Wanted};
use super::locator::{Locator, LocatorKind, best};
use super::name;
use super::page::{ElementId, Page};
use super::text::{Flow, one_line, rendered};

/// Places of a text on a page that are looked at.
const MAX_HITS: usize = 200;

impl Page {
    /// The one element that a locator names, of the wanted sort. Hidden elements are never found.
    ///
    /// # Errors
    /// When nothing fits, with what was there instead, the most alike first; when several fit equally well. Links that
    /// lead to the same place count as one.
    pub fn find(&self, locator: &Locator, wanted: Wanted) -> Result<ElementId, FindError> {
        let found = self.find_all(locator, wanted);
        match found.as_slice() {
            [] => Err(FindError::not_found(locator, wanted, self.candidates(locator.kind(), wanted), self.cut())),
            [only] => Ok(*only),
            [first, ..] if self.same_destination(&found) => Ok(*first),
            several => Err(FindError::Ambiguous {
                locator: locator.clone(),
                wanted,
                candidates: several.iter().map(|id| self.describe(id.0)).collect(),
            }),
        }
    }

    /// All elements that fit a locator equally well, in page order.
    #[must_use]
    pub fn find_all(&self, locator: &Locator, wanted: Wanted) -> Vec<ElementId> {
        let needle = one_line(locator.needle());
        let mut found: Vec<NodeId> = match locator.kind() {
            LocatorKind::Name => best(&self.pool(wanted, |page, id| page.name_of(id)), &needle),
            LocatorKind::Label => best(&self.pool(wanted, Self::label_of), &needle),
            LocatorKind::ControlName => {
                let named = self.controls.iter().filter(|control| control.name == locator.needle());
                named.map(|control| control.node).filter(|&id| self.is_wanted(id, wanted)).collect()
            }
            LocatorKind::TestId => {
                let marked = self.dom.elements().filter(|(_, element)| element.attr("data-testid") == Some(locator.needle()));
                self.resolve(marked.map(|(id, _)| id), wanted)
            }
            // A locator has been through `Locator::parse`, so its selector is good.
            LocatorKind::Css => {
                locator.selector().map(|selector| self.resolve(dom::select(&self.source, &selector), wanted)).unwrap_or_default()
            }
            LocatorKind::Text => best(&self.smallest_with(&needle, wanted), &needle),
        };
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(ElementId).collect()
    }

    /// Whether anything that shows fits a locator, once or several times.
    #[must_use]
    pub fn shows(&self, locator: &Locator) -> bool {
        !self.find_all(locator, Wanted::Element).is_empty()
    }

    /// The accessible name of an element.
    #[must_use]
    pub fn name(&self, element: ElementId) -> String {
        self.name_of(element.0)
    }

    fn name_of(&self, id: NodeId) -> String {
        match self.control(id) {
            Some(control) => control.accessible_name.clone(),
            None => name::accessible_name(&self.dom, id, &[]),
        }
    }

    fn label_of(&self, id: NodeId) -> String {
        let labels = self.control(id).map(|control| control.labels.as_slice()).unwrap_or_default();
        name::label(&self.dom, id, labels)
    }

    /// Everything that a name can mean, with that name.
    fn pool(&self, wanted: Wanted, name: impl Fn(&Self, NodeId) -> String) -> Vec<(NodeId, String)> {
        self.dom
            .elements()
            .filter(|(id, element)| self.is_wanted(*id, wanted) && element.keyword("aria-hidden") != "true")
            .map(|(id, _)| (id, name(self, id)))
            .filter(|(_, name)| !name.is_empty())
            .collect()
    }

    fn is_wanted(&self, id: NodeId, wanted: Wanted) -> bool {
        let Some(element) = self.dom.element(id).filter(|_| !self.dom.is_hidden(id)) else { return false };
        let control = self.control(id);
        match wanted {
            Wanted::Field => control.is_some_and(|control| !control.kind.is_button()),
            Wanted::Pressable => {
                control.is_some_and(|control| control.kind.is_button() || control.kind.is_tickable()) || is_link_or_button(element)
            }
            Wanted::Element => true,
        }
    }

    /// From elements that were pointed at to those that were meant: a label stands for its control, something inside of
    /// a link or button for that link or button.
    fn resolve(&self, pointed_at: impl IntoIterator<Item = NodeId>, wanted: Wanted) -> Vec<NodeId> {
        pointed_at.into_iter().filter_map(|id| self.meant(id, wanted)).collect()
    }

    fn meant(&self, id: NodeId, wanted: Wanted) -> Option<NodeId> {
        if self.is_wanted(id, wanted) {
            return Some(id);
        }
        if self.dom.is_hidden(id) {
            return None;
        }
        let itself = self.dom.element(id).map(|element| (id, element));
        itself.into_iter().chain(self.dom.ancestors(id)).find_map(|(id, element)| {
            let target = if element.is("label") { labelled_by(&self.dom, id, element)? } else { id };
            self.is_wanted(target, wanted).then_some(target)
        })
    }

    /// The smallest elements that show a text, with all their text, and what they stand for.
    fn smallest_with(&self, needle: &str, wanted: Wanted) -> Vec<(NodeId, String)> {
        let value = |id: NodeId| {
            let control = self.control(id).filter(|control| control.kind.is_button())?;
            Some(control.state.value.as_str())
                .filter(|value| !value.is_empty() && self.dom.element(id).is_some_and(|element| element.is("input")))
        };
        let smallest = Flow::new(&self.dom, value).smallest_with(&self.dom, &needle.to_lowercase(), MAX_HITS);
        let text = |id: NodeId| value(id).map_or_else(|| one_line(&rendered(&self.dom, id)), one_line);
        smallest.into_iter().filter_map(|id| Some((self.meant(id, wanted)?, text(id)))).collect()
    }

    fn same_destination(&self, found: &[ElementId]) -> bool {
        let destination = |id: &ElementId| {
            let element = self.dom.element(id.0).filter(|element| element.is("a"))?;
            self.base.join(element.attr("href")?.trim()).ok()
        };
        let first = found.first().and_then(destination);
        first.is_some() && found.iter().all(|id| destination(id) == first)
    }

    /// The names to list when nothing fits, in the words of the locator's kind.
    fn candidates(&self, kind: LocatorKind, wanted: Wanted) -> Vec<String> {
        if kind == LocatorKind::TestId {
            let ids = self.dom.elements().filter(|(id, _)| !self.dom.is_hidden(*id));
            return ids.filter_map(|(_, element)| element.filled("data-testid")).map(|id| format!("testid={id}")).collect();
        }
        let listed = |id: NodeId| match self.control(id) {
            Some(control) if kind == LocatorKind::ControlName && !control.name.is_empty() => Some(format!("name={}", control.name)),
            Some(control) => Some(control.title()),
            None => Some(self.name_of(id)).filter(|name| !name.is_empty()),
        };
        let shown = self.dom.elements().filter(|(id, _)| self.is_wanted(*id, wanted));
        shown.filter_map(|(id, _)| listed(id)).collect()
    }

    /// An element in the words of a message: what it is, its name, and what tells it from others.
    pub(super) fn describe(&self, id: NodeId) -> String {
        let Some(element) = self.dom.element(id) else { return String::new() };
        match self.control(id) {
            Some(control) => format!("{} {}{}", control.kind.noun(), control.title(), distinction(&self.dom, control)),
            None if element.is("a") => {
                format!("link {} to {}", self.name_of(id), element.attr("href").unwrap_or_default().trim())
            }
            None => format!("<{}> {}", element.name, self.name_of(id)).trim_end().to_owned(),
        }
    }
}

/// What tells a control from another of the same name.
fn distinction(dom: &Dom, control: &Control) -> String {
    let id = dom.element(control.node).and_then(|element| element.filled("id"));
    match id {
        Some(id) => format!(" (css=#{id})"),
        None if !control.name.is_empty() && !control.accessible_name.is_empty() => format!(" (name={})", control.name),
        None => String::new(),
    }
}

fn is_link_or_button(element: &Element) -> bool {
    (element.is("a") && element.has("href")) || matches!(element.keyword("role").as_str(), "button" | "link")
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    const LOGIN: &str = r#"<h1>Log in</h1><a href=/>Home</a><a href=/help>Help</a>
        <form><label>Username <input name=uidField data-testid=user></label>
        <label for=p>Password</label><input id=p type=password name=password>
        <input type=hidden name=token value=t><input name=otp>
        <label><input type=checkbox name=keep> Stay signed in</label>
        <button data-testid=go><span>Log in</span></button></form>
        <div style="display:none"><button>Log in</button></div><a href=/help>Help</a>"#;

    fn page() -> Page {
        Page::parse(LOGIN, &Url::parse("https://app.test/").unwrap())
    }

    fn find(text: &str, wanted: Wanted) -> Result<String, String> {
        let page = page();
        let found = page.find(&Locator::parse(text).unwrap(), wanted);
        found.map(|id| page.describe(id.0)).map_err(|error| error.to_string())
    }

    #[test]
    fn every_kind_of_locator_leads_to_its_element() {
        for (locator, wanted, found) in [
            ("Username", Wanted::Field, "field Username (name=uidField)"),
            ("username", Wanted::Field, "field Username (name=uidField)"),
            ("User", Wanted::Field, "field Username (name=uidField)"),
            ("Password", Wanted::Field, "field Password (css=#p)"),
            ("label=Password", Wanted::Field, "field Password (css=#p)"),
            ("name=otp", Wanted::Field, "field name=otp"),
            ("testid=user", Wanted::Field, "field Username (name=uidField)"),
            ("css=form input[type=password]", Wanted::Field, "field Password (css=#p)"),
            ("css=label[for=p]", Wanted::Field, "field Password (css=#p)"),
            ("text=Password", Wanted::Field, "field Password (css=#p)"),
            ("Stay signed in", Wanted::Field, "checkbox Stay signed in (name=keep)"),
            ("text=stay", Wanted::Pressable, "checkbox Stay signed in (name=keep)"),
            ("Log in", Wanted::Pressable, "submit button Log in"),
            ("css=button span", Wanted::Pressable, "submit button Log in"),
            ("text=Log in", Wanted::Pressable, "submit button Log in"),
            ("text=log in", Wanted::Element, ""),
            ("Username", Wanted::Element, "field Username (name=uidField)"),
            ("text=Stay signed", Wanted::Element, "<label>"),
            ("Help", Wanted::Pressable, "link Help to /help"),
        ] {
            match find(locator, wanted) {
                Ok(element) => assert_eq!(element, found, "{locator}"),
                Err(error) => assert!(found.is_empty() && error.contains("matches 2 elements"), "{locator}: {error}"),
            }
        }
    }

    #[test]
    fn what_was_there_is_listed_most_alike_first() {
        assert_eq!(
            find("Passwort", Wanted::Field).unwrap_err(),
            "no field matches `Passwort`; did you mean `Password`? \
             fields on the page: `Password`, `Username`, `name=otp`, `Stay signed in`"
        );
        assert_eq!(
            find("testid=gone", Wanted::Pressable).unwrap_err(),
            "no link or button matches `testid=gone`; did you mean `testid=go`? \
             links and buttons on the page: `testid=go`, `testid=user`"
        );
        assert!(find("name=token", Wanted::Field).is_err(), "a hidden field is not there for a person");
        let empty = Page::parse("", &Url::parse("https://app.test/").unwrap());
        let error = empty.find(&Locator::parse("X").unwrap(), Wanted::Field).unwrap_err();
        assert_eq!(error.to_string(), "no field matches `X`; the page has no fields");
    }

    #[test]
    fn text_is_found_across_inline_elements_and_not_across_blocks() {
        let html = "<div id=a><p id=b>Wel<b>come</b>, <i id=c>Jarvis</i></p><p>Bye</p></div><input id=d type=submit value='Go on'><p hidden>Gone</p>";
        let page = Page::parse(html, &Url::parse("https://app.test/").unwrap());
        let id_of = |text: &str| {
            let found = page.find(&Locator::parse(text).unwrap(), Wanted::Element).ok()?;
            page.dom.element(found.0)?.attr("id").map(str::to_owned)
        };
        assert_eq!(id_of("text=welcome, j").as_deref(), Some("b"));
        assert_eq!(id_of("text=Jarvis").as_deref(), Some("c"));
        assert_eq!(id_of("text=Jarvis Bye").as_deref(), Some("a"));
        assert_eq!(id_of("text=go on").as_deref(), Some("d"));
        assert!(!page.shows(&Locator::parse("text=JarvisBye").unwrap()));
        assert!(!page.shows(&Locator::parse("text=Gone").unwrap()));
        assert!(page.shows(&Locator::parse("text=bye").unwrap()));
    }

    #[test]
    fn several_that_fit_are_told_apart() {
        let html = "<button id=a>Go</button><button>Go</button><a href=/x>Go</a>";
        let page = Page::parse(html, &Url::parse("https://app.test/").unwrap());
        let error = page.find(&Locator::parse("Go").unwrap(), Wanted::Pressable).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`Go` matches 3 elements: `submit button Go (css=#a)`, `submit button Go`, `link Go to /x`; \
             write the whole name, or use `css=`, `name=` or `testid=`"
        );
    }
}
