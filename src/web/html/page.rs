//! A page: what is read off it once, and the state of its controls.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use url::Url;

use super::control::{self, Control, ControlKind};
use super::dom::{Dom, NodeId};
use super::name;
use super::parse::Limit;
use super::text;
use crate::web::redirect::Refresh;

/// An element of the page it came from; of no meaning on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ElementId(pub(super) NodeId);

/// A page as a person without script sees it, and what that person has entered so far.
#[derive(Clone)]
pub struct Page {
    pub(super) source: Arc<str>,
    pub(super) url: Url,
    pub(super) base: Url,
    pub(super) dom: Dom,
    pub(super) controls: Vec<Control>,
    by_node: HashMap<NodeId, usize>,
}

/// A form, for people to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Its accessible name, `name` or `id`, whichever is there.
    pub name: Option<String>,
    /// `get`, `post` or `dialog`.
    pub method: &'static str,
    /// Where it goes, if that is a URL.
    pub action: Option<Url>,
    /// What a person can enter: the fields' names.
    pub fields: Vec<String>,
    /// Its buttons' names.
    pub buttons: Vec<String>,
}

/// A link that shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its accessible name.
    pub name: String,
    /// `href` as written.
    pub href: String,
    /// `href` resolved, if that is a URL.
    pub url: Option<Url>,
}

impl Page {
    /// Reads a page. Never fails: what browsers make of broken HTML is defined, and what passes the limits of
    /// [`MAX_BYTES`](super::MAX_BYTES) and its siblings is left out (see [`Page::cut`]).
    #[must_use]
    pub fn parse(html: &str, url: &Url) -> Self {
        let dom = Dom::parse(html);
        let controls = control::read(&dom);
        let by_node = controls.iter().enumerate().map(|(index, control)| (control.node, index)).collect();
        let base = base_url(&dom, url);
        Self { source: html.into(), url: url.clone(), base, dom, controls, by_node }
    }

    /// The page's own URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What relative URLs resolve against: the first usable `<base href>`, else the page's URL (HTML §2.4.3).
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The limit at which reading stopped, if one was passed.
    #[must_use]
    pub fn cut(&self) -> Option<Limit> {
        self.dom.cut
    }

    /// The title, on one line.
    #[must_use]
    pub fn title(&self) -> Option<String> {
        let (title, _) = self.dom.elements().find(|(_, element)| element.is("title"))?;
        Some(text::one_line(&self.dom.text_content(title))).filter(|title| !title.is_empty())
    }

    /// The text that shows, a line for each block.
    #[must_use]
    pub fn text(&self) -> String {
        let Some((body, _)) = self.dom.elements().find(|(_, element)| element.is("body")) else {
            return String::new();
        };
        text::rendered(&self.dom, body)
    }

    /// Where `<meta http-equiv=refresh>` leads; of several the first that can be read counts (HTML §4.2.5.3).
    #[must_use]
    pub fn refresh(&self) -> Option<Refresh> {
        self.dom
            .elements()
            .filter(|(_, element)| element.is("meta") && element.keyword("http-equiv") == "refresh")
            .filter_map(|(_, element)| element.attr("content"))
            .find_map(|content| Refresh::parse(content, &self.url, &self.base))
    }

    /// All forms, in page order.
    #[must_use]
    pub fn forms(&self) -> Vec<Form> {
        self.form_nodes().map(|form| self.describe_form(form)).collect()
    }

    /// The links that show and lead somewhere, in page order.
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        self.dom
            .elements()
            .filter(|(id, element)| element.is("a") && !self.dom.is_hidden(*id))
            .filter_map(|(id, element)| {
                let href = element.attr("href")?.trim().to_owned();
                Some(Link { name: name::accessible_name(&self.dom, id, &[]), url: self.base.join(&href).ok(), href })
            })
            .collect()
    }

    /// The names of the buttons that show, in page order.
    #[must_use]
    pub fn buttons(&self) -> Vec<String> {
        self.names(|control| control.kind.is_button())
    }

    /// The names of the fields that show, in page order; a field without an accessible name by its locator `name=…`.
    #[must_use]
    pub fn fields(&self) -> Vec<String> {
        self.names(|control| !control.kind.is_button())
    }

    fn names(&self, wanted: impl Fn(&Control) -> bool) -> Vec<String> {
        self.controls.iter().filter(|control| wanted(control) && !self.dom.is_hidden(control.node)).map(Control::title).collect()
    }

    /// What a field holds now; `None` for what is no field. A checkbox or radio button holds its value when it is
    /// ticked, a list its selected value.
    #[must_use]
    pub fn value(&self, element: ElementId) -> Option<&str> {
        let control = self.control(element.0)?;
        match control.kind {
            kind if kind.is_button() => None,
            kind if kind.is_tickable() => control.state.checked.then_some(control.state.value.as_str()),
            ControlKind::Select => {
                let selected = control.state.selected.iter().position(|&selected| selected)?;
                control.choices.get(selected).map(|choice| choice.value.as_str())
            }
            _ => Some(&control.state.value),
        }
    }

    /// The text that an element shows.
    #[must_use]
    pub fn text_of(&self, element: ElementId) -> String {
        text::rendered(&self.dom, element.0)
    }

    pub(super) fn form_nodes(&self) -> impl Iterator<Item = NodeId> {
        self.dom.elements().filter(|(_, element)| element.is("form")).map(|(id, _)| id)
    }

    pub(super) fn control(&self, node: NodeId) -> Option<&Control> {
        self.by_node.get(&node).map(|&index| &self.controls[index])
    }

    pub(super) fn control_mut(&mut self, node: NodeId) -> Option<&mut Control> {
        self.by_node.get(&node).map(|&index| &mut self.controls[index])
    }

    /// The controls of a form, in tree order.
    pub(super) fn controls_of(&self, form: NodeId) -> impl Iterator<Item = &Control> {
        self.controls.iter().filter(move |control| control.form == Some(form))
    }

    fn describe_form(&self, form: NodeId) -> Form {
        let element = self.dom.element(form);
        let attr = |name| element.and_then(|element| element.filled(name)).map(str::to_owned);
        let titles = |buttons: bool| {
            self.controls_of(form)
                .filter(|control| control.kind.is_button() == buttons && !self.dom.is_hidden(control.node))
                .map(Control::title)
                .collect()
        };
        Form {
            name: attr("aria-label").or_else(|| attr("name")).or_else(|| attr("id")),
            method: match element.map(|element| element.keyword("method")).as_deref() {
                Some("post") => "post",
                Some("dialog") => "dialog",
                _ => "get",
            },
            action: attr("action").map_or_else(|| Some(self.url.clone()), |action| self.base.join(&action).ok()),
            fields: titles(false),
            buttons: titles(true),
        }
    }
}

/// Without what was entered.
impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("origin", &self.url.origin().ascii_serialization())
            .field("path", &self.url.path())
            .field("controls", &self.controls)
            .finish_non_exhaustive()
    }
}

/// HTML §4.2.3: the first `<base>` with an `href` counts; `data:` and `javascript:` are ignored.
fn base_url(dom: &Dom, url: &Url) -> Url {
    dom.elements()
        .filter(|(_, element)| element.is("base"))
        .find_map(|(_, element)| element.attr("href"))
        .and_then(|href| url.join(href.trim()).ok())
        .filter(|base| !matches!(base.scheme(), "data" | "javascript"))
        .unwrap_or_else(|| url.clone())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::web::html::{Locator, Wanted};

    fn page(html: &str) -> Page {
        Page::parse(html, &Url::parse("https://app.test/dir/login?x=1").unwrap())
    }

    #[test]
    fn a_page_is_read_as_a_person_sees_it() {
        let page = page(
            "<title> Sign\n in </title><base href=/b/><meta http-equiv=Refresh content='3; url=next'>
             <form id=f method=post action=go><input name=a aria-label=A><input type=hidden name=h><button>Go</button></form>
             <noscript><p>Enable JavaScript</p></noscript><a href=rel>Rel</a><a name=x>no</a><a hidden href=/>no</a>",
        );
        assert_eq!(page.title().as_deref(), Some("Sign in"));
        assert_eq!(page.text(), "Go\nEnable JavaScript\nRelno");
        assert_eq!(page.base().as_str(), "https://app.test/b/");
        let refresh = page.refresh().unwrap();
        assert_eq!((refresh.delay, refresh.url.as_str()), (3, "https://app.test/b/next"));
        let form = Form {
            name: Some("f".into()),
            method: "post",
            action: Url::parse("https://app.test/b/go").ok(),
            fields: vec!["A".into()],
            buttons: vec!["Go".into()],
        };
        assert_eq!(page.forms(), [form]);
        assert_eq!(page.links().len(), 1);
        assert_eq!(page.links()[0].url, Url::parse("https://app.test/b/rel").ok());
    }

    #[test]
    fn neither_debug_output_nor_errors_show_what_was_entered() {
        let mut page = page("<form method=post><label>Password <input type=password name=p maxlength=3></label></form>");
        let locator = Locator::parse("Password").unwrap();
        assert!(!page.fill(&locator, "hunter2").unwrap_err().to_string().contains("hunter2"));
        page.fill(&locator, "hnt").unwrap();
        let submission = page.submit(None).unwrap();
        assert_eq!(submission.body, b"p=hnt");
        assert!(!format!("{page:?}{submission:?}").contains("hnt"));
    }

    #[test]
    fn a_refresh_for_readers_without_script_counts() {
        let page = page("<head><noscript><meta http-equiv=refresh content='0;url=/no-script'></noscript></head>");
        assert_eq!(page.refresh().map(|refresh| refresh.url.path().to_owned()).as_deref(), Some("/no-script"));
    }

    #[test]
    fn a_page_may_cross_threads() {
        fn crosses<T: Send + Sync>(_: &T) {}
        crosses(&page(""));
    }

    /// Everything that can be asked of a page.
    fn exercise(html: &str) {
        let mut page = page(html);
        let _ = (page.text(), page.title(), page.refresh(), page.forms(), page.links(), page.auto_submit(), page.submit(None));
        for text in ["a", "text=a", "css=*", "label=a", "testid=a", "name=a"] {
            let locator = Locator::parse(text).unwrap();
            let _ = (page.fill(&locator, "1"), page.choose(&locator, &["1"]), page.check(&locator), page.click(&locator));
            for id in page.find_all(&locator, Wanted::Element) {
                let _ = (page.name(id), page.value(id), page.text_of(id));
                let _ = (page.press_enter_at(id), page.click_at(id), page.fill_at(id, "1"));
            }
        }
    }

    /// Pieces that are likelier to upset a parser than random text is.
    fn soup() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "<form>",
            "</form>",
            "<table>",
            "<tr>",
            "<td>",
            "</table>",
            "<input name=a>",
            "<input type=radio name=a checked>",
            "<select name=a multiple>",
            "<option selected>",
            "<optgroup disabled>",
            "</select>",
            "<label>",
            "<label for=a>",
            "</label>",
            "<fieldset disabled>",
            "<legend>",
            "<button id=a form=a>",
            "</button>",
            "<template>",
            "</template>",
            "<svg>",
            "<title>",
            "<p>",
            "<b>",
            "<i>",
            "</b>",
            "<a href=a>",
            "<textarea name=a>",
            "<script>",
            "</script>",
            "<noscript>",
            "<frameset>",
            "<base href='a:b'>",
            "<meta http-equiv=refresh content='0;a'>",
            "<div aria-labelledby='a a' id=a>",
            "a",
            "\0",
            "é",
            "&#x0;",
            "<input type=number name=a min=1 step=0 value=9e999>",
            "<input type=range name=a min=nan max=-1>",
            "<!--",
            "-->",
            "<math><mi>",
            "<body onload='document.forms[0].submit()'>",
            "<plaintext>",
            "</p>",
            "</body>",
            "<html hidden>",
            "<datalist>",
        ]);
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_page_panic(bytes: Vec<u8>) {
            exercise(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn no_tag_soup_makes_a_page_panic(html in soup()) {
            exercise(&html);
        }
    }
}
