//! What a click and the Enter key do on a page without script.

use url::Url;

use super::control::{ControlKind, labelled_by};
use super::dom::{Element, NodeId};
use super::error::{PageError, Wanted};
use super::locator::Locator;
use super::page::{ElementId, Page};
use super::submit::Submission;

/// What a click leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Click {
    /// Another page is to be opened. Which window (`target`) is not looked at.
    Navigate {
        /// Where to.
        url: Url,
        /// Only the fragment differs, so nothing is requested.
        same_document: bool,
    },
    /// A link with `download`: a request is made, but the page stays.
    Download {
        /// What is requested.
        url: Url,
    },
    /// A link out of the browser: `mailto:`, `tel:`, an app's own scheme.
    CustomScheme {
        /// The link as resolved.
        raw: String,
        /// Its scheme.
        scheme: String,
    },
    /// A form is sent.
    Submit(Submission),
    /// Only the page changed: a box was ticked, a form reset.
    Changed,
}

impl Page {
    /// Clicks a link, a button, a checkbox, or the label of one.
    ///
    /// # Errors
    /// When it is not found, is disabled, would only do something by script, or a browser would hold the form back.
    pub fn click(&mut self, locator: &Locator) -> Result<Click, PageError> {
        let id = self.find(locator, Wanted::Pressable)?;
        self.click_at(id)
    }

    /// [`Page::click`] for an element found before.
    ///
    /// # Errors
    /// As [`Page::click`].
    pub fn click_at(&mut self, id: ElementId) -> Result<Click, PageError> {
        let Some(element) = self.dom.element(id.0) else {
            return Err(PageError::NoEffect { what: "text".to_owned() });
        };
        if element.is("label")
            && let Some(control) = labelled_by(&self.dom, id.0, element)
        {
            return self.click_at(ElementId(control));
        }
        let Some(control) = self.control(id.0) else {
            return if element.is("a") && element.has("href") {
                self.follow_link(id.0, element)
            } else {
                Err(PageError::NoEffect { what: self.describe(id.0) })
            };
        };
        if control.disabled {
            return Err(PageError::Disabled { control: control.title() });
        }
        let (form, title) = (control.form, control.title());
        match control.kind {
            ControlKind::Submit | ControlKind::Image => {
                let form = form.ok_or(PageError::NoForm { control: title })?;
                self.submission(form, Some(id.0), true).map(Click::Submit)
            }
            ControlKind::Reset => {
                self.reset(form.ok_or(PageError::NoForm { control: title })?);
                Ok(Click::Changed)
            }
            ControlKind::Checkbox => {
                let checked = control.state.checked;
                self.set_checked(id, !checked)?;
                Ok(Click::Changed)
            }
            ControlKind::Radio => {
                self.set_checked(id, true)?;
                Ok(Click::Changed)
            }
            ControlKind::Button => Err(PageError::NoEffect { what: format!("button `{title}` has `type=button` and") }),
            // A click sets the focus, nothing else.
            _ => Ok(Click::Changed),
        }
    }

    /// Presses Enter in a field: implicit submission (HTML §4.10.21.2).
    ///
    /// # Errors
    /// When the field is not found or in no form, the form's first submit button is disabled, or there is none and
    /// several fields.
    pub fn press_enter(&mut self, locator: &Locator) -> Result<Click, PageError> {
        let field = self.find(locator, Wanted::Field);
        let id = field.or_else(|error| self.find(locator, Wanted::Pressable).map_err(|_| error))?;
        self.press_enter_at(id)
    }

    /// [`Page::press_enter`] for an element found before; on a button or link it is a click.
    ///
    /// # Errors
    /// As [`Page::press_enter`].
    pub fn press_enter_at(&mut self, id: ElementId) -> Result<Click, PageError> {
        let Some(control) = self.control(id.0).filter(|control| !control.kind.is_button()) else {
            return self.click_at(id);
        };
        if control.kind == ControlKind::Textarea {
            let what = "Enter in a `<textarea>` begins a new line; it".to_owned();
            return Err(PageError::NoEffect { what });
        }
        let form = control.form.ok_or_else(|| PageError::NoForm { control: control.title() })?;
        self.implicit(form, &control.title()).map(Click::Submit)
    }

    /// Submits the form that an element belongs to (or is) as Enter would, or by the one form of the page when no
    /// element is given.
    ///
    /// # Errors
    /// As [`Page::press_enter`]; also when the page has no form, or several.
    pub fn submit(&self, element: Option<ElementId>) -> Result<Submission, PageError> {
        let form = match element {
            Some(id) if self.dom.element(id.0).is_some_and(|element| element.is("form")) => Some(id.0),
            Some(id) => self.control(id.0).and_then(|control| control.form),
            None => {
                let mut forms = self.form_nodes();
                forms.next().filter(|_| forms.next().is_none())
            }
        };
        let what = || element.map_or_else(|| "the page".to_owned(), |id| self.describe(id.0));
        self.implicit(form.ok_or_else(|| PageError::NoForm { control: what() })?, &what())
    }

    fn implicit(&self, form: NodeId, field: &str) -> Result<Submission, PageError> {
        if let Some(default) = self.controls_of(form).find(|control| control.kind.submits()) {
            return if default.disabled {
                Err(PageError::Disabled { control: default.title() })
            } else {
                self.submission(form, Some(default.node), true)
            };
        }
        let blocking = self.controls_of(form).filter(|control| control.kind.blocks_implicit_submission()).count();
        if blocking > 1 {
            return Err(PageError::NoImplicitSubmission { control: field.to_owned() });
        }
        self.submission(form, None, true)
    }

    /// HTML §4.6.5 "follow the hyperlink".
    fn follow_link(&self, id: NodeId, element: &Element) -> Result<Click, PageError> {
        let href = element.attr("href").unwrap_or_default().trim();
        let what = || format!("link `{}`", self.name(ElementId(id)));
        let url = match self.base.join(href) {
            Ok(url) => url,
            Err(cause) => {
                return Err(PageError::BadTarget { what: what(), url: href.to_owned(), reason: format!("which is no URL: {cause}") });
            }
        };
        match url.scheme() {
            "javascript" => return Err(PageError::NoEffect { what: format!("{} runs `javascript:` and", what()) }),
            "data" | "file" | "blob" | "filesystem" | "view-source" => {
                let reason = format!("and no browser opens a `{}:` URL from a web page", url.scheme());
                return Err(PageError::BadTarget { what: what(), url: href.to_owned(), reason });
            }
            "http" | "https" => {}
            scheme => return Ok(Click::CustomScheme { scheme: scheme.to_owned(), raw: url.into() }),
        }
        if element.has("download") {
            return Ok(Click::Download { url });
        }
        let same_document = url.fragment().is_some() && without_fragment(&url) == without_fragment(&self.url);
        if same_document && element.has("onclick") {
            return Err(PageError::NoEffect { what: format!("{} only has an `onclick` and", what()) });
        }
        Ok(Click::Navigate { url, same_document })
    }
}

fn without_fragment(url: &Url) -> &str {
    url.as_str().split('#').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(html: &str) -> Page {
        Page::parse(html, &Url::parse("https://app.test/dir/login?x=1").unwrap())
    }

    fn at(text: &str) -> Locator {
        Locator::parse(text).unwrap()
    }

    #[test]
    fn links_lead_where_they_say() {
        let click = |attributes: &str| page(&format!("<a {attributes}>Go</a>")).click(&at("Go"));
        let url = |text| Url::parse(text).unwrap();
        let navigate = |text, same_document| Ok(Click::Navigate { url: url(text), same_document });
        for (attributes, expected) in [
            ("href=next target=_blank", navigate("https://app.test/dir/next", false)),
            ("href=' //idp.test/a '", navigate("https://idp.test/a", false)),
            ("href=''", navigate("https://app.test/dir/login?x=1", false)),
            ("href=#top", navigate("https://app.test/dir/login?x=1#top", true)),
            ("href=/f.pdf download", Ok(Click::Download { url: url("https://app.test/f.pdf") })),
            ("href=mailto:a@b.c", Ok(Click::CustomScheme { raw: "mailto:a@b.c".into(), scheme: "mailto".into() })),
            (
                "href='alga://auth/callback?ott=1'",
                Ok(Click::CustomScheme { raw: "alga://auth/callback?ott=1".into(), scheme: "alga".into() }),
            ),
        ] {
            assert_eq!(click(attributes), expected, "{attributes}");
        }
        for (attributes, expected) in [
            ("href='javascript:go()'", "link `Go` runs `javascript:` and has no effect without script; use the browser engine"),
            ("href=# onclick=go()", "link `Go` only has an `onclick` and has no effect without script; use the browser engine"),
            ("href=data:text/html,x", "link `Go` leads to `data:text/html,x`, and no browser opens a `data:` URL from a web page"),
            ("href=http://", "link `Go` leads to `http://`, which is no URL: empty host"),
        ] {
            assert_eq!(click(attributes).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn buttons_do_what_they_can_without_script() {
        let error = |html: &str| page(html).click(&at("Go")).unwrap_err().to_string();
        assert_eq!(
            error("<form><button type=button>Go</button></form>"),
            "button `Go` has `type=button` and has no effect without script; use the browser engine"
        );
        assert_eq!(error("<div role=button>Go</div>"), "<div> Go has no effect without script; use the browser engine");
        assert_eq!(error("<form><button disabled>Go</button></form>"), "`Go` is disabled");
        assert_eq!(error("<button>Go</button>"), "`Go` belongs to no form, so there is nothing to submit");
    }

    #[test]
    fn boxes_toggle_and_reset_undoes() {
        let mut page =
            page("<form><label><input type=checkbox name=k> Keep</label><input aria-label=A name=a value=1><input type=reset></form>");
        let sent = |page: &Page| page.submit(None).unwrap().url.query().unwrap_or_default().to_owned();
        assert_eq!(page.click(&at("text=Keep")), Ok(Click::Changed));
        page.fill(&at("A"), "2").unwrap();
        assert_eq!(sent(&page), "k=on&a=2");
        page.click(&at("Keep")).unwrap();
        assert_eq!(sent(&page), "a=2");
        page.click(&at("Reset")).unwrap();
        assert_eq!(sent(&page), "a=1");
    }

    #[test]
    fn enter_presses_the_first_submit_button() {
        let enter = |rest: &str| page(&format!("<form><label>A <input name=a></label>{rest}</form>")).press_enter(&at("A"));
        let query = |rest: &str| match enter(rest) {
            Ok(Click::Submit(submission)) => submission.url.query().unwrap_or_default().to_owned(),
            other => panic!("{rest}: {other:?}"),
        };
        assert_eq!(query("<button type=button>X</button><button name=b value=1>1</button><button name=b value=2>2</button>"), "a=&b=1");
        assert_eq!(query(""), "a=");
        assert_eq!(query("<input type=checkbox name=c>"), "a=");
        assert!(matches!(enter("<input name=b>"), Err(PageError::NoImplicitSubmission { .. })));
        assert!(matches!(enter("<button disabled>X</button>"), Err(PageError::Disabled { .. })));
    }
}
